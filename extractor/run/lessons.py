"""What the journal's earlier nights teach a run: what its exports will cost, and when it pays to ask for them.

Decides which nights are like tonight's, and which run a plan is set against. How polling follows from the nights is
``protocol.pace``'s, how a forecast does is ``plan.forecast``'s. Called by ``extraction`` when a run begins, and by
``cli plan``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from extractor.config import Limits
from extractor.plan.asked import decode
from extractor.plan.cost import Cost, alike, window_of
from extractor.plan.difference import EarlierJob, EarlierRun
from extractor.plan.forecast import Lesson, expected_records
from extractor.plan.job import Dataset, JobSpec
from extractor.plan.planner import Plan
from extractor.protocol.pace import PollPolicy, Sighting, learned, polls_for, shared_pause
from extractor.store import experience, marks
from extractor.store.database import Database
from extractor.store.durable import is_there
from extractor.store.journal import read_journal
from extractor.store.remains import JOURNAL

_STREAMS_SINCE = 3  # the journal's format


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What is known, by stream id, of the streams of which earlier nights say anything.

    ``costs`` is what they cost, ``expected`` the records that each export is likely to have, ``polls`` how its
    readiness is asked for. The last two may be pickled.
    """

    costs: Mapping[str, Lesson] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)
    polls: Mapping[str, PollPolicy] = field(default_factory=dict)


def poll_policy(limits: Limits) -> PollPolicy:
    """How readiness is asked for where nothing is known."""
    return PollPolicy(first=limits.poll_first, longest=limits.poll_max)


def lessons_of(journal: Database, plan: Plan, limits: Limits, now: datetime) -> Lessons:
    """Read what the last nights of the plan's streams teach; ``now`` is aware. One short read for each stream."""
    jobs: dict[str, list[JobSpec]] = {}
    for job in plan.jobs:
        jobs.setdefault(job.stream.id, []).append(job)
    lessons: dict[str, Lesson] = {}
    expected: dict[str, float] = {}
    polls: dict[str, PollPolicy] = {}
    plain = poll_policy(limits)
    apart = shared_pause(min(limits.exports, len(plan.jobs)), limits.requests_per_second)
    for stream, mine in jobs.items():
        costs = experience.costs(journal, stream)
        policy = _taught(plain, costs, mine, now)
        polled = partial(polls_for, policy=policy)
        lessons[stream] = Lesson(costs=costs, polls=partial(polled, apart=apart), most_polls=polled)
        records = expected_records(mine, lessons[stream], now)
        if records is not None:
            expected[stream] = records
        if policy != plain:
            polls[stream] = policy
    return Lessons(costs=lessons, expected=expected, polls=polls)


def read_lessons(state: Path, plan: Plan, limits: Limits, now: datetime) -> Lessons:
    """The same from a state folder; nothing where there is no journal. Raises as ``read_journal`` for a damaged one."""
    path = state / JOURNAL
    if not is_there(path):
        return Lessons()
    with read_journal(path) as journal:
        return lessons_of(journal, plan, limits, now)


def last_run(state: Path, plan: Plan) -> EarlierRun | None:
    """The newest run that asked for any of the plan's streams, or for one of the same name; backfills are left out.

    None where there is none, and in a journal of an older format. Raises as ``read_journal`` for a damaged one.
    """
    path = state / JOURNAL
    if not is_there(path):
        return None
    with read_journal(path) as journal:
        names = {stream.name for stream in plan.streams.values()}
        wanted = {*plan.streams, *(row.id for row in marks.streams(journal) if row.job in names)}
        for run in journal.rows("run_ids", {}) if wanted and journal.format >= _STREAMS_SINCE else []:
            if decode(run["request"]).backfill is None and _asked_for(journal, run["run_id"], wanted):
                return _earlier(journal, run["run_id"])
    return None


def _asked_for(journal: Database, run_id: str, streams: set[str]) -> bool:
    return any(journal.rows("asked_for_stream", {"run_id": run_id, "stream": stream}) for stream in streams)


def _earlier(journal: Database, run_id: str) -> EarlierRun:
    (run,) = journal.rows("run_and_plan", {"run_id": run_id})
    jobs = tuple(
        EarlierJob(
            job_id=row["job_id"],
            dataset=Dataset(kind=row["kind"], name=row["name"]),
            stream=row["stream"],
            name=row["job"],
            who=row["who"],
            connection=row["connection"],
            last_date_time=row["since"],
        )
        for row in journal.rows("jobs_asked", {"run_id": run_id})
    )
    return EarlierRun(jobs=jobs, **run)


def _taught(plain: PollPolicy, costs: Sequence[Cost], jobs: Sequence[JobSpec], now: datetime) -> PollPolicy:
    """The polling of a stream, from the nights that looked back about as far as tonight's."""
    windows = {job.since: window_of(job, now) for job in jobs}
    if len(windows) != 1:
        return plain  # exports of different sizes: none of them is like the others
    (window,) = windows.values()
    return learned(
        plain,
        [
            Sighting(ready=cost.quick, unready=cost.unready, usual=cost.usual)
            for cost in alike(costs, window)
            if cost.quick is not None and cost.usual is not None
        ],
    )
