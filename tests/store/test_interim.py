"""Several processes that write one small file, and those that die of it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.store import durable
from extractor.store.door import Kind, Operation, guarded

_DIES = """
import os, sys
from pathlib import Path
from extractor.store import durable
from extractor.store.door import Kind, guarded
def die(operation):
    if operation.kind is Kind.RENAME:
        os.kill(os.getpid(), 9)
with guarded(die):
    durable.write_small(Path(sys.argv[1]), b"of the dead")
"""


class Stopped(BaseException):
    """As if the process had ended here; no code of the program catches it."""


def at_the_first(kind: Kind, act: Callable[[], object]) -> Callable[[Operation], None]:
    """Do something before the first operation of a kind, as another process might."""
    pending = [act]

    def guard(operation: Operation) -> None:
        if operation.kind is kind and pending:
            pending.pop()()

    return guard


def test_two_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    """Neither renames, cuts or removes what the other has half written, wherever they meet."""
    path = tmp_path / "latest.json"
    for moment in (Kind.CREATE, Kind.WRITE, Kind.SYNC, Kind.RENAME, Kind.SYNC_FOLDER):
        with guarded(at_the_first(moment, lambda: durable.write_small(path, b"second" * 1000))):
            durable.write_small(path, b"first")
        last = b"second" * 1000 if moment is Kind.SYNC_FOLDER else b"first"
        assert last == path.read_bytes()
        assert [path] == list(tmp_path.iterdir())


def test_what_a_killed_writer_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    """It does not pile up; the old content stands until then."""
    path = tmp_path / "latest.json"
    durable.write_small(path, b"old")
    for _ in range(2):
        died = subprocess.run([sys.executable, "-c", _DIES, str(path)], check=False)  # noqa: S603 - our own
        assert -9 == died.returncode
        assert b"old" == path.read_bytes()
        assert 2 == len(list(tmp_path.iterdir()))
    durable.write_small(path, b"new")
    assert b"new" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_the_passing_names_of_other_files_are_let_be(tmp_path: Path) -> None:
    """Each file has its own; a folder or a link under such a name is nobody's."""
    (tmp_path / ".other.json.0badcafe.passing").touch()
    (tmp_path / ".latest.json.0badcafe.passing").mkdir()
    (tmp_path / ".latest.json.deadbeef.passing").symlink_to(tmp_path / ".other.json.0badcafe.passing")
    durable.write_small(tmp_path / "latest.json", b"new")
    assert 4 == len(list(tmp_path.iterdir()))


def test_a_new_file_that_was_taken_for_abandoned_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its making and its lock there is a moment in which another writer may remove it."""
    path, lock, others = tmp_path / "latest.json", fcntl.flock, [1]

    def late(descriptor: int, how: int) -> None:
        if others:
            others.pop()
            durable.write_small(path, b"other")
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    durable.write_small(path, b"mine")
    assert b"mine" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_without_locks_writers_are_safe_and_nothing_counts_as_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "latest.json"
    with guarded(at_the_first(Kind.RENAME, lambda: durable.write_small(path, b"second"))):
        durable.write_small(path, b"first")
    assert b"first" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_writing_that_was_stopped_anywhere_is_mended_by_the_next(tmp_path: Path) -> None:
    """And no moment of it shows a reader anything but the old or the new."""
    path = tmp_path / "latest.json"

    def stop() -> None:
        raise Stopped

    for moment in (Kind.CREATE, Kind.WRITE, Kind.SYNC, Kind.RENAME, Kind.SYNC_FOLDER):
        durable.write_small(path, b"old")
        with pytest.raises(Stopped), guarded(at_the_first(moment, stop)):
            durable.write_small(path, b"new")
        assert (b"new" if moment is Kind.SYNC_FOLDER else b"old") == path.read_bytes()
    durable.write_small(path, b"newest")
    assert [path] == list(tmp_path.iterdir())
