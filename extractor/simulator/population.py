"""The common population: every generated profile, as a pure function of seed, index and instant.

Decides ids, numbers, dates of change, and finds indices again from dates and match values without looking at
everybody. Holds a pool of templates and nothing else, whatever the number of people. Does not know segments; called by
``world``.

Decided: dates of change are spread by a permutation modulo a prime, because it can be turned round, so that an
increment costs what it selects and not what there is; considered a hash, which cannot.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from extractor.simulator import profiles, ticks
from extractor.simulator.matching import Criteria, Match
from extractor.simulator.settings import SimulatorSettings

FIRST_PROFILE_ID = 10_000_001
_PHONES = 80_000  # numbers of the form 1 NXX 555 01XX: beyond that many people, numbers are shared
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_EMAIL = re.compile(r"[a-z]+\.([0-9]{1,18})@.*", re.ASCII | re.DOTALL)
_ALTERNATE_ID = re.compile(r"[a-z]+-([0-9]{1,18})", re.ASCII)
_PRIMES = (1_009, 10_007, 100_003, 1_000_003, 10_000_019, 100_000_007, 1_000_000_007)
_SPREAD = 7_919  # a prime that divides none of the above


class Population:
    """People by index, from 0. Half-open ranges; instants are ticks (``ticks``)."""

    def __init__(self, settings: SimulatorSettings, *, size: int, deleted: bool = False) -> None:
        """Make the people of a world in which no index reaches ``size``; ``deleted`` is what is left of them."""
        extra = settings.extra_fields
        self._pool = (
            profiles.deleted_pool(settings.deleted_names)
            if deleted
            else profiles.pool(settings.seed, extra_fields=extra)
        )
        self._prime = _PRIMES[bisect.bisect_left(_PRIMES, size)]
        self._back = pow(_SPREAD, -1, self._prime)
        self._shift = settings.seed % self._prime
        slot = max(1, int(settings.change_cycle * ticks.PER_SECOND / self._prime))
        self._slot = slot if slot % 3 else slot + 1  # so that milliseconds end in 0, 3 and 7 alike
        self._cycle = self._slot * self._prime
        self.average_bytes = round(sum(len(text) for text, _ in self._pool) / len(self._pool))

    def records(self, indices: Iterable[int], at: int) -> list[bytes]:
        """Write people as they are at an instant, in the order given."""
        pool, count = self._pool, len(self._pool)
        prime, shift, slot, cycle = self._prime, self._shift, self._slot, self._cycle
        spelled = ticks.spelled
        lines = []
        for index in indices:
            text, chosen = pool[index % count]
            changed = at - (at - (index * _SPREAD + shift) % prime * slot) % cycle  # as ``changed_at``
            lines.append(
                text
                % chosen(
                    (FIRST_PROFILE_ID + index, index, _phone(index), _phone(index + _PHONES // 2), spelled(changed)),
                )
            )
        return lines

    def changed_at(self, index: int, at: int) -> int:
        """Give the last change of a person that is not after ``at``."""
        phase = (index * _SPREAD + self._shift) % self._prime * self._slot
        return at - (at - phase) % self._cycle

    def changed(self, among: Sequence[int], after: int, at: int) -> Sequence[int]:
        """Keep those who changed after one instant and not after the other."""
        if after < at - self._cycle:
            return among
        newest, age = divmod(at % self._cycle, self._slot)
        many = max(0, -((age - (at - after)) // self._slot))
        if many >= len(among) or not isinstance(among, range):
            return [index for index in among if self.changed_at(index, at) > after]
        # The newest change is that of permuted number ``newest``; each step down is one slot older.
        prime, back, shift = self._prime, self._back, self._shift
        found = ((newest - step - shift) * back % prime for step in range(many))
        return sorted(index for index in found if index in among)

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
