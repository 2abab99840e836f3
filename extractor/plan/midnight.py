"""When a day begins in a time zone. Pure: zones are values.

A local day begins at the first instant whose local date is that day. That is midnight, but for the nights in which the
clocks skip it (the day begins where they go on) or show it twice (it begins at the first of the two, as in java.time).
A day that a zone has left out altogether (Samoa, 30 December 2011) begins where the next one does: it has no length.
Called by ``period``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """Give the instant (UTC) at which ``day`` begins in ``zone``."""
    midnight = datetime.combine(day, time(), zone)
    begins = midnight.astimezone(UTC)
    if begins.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return begins
    # There is no midnight: fold=1 reads it by the clock of after the gap and so lies before it, fold=0 lies behind it.
    before, behind = midnight.replace(fold=1).astimezone(UTC), begins
    while behind - before > _SECOND:
        middle = before + (behind - before) // _SECOND // 2 * _SECOND
        before, behind = (before, middle) if day_at(middle, zone) >= day else (middle, behind)
    return behind


def day_at(instant: datetime, zone: ZoneInfo) -> date:
    """Give the local date of an aware instant."""
    return instant.astimezone(zone).date()
