"""``extractor watermarks set`` and ``reset``: say what follows, ask, move.

Decides what a person or a program is told and whether they agree. Which stream a name means, and the move itself, is
``run.watermarks``'s; what is covered, ``run.coverage``'s. Called by ``watermarks``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from extractor.cli.console import out
from extractor.cli.instants import exact, now
from extractor.errors import ConfigError, LocalError
from extractor.observe.figures import span
from extractor.plan.coverage import Piece
from extractor.run.coverage import after_moving, again, survey
from extractor.run.pruning import refuse_while_alive
from extractor.run.watermarks import Mark, choose, move, read_marks

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What the command line asked for: the stream of ``name`` to the instant ``to``, or reset (None)."""

    state: Path
    name: str
    to: datetime | None
    yes: bool


def perform(request: Move) -> int:
    """Do it and give the process's exit code.

    Raises ConfigError for a name or an instant that cannot be meant, LocalError when a run is using the state folder,
    and where nobody can be asked without ``--yes``.
    """
    at = now()
    found = read_marks(request.state)
    refuse_while_alive(request.state)
    mark = choose(found, request.name)
    if request.to is not None:
        _refuse_impossible(request.to, at)
    called = f"the watermark of job {mark.stream.job!r} ({mark.stream.kind} {mark.stream.name!r}, {mark.stream.who})"
    if request.to == mark.at:
        out(f"{called} is {_spelled(mark.at)} already: nothing was changed.")
        return 0
    out(f"{called}: {_spelled(mark.at)} -> {_spelled(request.to)}")
    for sentence in _following(request, mark, at):
        out(sentence)
    if not request.yes and not _agreed():
        out("Nothing was changed.")
        return 0
    reason = "reset by hand" if request.to is None else "set by hand"
    move(request.state, mark, request.to, reason=reason, now=now().timestamp())
    out("Moved." if request.to is not None else "Reset.")
    return 0


def _spelled(at: datetime | None) -> str:
    return "none" if at is None else exact(at)


def _refuse_impossible(to: datetime, at: datetime) -> None:
    if to > at:
        is_now = exact(at.replace(microsecond=0))
        late = f"INSTANT {exact(to)} is still to come (it is {is_now} on this machine)"
        raise ConfigError([f"{late}: what changes until then would be skipped -- give one that has passed"])
    if to < _EARLIEST:
        raise ConfigError([f"INSTANT {exact(to)} is before 1970 -- reset the watermark, and all is exported"])


def _following(request: Move, mark: Mark, at: datetime) -> Iterator[str]:
    """What the next run will do then, one sentence each."""
    to = request.to
    if to is None:
        yield "The next run exports everything, or what changed since the job's initial, if it has one."
        return
    yield f"The next run asks for what changed since {exact(to)}, where the job has since: watermark."
    (coverage,) = [each for each in survey(request.state, now=at).streams if each.stream.id == mark.stream.id]
    if not coverage.pieces:
        yield "Nothing of this stream is known to be published: what changed before is not exported."
        return
    twice = again(coverage.pieces, to)
    if twice:
        yield f"It exports again what changed in {span(twice)} that are covered already."
    if mark.at is not None and to > mark.at:
        yield (
            f"What is stamped between {exact(mark.at)} and {exact(to)} but shows only later is skipped: the overlap is "
            "there to catch it."
        )
    for hole in after_moving(coverage.pieces, to, now=at):
        yield f"What changed {_between(hole)} and was not exported is skipped: that is a hole."


def _between(hole: Piece) -> str:
    return f"from {'the beginning' if hole.start is None else exact(hole.start)} to {exact(hole.end)}"


def _agreed() -> bool:
    """Ask the person at the terminal; raise LocalError where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LocalError("nothing was changed -- add --yes to do it")
    return typer.confirm("Move it?", err=True)
