"""What earlier runs left in a state folder, read from the journal, the lock and the disk.

Never writes; safe while a run is going on. Decides what is told of a run; whether it is alive is judged in ``vitals``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from extractor.errors import IntegrityError, LocalError
from extractor.plan.asked import Asked, decode
from extractor.plan.job import Dataset
from extractor.protocol.vocabulary import Outcome, Verdict
from extractor.run.past import replayed
from extractor.run.vitals import RunState, read_with_living, state_of
from extractor.store import remains
from extractor.store.journal import Journal, read_journal
from extractor.store.lock import Holder
from extractor.store.remains import held

JOURNAL = remains.JOURNAL
_AT_REST = {RunState.DONE, RunState.RUNNING}
_BEYOND_RESUMING = {Verdict.REFUSED, Verdict.EXPORT_FAILED, Verdict.INTEGRITY}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run; times are Unix seconds. ``exit_code`` is None for a run that is going on or died.

    ``process`` is the id of the process of a run that is going on. ``held_bytes`` are unpublished data on disk.
    ``backfill`` are the words of a backfill (``plan.backfill``), None for any other run.
    """

    run_id: str
    state: RunState
    process: int | None
    held_bytes: int
    started_at: float
    finished_at: float | None
    exit_code: int | None
    jobs: int
    done: int
    failed: int
    records: int
    requests: int
    output: str
    config_path: str | None
    reason: str
    backfill: dict[str, Any] | None = None


_JOURNALED = [name for name in RunRow.__slots__ if name not in {"state", "process", "held_bytes", "backfill"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job: its verdict, or the phase that it was last known in.

    ``records`` are durable, of ``total`` that the server has; None before it has said.
    """

    ordinal: int
    label: str
    dataset: str
    state: str
    records: int
    total: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """One dataset: ``open``, ``published`` (then ``path`` is its folder) or ``withheld``."""

    dataset: str
    state: str
    path: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with its jobs and datasets."""

    run: RunRow
    jobs: tuple[JobRow, ...]
    datasets: tuple[DatasetRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that can be taken up again: what it asked for, in order, and how its jobs (by ordinal) stand.

    ``done`` are not asked for again; ``failed`` ended in a way that only a new export can mend.
    """

    run_id: str
    plan_id: str
    config_path: str | None
    output: str
    started_at: float
    job_ids: tuple[str, ...]
    asked: Asked
    done: dict[int, Outcome]
    failed: frozenset[int]


def runs(state: Path) -> list[RunRow]:
    """Every run of the state folder, newest first. Raises LocalError when there is no journal."""
    with read_journal(state / JOURNAL) as journal:
        rows, living = read_with_living(state, journal.runs)
        return [_run(state, row, living) for row in rows]


def status(state: Path, run_id: str | None) -> RunDetail:
    """One run in detail; None means the newest. Raises LocalError when there is no such run."""
    with read_journal(state / JOURNAL) as journal:
        rows, living = read_with_living(state, journal.runs)
        chosen = [row for row in rows if run_id is None or row["run_id"] == run_id]
        if not chosen:
            wanted = "no run" if run_id is None else f"no run {run_id!r}"
            raise LocalError(f"{state}: {wanted} in this state folder -- `extractor runs` lists what there is")
        run = _run(state, chosen[0], living)
        jobs = tuple(_job(journal, run.run_id, row) for row in journal.jobs(run.run_id))
        datasets = tuple(
            DatasetRow(
                dataset=str(Dataset(kind=row["kind"], name=row["name"])),
                state=row["state"],
                path=row["path"],
                records=row["records"],
            )
            for row in journal.datasets(run.run_id)
        )
    return RunDetail(run=run, jobs=jobs, datasets=datasets)


def unfinished(state: Path, run_id: str | None = None) -> Unfinished:
    """The run of this id, or the newest one, that has not ended well. Raises LocalError when there is none."""
    with read_journal(state / JOURNAL) as journal:
        rows = [row for row in journal.runs() if run_id is None or row["run_id"] == run_id]
        if run_id is not None and not rows:
            raise LocalError(f"{state}: no run {run_id!r} in this state folder -- `extractor runs` lists what there is")
        left = [row for row in rows if row["exit_code"] != 0]
        if not left:
            which = "every run" if run_id is None else f"run {run_id}"
            raise LocalError(f"{state}: {which} is complete -- there is nothing to resume")
        row = left[0]
        jobs = journal.jobs(row["run_id"])
        return Unfinished(
            run_id=row["run_id"],
            plan_id=row["plan_id"],
            config_path=row["config_path"],
            output=row["output"],
            started_at=row["started_at"],
            job_ids=tuple(job["job_id"] for job in jobs),
            asked=decode(journal.request(row["run_id"])),
            done={
                job["ordinal"]: msgspec.json.decode(job["outcome"], type=Outcome)
                for job in jobs
                if job["verdict"] == "done"
            },
            failed=frozenset(job["ordinal"] for job in jobs if job["verdict"] in _BEYOND_RESUMING),
        )


def confirm(state: Path, earlier: Unfinished) -> None:
    """Make sure, under the lock, that a run still stands as it was read before; raises LocalError when it does not."""
    if unfinished(state, earlier.run_id) != earlier:
        raise LocalError(f"{state}: run {earlier.run_id} has gone on in another process meanwhile -- resume it again")


def unfinished_of(state: Path, plan_id: str) -> Unfinished | None:
    """The newest run of this very plan, if it has not ended well; None also when there is no journal to read.

    A journal that cannot be read is the run's own problem, which opens it for writing.
    """
    try:
        with read_journal(state / JOURNAL) as journal:
            newest = next((row for row in journal.runs() if row["plan_id"] == plan_id), None)
    except (LocalError, IntegrityError):
        return None
    if newest is None or newest["exit_code"] == 0:
        return None
    return unfinished(state, newest["run_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Unfinished runs that hold data on disk: how many, and how many bytes together."""

    runs: int = 0
    bytes: int = 0


def leftovers(state: Path) -> Leftovers:
    """What unfinished runs hold, the one that is going on left out. Nothing, where there is no journal to read."""
    try:
        found = runs(state)
    except (LocalError, IntegrityError):
        return Leftovers()
    holding = [run.held_bytes for run in found if run.state not in _AT_REST and run.held_bytes]
    return Leftovers(runs=len(holding), bytes=sum(holding))


def _run(state: Path, row: dict[str, Any], living: dict[str, Holder]) -> RunRow:
    run_id = row["run_id"]
    judged = state_of(row["exit_code"], alive=run_id in living)
    return RunRow(
        state=judged,
        process=living[run_id].pid if judged is RunState.RUNNING else None,
        held_bytes=held(state, run_id),
        backfill=decode(row.get("request", "{}")).backfill,  # older formats had none
        **{name: row[name] for name in _JOURNALED},
    )


def _job(journal: Journal, run_id: str, row: dict[str, Any]) -> JobRow:
    ordinal = int(str(row["ordinal"]))
    outcome = row["outcome"]
    if isinstance(outcome, bytes):
        ended = msgspec.json.decode(outcome, type=Outcome)
        state, records, total = ended.verdict.value, ended.records, ended.total_results
    else:
        life = replayed(journal.events_in_turn(run_id, ordinal))
        state, records, total = life.phase.value, life.paging.stored_to, life.paging.total
    return JobRow(
        ordinal=ordinal,
        label=str(row["label"]),
        dataset=str(Dataset(kind=row["kind"], name=str(row["name"]))),
        state=state,
        records=records,
        total=total,
        message=str(row["message"]),
    )
