"""The picture of coverage: one row a stream, time from left to right. Pure: pieces in, ASCII out.

Decides what a cell shows that stands for hours or days: a hole of whatever length is always seen, what is there twice
only where it fills half of the cell, because the overlap of two nights is no news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from extractor.plan.coverage import Piece

LEGEND = "= covered   + more than once   . hole   | watermark   < from the beginning"
_HALF = 0.5
_MARGIN = 20  # one part of it, of the time that is drawn, stands for all that was before
_LEAST = timedelta(minutes=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is drawn of a stream. ``holes`` are those that are there and those in the making."""

    covered: Sequence[Piece]
    repeated: Sequence[Piece]
    holes: Sequence[Piece]
    watermark: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """``width`` cells that stand for equal times from ``start`` to ``end``."""

    start: datetime
    end: datetime
    width: int

    def border(self, place: int) -> datetime:
        """The instant at which the 0-based cell begins; that of ``width`` is the end."""
        return self.start + (self.end - self.start) * place / self.width

    def place(self, moment: datetime) -> int:
        """The 0-based cell of an instant, the nearest one of those that are drawn."""
        return min(max(int((moment - self.start) * self.width / (self.end - self.start)), 0), self.width - 1)

    def __str__(self) -> str:
        """The line below the rows: where it begins and where it ends."""
        begins, ends = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for moment in (self.start, self.end))
        return f"{begins}{ends:>{max(self.width - len(begins), len(ends) + 1)}}"


def axis_of(rows: Sequence[Row], *, now: datetime, width: int) -> Axis:
    """Find the times that hold every border of ``rows``, and ``now``, and a little more before them."""
    pieces = [piece for row in rows for piece in (*row.covered, *row.repeated, *row.holes)]
    moments = [moment for piece in pieces for moment in (piece.start, piece.end) if moment is not None]
    moments += [row.watermark for row in rows if row.watermark is not None]
    end = max([*moments, now])
    start = max(min([*moments, now, end - _LEAST]), _EARLIEST)
    return Axis(start=start - (end - start) / _MARGIN, end=end, width=width)


def drawn(row: Row, axis: Axis) -> str:
    """Draw a row, ``axis.width`` characters. Raises nothing: what lies outside of the axis is not seen."""
    cells = [_cell(row, axis, place) for place in range(axis.width)]
    if row.covered and row.covered[0].start is None and cells[0] != ".":
        cells[0] = "<"
    if row.watermark is not None:
        place = axis.place(row.watermark)
        beside = cells[max(place - 1, 0) : place] + cells[place + 1 : place + 2]
        if cells[place] != "." or "." in beside:  # it does not hide the only sign of a hole
            cells[place] = "|"
    return "".join(cells)


def _cell(row: Row, axis: Axis, place: int) -> str:
    start, end = axis.border(place), axis.border(place + 1)
    if _share(row.holes, start, end) > 0:
        return "."
    if _share(row.repeated, start, end) >= _HALF:
        return "+"
    return "=" if _share(row.covered, start, end) > 0 else " "


def _share(pieces: Sequence[Piece], start: datetime, end: datetime) -> float:
    """How much (0 .. 1) of the time from ``start`` to ``end`` is in ``pieces``, which do not touch."""
    inside = timedelta(0)
    for piece in pieces:
        begins = start if piece.start is None else max(start, piece.start)
        inside += max(min(end, piece.end) - begins, timedelta(0))
    return inside / (end - start)
