"""``extractor runs --prune``: show what would go, ask, remove.

Decides what a person or a program is told and whether they agree. What goes, and how, is ``run.pruning``'s. Called by
``runs``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from extractor.cli.console import out, out_json, table
from extractor.cli.runs import instant
from extractor.clock import SystemClock
from extractor.errors import LocalError
from extractor.observe.figures import counted, size, span
from extractor.run.pruning import Cause, Removal, look, refuse_while_alive, remove

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for; ``older_than`` in seconds."""

    state: Path
    older_than: float
    yes: bool
    dry_run: bool
    as_json: bool


def perform(request: Request) -> int:
    """Do it and give the process's exit code. Raises LocalError when it may not, or not without ``--yes``."""
    now = SystemClock().now()
    if not request.dry_run:
        refuse_while_alive(request.state)
    found = look(request.state, now=now, older_than=request.older_than)
    if not request.as_json:
        _show(request, found)
    if found and not request.dry_run:
        if not request.yes and not _agreed(request):
            out("Nothing was removed.")
            return 0
        found = remove(request.state, found, now=now, older_than=request.older_than)
        if not request.as_json:
            out(f"Removed: {_sum(found)}.")
    if request.as_json:
        out_json(_as_object(request, found))
    return 0


def _show(request: Request, found: Sequence[Removal]) -> None:
    if not found:
        out(f"Nothing to remove in {request.state}.")
        return
    rows = [
        (
            each.run_id,
            "-" if each.started_at is None else instant(each.started_at),
            str(each.state or "-"),
            size(each.bytes) if each.bytes else "-",
            _why(each, _age(request.older_than)),
        )
        for each in found
    ]
    for line in table(("RUN", "STARTED", "STATE", "FREES", "WHY"), rows, right=frozenset({3})):
        out(line)
    out(f"{'Would go' if request.dry_run else 'To be removed'}: {_sum(found)}. Published data is not touched.")


def _why(removal: Removal, age: str) -> str:
    match removal.cause:
        case Cause.ORPHAN:
            return "no run in the journal owns it"
        case Cause.LIST:
            return "a match list that no run uses"
        case Cause.COMPLETE:
            return "complete: its staging is not needed any more"
        case Cause.OLD if removal.unfinished:
            return f"began more than {age} ago; unfinished: cannot be resumed afterwards"
        case Cause.OLD if not removal.forgets:
            return f"began more than {age} ago; stays in the list, as the newest complete run of its plan"
        case Cause.OLD:
            return f"began more than {age} ago"


def _age(seconds: float) -> str:
    return f"{seconds / _DAY:g} days" if seconds > _DAY else span(seconds)


def _sum(found: Sequence[Removal]) -> str:
    forgotten = sum(each.forgets for each in found)
    freed = size(sum(each.bytes for each in found))
    return f"{counted(forgotten, 'run')} out of the journal, {freed} of unpublished data"


def _agreed(request: Request) -> bool:
    """Ask the person at the terminal; raise LocalError where there is none."""
    if request.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LocalError("nothing was removed -- add --yes to remove it, or --dry-run to only look")
    return typer.confirm("Remove it?", err=True)


def _as_object(request: Request, found: Sequence[Removal]) -> dict[str, Any]:  # Any: JSON values
    return {
        "dry_run": request.dry_run,
        "bytes": sum(each.bytes for each in found),
        "removed": [
            {
                "run_id": each.run_id,
                "cause": str(each.cause),
                "started_at": None if each.started_at is None else instant(each.started_at),
                "state": None if each.state is None else str(each.state),
                "unfinished": each.unfinished,
                "forgotten": each.forgets,
                "bytes": each.bytes,
                "folders": [str(piece.path) for piece in each.pieces],
            }
            for each in found
        ],
    }
