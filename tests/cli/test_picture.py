"""The picture of coverage: what each cell shows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.cli.picture import Axis, Row, axis_of, drawn
from extractor.plan.coverage import Piece, covered, holes, repeated
from tests.cli.nights import night

AXIS = Axis(start=night(1, 0), end=night(11, 0), width=20)  # a cell is half a day
HOUR = timedelta(hours=1)


def row_of(*pieces: tuple[datetime | None, datetime], watermark: datetime | None = None) -> Row:
    """What is drawn of a stream with these exports."""
    spans = [Piece(start=start, end=end) for start, end in pieces]
    return Row(covered=covered(spans), repeated=repeated(spans), holes=holes(spans), watermark=watermark)


@pytest.mark.parametrize(
    ("row", "picture"),
    [
        (row_of(), "                    "),
        (row_of((night(3, 0), night(6, 0))), "    ======          "),
        (row_of((None, night(2, 0)), (night(3, 0), night(4, 0))), "<=..==              "),
        (row_of((night(1, 0), night(4, 0)), (night(3, 0), night(6, 0))), "====++====          "),
        (row_of((night(1, 0), night(4, 0)), (night(4, 0) - HOUR, night(6, 0))), "==========          "),
        (row_of((night(1, 0), night(4, 0)), (night(4, 0) + HOUR, night(6, 0))), "======.===          "),
        (row_of((None, night(6, 0)), (None, night(4, 0)), watermark=night(6, 0) - HOUR), "<+++++===|          "),
        (row_of((None, night(1, 3)), (night(1, 4), night(2, 0)), watermark=night(1, 5)), ".=                  "),
        (row_of((night(1, 0), night(2, 0)), watermark=night(11, 0)), "==                 |"),
        (row_of((night(1, 0), night(2, 0)), watermark=night(30, 0)), "==                 |"),
    ],
)  # fmt: skip
def test_a_row_shows_what_is_covered_what_is_not_and_where_the_next_run_begins(row: Row, picture: str) -> None:
    """A cell is half a day."""
    assert picture == drawn(row, AXIS)


@given(st.integers(0, 240 * 3600 - 2), st.integers(1, 10))
def test_a_hole_is_seen_however_short_it_is(second: int, microseconds: int) -> None:
    """It is the news; the watermark does not hide it, either."""
    begins = AXIS.start + timedelta(seconds=second, microseconds=1)
    row = row_of((AXIS.start, begins), (begins + timedelta(microseconds=microseconds), AXIS.end), watermark=begins)
    assert "." in drawn(row, AXIS)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=3), st.integers(20, 60))
def test_the_axis_holds_every_border(spans: list[tuple[int, int]], width: int) -> None:
    """From before the first to now or later; every row is as wide as it was asked to be."""
    rows = [row_of((AXIS.start + start * HOUR, AXIS.start + (start + length) * HOUR)) for start, length in spans]
    axis = axis_of(rows, now=AXIS.end, width=width)

    borders = [border for row in rows for piece in row.covered for border in (piece.start, piece.end)]
    assert all(axis.start < border <= axis.end for border in borders if border is not None)
    assert (axis.border(0), axis.border(width)) == (axis.start, axis.end)
    assert axis.start < AXIS.end <= axis.end
    pictures = [drawn(row, axis) for row in rows]
    assert all(len(picture) == width and "=" in picture and not picture.strip(" =") for picture in pictures)


def test_the_axis_says_where_it_begins_and_ends() -> None:
    """To the minute, UTC, at the borders of the rows."""
    assert "2020-11-01T00:00Z         2020-11-11T00:00Z" == str(Axis(start=AXIS.start, end=AXIS.end, width=43))
    assert "2020-11-01T00:00Z 2020-11-11T00:00Z" == str(AXIS)


def test_times_before_computers_are_not_drawn() -> None:
    """The year 1 in a configuration makes neither a bug nor a picture without nights."""
    row = row_of((datetime.fromisoformat("0001-01-01T00:00:00Z"), night(2)))
    assert datetime.fromisoformat("1960-01-01T00:00:00Z") < axis_of([row], now=night(3), width=20).start
