"""The arithmetic of what is covered: pieces of time, their union, what lies between them, what is there twice. Pure.

Decides what a hole is and when a stream is stale. Does not decide what a publication covers (``run.publication``) or
where it is looked up (``run.coverage``, which calls this).

A piece says that every record whose latest change lies in it was exported. A record that changed in one piece and again
in a later one comes with the later one, so pieces may be made in any order: a backfill of last year, after last night,
closes last year's hole. An export of everything begins at the beginning, and so closes every hole before it.

Decided: what lies before the first piece is no hole, because a stream may well begin at an instant (``initial``), and
"covered since" says which. Considered asking for everything up to the first piece, which nobody could ever satisfy who
has begun in the middle on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

LEAST_STALE = 26 * 3600.0  # seconds: a night, and two hours in which the next one may be late
_NIGHTS = 10  # the latest ones say what is usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A half-open piece of time, ``start`` <= t < ``end`` (aware); ``start`` None is the beginning of all time."""

    start: datetime | None
    end: datetime

    @property
    def seconds(self) -> float | None:
        """How long it is; None where it has no beginning."""
        return None if self.start is None else (self.end - self.start).total_seconds()


def covered(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Unite ``pieces``: as few as possible, in order, none touching another. Empty ones count for nothing."""
    return _at_least(pieces, 1)


def repeated(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """What is in two of ``pieces`` or more, in the form of ``covered``."""
    return _at_least(pieces, 2)


def holes(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """What is in none of ``pieces`` but between them, in order: where one begins after all before it have ended."""
    return tuple(Piece(start=before.end, end=after.start) for before, after in pairwise(covered(pieces)) if after.start)


def ahead(pieces: Iterable[Piece], begins: datetime | None) -> Piece | None:
    """The hole that will be there when the next export begins at ``begins`` (None: at the beginning), or None.

    Where nothing is covered yet there is none: the stream begins there.
    """
    united = covered(pieces)
    if not united or begins is None or begins <= united[-1].end:
        return None
    return Piece(start=united[-1].end, end=begins)


def stale_after(nights: Sequence[datetime]) -> float:
    """How old the latest of ``nights`` may be before it is stale, in seconds.

    Twice the usual distance of nights (the median of the latest ten), and never less than ``LEAST_STALE``.
    """
    latest = sorted(nights)[-_NIGHTS - 1 :]
    distances = [(later - earlier).total_seconds() for earlier, later in pairwise(latest)]
    return max(LEAST_STALE, 2 * median(distances)) if distances else LEAST_STALE


def _at_least(pieces: Iterable[Piece], least: int) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for piece, depth in _depths(pieces):
        if depth < least:
            continue
        if found and found[-1].end == piece.start:
            found[-1] = Piece(start=found[-1].start, end=piece.end)
        else:
            found.append(piece)
    return tuple(found)


def _depths(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, int]]:
    """Cut time at every border: what is covered at all, in order, and how many times."""
    depth, changes = 0, dict[datetime, int]()
    for piece in pieces:
        if piece.start is None:
            depth += 1
        elif piece.start >= piece.end:
            continue
        else:
            changes[piece.start] = changes.get(piece.start, 0) + 1
        changes[piece.end] = changes.get(piece.end, 0) - 1
    start: datetime | None = None
    for moment in sorted(changes):
        if depth:
            yield Piece(start=start, end=moment), depth
        start, depth = moment, depth + changes[moment]
