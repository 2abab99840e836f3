"""What a plan asks for otherwise than an earlier run did. Pure.

Decides what is the same entry of the configuration in both: the same stream, or else the same name. An entry is new,
gone, changed or unchanged; a watermark that has moved on is no change, because it moves every night. Match values are
never known here: another list has another digest, and so another stream. Called by ``cli plan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from extractor.plan.job import Dataset, JobSpec
from extractor.plan.planner import Plan, plan_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierJob:
    """A job as the journal has it; ``stream`` is the id, ``name`` and ``who`` are the stream's words for people."""

    job_id: str
    dataset: Dataset
    stream: str
    name: str
    who: str
    connection: str
    last_date_time: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """A run as the journal has it, with its jobs in plan order. ``started_at`` is in Unix seconds."""

    run_id: str
    plan_id: str
    started_at: float
    jobs: tuple[EarlierJob, ...]


class Change(StrEnum):
    """What became of an entry."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the configuration: how many jobs it has and had, how many of those are the same, and why it differs.

    ``moved`` says from where to where its watermark went; empty when it did not.
    """

    change: Change
    name: str
    dataset: Dataset
    jobs: int
    jobs_before: int
    same: int
    why: str = ""
    moved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A plan against an earlier run; entries in plan order, then those that are gone.

    ``form`` tells whether the form of the output, or what is left out of it (dedupe), is another; None where that
    cannot be told, because streams are gone.
    """

    run: EarlierRun
    entries: tuple[Entry, ...]
    form: bool | None

    @property
    def nothing(self) -> bool:
        """Whether all is as it was."""
        return not self.form and all(entry.change is Change.UNCHANGED for entry in self.entries)


def compare(plan: Plan, run: EarlierRun, *, whole: bool = True) -> Difference:
    """Set ``plan`` against ``run``. Without ``whole`` the plan is a choice, and what it lacks is not gone."""
    now, before = _of_streams(plan.jobs), _of_earlier(run.jobs)
    names = {jobs[0].name: stream for stream, jobs in before.items() if stream not in now}
    entries, met = [], set()
    for stream, jobs in now.items():
        was = stream if stream in before else names.get(jobs[0].stream.name, "")
        met.add(was)
        entries.append(_entry(jobs, before.get(was, [])))
    if whole:
        entries += [_gone(jobs) for stream, jobs in before.items() if stream not in met]
    return Difference(run=run, entries=tuple(entries), form=_form(plan, run, known=before.keys() <= now.keys()))


def _form(plan: Plan, run: EarlierRun, *, known: bool) -> bool | None:
    """Whether the same jobs under today's form would have another plan id than the run had."""
    streams, asked = plan.streams, dict.fromkeys(job.stream for job in run.jobs)
    dedupe = [streams[stream] for stream in asked if stream in streams]
    same = plan_id_of(plan.form, None, dedupe, [job.job_id for job in run.jobs]) == run.plan_id
    return False if same else True if known else None


def _entry(jobs: Sequence[JobSpec], before: Sequence[EarlierJob]) -> Entry:
    first = jobs[0]
    ids = {job.job_id for job in before}
    same = sum(job.job_id in ids for job in jobs)
    moved = why = ""
    if not before:
        change = Change.NEW
    elif same == len(jobs) == len(before):
        change = Change.UNCHANGED
    else:
        moved = _moved(first, before[0])
        why = _why(jobs, before, moved)
        change = Change.CHANGED if why else Change.UNCHANGED
    return Entry(
        change=change,
        name=first.stream.name,
        dataset=first.dataset,
        jobs=len(jobs),
        jobs_before=len(before),
        same=same,
        why=why,
        moved=moved,
    )


def _moved(job: JobSpec, before: EarlierJob) -> str:
    if job.stream.overlap is None or job.last_date_time == before.last_date_time:
        return ""
    return f"{before.last_date_time or 'everything'} -> {job.last_date_time or 'everything'}"


def _why(jobs: Sequence[JobSpec], before: Sequence[EarlierJob], moved: str) -> str:
    """Say in what an entry differs; empty when it is nothing but its watermark."""
    job, was = jobs[0], before[0]
    reasons = []
    if job.dataset != was.dataset:
        reasons.append(f"another dataset (was {was.dataset})")
    if job.stream.connection != was.connection:
        reasons.append(f"another connection (was {was.connection})")
    if job.stream.who != was.who:
        reasons.append(f"other people: {job.stream.who} (was {was.who})")
    elif job.stream.id != was.stream and not reasons:
        reasons.append("another list")
    if not moved and job.last_date_time != was.last_date_time:
        reasons.append(
            f"since {job.last_date_time or 'the beginning'} (was since {was.last_date_time or 'the beginning'})"
        )
    if len(jobs) != len(before):
        reasons.append(f"{len(jobs)} batches (was {len(before)})")
    if not reasons and not moved:
        reasons.append("its values are in other batches")
    return ", ".join(reasons)


def _gone(jobs: Sequence[EarlierJob]) -> Entry:
    return Entry(change=Change.GONE, name=jobs[0].name, dataset=jobs[0].dataset, jobs=0, jobs_before=len(jobs), same=0)


def _of_streams(jobs: Iterable[JobSpec]) -> dict[str, list[JobSpec]]:
    found: dict[str, list[JobSpec]] = {}
    for job in jobs:
        found.setdefault(job.stream.id, []).append(job)
    return found


def _of_earlier(jobs: Iterable[EarlierJob]) -> dict[str, list[EarlierJob]]:
    found: dict[str, list[EarlierJob]] = {}
    for job in jobs:
        found.setdefault(job.stream, []).append(job)
    return found
