"""Whole runs whose records are put into windows, or left out as unchanged, against the simulator's truth."""

from __future__ import annotations

import errno
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extractor.observe.news import DatasetPublished, Noticed
from extractor.plan import make_plan
from extractor.plan.job import Window, identify
from extractor.plan.partitions import DEFAULT_CHANGE_TIMES, Partitions
from extractor.plan.planner import Plan
from extractor.plan.windows import last_date_time
from extractor.simulator import FileSegment, Service, SimulatorSettings
from extractor.store.door import Operation, guarded
from extractor.store.manifest import Manifest, load_manifest
from extractor.store.verify import verify
from tests.contract import stage
from tests.contract.stage import Played, play, resume, world
from tests.rehearsal import NOW

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NIGHTLY = [{"segment": "A", "since": "watermark", "overlap": 30 * 86400, "dedupe": {}}]
END = datetime.fromtimestamp(NOW, UTC).replace(hour=0)
SIZE = timedelta(days=30)
DAY = 86_400.0


def windows() -> tuple[Window, ...]:
    """Eight pieces of 30 days before today."""
    edges = [END - SIZE * number for number in range(8, -1, -1)]
    return tuple(Window(name=f"{start:%Y-%m-%d}", start=start, end=end) for start, end in pairwise(edges))


def backfilled(plan: Plan, strategy: Any) -> Plan:
    """Make a backfill of a plan of one job."""
    cut = windows()
    partitions = Partitions(
        start=cut[0].start, end=END, size="30d", zone="UTC", strategy=strategy, windows=cut,
        change_times=DEFAULT_CHANGE_TIMES,
    )  # fmt: skip
    (job,) = plan.jobs
    jobs = []
    for ordinal, window in enumerate(cut if strategy == "fan-out" else cut[:1]):
        bound = last_date_time(window.start)
        job_id = identify(
            base_url="b", client_id="c", dataset=job.dataset, last_date_time=bound, match=None, window=window
        )
        own = window if strategy == "fan-out" else None
        jobs.append(replace(job, ordinal=ordinal, job_id=job_id, since=window.start, last_date_time=bound, window=own))
    return replace(plan, jobs=tuple(jobs), partitions=partitions)


def shards(played: Played) -> dict[str, bytes]:
    """The shards of the one backfill."""
    (folder,) = (played.config.output.path / "segment=A").glob("backfill=*")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("window=*/part-*"))}


def manifests(folder: Path) -> list[Manifest]:
    """Those of the runs, in the order in which they were published."""
    found = [load_manifest(path) for path in folder.glob("exports/segment=A/run=*/manifest.json")]
    return sorted(found, key=lambda each: each.journal.publication)


