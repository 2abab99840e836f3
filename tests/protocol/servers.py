"""A server in a few lines, and a client that is always hungry: what a limit does over time, without a loop.

The server answers ``places`` requests side by side and lets the others wait; each takes ``latency`` seconds, spread by
a seeded chance. Above ``rate`` a second it refuses. The client keeps as many in flight as the limit allows.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from extractor.protocol.pressure import Change, Pressure, answered, refused

_REFUSAL = 0.005  # seconds that a refusal takes


@dataclass(kw_only=True)
class Server:
    """``latency`` may change with the time of asking; ``jitter`` is the sigma of a lognormal factor of mean 1."""

    latency: Callable[[float], float] = lambda _now: 0.05
    places: float = math.inf
    rate: float = math.inf
    burst: float = 20.0
    jitter: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)  # noqa: S311 - a server that repeats
        self._busy: list[float] = []
        self._tokens, self._filled = self.burst, 0.0

    def ask(self, now: float) -> tuple[float, bool]:
        """When the answer to a request that is sent now comes, and whether it is a refusal."""
        if self.rate < math.inf:
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                return now + _REFUSAL, True
            self._tokens -= 1
        spread = self._chance.lognormvariate(-(self.jitter**2) / 2, self.jitter) if self.jitter else 1.0
        begins = now
        while len(self._busy) >= self.places:  # there may be fewer than there were
            begins = max(begins, heapq.heappop(self._busy))
        done = begins + self.latency(now) * spread
        if self.places < math.inf:
            heapq.heappush(self._busy, done)
        return done, False


@dataclass
class Trace:
    """What came of it: the limit after each outcome, every change, and the instants of good answers and refusals."""

    pressure: Pressure
    limits: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, Change]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)

    def limit_at(self, when: float) -> int:
        """The limit at an instant."""
        return next((limit for at, limit in reversed(self.limits) if at <= when), self.limits[0][1])

    def between(self, begin: float, end: float) -> list[int]:
        """Every limit after an outcome in a time."""
        return [limit for at, limit in self.limits if begin <= at < end]

    def rate(self, begin: float, end: float) -> float:
        """Good answers a second in a time."""
        return sum(begin <= at < end for at in self.answers) / (end - begin)


def drive(
    pressure: Pressure, server: Server, *, seconds: float, start: float = 0.0, supply: int | None = None
) -> Trace:
    """Ask as much as the limit allows from ``start`` on until ``seconds``, or until ``supply`` are answered."""
    trace = Trace(pressure, [(start, pressure.limit)])
    flights: list[tuple[float, int, float, bool]] = []
    left, number, now = math.inf if supply is None else supply, 0, start
    idle: deque[float] = deque()  # when a refused request may be sent again
    while now < seconds and (left > 0 or flights):
        while len(flights) < trace.pressure.limit and left > 0 and not (idle and idle[0] > now):
            if idle:
                idle.popleft()
            done, no = server.ask(now)
            number, left = number + 1, left - 1
            heapq.heappush(flights, (done, number, now, no))
        if not flights:
            now = idle[0]
            continue
        done, _, sent, no = heapq.heappop(flights)
        now = done
        if no:
            left += 1
            idle.append(now + 1.0)
            trace.refusals.append(now)
            trace.pressure, change = refused(trace.pressure, now=now, status=429)
        else:
            trace.answers.append(now)
            trace.pressure, change = answered(
                trace.pressure, now=now, seconds=now - sent, in_flight=len(flights) + 1, wanted=left > 0
            )
        trace.limits.append((now, trace.pressure.limit))
        if change is not None:
            trace.changes.append((now, change))
    return trace
