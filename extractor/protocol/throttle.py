"""How fast to ask a server that refuses with 429: slower at each round of refusals, and back step by step.

Decides the rate from the limit of the configuration and from the refusals that came. Does not wait, and does not obey
Retry-After: that is a hold for everybody (``remote.limiter``), and a 503 is a hold only, because it says that the
server is busy and not that we ask too often. Pure; called by ``remote.limiter``, which keeps the one ``Throttle`` of a
connection. Instants are in seconds of a clock that never jumps, rates in requests a second.

Decided: one round is all the refusals of requests that left before the rate was lowered, however many tasks bring them:
they were sent at the old rate and say nothing of the new one; considered a pause after each step, which cannot know how
long an answer takes. Decided: down by three tenths, up by a tenth of itself, so that a limit that is wrong by a factor
of a hundred is found as surely as one that is wrong by a little; considered adding a share of the limit, which would
overshoot a small true limit at each step. Decided: a step up that would reach the rate at which the server refused
waits a minute and not ten seconds: each such trial costs a refusal, and perhaps a Retry-After for everybody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_ROUND = 10.0  # requests a second from which on decimals tell nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlePolicy:
    """``down`` and ``up`` are factors, ``calm`` and ``long_calm`` seconds without a refusal before a step up.

    The rate never falls below ``floor`` requests a second, or the limit where that is lower.
    """

    down: float = 0.7
    up: float = 1.1
    floor: float = 1.0
    calm: float = 10.0
    long_calm: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The rate as it is. A value: the functions below make the next one.

    ``limit`` is the configured rate; ``refused`` the rate at which the server last refused, infinite if it never did;
    ``lowered_at`` the instant of the latest step down; ``grows_at`` that of the next step up, infinite at the limit.
    """

    limit: float
    rate: float
    refused: float = math.inf
    lowered_at: float = -math.inf
    grows_at: float = math.inf


def at_limit(limit: float) -> Throttle:
    """Begin at the configured rate."""
    return Throttle(limit=limit, rate=limit)


def refused(throttle: Throttle, *, now: float, sent_at: float, held: float, policy: ThrottlePolicy) -> Throttle:
    """Take in a 429 for a request that left at ``sent_at``; everybody is held for ``held`` seconds more.

    A request that left before the latest step down belongs to its round: it changes nothing but when the rate grows.
    The hold does not count as calm, because nothing is asked in it.
    """
    if sent_at <= throttle.lowered_at:
        return replace(throttle, grows_at=max(throttle.grows_at, _next_step(throttle, now + held, policy)))
    rate = max(min(policy.floor, throttle.limit), throttle.rate * policy.down)
    lowered = replace(throttle, rate=rate, refused=throttle.rate, lowered_at=now)
    return replace(lowered, grows_at=_next_step(lowered, now + held, policy))


def grown(throttle: Throttle, *, now: float, policy: ThrottlePolicy) -> Throttle:
    """Give the throttle as it is when a request is to leave: one step up if it is time, else unchanged.

    After a long silence it is one step, too: nothing was learned in it.
    """
    if now < throttle.grows_at:
        return throttle
    rate = min(throttle.limit, throttle.rate * policy.up)
    higher = replace(throttle, rate=rate)
    if rate == throttle.limit:
        return replace(higher, grows_at=math.inf)
    return replace(higher, grows_at=_next_step(higher, now, policy))


def told(before: Throttle, after: Throttle) -> str:
    """Explain a change in one sentence, empty when there is none."""
    if after.rate == before.rate:
        return ""
    old, new = _spelled(before.rate), _spelled(after.rate)
    if after.rate < before.rate:
        return (
            f"the server refuses {old} requests a second (HTTP 429): asking for {new} a second from now on -- "
            "lower limits.requests_per_second if this comes again"
        )
    if after.rate == after.limit:
        return f"no more refusals: back at the limit of {new} requests a second"
    return f"no refusal at {old} requests a second: asking for {new}"


def _spelled(rate: float) -> str:
    return f"{rate:.0f}" if rate >= _ROUND else f"{rate:.2g}"


def _next_step(throttle: Throttle, since: float, policy: ThrottlePolicy) -> float:
    near = throttle.rate * policy.up >= throttle.refused
    return since + (policy.long_calm if near else policy.calm)
