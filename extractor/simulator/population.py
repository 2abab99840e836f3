"""The common population: every generated profile, as a pure function of seed, index and instant.

Decides ids, numbers, who has no time in the record, and finds indices again from match values without looking at
everybody. Holds a pool of templates and nothing else, whatever the number of people. Does not know segments, nor when
people change (``changes``); called by ``world``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from extractor.simulator import profiles, ticks
from extractor.simulator.changes import Change, Changes
from extractor.simulator.matching import Criteria, Match
from extractor.simulator.settings import SimulatorSettings

FIRST_PROFILE_ID = 10_000_001
_PHONES = 80_000  # numbers of the form 1 NXX 555 01XX: beyond that many people, numbers are shared
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_EMAIL = re.compile(r"[a-z]+\.([0-9]{1,18})@.*", re.ASCII | re.DOTALL)
_ALTERNATE_ID = re.compile(r"[a-z]+-([0-9]{1,18})", re.ASCII)


class Population:
    """People by index, from 0. Half-open ranges; instants are ticks (``ticks``)."""

    def __init__(self, settings: SimulatorSettings, *, size: int, deleted: bool = False) -> None:
        """Make the people of a world in which no index reaches ``size``; ``deleted`` is what is left of them."""
        extra = settings.extra_fields
        self._pool = (
            profiles.deleted_pool(settings.deleted_names)
            if deleted
            else profiles.pool(settings.seed, extra_fields=extra, timeless_share=settings.timeless)
        )
        self._timeless = frozenset(() if deleted else profiles.timeless(settings.timeless))
        self._changes = Changes(settings, size=size)
        self.average_bytes = round(sum(len(text) for text, _ in self._pool) / len(self._pool))

    def records(self, indices: Iterable[int], at: int) -> list[bytes]:
        """Write people as they are seen at an instant, in the order given."""
        pool, count = self._pool, len(self._pool)
        lines = []
        for index in indices:
            text, chosen = pool[index % count]
            lines.append(text % chosen(self.values(index, at)))
        return lines

    def values(self, index: int, at: int) -> profiles.Values:
        """Give what fills the holes of a person's template, as seen at an instant."""
        changed = ticks.spelled(self._changes.last(index, at))
        return FIRST_PROFILE_ID + index, index, _phone(index), _phone(index + _PHONES // 2), changed

    def changed_at(self, index: int, at: int) -> int:
        """Give the last change of a person that is visible at ``at``."""
        return self._changes.last(index, at)

    def changed(self, among: Sequence[int], after: int, at: int) -> Sequence[int]:
        """Keep those whose last change visible at ``at`` is after ``after``, and those without any time."""
        found = self._changes.since(among, after, at)
        if not self._timeless or found is among:
            return found
        return sorted({*found, *self._without_time(among)})

    def changes(self, among: Sequence[int], start: int, end: int) -> Iterator[Change]:
        """List every change stamped at ``start`` or later and before ``end``; who has no time is not in it."""
        dated = (index for index in among if index % profiles.POOL not in self._timeless)
        for index, stamp, visible in self._changes.every(dated, start, end):
            yield Change(
                profile_id=FIRST_PROFILE_ID + index, stamped=ticks.moment_at(stamp), visible=ticks.moment_at(visible)
            )

    def _without_time(self, among: Sequence[int]) -> Iterator[int]:
        """Find them without a look at everybody: along a range, the pool's people come again and again."""
        if not isinstance(among, range):
            yield from (index for index in among if index % profiles.POOL in self._timeless)
            return
        for place, index in enumerate(among[: profiles.POOL]):
            if index % profiles.POOL in self._timeless:
                yield from among[place :: profiles.POOL]

    def matching(self, among: Sequence[int], match: Match) -> list[int]:
        """Keep those who satisfy a match, in their order; costs what the values name, not what there is."""
        inside = _membership(among)
        candidates = {
            index for value in match.values for index in self._named(match.criteria, value, among) if inside(index)
        }
        return [index for index in sorted(candidates) if match.satisfied_by(orjson.loads(self.records((index,), 0)[0]))]

    def _named(self, criteria: Criteria, value: str, among: Sequence[int]) -> Iterable[int]:
        """List the only indices that can carry a folded value: each kind of value spells its index."""
        match criteria:
            case Criteria.PROFILE_ID:
                return [int(value) - FIRST_PROFILE_ID] if _DIGITS.fullmatch(value) else []
            case Criteria.EMAIL_ADDRESS:
                found = _EMAIL.fullmatch(value)
                return [int(found[1])] if found else []
            case Criteria.ALTERNATE_ID:
                found = _ALTERNATE_ID.fullmatch(value)
                return [int(found[1])] if found else []
            case Criteria.PHONE_NUMBER:
                return _holders(value, stop=among[-1] + 1 if among else 0)


def _phone(index: int) -> int:
    """Give a number of the range that is reserved for fiction, 1 NXX 555 01XX."""
    area, line = divmod(index % _PHONES, 100)
    return 10_000_000_000 + (200 + area) * 10_000_000 + 5_550_100 + line


def _holders(number: str, *, stop: int) -> Iterator[int]:
    if not (_DIGITS.fullmatch(number) and len(number) == len("12005550100")):
        return
    place = (int(number[1:4]) - 200) * 100 + int(number[-2:])
    if not 0 <= place < _PHONES or str(_phone(place)) != number:
        return
    for first in (place, (place + _PHONES // 2) % _PHONES):
        yield from range(first, stop, _PHONES)


def _membership(among: Sequence[int]) -> Callable[[int], bool]:
    if isinstance(among, range):
        return among.__contains__  # arithmetic, not a search
    return frozenset(among).__contains__
