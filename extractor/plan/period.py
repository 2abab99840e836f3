"""The period of a backfill, and the windows it is cut into. Pure.

Decides how ``--from``, ``--to``, ``--window`` and ``--zone`` are read, where windows begin and what their folders are
called. Does not decide what is exported for them (``backfill``). Called by ``backfill`` and the command line.

Windows are half-open and tile the period without gap or overlap. There are two kinds. Calendar windows (``1d``, ``1w``,
``1mo``, ``1y`` and multiples) follow the calendar of the zone: a day may have 23 or 25 hours. Elapsed ones (``24h``,
``90m``) have the same length always, and know no zone.

Decided: a window is never cut short. A period that does not begin and end on borders is refused, with the nearest
borders named, because a folder ``window=2026-01`` must be all of January whichever backfill wrote it; considered
partial windows at both ends, whose folders would claim what they do not hold. A multiple (``7d``, ``3mo``) is counted
from FROM, and says so in its name, because only FROM can tell where fiscal quarters begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from extractor.config.zones import zone_named
from extractor.errors import ConfigError
from extractor.plan.job import Window
from extractor.plan.midnight import day_at, day_begins

MOST_WINDOWS = 10_000
WINDOW_FORM = "write a calendar window (1d, 7d, 1w, 1mo, 3mo, 1y) or an elapsed one (24h, 90m)"
INSTANT_FORM = "write a date such as 2026-01-01 (midnight in the zone), or an instant such as 2026-01-01T06:00:00Z"

_SIZE = re.compile(r"([0-9]{1,6})(mo|[dwyhm])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_ELAPSED = {"h": timedelta(hours=1), "m": timedelta(minutes=1)}
_USUAL = {"d": timedelta(days=1), "w": timedelta(days=7), "mo": timedelta(days=30), "y": timedelta(days=365)} | _ELAPSED
_BORDERS = {"d": "a midnight", "w": "the midnight of a Monday", "mo": "a first of the month", "y": "a New Year's Day"}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # nothing that can be exported is older
_LONGEST = timedelta(days=36_525)  # a century; sums of longer ones would leave the calendar
_MONTHS = 12

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long windows are: ``count`` times the ``unit`` ``d``, ``w``, ``mo``, ``y`` (calendar), ``h``, ``m``."""

    count: int
    unit: str

    @property
    def elapsed(self) -> timedelta | None:
        """The exact length; None where the calendar decides."""
        return self.count * _ELAPSED[self.unit] if self.unit in _ELAPSED else None

    @property
    def usual(self) -> timedelta:
        """The length, roughly."""
        return self.count * _USUAL[self.unit]

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """``start`` <= t < ``end`` (aware, UTC), cut into ``size``; ``zone`` is the IANA name for calendar windows."""

    start: datetime
    end: datetime
    size: Size
    zone: str


def read_period(*, start: str, end: str, size: str, zone: str, now: datetime) -> Period:
    """Read the words of a command line. ``now`` is aware.

    Raises ConfigError with every problem that can be seen at once: an unknown zone, a window or an instant that cannot
    be read; then, of what can be read, a period that is empty, turned round, or reaches into the future.
    """
    problems: list[str] = []
    known, unit = _tried(problems, "--zone", zone, zone_named), _tried(problems, "--window", size, read_size)
    # A zone that is unknown must not hide a date that does not exist.
    place = known or ZoneInfo("UTC")
    begins = _tried(problems, "--from", start, lambda text: _instant(text, place))
    ends = _tried(problems, "--to", end, lambda text: _instant(text, place))
    if begins is not None and ends is not None and known is not None:
        problems += _faults(begins, ends, (start, end), now)
    if begins is None or ends is None or unit is None or problems:
        raise ConfigError(problems)
    return Period(start=begins, end=ends, size=unit, zone=zone)


