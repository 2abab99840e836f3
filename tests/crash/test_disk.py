"""The model of a disk that loses power is as strict as it says; else it would prove nothing."""

from __future__ import annotations

import random
from pathlib import Path

from extractor.store.door import Kind, Operation
from tests.crash.disk import Disk, Picture, write_out

ROOT = Path("/root-of-the-model")


def after(*operations: Operation) -> list[Picture]:
    """Every state that a power loss after these operations may leave."""
    disk = Disk(ROOT)
    for operation in operations:
        disk.apply(operation)
    return list(disk.states(random.Random(1), 1000))  # noqa: S311 - which states come first is no secret


def do(kind: Kind, path: str, *, target: str | None = None, data: bytes = b"", length: int = 0) -> Operation:
    """An operation below the root."""
    place = None if target is None else ROOT / target
    return Operation(kind=kind, path=ROOT / path, target=place, data=memoryview(data), length=length)


CREATE, WRITE = do(Kind.CREATE, "f"), do(Kind.WRITE, "f", data=b"abcd")
SYNC, SYNC_FOLDER = do(Kind.SYNC, "f"), do(Kind.SYNC_FOLDER, "")


def test_what_is_synced_is_there() -> None:
    """Bytes and name: there is one state only."""
    assert [{"f": b"abcd"}] == after(CREATE, WRITE, SYNC, SYNC_FOLDER)


def test_without_its_folders_sync_a_name_may_be_missing() -> None:
    """However durable its bytes are."""
    assert [{"f": b"abcd"}, {}] == after(CREATE, WRITE, SYNC)


def test_without_its_own_sync_a_file_may_hold_anything() -> None:
    """Nothing, all, a torn half, or zeros."""
    found = after(CREATE, WRITE, SYNC_FOLDER)
    assert {b"", b"abcd", b"ab", bytes(4)} == {state["f"] for state in found}
    assert 4 == len(found)


def test_each_unsynced_write_may_be_the_last_that_is_there() -> None:
    """Or torn, or zeros up to the end, or a hole before those that came later."""
    found = after(CREATE, WRITE, SYNC_FOLDER, do(Kind.WRITE, "f", data=b"ef"))
    first = {b"", b"ab", bytes(6), b"\0\0\0\0ef"}
    second = {b"abcd", b"abcde", b"abcd\0\0", b"abcdef"}
    assert first | second == {state["f"] for state in found}


def test_bytes_that_were_durable_stay_when_more_are_written() -> None:
    """An append endangers only itself."""
    found = after(CREATE, WRITE, SYNC, SYNC_FOLDER, do(Kind.WRITE, "f", data=b"ef"))
    assert {b"abcd", b"abcdef", b"abcde", b"abcd\0\0"} == {state["f"] for state in found}


def test_a_rename_happens_as_a_whole_or_not_at_all() -> None:
    """Never under both names, never under none."""
    found = after(CREATE, WRITE, SYNC, SYNC_FOLDER, do(Kind.RENAME, "f", target="g"))
    assert [{"g": b"abcd"}, {"f": b"abcd"}] == found


def test_a_rename_between_folders_is_durable_in_each_by_that_ones_own_sync() -> None:
    """Until both are synced, the file may have both names or none."""
    base = [do(Kind.MAKE_FOLDER, "d"), CREATE, WRITE, SYNC, SYNC_FOLDER]
    moved = [*base, do(Kind.RENAME, "f", target="d/f")]
    old, new = {"d": None, "f": b"abcd"}, {"d": None, "d/f": b"abcd"}
    assert [new, old] == after(*moved)
    assert [new, {"d": None}] == after(*moved, SYNC_FOLDER)
    assert [new, {**new, **old}] == after(*moved, do(Kind.SYNC_FOLDER, "d"))
    assert [new] == after(*moved, SYNC_FOLDER, do(Kind.SYNC_FOLDER, "d"))


def test_a_rename_without_its_folders_sync_may_put_an_empty_file_in_place_of_a_good_one() -> None:
    """The classic: new bytes not synced, old name replaced."""
    good = [CREATE, do(Kind.WRITE, "f", data=b"old"), SYNC, SYNC_FOLDER]
    new = [do(Kind.CREATE, "n"), do(Kind.WRITE, "n", data=b"new!"), do(Kind.RENAME, "n", target="f")]
    found = after(*good, *new)
    assert {"f": b""} in found
    assert {"f": b"old"} in found
    assert {"f": b"new!"} in found


def test_a_folder_that_is_not_durable_takes_everything_in_it_along() -> None:
    """Syncing the inner folder does not save the outer one's name."""
    inner = [do(Kind.MAKE_FOLDER, "d"), do(Kind.CREATE, "d/f"), do(Kind.WRITE, "d/f", data=b"x"), do(Kind.SYNC, "d/f")]
    found = after(*inner, do(Kind.SYNC_FOLDER, "d"))
    assert [{"d": None, "d/f": b"x"}, {}] == found
    assert [{"d": None, "d/f": b"x"}] == after(*inner, do(Kind.SYNC_FOLDER, "d"), SYNC_FOLDER)


def test_a_removal_may_be_undone_and_a_second_name_keeps_the_bytes() -> None:
    """Until the folder is synced; a hard link is as good as the first name."""
    base = [CREATE, WRITE, SYNC, SYNC_FOLDER]
    assert [{}, {"f": b"abcd"}] == after(*base, do(Kind.REMOVE, "f"))
    assert [{"g": b"abcd"}] == after(*base, do(Kind.LINK, "f", target="g"), do(Kind.REMOVE, "f"), SYNC_FOLDER)


def test_a_folder_with_something_in_it_is_not_removed() -> None:
    """As the system would refuse it."""
    base = [do(Kind.MAKE_FOLDER, "d"), do(Kind.CREATE, "d/f"), do(Kind.SYNC_FOLDER, "d"), SYNC_FOLDER]
    assert [{"d": None, "d/f": b""}] == after(*base, do(Kind.REMOVE_FOLDER, "d"))


def test_a_cut_is_durable_at_once() -> None:
    """``durable.truncate`` syncs what it cuts."""
    base = [CREATE, WRITE, SYNC, SYNC_FOLDER]
    assert [{"f": b"ab"}] == after(*base, do(Kind.TRUNCATE, "f", length=2))


def test_a_picture_becomes_files(tmp_path: Path) -> None:
    """With their folders."""
    write_out({"d": None, "d/f": b"x", "g": b""}, tmp_path)
    assert ["d", "d/f", "g"] == sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert b"x" == (tmp_path / "d" / "f").read_bytes()
