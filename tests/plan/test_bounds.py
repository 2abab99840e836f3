"""The bound that is sent, against the server's own reading of it: no instant is skipped, whatever the clock shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.windows import last_date_time
from extractor.simulator import Zone, ticks

_MILLISECOND = timedelta(milliseconds=1)
BORDERS = [
    "2026-03-01T12:00:00",
    "2025-12-31T23:59:59",  # the year
    "2026-01-01T00:00:00",
    "2028-02-28T23:59:59",  # a leap day
    "2028-02-29T23:59:59",
    "2026-06-30T23:59:59",  # the month
    "2026-01-01T04:59:59",  # the year in New York
    "2026-03-08T06:59:59",  # its clocks are about to go forward
    "2026-03-08T07:00:00",
    "2026-11-01T05:59:59",  # and back
    "2026-11-01T06:00:00",
    "1969-12-31T23:59:59",  # the epoch
]


def selected_after(text: str, zone: Zone) -> int:
    """The tick after which the server selects, as Initiate reads ``LastDateTime``."""
    return ticks.tick_at(ticks.rounded_up(ticks.parse_last_date_time(text, zone)))


@pytest.mark.parametrize("zone", list(Zone))
@pytest.mark.parametrize("border", BORDERS)
def test_no_tick_from_since_on_is_skipped(border: str, zone: Zone) -> None:
    """All thousand milliseconds of a second: the first tick that is wanted comes out, and at most 2 before it."""
    second = datetime.fromisoformat(border).replace(tzinfo=UTC)
    for millisecond in range(1000):
        since = second + millisecond * _MILLISECOND
        before = ticks.tick_before(since)  # the last one that is not wanted
        assert before - 2 <= selected_after(last_date_time(since), zone) <= before


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds; the zone is drawn beside them
def test_no_tick_is_skipped_whenever_it_is(since: datetime) -> None:
    """Down to the microsecond, which falls into its millisecond."""
    assert selected_after(last_date_time(since), Zone.EASTERN) <= ticks.tick_before(since)


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2026-01-06T00:00:00", Zone.UTC, "2026-01-06T00:00:00Z"),
        ("2025-12-31T23:59:59", Zone.UTC, "2025-12-31T23:59:59Z"),
        ("2025-12-31T23:59:59", Zone.EASTERN, "2026-01-01T04:59:59Z"),
        ("2026-07-06T23:59:59", Zone.EASTERN, "2026-07-07T03:59:59Z"),
        ("2026-03-08T01:59:59", Zone.EASTERN, "2026-03-08T06:59:59Z"),  # the last second of winter
        ("2026-03-08T03:00:00", Zone.EASTERN, "2026-03-08T07:00:00Z"),  # the first of summer
        ("2026-11-01T01:59:59", Zone.EASTERN, "2026-11-01T05:59:59Z"),  # there is a second one: the earlier is meant
        ("2026-11-01T02:00:00", Zone.EASTERN, "2026-11-01T07:00:00Z"),
    ],
)
def test_without_z_the_rounding_is_the_same(local: str, zone: Zone, instant: str) -> None:
    """The other documented format: read in its zone, and then exclusive from the next tick on, whatever the digit."""
    second = ticks.milliseconds_of(datetime.fromisoformat(instant))
    for millisecond in range(1000):
        bound = selected_after(f"{local}.{millisecond:03d}", zone)
        assert ticks.milliseconds_at(bound - 1) <= second + millisecond < ticks.milliseconds_at(bound)
        assert bound == selected_after(f"{instant.removesuffix('Z')}.{millisecond:03d}Z", zone)


def test_the_rounding_reaches_into_the_next_second_and_year() -> None:
    """Its last two milliseconds become the first of the next; with Z or without."""
    expected = b"2026-01-01T00:00:00.000Z"
    assert expected == ticks.spelled(selected_after("2025-12-31T23:59:59.998Z", Zone.EASTERN))
    assert expected == ticks.spelled(selected_after("2025-12-31T18:59:59.998", Zone.EASTERN))
