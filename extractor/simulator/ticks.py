"""Instants on the server's clock: SQL Server ticks, ``LastDateTime``, and their spellings (contract, section 3.2).

The server keeps 300 ticks a second, written with milliseconds that end in 0, 3 or 7. Decides how a bound is read and
rounded, and how an instant is written. Does not decide which records have changed. Called by ``population``,
``records_file``, ``initiation`` and ``authorization``.

A *tick* here is an integer, counted from 1970-01-01T00:00Z; milliseconds are integers from the same instant.
"""

from __future__ import annotations

import functools
import math
import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

PER_SECOND = 300
PER_DAY = 86_400 * PER_SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z?", re.ASCII)
_FLOAT_ERROR = 0.001  # milliseconds: more than what a float of this century's seconds can be wrong by
_FIRST_DIGIT = (0, 3, 7)  # the last digit of the milliseconds, by tick modulo 3


class Zone(StrEnum):
    """How a time without ``Z`` is read; the documents leave it open (contract, sections 2.2 and 3.2)."""

    EASTERN = "Eastern"
    UTC = "UTC"


def rounded_up(milliseconds: int) -> int:
    """Round a bound as the server does: its last digit 0-2 -> 3, 3-6 -> 7, 7-9 -> the next 0.

    An exact 3 or 7 moves on as well. The bound is exclusive.
    """
    tens, digit = milliseconds // 10 * 10, milliseconds % 10
    for tick in _FIRST_DIGIT[1:]:
        if digit < tick:
            return tens + tick
    return tens + 10


def tick_at(milliseconds: int) -> int:
    """Give the newest tick that is not after an instant."""
    digit = milliseconds % 10
    return milliseconds // 10 * 3 + sum(digit >= each for each in _FIRST_DIGIT) - 1


def tick_before(moment: datetime) -> int:
    """Give the newest tick that is before an aware date-time: as an exclusive bound it includes that date-time."""
    at = tick_at(milliseconds_of(moment))
    return at - 1 if milliseconds_at(at) * _MILLISECOND == moment - _EPOCH else at


def milliseconds_at(tick: int) -> int:
    """Give a tick as milliseconds."""
    return tick // 3 * 10 + _FIRST_DIGIT[tick % 3]


def moment_at(tick: int) -> datetime:
    """Give a tick as an aware date-time, in UTC."""
    return _EPOCH + milliseconds_at(tick) * _MILLISECOND


def tick_of(seconds: float) -> int:
    """Give the newest tick that is not after a time in seconds.

    A float cannot hold most milliseconds: one that is the nearest to a millisecond counts as it.
    """
    return tick_at(math.floor(seconds * 1000 + _FLOAT_ERROR))


def milliseconds_of(moment: datetime) -> int:
    """Give an aware date-time as milliseconds; a fraction of one counts as the whole."""
    return (moment - _EPOCH) // _MILLISECOND


def parse_last_date_time(text: str, zone: Zone) -> int:
    """Read ``LastDateTime`` in either documented format, as milliseconds, not yet rounded. Raises ValueError."""
    if not _LAST_DATE_TIME.fullmatch(text):
        raise ValueError("it is not YYYY-MM-DDTHH:mm:ss.sss or YYYY-MM-DDTHH:mm:ss.sssZ")
    return milliseconds_of(in_zone(text, zone))


def in_zone(text: str, zone: Zone) -> datetime:
    """Read an ISO 8601 time; without ``Z`` it is a time of ``zone``. Raises ValueError."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC if zone is Zone.UTC else _eastern())


def spelled(tick: int) -> bytes:
    """Write a tick as the service does: ``2026-11-22T10:20:30.003Z``."""
    day, rest = divmod(tick, PER_DAY)
    second, rest = divmod(rest, PER_SECOND)
    tens, third = divmod(rest, 3)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return b"%bT%02d:%02d:%02d.%03dZ" % (_day(day), hour, minute, second, tens * 10 + _FIRST_DIGIT[third])


@functools.lru_cache(maxsize=4096)
def _day(number: int) -> bytes:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat().encode("ascii")


@functools.cache
def _eastern() -> ZoneInfo:
    """US Eastern time; read on first use, because a time without ``Z`` is rare and the zone table may be absent."""
    return ZoneInfo("America/New_York")
