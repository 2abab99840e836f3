"""Into which windows the records of a backfill are put. Values only; made by ``backfill``, obeyed by ``store``.

``DEFAULT_CHANGE_TIMES`` are the documented members that say when something of a record changed (contract, section 4):
``LastModifiedDate`` of preferences, ``ConsentDate`` of consents, whatever is an instant in ``Edited`` (its inner names
are not documented), and ``LastModifiedDate`` of the flat rows of the older calls. ``CustomerDate`` is none of them: it
says when a preference was collected, which may be long before or after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from extractor.plan.job import Window

UNKNOWN = "__unknown__"  # the window of records without a time of change
DEFAULT_CHANGE_TIMES: Final = (
    "Edited.*",
    "LastModifiedDate",
    "ProfilePreferences.LastModifiedDate",
    "ProfilePreferences.Edited.*",
    "Consents.ConsentDate",
    "Consents.Edited.*",
    "Emails.Edited.*",
    "Emails.EmailPreferences.LastModifiedDate",
    "Emails.EmailPreferences.Edited.*",
    "Emails.Consents.ConsentDate",
    "Emails.Consents.Edited.*",
    "PhoneNumbers.Edited.*",
    "PhoneNumbers.PhoneNumberPreferences.LastModifiedDate",
    "PhoneNumbers.PhoneNumberPreferences.Edited.*",
    "PhoneNumbers.Consents.ConsentDate",
    "PhoneNumbers.Consents.Edited.*",
    "Addresses.Edited.*",
    "Addresses.AddressPreferences.LastModifiedDate",
    "Addresses.AddressPreferences.Edited.*",
    "Addresses.Consents.ConsentDate",
    "Addresses.Consents.Edited.*",
    "AlternateIds.Edited.*",
)

Strategy = Literal["route", "fan-out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """The windows of a backfill, in order and without gaps from ``start`` to ``end`` (aware, UTC, half-open).

    A record's time of change is the latest instant found at ``change_times``, which are paths of members: dots lead
    into objects, lists are walked, ``*`` is any member. ``route``: each export holds records of all windows.
    ``fan-out``: each is of its job's window, and records of later windows in it are left out. ``size`` is the window
    as it was asked for (``1d``), ``zone`` the named zone of calendar windows.
    """

    start: datetime
    end: datetime
    size: str
    zone: str
    strategy: Strategy
    windows: tuple[Window, ...]
    change_times: tuple[str, ...]
