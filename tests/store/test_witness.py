"""What a process knows of a file that it sealed itself: touched since, or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.store.durable import identity
from extractor.store.witness import Witness

LARGE = 1024 * 1024


def sealed(folder: Path, size: int = LARGE) -> tuple[Witness, Path]:
    """A file that was sealed."""
    path = folder / "part-00000.ndjson"
    path.write_bytes(b"a" * size)
    witness = Witness()
    witness.sealed(path, identity(path.stat()))
    return witness, path


def test_it_vouches_for_what_nobody_has_touched(tmp_path: Path) -> None:
    """Once: who asks again has used it."""
    witness, path = sealed(tmp_path)
    assert (True, False) == (witness.vouches(path), witness.vouches(path))


def overwrite(path: Path) -> None:
    """Other bytes, as many, with the old times set back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    """Another file of the same name, with the old times."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("touch", [overwrite, replace, lambda path: os.truncate(path, 5), Path.unlink])
def test_it_does_not_once_somebody_has(tmp_path: Path, touch: Callable[[Path], None]) -> None:
    """Also when the times of the file were set back."""
    witness, path = sealed(tmp_path)
    touch(path)
    assert not witness.vouches(path)


def test_it_knows_nothing_of_small_parts_and_of_strangers(tmp_path: Path) -> None:
    """Those are read."""
    witness, path = sealed(tmp_path, 1000)
    assert not witness.vouches(path)
    assert not witness.vouches(tmp_path / "another")
