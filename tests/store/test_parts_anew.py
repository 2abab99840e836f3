"""Parts that are written anew, read again or set aside: after a failed sync, a crash, a contradiction."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.store.compression import Compression, codec
from extractor.store.door import Kind, Operation, guarded
from extractor.store.identity import ids_of
from extractor.store.parts import ExportParts, Mark, PartDamaged

COMPRESSIONS: list[Compression] = ["zstd", "gzip", "none"]
PAGES = [[1, 2, 3], [4, 5], [6, 3, 7], [8, 8], [9]]  # 3 and 8 come twice
SHARD_BYTES = 300  # two parts or so, and several pages in each, whatever the compression


def parts_in(root: Path, compression: Compression) -> ExportParts:
    """The parts of an export."""
    return ExportParts(root / "0000000" / "export-1", codec(compression), SHARD_BYTES, root=root, record_id="ProfileId")


def append(parts: ExportParts, compression: Compression, pages: list[list[int]]) -> list[Mark]:
    """Append a page of each list of ids, and make each durable; give the marks."""
    marks = []
    for page in pages:
        lines = [b'{"ProfileId":%d,"Name":"Person %d of many"}\n' % (number, number) for number in page]
        text = b"".join(lines)
        frame = codec(compression).frame(text)
        marks.append(
            parts.append(frame, records=len(lines), uncompressed_bytes=len(text), ids=ids_of(lines, "ProfileId"))
        )
        parts.sync()
    return marks


def files(root: Path) -> dict[str, bytes]:
    """Every file below, with its content."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def open_files(root: Path) -> list[str]:
    """What this process has open below ``root``, as far as the system tells."""
    folder = Path("/proc/self/fd")
    links = [path for path in folder.iterdir() if path.is_symlink()] if folder.exists() else []
    return [str(path.readlink()) for path in links if path.readlink().is_relative_to(root)]


@contextmanager
def syncs_that_fail(*which: int) -> Iterator[Callable[[], int]]:
    """A disk on which these syncs of files (1-based) report an error; gives how many there have been."""
    passed = 0

    def fail(operation: Operation) -> None:
        nonlocal passed
        if operation.kind is Kind.SYNC:
            passed += 1
            if passed in which:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    with guarded(fail):
        yield lambda: passed


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_condemned_part_is_written_anew_to_the_same_bytes(tmp_path: Path, compression: Compression, nth: int) -> None:
    """Bytes, checksums and counts are those of a disk that never failed; the file is another one."""
    calm, parts = parts_in(tmp_path / "calm", compression), parts_in(tmp_path / "failing", compression)
    expected = append(calm, compression, PAGES)

    with syncs_that_fail(nth):
        marks = append(parts, compression, PAGES)

    assert expected == marks
    assert (calm.seal(), calm.repeated) == (parts.seal(), parts.repeated)
    assert files(tmp_path / "calm") == files(tmp_path / "failing")
    assert (0, 1, 2) == (calm.rewritten, parts.rewritten, parts.repeated)


def test_the_condemned_file_itself_is_given_up(tmp_path: Path) -> None:
    """What is renamed into its place is a new one, and what follows is appended to that."""
    parts = parts_in(tmp_path, "none")
    append(parts, "none", PAGES[:1])
    path = tmp_path / "0000000/export-1/part-00000.ndjson"
    with path.open("rb") as condemned:  # keeps its inode from being given away again
        with syncs_that_fail(1):
            append(parts, "none", [[4]])
        parts.seal()
        assert os.fstat(condemned.fileno()).st_ino != path.stat().st_ino

    assert [path.name] == [each.name for each in path.parent.iterdir()]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_part_of_an_earlier_process_is_condemned_like_any_other(tmp_path: Path, compression: Compression) -> None:
    """What was durable is copied from the disk, what was not comes from memory."""
    calm, before = parts_in(tmp_path / "calm", compression), parts_in(tmp_path / "failing", compression)
    append(calm, compression, PAGES)
    marks = append(before, compression, PAGES[:2])
    before.close()
    parts = parts_in(tmp_path / "failing", compression)
    parts.reopen(marks)

    with syncs_that_fail(1):
        append(parts, compression, PAGES[2:])

    assert (calm.seal(), 2) == (parts.seal(), parts.repeated)
    assert files(tmp_path / "calm") == files(tmp_path / "failing")