async def test_both_strategies_publish_the_same_windows(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same server; every record that changed since the start is in one window, or counted."""
    made = {}
    for strategy in ("route", "fan-out"):
        monkeypatch.setattr(stage, "make_plan", lambda *given, way=strategy: backfilled(make_plan(*given), way))
        played = await play(memory, world(400), fresh=True)
        assert (0, ["segment 'A'"]) == (played.exit_code, played.published)
        assert verify(played.config.output.path).findings == ()
        assert not (played.config.output.path / "segment=A" / "latest.json").exists()
        made[strategy] = shards(played)
    assert made["route"] == made["fan-out"]
    lines = [line for data in made["route"].values() for line in data.splitlines()]
    asked = last_date_time(windows()[0].start)
    everything = Counter(played.service.truth("A", since=asked, at=NOW))
    (path,) = (played.config.output.path / "segment=A").glob("backfill=*/manifest.json")
    left_out = load_manifest(path).jobs[0].left_out
    (told,) = (each for each in played.news if isinstance(each, DatasetPublished))
    assert load_manifest(path).totals.left_out == told.left_out
    outside = left_out.get("after", 0) + left_out.get("before", 0)
    assert not Counter(lines) - everything
    assert len(lines) + outside == everything.total() > 100


@pytest.mark.parametrize("strategy", ["route", "fan-out"])
async def test_records_that_are_nested_a_thousandfold_are_published_too(
    memory: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """Without a time that any path leads to, they are in the window of those; the whole record is there."""
    monkeypatch.setattr(stage, "make_plan", lambda *given: backfilled(make_plan(*given), strategy))
    lists = b'{"ProfileId":1,"Odd":' + b"[" * 700 + b"]" * 700 + b"}"
    objects = b'{"ProfileId":2,"Odd":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"
    file = memory / "people.ndjson"
    file.write_bytes(lists + b"\n" + objects + b"\n")
    played = await play(memory, SimulatorSettings(segments=(FileSegment(name="A", path=file),)), fresh=True)
    assert 0 == played.exit_code
    assert {"window=__unknown__/part-00000.ndjson": file.read_bytes()} == shards(played)
    (told,) = (each for each in played.news if isinstance(each, DatasetPublished))
    assert (2, 2) == (told.records, told.timeless)


async def test_a_backfill_is_taken_up(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing of it is asked for, and the windows are those of a quiet one."""
    monkeypatch.setattr(stage, "make_plan", lambda *given: backfilled(make_plan(*given), "fan-out"))
    quiet = await play(memory, world(), fresh=True)
    broken = await play(memory, world(faults={"page": "ok 403"}), fresh=True)
    again = await resume(broken)
    assert (3, 0, shards(quiet)) == (broken.exit_code, again.exit_code, shards(again))


async def test_an_overlap_is_not_published_twice(memory: Path) -> None:
    """A night brings what changed since, and not the records of the overlap that are as they were."""
    server = Service(world(400))
    nights = [await play(memory, server, NIGHTLY) for _ in range(3)]
    assert [0, 0, 0] == [night.exit_code for night in nights]
    found = nights[-1].lines("segment=A")
    assert 400 <= len(found) == len(set(found))
    second = manifests(memory)[1]
    assert second.totals.left_out["unchanged"] == second.jobs[0].records > 0
    assert [(), (), ()] == [verify(path).findings for path in memory.glob("exports/segment=A/run=*")]
    assert [] == [each for night in nights for each in night.news if isinstance(each, Noticed)]


async def test_without_what_is_remembered_all_is_published_again(memory: Path) -> None:
    """Somebody has damaged the index: a sentence says what follows, and nothing is lost."""
    server = Service(world(400))
    await play(memory, server, NIGHTLY)
    (index,) = (memory / "state" / "seen").iterdir()
    index.write_bytes(b"x" * 5000)
    again = await play(memory, server, NIGHTLY)
    assert manifests(memory)[1].totals.left_out == {}
    assert any("begins anew" in each.message for each in again.news if isinstance(each, Noticed))
    assert 0 == again.exit_code


def serve(folder: Path, state: str, **settings: Any) -> Service:
    """A server with two people, of whom the first is in ``state``."""
    path = folder / f"{state}.ndjson"
    path.write_text("".join(json.dumps({"ProfileId": key, "State": at}) + "\n" for key, at in ((1, state), (2, "Z"))))
    return Service(SimulatorSettings(segments=(FileSegment(name="A", path=path),), **settings))


async def test_who_goes_back_to_the_state_of_a_late_run_is_published(memory: Path) -> None:
    """A run published after a later one is not remembered: the next night tells what it told, and readers are right."""
    one = {"criteria": "ProfileId", "values": ["2"]}
    jobs = [{"segment": "A", "dedupe": {"version": ["State"]}}, {"segment": "A", "name": "one", "match": one}]
    await play(memory, serve(memory, "first"), jobs, start=NOW)
    server = serve(memory, "A", faults={"page": "ok 503x*"})
    late = await play(memory, server, jobs, start=NOW + DAY, limits={"outage": 0})
    await play(memory, serve(memory, "B"), jobs, start=NOW + 2 * DAY)
    server.playbook.add({"page": "ok"})
    again = await resume(late)
    assert (5, 0) == (late.exit_code, again.exit_code)
    assert any("a later state than this run's" in each.message for each in again.news if isinstance(each, Noticed))
    for night in (3, 4):
        assert 0 == (await play(memory, serve(memory, "A"), jobs, start=NOW + night * DAY)).exit_code
    by_run = sorted(manifests(memory), key=lambda each: each.journal.run)
    assert [1, 3, 2, 4, 5] == [each.journal.publication for each in by_run]
    assert [{}, {}, {"unchanged": 1}, {}, {"unchanged": 2}] == [each.jobs[0].left_out for each in by_run]


async def test_what_is_published_counts_though_it_cannot_be_remembered(memory: Path) -> None:
    """The disk fails when all stands: the run is well, the watermark moves, and the next night takes it in first."""
    server = Service(world(400))
    await play(memory, server, NIGHTLY)
    (index,) = (memory / "state" / "seen").iterdir()
    standing = False

    def guard(operation: Operation) -> None:
        nonlocal standing
        standing = standing or (operation.target is not None and operation.target.name == "latest.json")
        if standing and operation.path.name.startswith(index.name):
            raise OSError(errno.EIO, "input/output error")

    with guarded(guard):
        second = await play(memory, server, NIGHTLY)
    assert (0, ["segment 'A'"]) == (second.exit_code, second.published)
    (notice,) = [each.message for each in second.news if isinstance(each, Noticed)]
    assert "it is published, but what it held could not be remembered" in notice
    third = await play(memory, server, NIGHTLY)
    assert [] == [each for each in third.news if isinstance(each, Noticed)]
    assert manifests(memory)[2].jobs[0].left_out["unchanged"] == manifests(memory)[2].jobs[0].records > 0
