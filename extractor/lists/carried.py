"""What a record carries of the kind that was asked for (contract, sections 3.2 and 4).

Decides in which members a value stands, beside its type, as one table: the vendor's pages show some of these names
only for other calls, so they are data. Names are matched exactly, else without regard to case. Pure. Called by
``outcome``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from extractor.lists.criteria import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record has its values: in ``value`` of each element of ``elements`` (None: of the record itself).

    ``type`` is the member beside it that the match's type speaks of.
    """

    elements: str | None
    value: str
    type: str


PLACES: Final = {
    "ProfileId": Place(elements=None, value="ProfileId", type="CustomerType"),
    "AlternateId": Place(elements="AlternateIds", value="AlternateId", type="AlternateIdType"),
    "PhoneNumber": Place(elements="PhoneNumbers", value="PhoneNumber", type="PhoneNumberType"),
    "EmailAddress": Place(elements="Emails", value="EmailAddress", type="EmailAddressType"),
}


def carried(criteria: str, kind: str | None, record: Any) -> set[str]:  # noqa: ANN401 - whatever JSON can be
    """Give the folded values of a parsed record; with ``kind`` only those of that type."""
    place = PLACES[criteria]
    elements = [record] if place.elements is None else _member(record, place.elements)
    found = set()
    for element in elements if isinstance(elements, list) else ():
        value = _member(element, place.value)
        is_one = isinstance(value, str | int) and not isinstance(value, bool)
        if is_one and (kind is None or _member(element, place.type) == kind):
            found.add(fold(criteria, str(value)))
    return found


def _member(element: Any, name: str) -> Any:  # noqa: ANN401 - as above
    if not isinstance(element, dict):
        return None
    if name in element:
        return element[name]
    folded = name.casefold()
    return next((value for other, value in element.items() if other.casefold() == folded), None)