def test_a_disk_that_fails_twice_ends_it_and_leaves_what_can_be_taken_up(tmp_path: Path) -> None:
    """A sentence, no open file; ``reopen`` removes the half-made copy, and the same bytes come of it."""
    calm, parts = parts_in(tmp_path / "calm", "zstd"), parts_in(tmp_path / "failing", "zstd")
    append(calm, "zstd", PAGES)
    marks = append(parts, "zstd", PAGES[:1])

    with syncs_that_fail(1, 2), pytest.raises(LocalError, match="the disk reports an input/output error"):
        append(parts, "zstd", PAGES[1:2])

    assert (["part-00000.ndjson.zst", "part-00000.ndjson.zst.anew"], []) == (
        [Path(name).name for name in files(tmp_path / "failing")],
        open_files(tmp_path / "failing"),
    )
    with pytest.raises(LocalError, match="an earlier write failed"):
        parts.seal()
    again = parts_in(tmp_path / "failing", "zstd")
    again.reopen(marks)
    assert ["part-00000.ndjson.zst"] == [Path(name).name for name in files(tmp_path / "failing")]
    append(again, "zstd", PAGES[1:])
    assert (calm.seal(), files(tmp_path / "calm")) == (again.seal(), files(tmp_path / "failing"))


def test_a_disk_that_has_lost_durable_bytes_is_a_contradiction(tmp_path: Path) -> None:
    """They cannot be written anew: nobody has them. No file stays open."""
    parts = parts_in(tmp_path, "none")
    append(parts, "none", PAGES[:1])
    os.truncate(tmp_path / "0000000/export-1/part-00000.ndjson", 3)

    with syncs_that_fail(1), pytest.raises(IntegrityError, match="shorter than what was durable of it"):
        append(parts, "none", [[4]])

    assert [] == open_files(tmp_path)
    with pytest.raises(LocalError, match="an earlier write failed"):
        parts.sync()


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("crash", range(1, len(PAGES) + 1))
def test_what_is_read_again_after_a_crash_counts_as_if_there_had_been_none(
    tmp_path: Path, compression: Compression, crash: int
) -> None:
    """The same checksums, and the same number of repeated ids, wherever the border lies."""
    calm, before = parts_in(tmp_path / "calm", compression), parts_in(tmp_path / "crashed", compression)
    append(calm, compression, PAGES)
    marks = append(before, compression, PAGES[:crash])
    before.close()

    parts = parts_in(tmp_path / "crashed", compression)
    parts.reopen(marks)
    append(parts, compression, PAGES[crash:])
    parts.recount()

    assert (calm.seal(), calm.repeated, 2) == (parts.seal(), parts.repeated, 2)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("damage", ["a bit", "a record for a record"])
def test_what_is_read_again_must_be_what_was_written(tmp_path: Path, compression: Compression, damage: str) -> None:
    """Also where every count is right and every frame is whole."""
    before = parts_in(tmp_path, compression)
    marks = append(before, compression, PAGES[:1])
    before.close()
    path = next(tmp_path.rglob("part-00000*"))
    content = bytearray(path.read_bytes())
    if damage == "a bit":
        content[len(content) // 2] ^= 1
    else:
        other = parts_in(tmp_path / "other", compression)
        append(other, compression, [[1, 2, 4]])
        other.close()
        content = bytearray(next((tmp_path / "other").rglob("part-*")).read_bytes())
    path.write_bytes(content)
    parts = parts_in(tmp_path, compression)
    parts.reopen(marks)
    append(parts, compression, [[8]])

    with pytest.raises(PartDamaged, match=r"The next `extractor resume` asks for the export anew"):
        parts.seal()


def test_parts_of_a_version_that_kept_no_checksum_are_taken_up_as_well(tmp_path: Path) -> None:
    """There is nothing to compare them with."""
    before = parts_in(tmp_path, "none")
    (mark,) = append(before, "none", PAGES[:1])
    before.close()
    old = Mark(
        part=0,
        part_bytes=mark.part_bytes,
        part_records=mark.part_records,
        part_uncompressed_bytes=mark.part_uncompressed_bytes,
        part_crc32=None,
    )

    parts = parts_in(tmp_path, "none")
    parts.reopen([old])
    (after,) = append(parts, "none", [[4]])

    assert None is after.part_crc32
    assert 4 == sum(part.records for part in parts.seal())


def test_what_is_set_aside_is_moved_whole_and_once(tmp_path: Path) -> None:
    """False where nothing is, and where something stands already: neither is touched."""
    parts, aside = parts_in(tmp_path / "staging", "zstd"), tmp_path / "quarantine" / "0000000-export-1"
    assert not parts.set_aside(aside)
    assert not aside.parent.exists()
    append(parts, "zstd", PAGES)
    expected = {Path(name).name: content for name, content in files(tmp_path / "staging").items()}

    assert parts.set_aside(aside)

    assert (expected, {}, []) == (files(aside), files(tmp_path / "staging"), open_files(tmp_path))
    assert not parts.set_aside(aside)
    other = parts_in(tmp_path / "staging", "zstd")
    append(other, "zstd", [[1]])
    left = files(tmp_path / "staging")
    assert not other.set_aside(aside)
    assert (expected, left) == (files(aside), files(tmp_path / "staging"))
