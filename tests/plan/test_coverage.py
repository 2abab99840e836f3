"""The arithmetic of coverage, against a model that looks at every instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.coverage import LEAST_STALE, Piece, ahead, covered, holes, repeated, stale_after

DAY = datetime(2026, 3, 28, tzinfo=UTC)
LONGEST = 12
BEGINNING = -1  # stands for an instant before every border

# Borders in any order: a piece that ends before it begins is empty.
INSTANTS = st.integers(0, LONGEST)
SPANS = st.lists(st.tuples(st.none() | INSTANTS, INSTANTS), max_size=6)


def at(minute: int) -> datetime:
    """An instant of the model."""
    return DAY + timedelta(minutes=minute)


def piece(start: int | None, end: int) -> Piece:
    """A piece between two instants of the model."""
    return Piece(start=None if start is None else at(start), end=at(end))


def inside(pieces: tuple[Piece, ...]) -> list[int]:
    """How many of ``pieces`` each minute is in, from the one before all borders on."""
    return [
        sum((each.start is None or each.start <= at(minute)) and at(minute) < each.end for each in pieces)
        for minute in range(BEGINNING, LONGEST + 1)
    ]


@given(SPANS)
def test_the_union_holds_what_any_piece_holds_and_as_few_pieces_as_can_be(spans: list[tuple[int | None, int]]) -> None:
    """Every instant that was covered, none besides, and no two that touch."""
    pieces = tuple(piece(*span) for span in spans)

    united = covered(pieces)

    assert inside(united) == [min(number, 1) for number in inside(pieces)]
    assert all(one.end < two.start for one, two in pairwise(united) if two.start)
    assert all(each.start is not None for each in united[1:])


@given(SPANS)
def test_what_is_there_twice_is_what_two_pieces_hold(spans: list[tuple[int | None, int]]) -> None:
    """Two or more, counted once."""
    pieces = tuple(piece(*span) for span in spans)
    assert inside(repeated(pieces)) == [int(number > 1) for number in inside(pieces)]


@given(SPANS)
def test_a_hole_is_what_no_piece_holds_between_two_that_do(spans: list[tuple[int | None, int]]) -> None:
    """Not what is before the first, nor after the last."""
    pieces = tuple(piece(*span) for span in spans)
    counts = inside(pieces)

    expected = [int(not number and any(counts[:place]) and any(counts[place:])) for place, number in enumerate(counts)]

    assert inside(holes(pieces)) == expected


@given(SPANS, st.none() | INSTANTS)
def test_the_hole_in_the_making_is_the_hole_that_the_next_export_would_leave(
    spans: list[tuple[int | None, int]], begins: int | None
) -> None:
    """No more and no less than what a span from there on would have before it."""
    pieces = tuple(piece(*span) for span in spans)
    after = holes([*pieces, piece(begins, LONGEST + 1)])

    coming = ahead(pieces, None if begins is None else at(begins))

    late = begins is not None and bool(covered(pieces)) and at(begins) > covered(pieces)[-1].end
    assert coming == (after[-1] if late else None)


@given(SPANS, SPANS)
def test_the_order_in_which_pieces_are_made_does_not_matter(
    some: list[tuple[int | None, int]], others: list[tuple[int | None, int]]
) -> None:
    """A backfill after the nights closes what one before them would have closed."""
    one, two = [piece(*span) for span in some], [piece(*span) for span in others]
    assert holes([*one, *two]) == holes([*two, *one]) == holes([*covered(one), *covered(two)])


def test_an_export_of_everything_closes_every_hole_before_it() -> None:
    """It begins at the beginning."""
    pieces = [piece(1, 2), piece(4, 5), piece(7, 8)]
    assert (2, ()) == (len(holes(pieces)), holes([*pieces, piece(None, 8)]))


def test_pieces_that_touch_leave_no_hole() -> None:
    """They are half-open: where one ends, the other begins."""
    assert () == holes([piece(1, 2), piece(2, 3)])
    assert (piece(1, 3),) == covered([piece(2, 3), piece(1, 2)])


@pytest.mark.parametrize(
    ("days", "hours"), [((), 26), ((0,), 26), ((0, 1, 2), 48), ((0, 7, 14, 21), 14 * 24), ((0, 0, 0), 26)]
)
def test_stale_is_twice_the_usual_distance_and_at_least_26_hours(days: tuple[int, ...], hours: int) -> None:
    """Nights that are run twice in a row do not make the next one late."""
    assert LEAST_STALE == 26 * 3600
    assert hours * 3600 == stale_after([DAY + timedelta(days=day) for day in days])


def test_what_is_usual_is_told_from_the_latest_nights() -> None:
    """A stream that was weekly and is daily now is stale after two days."""
    nights = [DAY + timedelta(days=7 * week) for week in range(20)]
    nights += [nights[-1] + timedelta(days=day) for day in range(1, 11)]
    assert 48 * 3600 == stale_after(nights)
