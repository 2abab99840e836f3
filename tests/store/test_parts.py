"""What a part is after appends, seals and crashes; pages in order."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import SealedPart
from extractor.store.compression import codec
from extractor.store.parts import ExportParts, Mark


def parts_in(root: Path, shard_bytes: int = 10, export: int = 1) -> ExportParts:
    """The parts of an export, not compressed."""
    return ExportParts(root / "0000000" / f"export-{export}", codec("none"), shard_bytes, root=root, record_id="Id")


def append(parts: ExportParts, *frames: bytes) -> list[Mark]:
    """Append frames of one record each, said to be ten times as long uncompressed."""
    return [parts.append(frame, records=1, uncompressed_bytes=10 * len(frame), ids=array("Q")) for frame in frames]


def store(parts: ExportParts, frame: bytes) -> None:
    """Append a frame and make it durable."""
    append(parts, frame)
    parts.sync()


def files(root: Path) -> dict[str, bytes]:
    """Every file below, with its content."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def open_files() -> int:
    """How many descriptors this process has, as far as the system tells."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def mark(part: int, content: bytes, records: int) -> Mark:
    """A mark as ``append`` makes it here, behind this content."""
    size = len(content)
    return Mark(
        part=part,
        part_bytes=size,
        part_records=records,
        part_uncompressed_bytes=10 * size,
        part_crc32=zlib.crc32(content),
    )


def test_a_part_is_closed_before_it_would_be_too_long(tmp_path: Path) -> None:
    """Only a frame that is too long alone makes a part too long."""
    parts = parts_in(tmp_path)
    marks = append(parts, b"aaaa", b"bbbbbb", b"c", b"ddddddddddddd", b"e")
    expected = [mark(0, b"aaaa", 1), mark(0, b"aaaabbbbbb", 2), mark(1, b"c", 1), mark(2, 13 * b"d", 1)]
    assert marks == [*expected, mark(3, b"e", 1)]
    parts.sync()
    assert list(files(tmp_path).values()) == [b"aaaabbbbbb", b"c", b"ddddddddddddd", b"e"]
    parts.close()


def test_sealed_parts_say_what_their_files_are(tmp_path: Path) -> None:
    """Names relative to the staging folder, checksums of the bytes; sealing twice gives the same."""
    parts = parts_in(tmp_path)
    append(parts, b"aaaa", b"bbbbbbbb")
    sealed = parts.seal()
    assert sealed == tuple(
        SealedPart(
            name=f"0000000/export-1/part-0000{index}.ndjson",
            records=1,
            bytes=len(data),
            uncompressed_bytes=10 * len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for index, data in enumerate([b"aaaa", b"bbbbbbbb"])
    )
    assert parts.seal() == sealed


def test_an_export_without_records_leaves_nothing(tmp_path: Path) -> None:
    """No part, no folder."""
    parts = parts_in(tmp_path)
    assert append(parts, b"") == [Mark(part=0)]
    parts.sync()
    assert parts.seal() == ()
    assert list(tmp_path.iterdir()) == []
    parts.reopen([Mark(part=0)])
    assert parts.seal() == ()
    parts.drop()


def test_an_empty_frame_changes_nothing(tmp_path: Path) -> None:
    """A page may hold no records in the middle of an export."""
    parts = parts_in(tmp_path)
    assert append(parts, b"aaaa", b"") == [mark(0, b"aaaa", 1)] * 2
    parts.close()


@pytest.mark.parametrize("crash", range(6))
def test_what_goes_on_after_a_crash_ends_in_the_same_bytes(crash: int, tmp_path: Path) -> None:
    """Invariant I8: after any number of durable pages, with any bytes behind them that no fact knows."""
    frames = [b"aaaa", b"bbbbbb", b"c", b"ddddddddddddd", b"e", b"ff"]
    undisturbed = parts_in(tmp_path / "calm")
    append(undisturbed, *frames)
    parts = parts_in(tmp_path / "crashed")
    marks = append(parts, *frames[:crash])
    parts.sync()
    append(parts, b"torn", b"and one part more")
    parts.close()
    again = parts_in(tmp_path / "crashed")
    again.reopen(marks)
    assert b"".join(files(tmp_path / "crashed").values()) == b"".join(frames[:crash])
    append(again, *frames[crash:])
    assert again.seal() == undisturbed.seal()
    assert files(tmp_path / "crashed") == files(tmp_path / "calm")


def test_files_that_no_fact_knows_are_removed(tmp_path: Path) -> None:
    """Bytes without facts are cut off (design, section 6, rule 3)."""
    parts = parts_in(tmp_path)
    append(parts, b"aaaa", b"bbbbbbbb")
    parts.close()
    again = parts_in(tmp_path)
    again.reopen([])
    assert files(tmp_path) == {}
    assert again.seal() == ()


@pytest.mark.parametrize("damage", ["shorter", "missing"])
def test_a_fact_without_its_bytes_is_loud(damage: str, tmp_path: Path) -> None:
    """The journal must never be ahead of the data (invariant I5)."""
    parts = parts_in(tmp_path)
    marks = append(parts, b"aaaa")
    parts.seal()
    path = tmp_path / "0000000/export-1/part-00000.ndjson"
    path.write_bytes(b"aaa") if damage == "shorter" else path.unlink()
    with pytest.raises(IntegrityError, match="the journal knows 4 bytes of it"):
        parts_in(tmp_path).reopen(marks)


def test_marks_with_a_part_missing_are_refused(tmp_path: Path) -> None:
    """Parts are numbered without a gap."""
    with pytest.raises(IntegrityError, match="gap"):
        parts_in(tmp_path).reopen([mark(1, b"aaaa", 1)])


def test_dropping_removes_files_and_folder(tmp_path: Path) -> None:
    """Twice is fine, and the next export of the job is not touched."""
    parts = parts_in(tmp_path)
    append(parts, b"aaaa", b"bbbbbbbb")
    other = parts_in(tmp_path, export=2)
    append(other, b"x")
    parts.drop()
    parts.drop()
    assert list(files(tmp_path)) == ["0000000/export-2/part-00000.ndjson"]
    other.close()


def test_staging_is_private(tmp_path: Path) -> None:
    """Records are personal data."""
    parts = parts_in(tmp_path)
    append(parts, b"a")
    parts.close()
    paths = [tmp_path / "0000000", tmp_path / "0000000/export-1", tmp_path / "0000000/export-1/part-00000.ndjson"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_after_a_failed_operation_the_parts_are_given_up(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the disk is unknown, and a second fsync could report success for lost bytes."""
    parts = parts_in(tmp_path)
    marks = append(parts, b"aaaa")
    parts.sync()

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(LocalError, match="input/output error"):
            store(parts, b"bb")
    for act in (parts.sync, parts.seal, lambda: append(parts, b"cc")):
        with pytest.raises(LocalError, match="an earlier write failed"):
            act()
    parts.reopen(marks)
    append(parts, b"cc")
    assert [part.bytes for part in parts.seal()] == [6]


