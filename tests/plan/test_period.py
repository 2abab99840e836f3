"""Periods are cut into windows without gap or overlap, or refused with the remedy."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extractor.errors import ConfigError
from extractor.plan.job import Window
from extractor.plan.midnight import day_at, day_begins
from extractor.plan.period import MOST_WINDOWS, Period, Size, cut, read_period, read_size

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ZONES = st.sampled_from(sorted(zone for zone in available_timezones() if zone[0].isupper()))
TICK = timedelta(microseconds=1)


def windows(start: str, end: str, size: str, zone: str = "UTC") -> tuple[Window, ...]:
    """Read and cut."""
    return cut(read_period(start=start, end=end, size=size, zone=zone, now=NOW))


def problems(start: str, end: str, size: str, zone: str = "UTC") -> list[str]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        windows(start, end, size, zone)
    return refused.value.problems


def later(day: date, count: int, unit: str) -> date:
    """The day ``count`` units on, from the first of the unit."""
    if unit in "dw":
        return day + timedelta(days=count * (7 if unit == "w" else 1))
    month = day.month - 1 + count * (12 if unit == "y" else 1)
    return date(day.year + month // 12, month % 12 + 1, 1)


@st.composite
def calendar_periods(draw: st.DrawFn) -> Period:
    """A period of whole calendar windows somewhere."""
    zone, unit = draw(ZONES), draw(st.sampled_from(["d", "w", "mo", "y"]))
    count, number = draw(st.integers(1, 13)), draw(st.integers(1, 40))
    day = draw(st.dates(date(1973, 1, 1), date(2040, 1, 1)))
    day = {"d": day, "w": day - timedelta(days=day.weekday()), "mo": day.replace(day=1)}.get(unit, date(day.year, 1, 1))
    place = ZoneInfo(zone)
    start = day_begins(day, place)
    assume(day_at(start, place) == day)  # not a day that the zone has left out
    end = day_begins(later(day, count * number, unit), place)
    return Period(start=start, end=end, size=Size(count=count, unit=unit), zone=zone)


@st.composite
def elapsed_periods(draw: st.DrawFn) -> Period:
    """A period of whole elapsed windows somewhere."""
    start = datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 2_000_000_000)))
    size = Size(count=draw(st.integers(1, 500)), unit=draw(st.sampled_from(["h", "m"])))
    length = size.elapsed or timedelta()
    return Period(start=start, end=start + draw(st.integers(1, 60)) * length, size=size, zone=draw(ZONES))


@settings(max_examples=60)
@given(st.one_of(calendar_periods(), elapsed_periods()), st.data())
def test_windows_tile_the_period(period: Period, data: st.DataObject) -> None:
    """From its start to its end without gap or overlap: every instant is in exactly one."""
    found = cut(period)
    assert (period.start, period.end) == (found[0].start, found[-1].end)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(window.start < window.end for window in found)
    edges = st.sampled_from([moment for window in found for moment in (window.start, window.end - TICK)])
    moment = data.draw(
        st.one_of(
            edges,
            st.datetimes(
                *(each.replace(tzinfo=None) for each in (period.start, period.end - TICK)), timezones=st.just(UTC)
            ),
        )
    )
    assert 1 == sum(window.start <= moment < window.end for window in found)


@settings(max_examples=60)
@given(st.one_of(calendar_periods(), elapsed_periods()))
def test_names_are_unique_in_order_and_safe_in_paths(period: Period) -> None:
    """Sorted by name is sorted by time, on every file system."""
    names = [window.name for window in cut(period)]
    assert names == sorted(set(names))
    assert all(name.replace("-", "").replace("_", "").isalnum() and name.isascii() for name in names)


@settings(max_examples=60)
@given(calendar_periods())
def test_calendar_windows_begin_where_local_days_begin(period: Period) -> None:
    """Whatever the clocks did: on the right day of week or month, and the instant before is another day's."""
    place = ZoneInfo(period.zone)
    for window in cut(period):
        day = day_at(window.start, place)
        assert day_at(window.start - TICK, place) < day
        assert window.start == day_begins(day, place)
        assert window.name.startswith(f"{day:%Y}") or period.size.unit == "w"
        assert period.size.unit != "w" or day.weekday() in (0, 1)  # Tuesday: where a zone has left the Monday out
        assert period.size.unit not in ("mo", "y") or day.day in (1, 2)


@given(elapsed_periods())
@settings(max_examples=30)
def test_elapsed_windows_have_one_length(period: Period) -> None:
    """Also over a change of clocks."""
    assert {period.size.elapsed} == {window.end - window.start for window in cut(period)}


def test_days_in_new_york_have_23_24_and_25_hours() -> None:
    """1d is not 24h."""
    lengths = {
        each.name: each.end - each.start for each in windows("2025-01-01", "2026-01-01", "1d", "America/New_York")
    }
    assert 365 == len(lengths)
    assert {"2025-03-09": 23, "2025-11-02": 25} == {
        name: length / timedelta(hours=1) for name, length in lengths.items() if length != timedelta(hours=24)
    }


@pytest.mark.parametrize(
    ("start", "end", "size", "names"),
    [
        ("2026-02-27", "2026-03-02", "1d", ["2026-02-27", "2026-02-28", "2026-03-01"]),
        ("2026-01-06", "2026-01-20", "7d", ["2026-01-06_7d", "2026-01-13_7d"]),
        ("2025-12-29", "2026-01-12", "1w", ["2026-W01", "2026-W02"]),
        ("2025-12-01", "2026-02-01", "1mo", ["2025-12", "2026-01"]),
        ("2025-02-01", "2025-08-01", "3mo", ["2025-02_3mo", "2025-05_3mo"]),
        ("2024-01-01", "2026-01-01", "1y", ["2024", "2025"]),
        ("2026-01-01", "2026-01-02", "12h", ["2026-01-01T00-00Z_12h", "2026-01-01T12-00Z_12h"]),
        ("2026-01-01T00:00:30Z", "2026-01-01T01:30:30Z", "90m", ["2026-01-01T00-00-30Z_90m"]),
    ],
)
def test_a_window_is_named_after_its_first_instant(start: str, end: str, size: str, names: list[str]) -> None:
    """Whole calendar units by their ISO name; everything else says how long it is."""
    assert names == [window.name for window in windows(start, end, size)]


