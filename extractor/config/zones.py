"""Time zones by their IANA names, ``Europe/Berlin``: one place that knows whether a name is one.

Decides how a name is looked up, and what is said of one that is none. The rules come from the machine, or from the
``tzdata`` package where the machine has none. Called by the models, and by ``plan`` for the command line's ``--zone``.
"""

from __future__ import annotations

import difflib
from zoneinfo import ZoneInfo, available_timezones

ZONE_FORM = "write a name such as UTC, America/New_York or Europe/Berlin"


class ZoneError(ValueError):
    """Not the name of a time zone. The message reads ``what is wrong -- remedy`` and does not repeat the name."""


def zone_named(name: str) -> ZoneInfo:
    """Find a time zone. Raises ZoneError, with the nearest name where there is one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "America"
        near = _nearest(name)
        remedy = ZONE_FORM if near is None else f'did you mean "{near}"?'
        raise ZoneError(f"is no time zone that this machine knows -- {remedy}") from None


def _nearest(name: str) -> str | None:
    """Find the zone that was likely meant: by its city alone, in other letters, or with a slip of the pen."""
    wanted = name.strip().replace(" ", "_").lower()
    zones = {zone.lower(): zone for zone in sorted(available_timezones()) if zone[0].isupper()}
    cities = {zone.rpartition("/")[2]: zone for zone in zones}
    found = difflib.get_close_matches(wanted, [*zones, *cities], n=1, cutoff=0.75)
    return zones[cities.get(found[0], found[0])] if found else None
