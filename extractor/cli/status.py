"""``extractor status``: one run, with its jobs and datasets: how far it is, how it ended, or that it was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extractor.cli.console import out, out_json, table
from extractor.cli.options import DEFAULT_STATE, AsJson, StateFolder, again, examples
from extractor.cli.runs import instant, run_object, state_text
from extractor.observe.figures import count, counted, short, size

if TYPE_CHECKING:
    from extractor.run.history import JobRow, RunDetail

EXAMPLES = examples("extractor status", "extractor status 20261123T020000Z-7f3a --json")

_DATASETS = 20  # rows
_JOBS = 20
_WIDTH = 48  # characters of a name


def status(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="The run's id; the newest when left out.")] = None,
    state: StateFolder = DEFAULT_STATE,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one run: how far it is or how it ended, what was published, what failed and why.

    Reads the journal and the lock only, so it may be asked at any time, also while the run is going on.
    """
    from extractor.run import history  # noqa: PLC0415 - keeps --help quick

    detail = history.status(Path(state), run)
    if as_json:
        out_json(_as_object(detail))
        return
    for line in [*_head(detail, state), *_datasets(detail), *_jobs(detail)]:
        out(line)


def _head(detail: RunDetail, state: Path) -> Iterator[str]:
    row = detail.run
    yield f"run {row.run_id}: {state_text(row)}{f', {row.reason}' if row.reason else ''}"
    if row.backfill is not None:
        asked = row.backfill
        yield (
            f"backfill from {asked['from']} to {asked['to']} by {asked['window']} ({asked['zone']}), "
            f"{asked['strategy']}"
        )
    if row.finished_at is None:  # its requests are journaled when it ends
        yield f"started {instant(row.started_at)}, not finished"
    else:
        finished, requests = instant(row.finished_at), counted(row.requests, "request")
        yield f"started {instant(row.started_at)}, finished {finished}, {requests}"
    stand = Counter(job.state for job in sorted(detail.jobs, key=lambda job: job.state != "done"))
    jobs = ", ".join(f"{count(number)} {name}" for name, number in stand.items()) or "none"
    yield f"{counted(row.jobs, 'job')}: {jobs}"
    yield f"{counted(row.records, 'record')} published; output in {row.output}"
    if row.held_bytes:
        yield f"{size(row.held_bytes)} of unpublished data on disk"
    if row.state == "cut off":
        yield "Its process died without a last word; what is on disk is safe, and what is published is whole."
    if row.state not in {"running", "done"}:
        yield f"Take it up: extractor resume {row.run_id}{again(state)}"


def _datasets(detail: RunDetail) -> list[str]:
    datasets = detail.datasets
    rows = [
        (short(row.dataset, _WIDTH), row.state, count(row.records), row.path or "-") for row in datasets[:_DATASETS]
    ]
    return [
        "",
        *table(("DATASET", "STATE", "RECORDS", "PATH"), rows, right=frozenset({2})),
        *_more(len(datasets) - _DATASETS, "dataset"),
    ]


def _jobs(detail: RunDetail) -> list[str]:
    """List the jobs; those that are not done first, because they are why somebody looks."""
    jobs = sorted(detail.jobs, key=lambda row: (row.state == "done", row.ordinal))
    rows = [
        (str(row.ordinal), short(row.label, _WIDTH), row.state, _read(row), row.message or "-") for row in jobs[:_JOBS]
    ]
    return [
        "",
        *table(("#", "JOB", "STATE", "RECORDS", "MESSAGE"), rows, right=frozenset({0, 3})),
        *_more(len(jobs) - _JOBS, "job"),
    ]


def _read(job: JobRow) -> str:
    """Say how far a job is: of how many, where that is known and not all."""
    whole = job.total is None or job.records == job.total
    return count(job.records) if whole else f"{count(job.records)} of {count(job.total or 0)}"


def _more(number: int, noun: str) -> list[str]:
    return [f"… and {counted(number, noun)} more (--json has all)"] if number > 0 else []


def _as_object(detail: RunDetail) -> dict[str, Any]:  # Any: JSON values
    return {
        "run": run_object(detail.run),
        "datasets": [
            {"dataset": row.dataset, "state": row.state, "path": row.path, "records": row.records}
            for row in detail.datasets
        ],
        "jobs": [
            {
                "ordinal": row.ordinal,
                "label": row.label,
                "dataset": row.dataset,
                "state": row.state,
                "records": row.records,
                "total": row.total,
                "message": row.message,
            }
            for row in detail.jobs
        ],
    }
