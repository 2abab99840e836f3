"""``extractor status``: one run, with its jobs and datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extractor.cli.console import out, out_json, table
from extractor.cli.options import DEFAULT_STATE, AsJson, StateFolder, examples
from extractor.cli.runs import ended, instant, run_object
from extractor.observe.figures import count, counted, short

if TYPE_CHECKING:
    from extractor.run.history import RunDetail

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
    """Show one run: what was published, what failed and why."""
    from extractor.run import history  # noqa: PLC0415 - keeps --help quick

    detail = history.status(Path(state), run)
    if as_json:
        out_json(_as_object(detail))
        return
    row = detail.run
    out(f"run {row.run_id}, exit {ended(row)}{f': {row.reason}' if row.reason else ''}")
    finished = "not finished" if row.finished_at is None else f"finished {instant(row.finished_at)}"
    out(f"started {instant(row.started_at)}, {finished}, {counted(row.requests, 'request')}")
    jobs = f"{counted(row.jobs, 'job')}: {count(row.done)} done, {count(row.failed)} failed"
    out(f"{jobs}, {counted(row.records, 'record')}; output in {row.output}")
    for line in [*_datasets(detail), *_jobs(detail)]:
        out(line)


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
        (str(row.ordinal), short(row.label, _WIDTH), row.state, count(row.records), row.message or "-")
        for row in jobs[:_JOBS]
    ]
    return [
        "",
        *table(("#", "JOB", "STATE", "RECORDS", "MESSAGE"), rows, right=frozenset({0, 3})),
        *_more(len(jobs) - _JOBS, "job"),
    ]


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
                "message": row.message,
            }
            for row in detail.jobs
        ],
    }
