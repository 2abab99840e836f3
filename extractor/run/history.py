"""What earlier runs left in a state folder, read from the journal. Never writes; safe while a run is going on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from extractor.errors import LocalError
from extractor.plan.job import Dataset
from extractor.protocol.life import LifePolicy
from extractor.protocol.lifecycle import fold
from extractor.protocol.vocabulary import Outcome
from extractor.store.journal import Journal, read_journal

JOURNAL = "journal.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run; times are Unix seconds. ``exit_code`` is None for a run that is going on or died."""

    run_id: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job: its verdict, or the phase that it was last known in. ``records`` are durable."""

    ordinal: int
    label: str
    dataset: str
    state: str
    records: int
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


def runs(state: Path) -> list[RunRow]:
    """Every run of the state folder, newest first. Raises LocalError when there is no journal."""
    with read_journal(state / JOURNAL) as journal:
        return _runs(journal)


def status(state: Path, run_id: str | None) -> RunDetail:
    """One run in detail; None means the newest. Raises LocalError when there is no such run."""
    with read_journal(state / JOURNAL) as journal:
        known = _runs(journal)
        chosen = [run for run in known if run_id is None or run.run_id == run_id]
        if not chosen:
            wanted = "no run" if run_id is None else f"no run {run_id!r}"
            raise LocalError(f"{state}: {wanted} in this state folder -- `extractor runs` lists what there is")
        run = chosen[0]
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


def _runs(journal: Journal) -> list[RunRow]:
    names = RunRow.__slots__
    return [RunRow(**{name: row[name] for name in names}) for row in journal.runs()]


def _job(journal: Journal, run_id: str, row: dict[str, object]) -> JobRow:
    ordinal = int(str(row["ordinal"]))
    outcome = row["outcome"]
    if isinstance(outcome, bytes):
        ended = msgspec.json.decode(outcome, type=Outcome)
        state, records = ended.verdict.value, ended.records
    else:
        life = fold(LifePolicy(), journal.events(run_id, ordinal), 0.0)
        state, records = life.phase.value, life.paging.stored_to
    return JobRow(
        ordinal=ordinal,
        label=str(row["label"]),
        dataset=str(Dataset(kind="group" if row["kind"] == "group" else "segment", name=str(row["name"]))),
        state=state,
        records=records,
        message=str(row["message"]),
    )
