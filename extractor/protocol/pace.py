"""How often to ask, as functions of what is known.

Polling starts quick, because most exports are small, and slows down with the export's age, so that it is never noticed
later than by a twelfth of the time it took. Where earlier exports of the same stream say how long they took, the first
question waits until it may be worth while, and the next ones follow closely. Where many exports are alive, their
questions share a part of the rate. Called by ``lifecycle``; ``learned`` by ``run``, once, when a run begins, and by
``tonight``; ``shared_pause`` by ``run``, for each question.

Decided: a pause is a twelfth of the age, and a third of the rate is for questions. Considered pauses that grow by a
half each, which ask half as often, and notice an export of 20 seconds after 24.6: no run can then be within a tenth of
what is possible. A third leaves pages and Initiates two thirds where all wait at once; and where the pages need the
whole rate, questions come last in the limiter's queue anyway.

Decided: the first question comes at an instant at which an earlier export was still seen processing, below the time
that the quick ones of the last nights took. So it never comes later than they were ready, and what the service has
become quicker by is not lost for long: when a first question found an export ready, the next night asks half as late.
After the expected time no pause is longer than it would be without history for an export of that age. Considered the
mean less a margin, which is late for every second export, and one question at the expected time, which learns nothing
of how much earlier would have done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

_GROWTH = 1.5  # of the pauses after an expected time, from one that is close
_AGE = 12  # the part of an export's age that a pause may be
_SHARE = 1 / 3  # of the rate that the questions of all exports may take
_EPSILON = 1e-9  # of a question: what floats add up to
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
    step = min((max(usual, early) - expected) / _CLOSER, expected / _AGE)
    return replace(policy, expected=expected, step=min(policy.longest, max(policy.first, step)))


def lead(policy: PollPolicy) -> int:
    """How many questions, evenly spaced, lead up to the expected time, the one at that time included; 0: none is."""
    return math.ceil(policy.expected / (_STRIDE * policy.longest)) if policy.expected > policy.first else 0


def poll_delay(polls: int, policy: PollPolicy) -> float:
    """Give the pause before the next Status when ``polls`` have been answered.

    A twelfth of the age that the export has if each was answered at once; at least ``first``, so that the first dozen
    are alike, and never above the longest. Where something is expected: until then even pauses of no more than four
    times the longest, and after it no more than ``step * 1.5 ** n``.
    """
    ahead = lead(policy)
    if polls < ahead:
        return policy.expected / ahead
    return next(islice(_pauses(policy), polls - ahead, None), policy.longest)


def polls_for(seconds: float, policy: PollPolicy, *, apart: float = 0.0) -> int:
    """How many Status requests an export needs that is ready so long after Initiate, if each is answered at once.

    ``apart`` is what ``shared_pause`` says: no pause is shorter.
    """
    polls, asked_at, ahead = 0, 0.0, lead(policy)
    if ahead:
        lap = max(apart, policy.expected / ahead)
        polls = min(ahead, max(1, math.ceil(seconds / lap)))
        asked_at = polls * lap
    if polls and asked_at >= seconds:
        return polls
    for pause in _pauses(policy):
        asked_at += max(apart, pause)
        polls += 1
        if asked_at >= seconds:
            return polls
    return polls + math.ceil((seconds - asked_at) / max(apart, policy.longest) - _EPSILON)


def shared_pause(live: int, requests_per_second: float) -> float:
    """Give the seconds between two questions for an export, so that those for all ``live`` take a third of the rate."""
    return live / (requests_per_second * _SHARE)


def _pauses(policy: PollPolicy) -> Iterator[float]:
    """Give the pauses from the expected time on (from Initiate, where none is), up to the first of the longest."""
    ahead = lead(policy)
    age = policy.expected if ahead else 0.0
    close = max(policy.first, policy.step) if ahead else math.inf
    pause = 0.0
    while pause < policy.longest:
        pause = min(policy.longest, close, max(policy.first, age / _AGE))
        yield pause
        age += pause
        close *= _GROWTH


def re_export_delay(exports: int) -> float:
    """Give the pause before asking again for an export that failed ``exports`` times: 1, 2, 4 .. 60 seconds."""
    return min(60.0, 2.0 ** min(exports - 1, 8))
