"""How often to ask, as functions of what is known.

Polling starts quick, because most exports are small, and slows down, because the large ones take their time whoever
asks. Where earlier exports of the same stream say how long they took, the first question waits until it may be worth
while, and the next ones follow closely. Called by ``lifecycle``; ``learned`` by ``run``, once, when a run begins.

Decided: the first question comes at an instant at which an earlier export was still seen processing, below the time
that the quick ones of the last nights took. So it never comes later than they were ready, and what the service has
become quicker by is not lost for long: when a first question found an export ready, the next night asks half as late.
After the expected time no pause is longer than it would be without history for an export of that age. Considered the
mean less a margin, which is late for every second export, and one question at the expected time, which learns nothing
of how much earlier would have done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

_GROWTH = 1.5
_STRIDE = 4  # longest pauses: how long nothing at all may be asked, however sure history is
_NIGHTS = 5  # that polling learns from: a service that has changed is believed soon
_CLOSER = 4  # into how many parts the doubtful time is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """Seconds to the first Status after Initiate, and the longest pause between two.

    ``expected`` is the seconds after Initiate from which on an export may be ready, as earlier ones say, and ``step``
    the first pause after that; 0: nothing is known, so asking begins with ``first``.
    """

    first: float = 0.5
    longest: float = 30.0
    expected: float = 0.0
    step: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When the exports of one earlier night were ready; seconds after Initiate.

    One of the quick ones (of several batches) was seen ready at ``ready`` and last seen processing at ``unready``,
    None if the first question found it ready. ``usual`` is the median of all.
    """

    ready: float
    unready: float | None
    usual: float


def learned(policy: PollPolicy, nights: Sequence[Sighting]) -> PollPolicy:
    """Give the policy that earlier nights teach, newest first; the same one where they teach nothing."""
    recent = nights[:_NIGHTS]
    if not recent:
        return policy
    ready = sorted(night.ready for night in recent)
    early = ready[len(ready) // _NIGHTS]  # the quickest; one odd night among five is left out
    known = [night.unready for night in recent if night.unready is not None and night.unready < early]
    found_late = recent[0].unready is None or not known
    expected = min(early, recent[0].ready) / 2 if found_late else max(known)
    if expected <= policy.first:
        return policy
    usual = median(night.usual for night in recent)
    step = min((max(usual, early) - expected) / _CLOSER, expected * (_GROWTH - 1))
    return replace(policy, expected=expected, step=min(policy.longest, max(policy.first, step)))


def lead(policy: PollPolicy) -> int:
    """How many questions, evenly spaced, lead up to the expected time, the one at that time included; 0: none is."""
    return math.ceil(policy.expected / (_STRIDE * policy.longest)) if policy.expected > policy.first else 0


def poll_delay(polls: int, policy: PollPolicy) -> float:
    """Give the pause before the next Status when ``polls`` have been answered.

    ``first * 1.5 ** polls``, never above the longest; where something is expected, no more than four of the longest
    pauses until then, and ``step * 1.5 ** n`` after it, bounded.
    """
    ahead = lead(policy)
    if polls < ahead:
        return policy.expected / ahead
    first = max(policy.first, policy.step) if ahead else policy.first
    return min(policy.longest, first * _GROWTH ** min(polls - ahead, 64))


def polls_for(seconds: float, policy: PollPolicy) -> int:
    """How many Status requests an export needs that is ready so long after Initiate, if each is answered at once."""
    polls, asked_at = 0, 0.0
    while polls == 0 or asked_at < seconds:
        delay = poll_delay(polls, policy)
        if polls > lead(policy) and delay >= policy.longest:
            return polls + math.ceil((seconds - asked_at) / policy.longest)
        asked_at += delay
        polls += 1
    return polls


def re_export_delay(exports: int) -> float:
    """Give the pause before asking again for an export that failed ``exports`` times: 1, 2, 4 .. 60 seconds."""
    return min(60.0, 2.0 ** min(exports - 1, 8))
