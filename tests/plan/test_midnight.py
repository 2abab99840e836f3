"""Where a day begins, also on the nights that have no midnight, or two."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.plan.midnight import day_at, day_begins

MINUTE = timedelta(minutes=1)
PECULIAR = [
    "America/St_Johns",  # changed its clocks a minute after midnight: that night had midnight twice
    "America/Sao_Paulo",  # began summer at midnight: that night had none
    "Asia/Beirut",
    "Africa/Cairo",
    "Pacific/Apia",  # left out 30 December 2011
    "Pacific/Kiritimati",
    "America/New_York",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
]


def first_instant_of(day: date, zone: ZoneInfo) -> datetime:
    """Look at every minute around: the first whose local date is the day, or a later one."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    while moment.astimezone(zone).date() < day:
        moment += MINUTE
    return moment


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", date(2026, 1, 1), datetime(2026, 1, 1, 0, 0, tzinfo=UTC)),
        ("America/New_York", date(2026, 7, 1), datetime(2026, 7, 1, 4, 0, tzinfo=UTC)),
        ("America/Sao_Paulo", date(2018, 11, 4), datetime(2018, 11, 4, 3, 0, tzinfo=UTC)),
        ("America/St_Johns", date(2010, 11, 7), datetime(2010, 11, 7, 2, 30, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),  # 23:30 became 00:30
    ],
)
def test_a_day_begins_at_its_first_instant(zone: str, day: date, begins: datetime) -> None:
    """At midnight; behind the gap where there is none; at the first where there are two; with the next if left out."""
    assert begins == day_begins(day, ZoneInfo(zone))


@settings(max_examples=40)
@given(st.sampled_from(PECULIAR), st.dates(date(1973, 1, 1), date(2030, 1, 1)))
def test_no_earlier_instant_has_that_date(zone: str, day: date) -> None:
    """Compared with looking at every minute."""
    assert first_instant_of(day, ZoneInfo(zone)) == day_begins(day, ZoneInfo(zone))


@pytest.mark.parametrize("zone", PECULIAR)
def test_every_day_of_years_of_change_begins_no_earlier_than_the_day_before(zone: str) -> None:
    """Days come in their order, and the instant before a day has an earlier date."""
    place, day = ZoneInfo(zone), date(2010, 1, 1)
    before = day_begins(day, place)
    while day < date(2012, 2, 1):
        day += timedelta(days=1)
        begins = day_begins(day, place)
        assert before <= begins
        assert day_at(begins, place) >= day > day_at(begins - timedelta(microseconds=1), place)
        before = begins
