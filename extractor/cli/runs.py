"""``extractor runs``: the runs that a state folder remembers, what became of them, and what they still hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extractor.cli.console import out, out_json, table
from extractor.cli.options import DEFAULT_STATE, AsJson, StateFolder, examples, seconds_of
from extractor.observe.figures import count, size

if TYPE_CHECKING:
    from extractor.run.history import RunRow

EXAMPLES = examples(
    "extractor runs",
    "extractor runs --state /var/lib/extractor --json",
    "extractor runs --prune --dry-run",
    "extractor runs --prune --older-than 90d --yes",
)

_SHOWN = 20
_MONTH = 30 * 86_400.0  # seconds


def runs(
    state: StateFolder = DEFAULT_STATE,
    *,
    as_json: AsJson = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what old runs, and runs that nobody knows, still hold.")
    ] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            parser=seconds_of,
            help="With --prune: runs that began longer ago than this; 30d when left out.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --prune: do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --prune: only show what would go.")] = False,
) -> None:
    """List the runs of a state folder, newest first, or remove what old ones hold.

    A run is running, done, failed, refused, stopped (the deadline came, or the server was unavailable), mismatch (of
    counts or checksums), interrupted, or cut off (its process died). HELD is unpublished data on disk: personal data.

    --prune removes, of runs that began longer ago than AGE, their unpublished data and their lines in the journal (the
    newest complete run of each plan keeps its lines); of complete runs what is left in staging; folders that no run
    owns; and match lists that only such old runs used, or none, and that were read more than an hour ago. An unfinished
    run that is removed cannot be resumed. Published data is never touched.
    """
    if not prune and (older_than is not None or yes or dry_run):
        raise typer.BadParameter("--older-than, --yes and --dry-run belong to --prune")
    if prune:
        from extractor.cli.pruning import Request, perform  # noqa: PLC0415 - keeps --help quick

        age = _MONTH if older_than is None else older_than
        raise typer.Exit(perform(Request(state=state, older_than=age, yes=yes, dry_run=dry_run, as_json=as_json)))
    _list(state, as_json=as_json)


def _list(state: StateFolder, *, as_json: bool) -> None:
    from extractor.run import history  # noqa: PLC0415 - keeps --help quick

    found = history.runs(state)
    if as_json:
        out_json([run_object(row) for row in found])
        return
    if not found:
        out(f"No runs in {state} yet.")
        return
    rows = [
        (
            row.run_id,
            instant(row.started_at),
            state_text(row),
            count(row.jobs),
            count(row.done),
            count(row.failed),
            count(row.records),
            size(row.held_bytes) if row.held_bytes else "-",
            (row.config_path or "-") + ("" if row.backfill is None else f", backfill by {row.backfill['window']}"),
        )
        for row in found[:_SHOWN]
    ]
    header = ("RUN", "STARTED", "STATE", "JOBS", "DONE", "FAILED", "RECORDS", "HELD", "CONFIG")
    for line in table(header, rows, right=frozenset({3, 4, 5, 6, 7})):
        out(line)
    if len(found) > _SHOWN:
        out(f"… and {count(len(found) - _SHOWN)} older (--json has all)")


def instant(seconds: float) -> str:
    """Write Unix seconds as ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def state_text(row: RunRow) -> str:
    """Say what became of a run: ``done``, ``failed (3)``, ``running (process 4711)``, ``cut off``."""
    if row.state == "running":
        return "running" if row.process is None else f"running (process {row.process})"
    return f"{row.state} ({row.exit_code})" if row.exit_code else str(row.state)


def run_object(row: RunRow) -> dict[str, Any]:  # Any: JSON values
    """Give a run as JSON."""
    return {
        "run_id": row.run_id,
        "started_at": instant(row.started_at),
        "finished_at": None if row.finished_at is None else instant(row.finished_at),
        "state": str(row.state),
        "exit_code": row.exit_code,
        "process": row.process,
        "jobs": row.jobs,
        "done": row.done,
        "failed": row.failed,
        "records": row.records,
        "requests": row.requests,
        "held_bytes": row.held_bytes,
        "output": row.output,
        "config_path": row.config_path,
        "reason": row.reason,
        "backfill": row.backfill,
    }
