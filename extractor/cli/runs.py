"""``extractor runs``: the runs that a state folder remembers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from extractor.cli.console import out, out_json, table
from extractor.cli.options import DEFAULT_STATE, AsJson, StateFolder, examples
from extractor.observe.figures import count

if TYPE_CHECKING:
    from extractor.run.history import RunRow

EXAMPLES = examples("extractor runs", "extractor runs --state /var/lib/extractor --json")

_SHOWN = 20


def runs(state: StateFolder = DEFAULT_STATE, *, as_json: AsJson = False) -> None:
    """List the runs of a state folder, newest first."""
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
            ended(row),
            count(row.jobs),
            count(row.done),
            count(row.failed),
            count(row.records),
            row.config_path or "-",
        )
        for row in found[:_SHOWN]
    ]
    header = ("RUN", "STARTED", "EXIT", "JOBS", "DONE", "FAILED", "RECORDS", "CONFIG")
    for line in table(header, rows, right=frozenset({3, 4, 5, 6})):
        out(line)
    if len(found) > _SHOWN:
        out(f"… and {count(len(found) - _SHOWN)} older (--json has all)")


def instant(seconds: float) -> str:
    """Write Unix seconds as ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def ended(row: RunRow) -> str:
    """Say how a run ended; without an exit code it is going on, or its process died."""
    return "not ended" if row.exit_code is None else str(row.exit_code)


def run_object(row: RunRow) -> dict[str, Any]:  # Any: JSON values
    """Give a run as JSON."""
    return {
        "run_id": row.run_id,
        "started_at": instant(row.started_at),
        "finished_at": None if row.finished_at is None else instant(row.finished_at),
        "exit_code": row.exit_code,
        "jobs": row.jobs,
        "done": row.done,
        "failed": row.failed,
        "records": row.records,
        "requests": row.requests,
        "output": row.output,
        "config_path": row.config_path,
        "reason": row.reason,
    }
