"""The flat rows of the legacy Schedule call: every preference of the people of a segment, one a row (contract, 7).

Decides what a row looks like and which rows lie in a period. A row is found by its *place*, a number made of the
person's index and the row's number among the person's rows. Called by ``world``.

Decided, where the documents are silent: a period is that of a row's LastModifiedDate, and a row without one is always
in it, as ``LastDateTime`` does with records. The places of a schedule are held in memory, eight bytes each, because how
many rows a person has follows no rule.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from extractor.simulator import profiles, ticks
from extractor.simulator.changes import Change
from extractor.simulator.matching import Match
from extractor.simulator.population import Population
from extractor.simulator.settings import SimulatorSettings

_MOST = 64  # rows of one person; nobody has half as many
_ELEMENTS = {  # where preferences stand in a profile: the member, its preferences, what names the contact element
    "Emails": ("EmailPreferences", "EmailAddress", "EmailAddressType"),
    "PhoneNumbers": ("PhoneNumberPreferences", "PhoneNumber", "PhoneNumberType"),
    "Addresses": ("AddressPreferences", "Address1", "AddressType"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row before it is numbered. ``stamp`` is its tick: None is the person's change, "" that it has none."""

    template: profiles.Template
    stamp: int | str | None


class PreferenceRows:
    """The rows of the living people of a population, by place. Instants are ticks."""

    def __init__(self, settings: SimulatorSettings, people: Population) -> None:
        self._people = people
        pool = profiles.people(settings.seed, extra_fields=settings.extra_fields, timeless_share=settings.timeless)
        self._rows = [tuple(_row(row) for row in _flat(profile)) for profile in pool]
        texts = [len(row.template[0]) for rows in self._rows for row in rows]
        self.average_bytes = round(sum(texts) / max(1, len(texts)))

    def places(self, members: Iterable[int]) -> array[int]:
        """Give the places of the rows of these people, in their order."""
        counts = [len(rows) for rows in self._rows]
        return array(
            "Q", (index * _MOST + number for index in members for number in range(counts[index % profiles.POOL]))
        )

    def records(self, places: Iterable[int], at: int) -> list[bytes]:
        """Write rows as they are seen at an instant, in the order given."""
        lines = []
        for place in places:
            index, row = self._at(place)
            text, chosen = row.template
            lines.append(text % chosen(self._people.values(index, at)))
        return lines

    def during(self, among: Sequence[int], start: int, end: int, at: int) -> list[int]:
        """Keep the rows stamped at ``start`` or later and before ``end``, as they are seen at ``at``."""
        return [place for place in among if (stamp := self._stamp(place, at)) is None or start <= stamp < end]

    def changed(self, among: Sequence[int], after: int, at: int) -> list[int]:
        """Keep the rows stamped after a tick."""
        return [place for place in among if (stamp := self._stamp(place, at)) is None or stamp > after]

    def changes(self, among: Sequence[int], start: int, end: int) -> Iterator[Change]:
        """Rows have no list of changes: their people do."""
        del self, among, start, end
        return iter(())

    def matching(self, among: Sequence[int], match: Match) -> list[int]:
        """Keep the rows that satisfy a match; looks at each."""
        return [place for place in among if match.satisfied_by(orjson.loads(self.records((place,), 0)[0]))]

    def _at(self, place: int) -> tuple[int, _Row]:
        index, number = divmod(place, _MOST)
        return index, self._rows[index % profiles.POOL][number]

    def _stamp(self, place: int, at: int) -> int | None:
        index, row = self._at(place)
        if row.stamp is None:
            return self._people.changed_at(index, at)
        return row.stamp if isinstance(row.stamp, int) else None


def _row(row: Mapping[str, Any]) -> _Row:
    written = row.get("LastModifiedDate", "")
    stamp: int | str | None = written
    if written == profiles.CHANGED:
        stamp = None
    elif written:
        stamp = ticks.tick_at(ticks.milliseconds_of(datetime.fromisoformat(written)))
    return _Row(template=profiles.template(dict(row)), stamp=stamp)


def _flat(profile: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the rows of a person, in the order of the record."""
    name = profile.get("CustomerName") or {}
    person = {
        "Operation": 1,
        "ProfileID": profile["ProfileId"],
        "CID": f"C{profiles.INDEX}",
        "FirstName": name.get("FirstName"),
        "MiddleName": name.get("MiddleName"),
        "LastName": name.get("LastName"),
    }
    for preference in profile.get("ProfilePreferences") or ():
        yield {**person, "ContactElement": None, "ContactElementType": None, **_spelled(preference)}
    for member, (preferences, element, kind) in _ELEMENTS.items():
        for each in profile.get(member) or ():
            named = {"ContactElement": each[element], "ContactElementType": each[kind]}
            for preference in each[preferences]:
                yield {**person, **named, **_spelled(preference)}


def _spelled(preference: Mapping[str, Any]) -> dict[str, Any]:
    """Spell a preference as the legacy API does: ``FilterID`` where version 4 has ``FilterId``."""
    old = {"PreferenceAttributes": "CustomProperties"}
    names = {name: old.get(name, name[:-2] + "ID" if name.endswith("Id") else name) for name in preference}
    return {names[name]: value for name, value in preference.items()}
