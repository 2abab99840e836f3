"""A backfill's records are each in one window or counted, in the same bytes whatever the strategy."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.job import Dataset
from extractor.store.compression import codec
from extractor.store.packing import Range
from extractor.store.sieve import Sieves
from extractor.store.verify import verify
from extractor.store.windowed import WindowWriter, frame_bytes
from tests.store.conftest import Stage
from tests.store.windows import DAY, START, fan_out, line_of, partitions_of, route

WINDOWS = 3
MOMENTS = st.none() | st.integers(-2, WINDOWS * 4 + 2).map(lambda quarter: START + DAY * quarter / 4)


def lines_in(folder: Path) -> dict[str, list[bytes]]:
    """The published lines by window, in order."""
    found: dict[str, list[bytes]] = {}
    for shard in sorted(folder.glob("window=*/part-*")):
        with codec("zstd").reader(shard) as stream:
            found.setdefault(shard.parent.name, []).extend(stream.read().splitlines())
    return found


def shards_in(folder: Path) -> dict[str, bytes]:
    """Every shard's bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("window=*/part-*")}


@given(batches=st.lists(st.lists(MOMENTS, max_size=9), min_size=1, max_size=2), shard_bytes=st.sampled_from([1, 10**6]))
def test_every_record_is_in_one_window_or_counted(
    batches: list[list[datetime | None]], shard_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And ``fan-out``, of exports as the service would give them, makes the same shards of them."""
    root = tmp_path_factory.mktemp("windows")
    partitions = partitions_of(WINDOWS)
    numbered = [
        [(line_of(100 * batch + place, at), at) for place, at in enumerate(moments)]
        for batch, moments in enumerate(batches)
    ]
    routed, fanned = (Stage(staging=root / name / "staging", output=root / name / "out") for name in ("route", "fan"))
    one = routed.publish(
        route(routed, partitions, *([line for line, _ in batch] for batch in numbered)), shard_bytes=shard_bytes
    )
    slack = timedelta(milliseconds=8)  # the bound that is sent is rounded down
    exports = [
        [[line for line, at in batch if at is None or at >= window.start - slack] for batch in numbered]
        for window in partitions.windows
    ]
    other = fanned.publish(fan_out(fanned, partitions, exports), shard_bytes=shard_bytes)

    everything = [each for batch in numbered for each in batch]
    expected = {
        f"window={window.name}": [line for line, at in everything if at and window.start <= at < window.end]
        for window in partitions.windows
    } | {"window=__unknown__": [line for line, at in everything if at is None]}
    assert {name: lines for name, lines in expected.items() if lines} == lines_in(one.folder)
    assert shards_in(one.folder) == shards_in(other.folder)
    outside = {
        "before": sum(at is not None and at < partitions.start for _, at in everything),
        "after": sum(at is not None and at >= partitions.end for _, at in everything),
    }
    assert one.manifest.totals.left_out == {name: count for name, count in outside.items() if count}
    windows, others = one.manifest.windows, other.manifest.windows
    assert windows is not None
    assert others is not None
    assert windows.windows == others.windows
    assert [len(lines) for lines in expected.values()] == [window.records for window in windows.windows]
    for stage in (routed, fanned):
        assert verify(stage.output).findings == ()


def test_the_layout_of_a_backfill(stage: Any) -> None:
    """One manifest for all windows, no folder for an empty one, and ``latest.json`` stays where it is."""
    night = stage.publish(stage.small())
    pointer = (night.folder.parent / "latest.json").read_bytes()
    lines = [line_of(1, START), line_of(2, None), line_of(3, START + 2 * DAY), line_of(4, START + 9 * DAY)]
    published = stage.publish(route(stage, partitions_of(3), lines))
    assert published.folder == night.folder.parent / "backfill=20261123T020000Z-7f3a"
    assert sorted(path.relative_to(published.folder).as_posix() for path in published.folder.rglob("*")) == [
        "_SUCCESS",
        "manifest.json",
        "window=2026-01-01T00",
        "window=2026-01-01T00/part-00000.ndjson.zst",
        "window=2026-01-03T00",
        "window=2026-01-03T00/part-00000.ndjson.zst",
        "window=__unknown__",
        "window=__unknown__/part-00000.ndjson.zst",
    ]
    assert (night.folder.parent / "latest.json").read_bytes() == pointer
    value = json.loads((published.folder / "manifest.json").read_bytes())
    assert value["windows"]["windows"] == [
        {
            "name": f"2026-01-0{day}T00",
            "start": f"2026-01-0{day}T00:00:00.000000Z",
            "end": f"2026-01-0{day + 1}T00:00:00.000000Z",
            "records": records,
        }
        for day, records in ((1, 1), (2, 0), (3, 1))
    ] + [{"name": "__unknown__", "start": None, "end": None, "records": 1}]
    assert (value["totals"]["records"], value["totals"]["left_out"]) == (3, {"after": 1})
    assert value["jobs"][0]["shards"] == [{"shard": shard, "first": 0, "records": 1} for shard in range(3)]
    assert [verify(path).findings for path in (stage.output, published.folder)] == [(), ()]


def test_a_job_with_both_ends_of_its_window_is_believed(stage: Any) -> None:
    """The older calls take a start and an end: what they give is of that window, whatever its records say."""
    partitions = partitions_of(2, "fan-out")
    (finished,) = stage.publication(stage.job(0)).jobs
    schedule: Any = "schedule"
    asked = replace(
        finished.job, dataset=Dataset(kind=schedule, name="Nightly"), window=partitions.windows[1], since=None
    )
    lines = [line_of(1, START + 9 * DAY), line_of(2, None), line_of(3, START)]
    assert [1, 1, 1] == Sieves(partitions).of(asked).judge(lines)


def test_lines_are_not_touched(stage: Any) -> None:
    """Byte for byte, also those that no strict parser reads; the order is the plan's."""
    odd = [b'{"At":"2026-01-01","N":"\\ud800"}', b'{"a":1,"a":2}', b'{ "At" : "2026-01-01" , "z":1.0}']
    published = stage.publish(route(stage, partitions_of(1), odd[:2], odd[2:]))
    assert lines_in(published.folder) == {"window=2026-01-01T00": [odd[0], odd[2]], "window=__unknown__": [odd[1]]}


def test_an_account_that_does_not_close_is_not_published(stage: Any) -> None:
    """A record that is neither in a window nor counted would be lost in silence."""
    publication = route(stage, partitions_of(1), [line_of(1, START)])
    (job,) = publication.jobs
    wrong = replace(publication, jobs=(replace(job, outcome=replace(job.outcome, records=2)),))
    with pytest.raises(Exception, match="do not add up"):
        stage.publish(wrong)
    assert list(stage.output.rglob("backfill=*")) == []


@pytest.mark.parametrize("windows", [1, 65, 300])
def test_windows_are_written_side_by_side(windows: int, tmp_path: Path) -> None:
    """More than there are open files; frames end by a window's own lines only, and shards at their bound."""
    names = [f"window={number}" for number in range(windows)]
    size = frame_bytes(windows)
    line = b'"%s"\n' % (b"x" * (size // 3))
    made = []
    for turn, order in enumerate((range(windows), range(windows - 1, -1, -1))):
        folder = tmp_path / str(turn)
        folder.mkdir()
        writer = WindowWriter(folder, folders=names, compression="none", shard_bytes=4 * len(line))
        for job in range(2):
            for round_ in range(5):
                for window in order:
                    writer.add(window, job, line if round_ % 2 else b"1\n")
        made.append((writer.finish(), shards_in(folder)))
    assert made[0][1] == made[1][1]
    written = made[0][0]
    assert written.records == (10,) * windows
    for job in range(2):
        assert sum(each.records for each in written.ranges[job]) == 5 * windows
    assert isinstance(written.ranges[0][0], Range)
    assert Counter(shard.records for shard in written.shards).total() == len(written.shards)


def test_memory_is_bounded_however_many_windows_there_are(tmp_path: Path) -> None:
    """A year of hours: 8,760 windows, and many times the budget of lines."""
    windows = 8760
    assert 64 * 1024 * 1024 >= windows * frame_bytes(windows) > 60 * 1024 * 1024
    assert (frame_bytes(1), frame_bytes(64), frame_bytes(10**6)) == (2**20, 2**20, 1024)
    writer = WindowWriter(
        tmp_path, folders=[f"window={number}" for number in range(40)], compression="none", shard_bytes=10**9
    )
    writer._frame = 4096  # noqa: SLF001 - as if there were 16,384 windows, without as many files
    line = b"x" * 999 + b"\n"
    tracemalloc.start()
    for number in range(20_000):
        writer.add(number % 40, number // 1000, bytes(line))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(writer.finish().records) == 20_000
    assert peak < 40 * (4096 + 1000) * 3
