"""Several nights in a row: what the journal has learned of them, on virtual time against the simulator."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from extractor.cli.loading import basis_for
from extractor.plan import Forecast, forecast, make_plan
from extractor.plan.forecast import Range
from extractor.protocol.pace import PollPolicy
from extractor.run.history import JOURNAL
from extractor.run.lessons import Lessons, last_run, read_lessons
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store import experience, marks
from extractor.store.journal import open_journal, read_journal
from tests.contract.stage import Played, play, resume, world
from tests.rehearsal import NOW, config_of

LIMITS = {"poll_first": 0.5, "poll_max": 30.0}
START = datetime.fromtimestamp(NOW, UTC)
SEGMENTS = [{"segment": "A"}, {"segment": "B", "since": "watermark", "overlap": 60}]
PEOPLE = {
    "segment": "A",
    "name": "people",
    "match": {"criteria": "ProfileId", "values": [str(10_000_001 + n) for n in range(120)], "batch": 10},
}

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def nights(memory: Path, processing: list[Any]) -> list[tuple[int, float]]:
    """A night for each processing time: how many Status requests, and the seconds that the run took."""
    found = []
    for time in processing:
        played = await play(memory, world(processing=time), limits=LIMITS)
        assert played.exit_code == 0
        found.append((len(played.calls("status")), played.closed.seconds))
    return found


async def test_after_two_nights_an_export_is_asked_about_two_or_three_times(memory: Path) -> None:
    """Instead of 41 times; and every night is ready within two seconds and a half of what it needs."""
    polls, seconds = zip(*await nights(memory, [60.0] * 6), strict=True)
    assert 41 == polls[0]
    assert 4 == polls[1]
    assert max(polls[2:]) <= 3
    assert max(seconds) < 62.5
    assert max(seconds[2:]) < 61.0


async def test_a_service_that_is_suddenly_quicker_is_late_once_and_then_followed(memory: Path) -> None:
    """No night is longer than those before the change; each asks half as late, and the fourth is on time."""
    found = await nights(memory, [60.0] * 3 + [6.0] * 5)
    seconds = [each for _, each in found[3:]]
    assert max(seconds[3:]) < 10.5
    assert seconds[0] < min(each for _, each in found[:3])
    assert all(after < before / 2 + 1 for before, after in pairwise(seconds[:4]))


async def test_a_service_that_is_suddenly_slower_loses_no_more_than_it_always_did(memory: Path) -> None:
    """A twelfth of the time at most; two nights later it is known. It is asked about more often until then."""
    found = await nights(memory, [60.0] * 3 + [200.0] * 4)
    assert found[3][1] < 200.0 * 13 / 12 + 0.5
    assert found[3][0] <= 21
    assert max(each for _, each in found[4:]) < 200.0 * 13 / 12 + 0.5
    assert found[-1][0] <= 17


async def test_what_an_interrupted_night_saw_teaches_no_times(memory: Path) -> None:
    """Its export was ready while nobody looked; its sizes count."""
    server = Service(world(processing=60.0, faults={"page": "ok 500"}))
    broken = await play(memory, server, limits={**LIMITS, "retry_for": 0.0, "page_size": 100})
    again = await resume(broken)
    assert (0, True) == (again.exit_code, broken.exit_code != 0)
    with read_journal(again.config.state / JOURNAL) as journal:
        ((stream, (cost,)),) = [(row.id, experience.costs(journal, row.id)) for row in marks.streams(journal)]
    assert (250, 3, 1, 0, None) == (cost.records, cost.pages, cost.jobs, cost.timed, cost.quick)
    assert stream not in lessons(again).polls


async def test_only_published_nights_are_remembered(memory: Path) -> None:
    """A night that failed says nothing of the next one."""
    failed = await play(memory, world(faults={"page": "403"}), limits=LIMITS)
    with read_journal(failed.config.state / JOURNAL) as journal:
        (row,) = marks.streams(journal)
        assert [] == experience.costs(journal, row.id)


async def test_pruned_runs_are_still_learned_from(memory: Path) -> None:
    """As watermarks do, what nights cost outlives the lines of their runs."""
    played = await play(memory, world(processing=60.0), limits=LIMITS)
    before = lessons(played)
    with open_journal(played.config.state / JOURNAL) as journal:
        journal.forget([played.closed.run_id])
    assert before.polls == lessons(played).polls != {}
    assert last_run(played.config.state, make_plan(played.config, basis_for(played.config))) is None


async def test_lessons_travel_to_another_process(memory: Path) -> None:
    """An engine is given picklable things only."""
    found = lessons(await play(memory, world(processing=60.0), limits=LIMITS))
    assert found.expected == dict.fromkeys(found.polls, 250.0)
    assert found.polls == pickle.loads(pickle.dumps(found.polls))  # noqa: S301 - our own bytes
    ((policy,),) = [list(found.polls.values())]
    assert 50.0 < policy.expected < 60.0
    assert PollPolicy(first=0.5, longest=30.0, expected=policy.expected, step=policy.step) == policy


async def test_an_increment_of_another_length_is_another_question(memory: Path) -> None:
    """The night is like the last ones; ten minutes after it, nothing is known of how long the export takes."""
    for day in range(2):
        played = await night(memory, world(processing=60.0), [SEGMENTS[1] | {"segment": "A"}], day=day, limits=LIMITS)
    (stream,) = played.streams
    assert stream in lessons(played.played, START + timedelta(days=2)).polls
    assert stream not in lessons(played.played, START + timedelta(days=1, minutes=10)).polls


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_next_night_lies_within_its_forecast(memory: Path, seed: int) -> None:
    """Exports of everything and increments and lists, sizes and times that vary: seven nights, six forecasts."""
    chance = Random(seed)  # noqa: S311 - a night that repeats
    limits = {**LIMITS, "requests_per_second": 20.0, "page_size": 100}
    outside, widths = [], []
    for day in range(7):
        server = SimulatorSettings(
            seed=100 * seed + day,
            segments=tuple(
                Segment(name=name, count=round(count * chance.uniform(0.85, 1.15)))
                for name, count in (("A", 1500), ("B", 9000))
            ),
            processing=(20.0, 40.0),
            latency=(0.01, 0.1),
            frozen_at=None,
            change_cycle=30 * 86_400.0,
        )
        one = await night(memory, server, [*SEGMENTS, PEOPLE], day=day, limits=limits)
        # The first night exports everything of B, the second is the first increment.
        assert (day > 1) == (one.forecast.unknown == ())
        if day > 1:
            outside += one.outside()
            widths.append(one.forecast.outlook.seconds)
    assert [] == outside
    assert all(each.high is not None and each.high < 4 * each.likely < 16 * each.low for each in widths)


class Night:
    """One night: what was foreseen, and what came."""

    def __init__(self, played: Played, foreseen: Forecast) -> None:
        self.played, self.forecast = played, foreseen
        self.streams = lessons(played).costs.keys()

    def outside(self) -> list[tuple[str, float, Range]]:
        """What came otherwise than foreseen."""
        closed, seen = self.played.closed, self.forecast.outlook
        came = {
            "records": (closed.records, seen.records),
            "bytes": (closed.bytes, seen.bytes),
            "requests": (closed.requests, seen.requests),
            "exports": (len(self.played.calls("initiate")), seen.exports),
            "seconds": (closed.seconds, seen.seconds),
        }
        return [
            (name, value, known)
            for name, (value, known) in came.items()
            if known.high is None or not known.low <= value <= known.high
        ]


async def night(
    memory: Path, server: SimulatorSettings, jobs: list[dict[str, Any]], *, day: int, limits: dict[str, Any]
) -> Night:
    """Foresee and play the night of a day."""
    config = config_of(memory, jobs, limits=limits)
    now = START + timedelta(days=day)
    plan = make_plan(config, basis_for(config, lasting=True))
    foreseen = forecast(
        plan,
        requests_per_second=config.limits.requests_per_second,
        page_size=config.limits.page_size,
        exports=config.limits.exports,
        now=now,
        lessons=read_lessons(config.state, plan, config.limits, now).costs,
    )
    return Night(await play(memory, server, jobs, start=now.timestamp(), limits=limits), foreseen)


def lessons(played: Played, now: datetime = START) -> Lessons:
    """What the next night would know."""
    plan = make_plan(played.config, basis_for(played.config))
    return read_lessons(played.config.state, plan, played.config.limits, now)
