"""Every damage of a backfill is found: in its windows, and in what its manifest says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractor.store.verify import verify
from tests.store.test_verify import _set as change
from tests.store.test_verify import problems, rewrite
from tests.store.windows import DAY, START, line_of, partitions_of, route


@pytest.fixture
def backfill(stage: Any) -> Path:
    """A published backfill of three windows: two shards, one, and none; one record each, and one that is left out."""
    moments = [START, START + DAY, START, START + 9 * DAY]
    lines = [line_of(number, at) for number, at in enumerate(moments)]
    path: Path = stage.publish(route(stage, partitions_of(3), lines[:2], lines[2:]), shard_bytes=1).folder
    return path


def test_a_backfill_is_intact_and_every_changed_byte_is_found(backfill: Path) -> None:
    """From its own, the dataset's and the output folder; in the shards of windows, too."""
    for path in (backfill, backfill.parent, backfill.parent.parent):
        report = verify(path)
        assert (problems(report), report.manifests, report.shards, report.records) == ([], 1, 2, 3)
    for path in [path for path in backfill.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        for at in range(0, len(data), 5):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :])
            assert not verify(backfill).intact, f"byte {at} of {path.name}"
        path.unlink()
        assert path.name in {finding.file.name for finding in verify(backfill).findings}
        path.write_bytes(data)
    assert verify(backfill).intact


def test_what_is_not_listed_is_found_in_windows_too(backfill: Path) -> None:
    """A shard of another time, a folder of another window, a file in a folder's place."""
    (backfill / "window=2026-01-01T00" / "part-00007.ndjson.zst").write_bytes(b"")
    (backfill / "window=2027-01-01").mkdir()
    (backfill / "window=2027-01-01" / "part-00000.ndjson.zst").write_bytes(b"")
    (backfill / "window=x").write_bytes(b"")
    found = {finding.file.relative_to(backfill).as_posix() for finding in verify(backfill).findings}
    assert found == {
        "window=2026-01-01T00/part-00007.ndjson.zst", "window=2027-01-01/part-00000.ndjson.zst", "window=x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "new", "problem"),
    [
        ("run", "20261123T020000Z-0000", "it is the manifest of backfill 20261123T020000Z-0000"),
        ("windows", None, "it is the manifest of run 20261123T020000Z-7f3a"),
        ("windows.windows.0.records", 3, "window 2026-01-01T00 has 3 records, but its shards have 2"),
        ("windows.windows.1.start", "2026-01-02T00:00:01Z", "do not follow each other"),
        ("windows.windows.1.name", "2026-01-01T00", "do not follow each other"),
        ("windows.end", "2027-01-01T00:00:00Z", "do not follow each other"),
        ("windows.windows", [], "do not follow each other"),
        ("windows.windows.0.name", "2025-01-01", "not those of distinct shards"),
        ("shards.0.name", "part-00000.ndjson.zst", "not those of distinct shards"),
        ("shards.0.name", "window=2026-01-01T00/x", "not those of distinct shards"),
        ("jobs.1.left_out", {}, "do not add up to its 2 records"),
        ("jobs.1.left_out.after", 2, "and the 2 that were left out do not add up to its 2 records"),
        ("jobs.1.left_out", {"before": 1}, "its totals of what was left out are"),
        ("totals.left_out.after", 7, "its totals of what was left out are"),
        ("jobs.0.shards.0.shard", 1, "of shard 1"),
    ],
)
def test_what_contradicts_itself_in_a_backfill_is_found(path: str, new: object, problem: str, backfill: Path) -> None:
    """Even in a manifest whose own checksum is right."""
    rewrite(backfill, lambda value: change(value, path, new))
    assert [each for each in problems(verify(backfill)) if problem in each], problems(verify(backfill))
