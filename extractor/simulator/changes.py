"""When people change, and from when on a change can be exported: a pure function of the settings and the index.

Everybody changes once in a cycle. Decides the instants (many people may share one: a burst), how late a change becomes
visible, who has changed between two instants, and the list of all changes in a period. Does not decide what a record
looks like. Called by ``population``.

Decided: instants are spread by a permutation modulo a prime, because it can be turned round, so that an increment costs
what it selects and not what there is; considered a hash, which cannot. Decided: lateness belongs to the person, not to
the single change, because then the newest visible change is one subtraction; considered one chance a change.

The list of changes walks forward from the definition, and does not use the search that exports use: it is the truth
that they are tested against.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from extractor.simulator import ticks
from extractor.simulator.settings import SimulatorSettings

_PRIMES = (1_009, 10_007, 100_003, 1_000_003, 10_000_019, 100_000_007, 1_000_000_007)
_SPREAD = 7_919  # a prime that divides none of the above
_LATE_SPREAD = 104_729  # another prime, so that those of one burst are not equally late


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one person: the instant that it is stamped with, and the first at which an export holds it."""

    profile_id: int
    stamped: datetime
    visible: datetime


class Changes:
    """The changes of people by index, from 0. Instants are ticks (``ticks``)."""

    def __init__(self, settings: SimulatorSettings, *, size: int) -> None:
        """Spread the changes of a world in which no index reaches ``size``."""
        self._prime = _PRIMES[bisect.bisect_left(_PRIMES, size)]
        self._back = pow(_SPREAD, -1, self._prime)
        self._shift = settings.seed % self._prime
        slot = max(1, int(settings.change_cycle * ticks.PER_SECOND / self._prime))
        slot = slot if slot % 3 else slot + 1
        self._cycle = slot * self._prime
        self._burst = settings.burst
        step = slot * self._burst
        self._step = step if step % 3 else step - 1  # so that milliseconds end in 0, 3 and 7 alike
        self._lates = int(settings.lateness * ticks.PER_SECOND) + 1  # how many latenesses there are, from 0

    def last(self, index: int, at: int) -> int:
        """Give the last change of a person that is visible at ``at``."""
        seen = at - index * _LATE_SPREAD % self._lates
        phase = (index * _SPREAD + self._shift) % self._prime // self._burst * self._step
        return seen - (seen - phase) % self._cycle

    def since(self, among: Sequence[int], after: int, at: int) -> Sequence[int]:
        """Keep those whose last visible change at ``at`` is after ``after``, in their order."""
        period = at - after
        if period >= self._cycle + self._lates - 1:
            return among
        groups = list(self._groups(after + 1, period))
        many = sum(map(len, groups)) * self._burst
        if period >= self._cycle or many >= len(among) or not isinstance(among, range):
            return [index for index in among if self.last(index, at) > after]
        found = (index for group in groups for index in self._people(group) if index in among)
        return sorted(found if self._lates == 1 else (index for index in found if self.last(index, at) > after))

    def every(self, among: Iterable[int], start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """List the changes stamped at ``start`` or later and before ``end``: index, stamp, and when it is visible."""
        for index in among:
            number = (index * _SPREAD + self._shift) % self._prime
            stamp = number // self._burst * self._step
            stamp += -((stamp - start) // self._cycle) * self._cycle  # the first that is not before ``start``
            late = index * _LATE_SPREAD % self._lates
            while stamp < end:
                yield index, stamp, stamp + late
                stamp += self._cycle

    def _groups(self, start: int, period: int) -> Iterator[range]:
        """List the bursts (by number) of a period that is shorter than a cycle: one range, or two round its end."""
        begin = start % self._cycle
        for low, high in ((begin, begin + period), (begin - self._cycle, begin + period - self._cycle)):
            first = max(0, -(-low // self._step))
            yield range(first, max(first, min(-(-self._prime // self._burst), -(-high // self._step))))

    def _people(self, groups: range) -> Iterator[int]:
        prime, back, shift = self._prime, self._back, self._shift
        for number in range(groups.start * self._burst, min(prime, groups.stop * self._burst)):
            yield (number - shift) * back % prime
