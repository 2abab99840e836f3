"""Where the watermarks of a state folder are, how they came there, and moving one by hand.

Decides which stream a name means and that nothing moves unseen: what was shown to a person is what is moved, or it is
refused. What a move means is told by ``cli.marking``, and what is covered by ``coverage``. Called by ``cli``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extractor.errors import ConfigError, LocalError
from extractor.plan.job import KINDS, Dataset
from extractor.run.history import JOURNAL
from extractor.store import marks
from extractor.store.entries import StreamRow, WatermarkChange
from extractor.store.journal import Journal, open_journal, read_journal
from extractor.store.lock import hold_lock

_LISTED = 20  # names in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A stream and its watermark: ``at`` is None where it never had one or it was reset; ``moved`` is its last move."""

    stream: StreamRow
    at: datetime | None
    moved: WatermarkChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Every stream of a state folder, by kind and name of its dataset, and every move, newest first."""

    streams: tuple[Mark, ...]
    changes: tuple[WatermarkChange, ...]


def read_marks(state: Path) -> Marks:
    """Read them; none in a journal older than streams. Raises LocalError when there is no journal."""
    with read_journal(state / JOURNAL) as journal:
        return _read(journal)


def _read(journal: Journal) -> Marks:
    known, changes = marks.watermarks(journal), marks.changes(journal)
    moved = {change.stream: change for change in reversed(changes)}
    streams = tuple(
        Mark(stream=row, at=known[row.id].at if row.id in known else None, moved=moved.get(row.id))
        for row in marks.streams(journal)
    )
    return Marks(streams=streams, changes=tuple(changes))


def choose(found: Marks, name: str) -> Mark:
    """Find the stream that ``name`` means: its id, its job, its dataset, or how its id begins, in this order.

    Raises ConfigError when it is none, or several; the message lists what there is.
    """
    for meant in (
        [mark for mark in found.streams if mark.stream.id == name],
        [mark for mark in found.streams if mark.stream.job == name],
        [mark for mark in found.streams if name in _datasets(mark.stream)],
        [mark for mark in found.streams if name and mark.stream.id.startswith(name)],
    ):
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise ConfigError([f"{name!r} may be any of {len(meant)} streams -- give one's id:{_listed(meant)}"])
    if not found.streams:
        raise ConfigError([f"{name!r}: no stream is known here yet -- a run makes its streams known"])
    raise ConfigError([f"{name!r}: no such job, dataset or stream -- there are:{_listed(found.streams)}"])


def move(state: Path, shown: Mark, to: datetime | None, *, reason: str, now: float) -> None:
    """Set the watermark to ``to`` (aware), or reset it (None); durable on return, with its line of history.

    ``now`` is in Unix seconds. Raises LocalError when a run is using the state folder, or when the watermark is not
    where it was ``shown`` any more.
    """
    with hold_lock(state), open_journal(state / JOURNAL) as journal:
        mark = marks.watermark(journal, shown.stream.id)
        if (None if mark is None else mark.at) != shown.at:
            raise LocalError("the watermark has moved meanwhile; nothing was changed -- look at it again")
        marks.move_by_hand(journal, shown.stream.id, to, reason=reason, now=now)


def _datasets(row: StreamRow) -> tuple[str, ...]:
    return row.name, *(Dataset(kind=kind, name=row.name).folder for kind in KINDS if kind == row.kind)


def _listed(streams: Sequence[Mark]) -> str:
    rows = [each.stream for each in streams[:_LISTED]]
    lines = [f"\n  {row.id}  job {row.job!r}, {row.kind} {row.name!r}, {row.who}" for row in rows]
    more = len(streams) - _LISTED
    return "".join(lines) + (f"\n  and {more} more (extractor watermarks --json has all)" if more > 0 else "")