def read_size(text: str) -> Size:
    """Read ``1mo`` or ``24h``. Raises ValueError with the sentence that says what is wrong, and the remedy."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"is no window -- {WINDOW_FORM}")
    if int(found[1]) == 0:
        raise ValueError(f"is a window without length -- {WINDOW_FORM}")
    size = Size(count=int(found[1]), unit=found[2])
    if size.usual > _LONGEST:
        raise ValueError(f"is longer than a century -- {WINDOW_FORM}")
    return size


def cut(period: Period) -> tuple[Window, ...]:
    """Cut the period into windows, in order. The same period is cut alike always.

    Raises ConfigError when it does not begin and end on borders, is shorter than one window, or has too many.
    """
    size, length = period.size, period.end - period.start
    problems = list(_misplaced_start(period))
    if not problems and length / size.usual <= MOST_WINDOWS + 1:
        windows = tuple(_windows(period))
        problems += _misplaced_end(period, windows)
        if not problems and len(windows) <= MOST_WINDOWS:
            return windows
    if not problems:
        many = f"about {round(length / size.usual):,} windows, but {MOST_WINDOWS:,} is the most"
        problems = [f"--window {size}: {many} -- choose a longer window, or backfill the period in pieces"]
    raise ConfigError(problems)


def _windows(period: Period) -> Iterator[Window]:
    """Give windows until one reaches the end, or would reach over it (it is given, too)."""
    name, days = _namer(period), _dayer(period)
    borders = _borders(period)
    begins = next(borders)
    for ends in borders:
        if ends > begins:  # a day that the zone has left out is no window
            first, last = days(begins, ends)
            yield Window(name=name(begins), start=begins, end=ends, first_day=first, last_day=last)
        begins = ends
        if ends >= period.end:
            return


def _borders(period: Period) -> Iterator[datetime]:
    """Give the start of the period, and then every later border, without end."""
    size, step = period.size, period.size.elapsed
    if step is not None:
        border = period.start
        while True:
            yield border
            border += step
    zone = zone_named(period.zone)
    first, number = day_at(period.start, zone), 0
    while True:
        yield day_begins(_day(first, number * size.count, size.unit), zone)
        number += 1


def _day(first: date, count: int, unit: str) -> date:
    """Go ``count`` units on from a day; months and years are counted from a first of the month."""
    if unit in ("d", "w"):
        return first + count * _USUAL[unit]
    months = first.year * _MONTHS + first.month - 1 + count * (_MONTHS if unit == "y" else 1)
    return date(months // _MONTHS, months % _MONTHS + 1, first.day)


def _misplaced_start(period: Period) -> Iterator[str]:
    size, start = period.size, period.start
    if size.elapsed is not None:
        if start.microsecond or period.end.microsecond:
            yield f"--from and --to must be whole seconds for windows of {size} -- leave the fraction out"
        return
    zone = zone_named(period.zone)
    unit = size.unit
    floor = _floor(day_at(start, zone), unit)
    if day_begins(floor, zone) != start:
        after = _day(floor, 1, unit)
        yield (
            f"--from {_shown(start, zone)} is not {_BORDERS[unit]} in {period.zone}, where windows of {size} begin "
            f"-- take {floor} or {after}, or an elapsed window such as 24h"
        )


def _misplaced_end(period: Period, windows: tuple[Window, ...]) -> Iterator[str]:
    last, size, end = windows[-1], period.size, period.end
    if last.end == end:
        return
    zone = zone_named(period.zone) if size.elapsed is None else None
    if len(windows) == 1:
        yield (
            f"--window {size} is longer than the period, which ends before its first window does "
            f"({_shown(last.end, zone)}) -- choose a shorter window, or a later --to"
        )
        return
    yield (
        f"--to {_shown(end, zone)} would cut the last window short: windows of {size} end at {_shown(last.start, zone)}"
        f" and {_shown(last.end, zone)} -- take one of these, or another --window"
    )


def _floor(day: date, unit: str) -> date:
    match unit:
        case "w":
            return day - timedelta(days=day.weekday())
        case "mo":
            return day.replace(day=1)
        case "y":
            return day.replace(month=1, day=1)
        case _:
            return day


def _namer(period: Period) -> Callable[[datetime], str]:
    """Give the function that names a window by its first instant.

    Names sort as windows do, are safe in paths, and say how long the window is unless it is one whole calendar unit.
    Elapsed windows are named in UTC, where no hour comes twice.
    """
    size = period.size
    if size.elapsed is not None:
        form = "%Y-%m-%dT%H-%M-%SZ" if period.start.second else "%Y-%m-%dT%H-%MZ"
        return lambda begins: f"{begins:{form}}_{size}"
    zone = zone_named(period.zone)
    suffix = "" if size.count == 1 else f"_{size}"
    return lambda begins: _called(day_at(begins, zone), size.unit) + suffix


def _dayer(period: Period) -> Callable[[datetime, datetime], tuple[date, date] | tuple[None, None]]:
    """Give the function that names the first and the last day of a window; elapsed windows have none."""
    if period.size.elapsed is not None:
        return lambda _begins, _ends: (None, None)
    zone = zone_named(period.zone)
    return lambda begins, ends: (day_at(begins, zone), day_at(ends, zone) - timedelta(days=1))


def _called(day: date, unit: str) -> str:
    match unit:
        case "w":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02d}"
        case "mo":
            return f"{day:%Y-%m}"
        case "y":
            return f"{day:%Y}"
        case _:
            return f"{day}"


def _tried(problems: list[str], option: str, text: str, read: Callable[[str], Read]) -> Read | None:
    try:
        return read(text)
    except ValueError as fault:
        problems.append(f"{option} {text!r} {fault}")
        return None


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """Read a date or an instant. Raises ValueError as ``read_size`` does."""
    written = text.strip()
    try:
        if _DATE.fullmatch(written):
            return day_begins(_existing(date.fromisoformat, written), zone)
        found = _INSTANT.fullmatch(written)
        if found is None:
            raise ValueError(f"is neither a date nor an instant -- {INSTANT_FORM}")
        instant = _existing(datetime.fromisoformat, written.upper())
    except OverflowError:
        raise ValueError(f"is out of range -- {INSTANT_FORM}") from None
    if found["zone"] is None:
        raise ValueError(f"has no time zone -- add Z for UTC, or an offset: {INSTANT_FORM}")
    return instant.astimezone(UTC)


def _existing(read: Callable[[str], Read], written: str) -> Read:
    try:
        return read(written)
    except ValueError:
        raise ValueError(f"is a date or time that does not exist -- {INSTANT_FORM}") from None


def _faults(start: datetime, end: datetime, written: tuple[str, str], now: datetime) -> Iterator[str]:
    begins, ends = written
    if start < _EARLIEST:
        yield f"--from {begins!r} is before 1970, when there was nothing to export -- write a later one"
    if start > now:
        yield f"--from {begins!r} is still to come -- a backfill is of the past: write an earlier one"
    elif end > now:
        yield f"--to {ends!r} is still to come: records would change in there afterwards -- write an earlier one"
    if start > end:
        yield f"--from {begins!r} is after --to {ends!r} -- exchange them"
    if start == end:
        yield f"--from {begins!r} and --to {ends!r} are the same instant, which holds nothing -- write a later --to"


def _shown(instant: datetime, zone: ZoneInfo | None) -> str:
    """Write an instant as the user would: as a date, where it is one in the zone of the windows."""
    if zone is not None and day_begins(day_at(instant, zone), zone) == instant:
        return f"{day_at(instant, zone)}"
    return instant.isoformat().replace("+00:00", "Z")