def test_the_hour_that_comes_twice_has_two_windows() -> None:
    """Elapsed windows are named in UTC."""
    found = windows("2025-11-02", "2025-11-03", "1h", "America/New_York")
    assert 25 == len({window.name for window in found})


def test_a_day_that_the_zone_has_left_out_is_no_window() -> None:
    """Samoa went from the 29th to the 31st."""
    found = windows("2011-12-29", "2012-01-01", "1d", "Pacific/Apia")
    assert ["2011-12-29", "2011-12-31"] == [window.name for window in found]


def test_dates_are_midnights_of_the_zone_and_instants_are_what_they_say() -> None:
    """The same period in both spellings."""
    dates = windows("2026-01-01", "2026-01-03", "1d", "Europe/Berlin")
    assert dates == windows("2025-12-31T23:00:00Z", "2026-01-03T00:00:00+01:00", "1d", "Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "end", "size", "zone", "message"),
    [
        ("2026-02-01", "2026-01-01", "1d", "UTC", "--from '2026-02-01' is after --to '2026-01-01' -- exchange them"),
        ("2026-02-01", "2026-02-01", "1d", "UTC", "the same instant, which holds nothing -- write a later --to"),
        ("2027-01-01", "2027-02-01", "1d", "UTC", "--from '2027-01-01' is still to come -- a backfill is of the past"),
        ("2026-11-01", "2026-12-01", "1d", "UTC", "--to '2026-12-01' is still to come: records would change in there"),
        ("1969-01-01", "2026-02-01", "1mo", "UTC", "before 1970"),
        ("2026-01-01", "2026-01-20", "1mo", "UTC", "--window 1mo is longer than the period, which ends"),
        ("2026-01-01", "2026-01-02", "25h", "UTC", "--window 25h is longer than the period"),
        ("2026-01-15", "2026-03-01", "1mo", "UTC", "where windows of 1mo begin -- take 2026-01-01 or 2026-02-01"),
        ("2026-01-01", "2026-01-19", "1w", "UTC", "is not the midnight of a Monday in UTC, where windows of 1w"),
        ("2026-01-01T05:00:00Z", "2026-02-01", "1d", "UTC", "is not a midnight in UTC"),
        ("2025-06-01", "2026-01-01", "1y", "UTC", "is not a New Year's Day in UTC"),
        ("2026-01-01", "2026-03-02", "1mo", "UTC", "windows of 1mo end at 2026-03-01 and 2026-04-01 -- take one of"),
        ("2026-01-01", "2026-01-02T01:00:00Z", "6h", "UTC", "end at 2026-01-02T00:00:00Z and 2026-01-02T06:00:00Z"),
        ("2026-01-01T00:00:00.5Z", "2026-01-02", "6h", "UTC", "must be whole seconds for windows of 6h"),
        ("2025-01-01", "2026-01-01", "1m", "UTC", "about 525,600 windows, but 10,000 is the most -- choose a longer"),
        ("2026-01-01", "2026-02-01", "1d", "Mars/Olympus", "--zone 'Mars/Olympus' is no time zone"),
        ("2026-01-01", "2026-02-01", "1d", "europe/berlin", 'did you mean "Europe/Berlin"?'),
        ("2026-01-01", "2026-02-01", "1M", "UTC", "--window '1M' is no window -- write a calendar window (1d"),
        ("2026-01-01", "2026-02-01", "0d", "UTC", "--window '0d' is a window without length"),
        ("2026-01-01", "2026-02-01", "999999mo", "UTC", "longer than a century"),
        ("01.02.2026", "2026-03-01", "1d", "UTC", "--from '01.02.2026' is neither a date nor an instant -- write a"),
        ("2026-02-30", "2026-03-01", "1d", "UTC", "--from '2026-02-30' is a date or time that does not exist"),
        ("2026-02-01T00:00:00", "2026-03-01", "1d", "UTC", "has no time zone -- add Z for UTC, or an offset"),
        ("0001-01-01", "2026-03-01", "1d", "Asia/Tokyo", "out of range"),
    ],
)  # fmt: skip
def test_bad_input_has_a_message_of_its_own(start: str, end: str, size: str, zone: str, message: str) -> None:
    """What is wrong, and what to write instead."""
    found = problems(start, end, size, zone)
    assert 1 == len(found)
    assert message in found[0]
    assert " -- " in found[0] or "did you mean" in found[0]


def test_everything_that_cannot_be_read_is_told_at_once() -> None:
    """Four mistakes, four lines."""
    found = problems("x", "2026-13-01", "fortnight", "Mars")
    assert ["--zone", "--window", "--from", "--to"] == [line.split()[0] for line in found]


def test_the_most_windows_are_allowed_and_one_more_is_not() -> None:
    """The bound itself."""
    start = datetime(2000, 1, 1, tzinfo=UTC)
    period = Period(start=start, end=start + timedelta(hours=MOST_WINDOWS), size=read_size("1h"), zone="UTC")
    assert MOST_WINDOWS == len(cut(period))
    with pytest.raises(ConfigError, match="about 10,001 windows"):
        cut(Period(start=start, end=period.end + timedelta(hours=1), size=period.size, zone="UTC"))
