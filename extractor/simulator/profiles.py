"""What one profile looks like: a pool of invented people, ready to be numbered (contract, section 4).

Decides the shape of the records: scripts, nulls, absent members, consents, preferences, long texts. A template is a
record's JSON with holes for what differs from index to index; filling one is a single formatting of bytes, and that is
what makes a million records cheap. Does not decide who is in a segment. Called by ``population``.

The newest LastModifiedDate, ConsentDate or member of Edited in a record is its change, by which LastDateTime selects
it; every other date is older than any change. Which of the three it stands in differs from person to person.

Every line is compact UTF-8 as orjson writes it. Values that a match can name have one shape each, which
``population`` reads back into an index: keep them together.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

import orjson

from extractor.simulator import names

POOL = 509  # a prime, so that no step of a segment meets the same people again and again
_APART = 211  # another prime: numbers of the pool, one after the other, that are far from each other

Json: TypeAlias = dict[str, Any]
Values: TypeAlias = tuple[int, int, int, int, bytes]  # what fills the holes, in the order of the marks below
Template: TypeAlias = tuple[bytes, Callable[[Values], tuple[int | bytes, ...]]]
_T = TypeVar("_T")

_TIMES = frozenset({"LastModifiedDate", "ConsentDate", "Edited"})

# Marks of the holes: private-use characters, which no name holds.
_ID, INDEX, _PHONE, _SECOND_PHONE, CHANGED = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
_HOLE = re.compile('"\ue000"|[\ue001-\ue004]')


@functools.lru_cache(maxsize=8)
def people(seed: int, *, extra_fields: bool = False, timeless_share: float = 0.0) -> tuple[Json, ...]:
    """Give the living people of a seed as JSON values, with marks for what differs from index to index."""
    without = timeless(timeless_share)
    writers = (_Writer(random.Random(f"{seed}/{number}")) for number in range(POOL))  # noqa: S311 - people who repeat are the purpose
    return tuple(
        writer.profile(number, extra_fields=extra_fields, dated=number not in without)
        for number, writer in enumerate(writers)
    )


@functools.lru_cache(maxsize=8)
def pool(seed: int, *, extra_fields: bool = False, timeless_share: float = 0.0) -> tuple[Template, ...]:
    """Give the living people of a seed."""
    written = people(seed, extra_fields=extra_fields, timeless_share=timeless_share)
    return tuple(template(profile) for profile in written)


def timeless(share: float) -> frozenset[int]:
    """Tell which people of the pool have no time in their record; they stand apart from each other."""
    return frozenset(number * _APART % POOL for number in range(round(share * POOL)))


@functools.lru_cache(maxsize=8)
def deleted_pool(members: tuple[str, str, str]) -> tuple[Template, ...]:
    """Give what is left of deleted people: id, date and reason under these names (contract, section 4.8)."""
    return tuple(template(dict(zip(members, (_ID, CHANGED, reason), strict=True))) for reason in names.REASONS)


def template(value: Json) -> Template:
    """Write a JSON value once and for all, but for its holes."""
    text = orjson.dumps(value).decode().replace("%", "%%")
    holes = [ord(found.strip('"')) - ord(_ID) for found in _HOLE.findall(text)]
    filled = _HOLE.sub(lambda found: "%b" if found[0] == CHANGED else "%d", text)
    return filled.encode(), itemgetter(*holes)


class _Writer:
    """Writes one person; every choice comes from the person's own chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def profile(self, number: int, *, extra_fields: bool, dated: bool) -> Json:
        active = self._maybe(0.95)
        profile: Json = {
            "ProfileId": _ID,
            "IsActive": active,
            "Edited": {"Created": self._date(), "LastModifiedDate": self._changed(), "UserId": "batch"},
            "RegistrationConfirmed": self._maybe(0.5),
            "CustomerType": self._one(names.CUSTOMER_TYPES),
            "PreservePreferences": True,
            "PreserveConsents": self._maybe(0.9),
            "CustomerName": self._name(),
            "DefaultLocale": self._one(names.LOCALES),
            "Consents": self._some(0, 1, self._consent),
            "ProfilePreferences": self._some(0, 1, self._preference),
            "AlternateIds": self._alternate_ids(),
            "Addresses": self._addresses(),
            "PhoneNumbers": self._phones(),
            "Emails": self._emails(),
            "Groups": self._some(0, 1, lambda: {"Name": self._one(names.PROGRAMS)}),
            "ProfileTags": [],
            "CustomFields": self._custom_fields(number),
        }
        if not active:
            profile["ReasonCode"] = self._one(names.REASONS)
        if extra_fields:
            profile["SchemaHint"] = {"Revision": 41, "Nested": [[], {}, None, [1, 2.5, -3]]}
        profile = self._thinned(profile)
        if not dated:
            return {name: _undated(value) for name, value in profile.items() if name not in _TIMES}
        if not _is_changed(profile):
            profile["Edited"] = {"Created": self._date(), "LastModifiedDate": CHANGED}
        return profile

    def _thinned(self, profile: Json) -> Json:
        """Drop some members and null others: absent, null and empty all occur (contract, section 4)."""
        for member in ("RegistrationConfirmed", "PreserveConsents", "Groups", "ProfileTags", "CustomerName", "Edited"):
            if self._maybe(0.12):
                del profile[member]
        for member in ("ProfilePreferences", "Addresses", "DefaultLocale"):
            if self._maybe(0.06):
                profile[member] = None
        return profile

    def _name(self) -> Json:
        name: Json = {
            "FirstName": self._one(names.FIRST),
            "MiddleName": self._one(names.FIRST) if self._maybe(0.2) else None,
            "LastName": self._one(names.LAST),
        }
        if self._maybe(0.4):
            name |= {"Prefix": self._one(names.PREFIXES), "Suffix": self._one(names.SUFFIXES)}
        return name

    def _emails(self) -> list[Json]:
        return [
            {
                "EmailAddressType": kind,
                "EmailAddress": f"{kind.lower() if order else 'user'}.{INDEX}@{self._one(names.EMAIL_DOMAINS)}",
                "IsDefault": order == 0,
                "IsActive": self._maybe(0.9),
                "EmailPreferences": self._some(0, 1, self._preference),
            }
            for order, kind in enumerate(names.EMAIL_TYPES[: self._one((1, 1, 1, 1, 2, 3, 0))])
        ]

    def _phones(self) -> list[Json]:
        return [
            {
                "PhoneNumberPreferences": self._some(0, self._one((0, 1)), self._preference),
                "PhoneNumberType": kind,
                "PhoneNumber": _SECOND_PHONE if order else _PHONE,
                "IsMobile": kind == "Mobile",
                "IsDefault": order == 0,
                "IsActive": True,
            }
            for order, kind in enumerate(names.PHONE_TYPES[: self._one((0, 0, 1, 1, 1, 2))])
        ]

    def _addresses(self) -> list[Json]:
        return [self._address(kind) for kind in names.ADDRESS_TYPES[: self._one((0, 0, 0, 1, 1, 2))]]

    def _address(self, kind: str) -> Json:
        city, state, code = self._one(names.CITIES)
        country, numeric, alpha2, alpha3 = self._one(names.COUNTRIES)
        return {
            "AddressPreferences": [],
            "AddressType": kind,
            "IsDefault": kind == names.ADDRESS_TYPES[0],
            "IsActive": True,
            "Address1": f"{self._chance.randint(1, 9999)} {self._one(names.STREETS)}",
            "Address2": self._one((None, "", "Apt 4", "c/o Exämple")),
            "City": city,
            "StateProvince": state,
            "PostalCode": code,
            "Country": country,
            "CountryCode_Numeric": numeric,
            "CountryCode_Alpha2": alpha2,
            "CountryCode_Alpha3": alpha3,
            "CassStatus": self._one(("Y", "N")),
        }

    def _alternate_ids(self) -> list[Json]:
        return [
            {"AlternateIdType": kind, "AlternateId": f"{kind.upper()[:3]}-{INDEX}", "IsActive": True}
            for kind in names.ALTERNATE_ID_TYPES[: self._one((0, 1, 1, 1, 2))]
        ]

    def _preference(self) -> Json:
        status = "Active" if self._maybe(0.9) else "Expired"
        preference: Json = {
            "FilterId": f"{self._one(names.PROGRAMS).upper()}-{self._chance.randint(1, 40)}",
            "ProgramId": self._one(names.PROGRAMS),
            "ChannelId": self._one(names.CHANNELS),
            "PreferenceType": self._one((1, 1, 1, 2)),
            "PreferenceStatus": status,
            "FrequencyId": self._one(names.FREQUENCIES),
            "PreferenceAttributes": self._attributes(),
            "CustomerDate": self._date(),
            "LastModifiedDate": self._changed(),
            "ExpirationDate": "" if status == "Active" else self._date(),
            "UserId": self._one(("nightly", "web", "j.doe@example.com")),
            "SourceId": self._one(names.SOURCES),
        }
        if self._maybe(0.1):
            preference |= {"MatchType": "Implied", "ReasonCode": self._one(names.REASONS)}
        return preference

    def _attributes(self) -> list[Json]:
        return self._some(0, 1, lambda: dict(zip(("Key", "Value"), self._one(names.ATTRIBUTES), strict=True)))

    def _consent(self) -> Json:
        return {
            "ConsentType": self._one(names.CONSENTS),
            "ConsentVersion": f"{self._chance.randint(1, 9)}.{self._chance.randint(0, 20)}",
            "Locale": self._one(names.LOCALES),
            "ConsentStatus": self._one((1, 1, 1, 2, 3, 4)),
            "ConsentDate": self._changed(0.3),
            "ExpirationDate": self._one((None, None, self._date())),
            "Expired": False,
        }

    def _custom_fields(self, number: int) -> list[Json]:
        chosen = self._chance.sample(names.CUSTOM_FIELDS, self._one((0, 0, 1, 2, 3)))
        fields: list[Json] = [{"Name": name, "Value": value} for name, value in chosen]
        if number % 250 == 1:  # three people of the pool carry a text that fills many a small buffer
            fields.append({"Name": "Transcript", "Value": "“…” naïve façade 漢字 " * 260})
        return fields

    def _changed(self, share: float = 0.7) -> str:
        """Give the person's change, or a date that is older."""
        return CHANGED if self._maybe(share) else self._date()

    def _date(self) -> str:
        """Give a date that is older than every change (``settings.OLDEST_CHANGE``)."""
        chance = self._chance
        day = f"20{chance.randint(5, 14):02d}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        return f"{day}T{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:{chance.randint(0, 59):02d}Z"

    def _some(self, least: int, most: int, write: Callable[[], _T]) -> list[_T]:
        return [write() for _ in range(self._chance.randint(least, most))]

    def _one(self, choices: Sequence[_T]) -> _T:
        return self._chance.choice(choices)

    def _maybe(self, share: float) -> bool:
        return self._chance.random() < share


def _is_changed(value: object) -> bool:
    """Tell whether the change stands somewhere in a profile."""
    if isinstance(value, list):
        return any(map(_is_changed, value))
    return any(map(_is_changed, value.values())) if isinstance(value, dict) else value == CHANGED


def _undated(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Leave out everything from which a time of change could be read."""
    if isinstance(value, list):
        return [_undated(each) for each in value]
    if isinstance(value, dict):
        return {name: _undated(each) for name, each in value.items() if name not in _TIMES}
    return value
