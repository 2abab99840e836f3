"""What stands on the disk: there, not there, or not to be told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store import durable
from extractor.store.sight import file_size, is_folder, paths_in

LOOKS: list[Callable[[Path], object]] = [is_folder, file_size, paths_in, durable.is_there]


def test_what_is_there_is_seen(tmp_path: Path) -> None:
    """Through a link, too, but for whether the name is taken."""
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to file").symlink_to("file")
    (tmp_path / "to folder").symlink_to("folder")
    (tmp_path / "to nothing").symlink_to("nothing")
    names = ["file", "folder", "to file", "to folder", "to nothing", "nothing", "file/deeper", "nul\0"]
    assert [False, True, False, True, False, False, False, False] == [is_folder(tmp_path / each) for each in names]
    assert [3, None, 3, None, None, None, None, None] == [file_size(tmp_path / each) for each in names]
    assert [True, True, True, True, True, False, False, False] == [durable.is_there(tmp_path / each) for each in names]


def test_a_folder_is_listed_in_order_by_the_beginnings_of_names(tmp_path: Path) -> None:
    """All of it, where none is given; one that is not there, or is none, has nothing in it."""
    for name in ("run=2", "run=1", ".run=3.publishing", "group=a"):
        (tmp_path / name).touch()
    assert [tmp_path / "group=a", tmp_path / "run=1", tmp_path / "run=2"] == paths_in(tmp_path, "run=", "group=")
    assert 4 == len(paths_in(tmp_path))
    assert [] == paths_in(tmp_path / "none") == paths_in(tmp_path / "run=1")


@pytest.mark.parametrize("look", LOOKS)
def test_what_may_not_be_looked_at_is_an_error_of_this_machine(
    look: Callable[[Path], object], own_folder: Path
) -> None:
    """Not absent, not empty, and no bug."""
    (own_folder / "shut" / "inner").mkdir(parents=True)
    (own_folder / "shut").chmod(0o000)
    with pytest.raises(LocalError, match="access is denied; check the owner and the mode"):
        look(own_folder / "shut" / "inner")


@pytest.mark.parametrize("look", LOOKS)
def test_a_disk_that_cannot_say_is_an_error_of_this_machine(
    look: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share whose server is gone."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for name in ("stat", "lstat", "listdir", "scandir"):
        monkeypatch.setattr(os, name, fail)
    with pytest.raises(LocalError, match="input/output error"):
        look(tmp_path)
