"""Instants as the server has them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.simulator import ticks
from extractor.simulator.ticks import Zone

INSTANTS = st.integers(min_value=0, max_value=4_000_000_000_000)


@pytest.mark.parametrize("digit", range(10))
def test_bounds_round_up_on_the_last_digit_as_documented(digit: int) -> None:
    """000-002 -> 003, 003-006 -> 007, 007-009 -> the next 000."""
    expected = 3 if digit <= 2 else 7 if digit <= 6 else 10
    assert [tens * 10 + expected for tens in range(100)] == [ticks.rounded_up(tens * 10 + digit) for tens in range(100)]


def test_every_millisecond_of_a_second_rounds_to_the_next_tick_of_all() -> None:
    """All thousand: the rounded bound is the first tick after what was sent."""
    on_the_clock = [ms for ms in range(1011) if ms % 10 in (0, 3, 7)]
    for sent in range(1000):
        assert next(ms for ms in on_the_clock if ms > sent) == ticks.rounded_up(sent)


@given(INSTANTS)
def test_a_rounded_bound_is_a_tick_later_than_what_was_sent(sent: int) -> None:
    """So an exact 3 or 7 moves on, and the bound behaves as exclusive."""
    rounded = ticks.rounded_up(sent)
    assert rounded == ticks.milliseconds_at(ticks.tick_at(rounded))
    assert ticks.tick_at(sent) + 1 == ticks.tick_at(rounded)


@given(INSTANTS)
def test_a_tick_is_not_after_its_instant(milliseconds: int) -> None:
    """And less than 4 ms before it."""
    assert 0 <= milliseconds - ticks.milliseconds_at(ticks.tick_at(milliseconds)) < 4


@given(INSTANTS)
def test_a_tick_is_spelled_as_the_service_spells_dates(milliseconds: int) -> None:
    """In UTC, with milliseconds and Z."""
    tick = ticks.tick_at(milliseconds)
    moment = datetime.fromisoformat(ticks.spelled(tick).decode())
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ticks.milliseconds_at(tick)) == moment


@given(INSTANTS, st.integers(0, 999))
def test_the_bound_before_a_date_time_includes_it(milliseconds: int, microseconds: int) -> None:
    """The first tick after the bound is the first that is not before the date-time."""
    elapsed = timedelta(milliseconds=milliseconds, microseconds=microseconds)
    bound = ticks.tick_before(datetime(1970, 1, 1, tzinfo=UTC) + elapsed)
    before, after = (timedelta(milliseconds=ticks.milliseconds_at(each)) for each in (bound, bound + 1))
    assert before < elapsed <= after


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-01-06T00:00:00.000Z", Zone.EASTERN, "2026-01-06T00:00:00+00:00"),
        ("2026-01-06T00:00:00.000", Zone.UTC, "2026-01-06T00:00:00+00:00"),
        ("2026-01-06T00:00:00.000", Zone.EASTERN, "2026-01-06T05:00:00+00:00"),
        ("2026-07-06T00:00:00.000", Zone.EASTERN, "2026-07-06T04:00:00+00:00"),
    ],
)
def test_a_time_without_z_is_of_the_zone_that_was_set(text: str, zone: Zone, expected: str) -> None:
    """Eastern knows its summer."""
    expected_ms = ticks.milliseconds_of(datetime.fromisoformat(expected))
    assert expected_ms == ticks.parse_last_date_time(text, zone)


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-06", "2026-01-06T00:00:00Z", "2026-01-06 00:00:00.000Z", "2026-13-06T00:00:00.000Z", "yesterday"],
)
def test_another_format_is_refused(text: str) -> None:
    """Only the two documented ones are read."""
    with pytest.raises(ValueError, match=r"YYYY|month"):
        ticks.parse_last_date_time(text, Zone.UTC)