ACTS: list[Callable[[ExportParts, Path], object]] = [
    lambda parts, _root: parts.reopen([mark(0, b"123456", 1)]),
    lambda parts, _root: parts.drop(),
    lambda parts, root: parts.set_aside(root / "quarantine" / "aside"),
    lambda parts, _root: append(parts, b"123456"),
]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("shut", ["0000000", "0000000/export-1"])
def test_a_staging_folder_that_is_shut_is_an_error_of_this_machine(
    act: Callable[[ExportParts, Path], object], shut: str, own_folder: Path
) -> None:
    """Nothing is believed to be lost because it may not be looked at: when it is opened again, it goes on."""
    store(parts_in(own_folder), b"123456")
    (own_folder / shut).chmod(0o000)
    with pytest.raises(LocalError, match="access is denied; check the owner and the mode"):
        act(parts_in(own_folder), own_folder)
    (own_folder / shut).chmod(0o700)
    parts_in(own_folder).reopen([mark(0, b"123456", 1)])


def test_many_exports_at_once_hold_one_file_each(tmp_path: Path) -> None:
    """64 AccessTokens alive are fine, and none holds a file once it is sealed."""
    before = open_files()
    exports = [parts_in(tmp_path, shard_bytes=4, export=number) for number in range(64)]
    for parts in exports:
        append(parts, b"aaaa", b"bbbb", b"cccc")
    assert open_files() - before in {64, 0}  # 0 where the system does not say
    for parts in exports:
        parts.seal()
    assert open_files() == before
