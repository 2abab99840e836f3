"""Whether the connection as a whole is down, and how calmly it is asked then: a circuit breaker without its clock.

Decides from failures and answers when an outage begins and ends, when the next request may try whether it is over, and
when waiting has lasted long enough. A failure is no answer at all, or any 5xx; every other answer is a sign of life.
Does not decide about a single request (``retry``), does not wait and does not send. Called by ``remote.breaker``, which
keeps the one ``Weather`` of a connection. Instants are in seconds of a clock that never jumps.

Decided: a request that went on failing while others were answered fails by itself and says nothing about the
connection, because a poisoned page must fail its own job and not the run; considered counting requests of different
kinds, which a run that is down to its last job does not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_DOUBLINGS = 32  # any longer calm is the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagePolicy:
    """When failures are an outage, and how often it is asked then: after ``first`` seconds, twice that, .. ``longest``.

    An outage is ``failures`` in a row that have lasted ``lasting`` seconds since the first of them. The count alone
    would be met by the first blip when many requests are under way, the time alone by one slow request.
    """

    failures: int = 5
    lasting: float = 10.0
    first: float = 1.0
    longest: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What is known of a connection. A value: the functions below make the next one.

    ``failures`` in a row, the first of them at ``since``, the latest with HTTP ``status`` (None: no answer) and ``why``
    in words. While ``down``, the next request may leave at ``ask_at``; ``asked`` counts those that have left.
    """

    failures: int = 0
    since: float = 0.0
    status: int | None = None
    why: str = ""
    down: bool = False
    ask_at: float = -math.inf
    asked: int = 0
    answered_at: float = -math.inf


def failed(
    weather: Weather,
    *,
    now: float,
    status: int | None,
    why: str,
    failing_since: float | None = None,
    policy: OutagePolicy,
) -> Weather:
    """Take a failure in. ``failing_since`` is the instant of the same request's first failure, None if this is it.

    Where others were answered while the request had failed for ``lasting`` seconds already, it fails by itself.
    Outages begin raggedly, so an answer that came sooner than that proves nothing.
    """
    if failing_since is not None and weather.answered_at - failing_since > policy.lasting:
        return weather
    since = weather.since if weather.failures else now
    counted = replace(weather, failures=weather.failures + 1, since=since, status=status, why=why)
    if weather.down or counted.failures < policy.failures or now - since < policy.lasting:
        return counted
    return replace(counted, down=True, asked=0, ask_at=now + calm(0, policy))


def answered(_weather: Weather, *, now: float) -> Weather:
    """Take a sign of life in: whatever it was, it is over."""
    return Weather(answered_at=now)


def asked(weather: Weather, *, now: float, policy: OutagePolicy) -> Weather:
    """Note that a request has left; during an outage the next one waits, each time longer."""
    if not weather.down:
        return weather
    count = weather.asked + 1
    return replace(weather, asked=count, ask_at=now + calm(count, policy))


def ask_on(weather: Weather, *, now: float) -> Weather:
    """Let the next request leave at once: the one whose turn it was has tried nothing, or found a part to be well."""
    return replace(weather, ask_at=min(weather.ask_at, now))


def wait(weather: Weather, *, now: float) -> float:
    """Give the seconds until a request may leave; 0.0 in fair weather."""
    return max(0.0, weather.ask_at - now) if weather.down else 0.0


def calm(count: int, policy: OutagePolicy) -> float:
    """Give the seconds between two requests when ``count`` have been in vain: 1, 2, 4 .. 60."""
    return min(policy.longest, policy.first * 2.0 ** min(count, _DOUBLINGS))


def gives_up_at(weather: Weather, patience: float) -> float:
    """Give the instant from which waiting is in vain: ``patience`` seconds of outage; infinity in fair weather."""
    return weather.since + patience if weather.down else math.inf
