"""Whom an export asks for: the match of an Initiate, and whether a record satisfies it (contract, section 3.2).

Decides by the record's own JSON, so that generated people and those of a user's file are judged alike:

- ProfileId: the id as a number or as its digits; MatchType keeps one CustomerType.
- AlternateId: MatchType names the type (required); the id without regard to case.
- PhoneNumber: digits alone are compared, so ``+1 (212) 555-0142`` finds ``12125550142``; MatchType is the type of
  the number.
- EmailAddress: without regard to case; MatchType is the address's type.

Types and names of members are compared exactly. A type must be that of the very element that has the value. Does not
know which records could come into question: ``population`` and ``records_file`` do, and call this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]


class Criteria(StrEnum):
    """What is matched."""

    PROFILE_ID = "ProfileId"
    ALTERNATE_ID = "AlternateId"
    PHONE_NUMBER = "PhoneNumber"
    EMAIL_ADDRESS = "EmailAddress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A match. ``values`` are folded: two spellings of one thing are one value."""

    criteria: Criteria
    type: str | None = None
    values: frozenset[str] = field(repr=False)  # invented here, but a user may rehearse with real ones

    @classmethod
    def of(cls, criteria: str, *, match_type: str | None = None, values: tuple[str | int, ...]) -> Match:
        """Make a match of values as they were sent."""
        known = Criteria(criteria)
        return cls(criteria=known, type=match_type, values=frozenset(fold(known, value) for value in values))

    def satisfied_by(self, record: Json) -> bool:
        """Tell whether a record carries one of the values, in an element of the type if one was named."""
        return any(
            fold(self.criteria, value) in self.values and self.type in (None, kind)
            for value, kind in _carried(self.criteria, record)
        )


def fold(criteria: Criteria, value: object) -> str:
    """Bring the spellings of one value together."""
    text = str(value).strip()
    match criteria:
        case Criteria.PROFILE_ID:
            return text
        case Criteria.PHONE_NUMBER:
            # Without a digit it is no number: keep it as it is, that it may not equal every other such text.
            return re.sub(r"\D", "", text) or text
        case Criteria.ALTERNATE_ID | Criteria.EMAIL_ADDRESS:
            return text.casefold()


def _profile_ids(record: Json) -> Iterator[tuple[object, object]]:
    for name in ("ProfileId", "ProfileID"):
        if name in record:
            yield record[name], record.get("CustomerType")


def _elements(member: str, value: str, kind: str) -> Callable[[Json], Iterator[tuple[object, object]]]:
    def carried(record: Json) -> Iterator[tuple[object, object]]:
        elements = record.get(member)
        for element in elements if isinstance(elements, list) else ():
            if isinstance(element, dict) and element.get(value) is not None:
                yield element[value], element.get(kind)

    return carried


_READERS: dict[Criteria, Callable[[Json], Iterator[tuple[object, object]]]] = {
    Criteria.PROFILE_ID: _profile_ids,
    Criteria.ALTERNATE_ID: _elements("AlternateIds", "AlternateId", "AlternateIdType"),
    Criteria.PHONE_NUMBER: _elements("PhoneNumbers", "PhoneNumber", "PhoneNumberType"),
    Criteria.EMAIL_ADDRESS: _elements("Emails", "EmailAddress", "EmailAddressType"),
}


def _carried(criteria: Criteria, record: Json) -> Iterator[tuple[object, object]]:
    """List what a record carries of a kind, each with its type."""
    return _READERS[criteria](record)
