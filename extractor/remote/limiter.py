"""How often the whole connection may ask, and when it must be quiet.

Decides when the next request may leave. A bucket spaces requests evenly, because servers punish bursts far more than
slowness; a hold, taken from a Retry-After, stops everybody, and during an outage one goes ahead while the others wait
(``breaker``). Does not read answers: ``client`` says when to hold. Called by ``client`` and ``oauth``; one per
connection.
"""

from __future__ import annotations

import math

import anyio
from aiolimiter import AsyncLimiter

from extractor.clock import Clock
from extractor.remote.breaker import Breaker

_SLICE = 0.05  # seconds: the part of a second that may leave at once; the way to the server may bunch as much again
_TICK = 1e-4  # seconds: a wait too short for the clock to show would be repeated for ever
_SLACK = 0.25  # of a request, in a bucket for one: what a late look at it can make good


class RateLimiter:
    """Admits requests in the order of their asking, ``rate`` a second, at most ``burst`` of them at once.

    In any window of ``t`` seconds at most ``rate * t + burst`` are admitted, so at most ``rate + burst`` in a second.
    """

    def __init__(self, rate: float, *, clock: Clock, breaker: Breaker | None = None) -> None:
        self.rate = rate
        self.admitted = 0
        self.breaker = breaker or Breaker(clock=clock)
        self._clock = clock
        self._held_until = -math.inf
        self._turn = anyio.Lock()
        # Bucket and period together: a bucket of less than one request would never let one through.
        self._bucket = AsyncLimiter(self.burst, self.burst / rate)
        # A look at the bucket that comes late by so much loses nothing: the bucket has not run dry by then.
        self._look_again = (min(self.burst, 2.0) - 1.0) / rate

    @property
    def burst(self) -> float:
        """Requests that may leave at once after a silence: a twentieth of a second's worth, and at least one (1.25)."""
        return max(1.0 + _SLACK, self.rate * _SLICE)

    @property
    def held(self) -> float:
        """Seconds that the hold still lasts; 0.0 when there is none."""
        return max(0.0, self._held_until - self._clock.monotonic())

    def hold(self, seconds: float) -> bool:
        """Admit nobody for ``seconds``: not those who wait already either. A longer hold is never shortened.

        Tells whether this is news, a hold begun or made longer by a second: many tasks bring the same Retry-After.
        """
        until = self._clock.monotonic() + seconds
        news = self.held < seconds - 1.0 or (self.held == 0.0 and seconds > 0.0)
        self._held_until = max(self._held_until, until)
        return news

    async def admit(self) -> None:
        """Return when the next request may be sent; it counts as sent."""
        # The lock is first come, first served, and only its owner stands at the bucket: among those who wait inside
        # AsyncLimiter a newcomer may take another's place, and a hold could not reach them.
        async with self._turn:
            while True:
                if (wait := self._wait()) > 0.0:
                    await self._clock.sleep(wait)
                elif (wait := self.breaker.wait) > 0.0:
                    await self.breaker.pause(max(wait, _TICK))
                else:
                    break
            await self._bucket.acquire()  # at once: there is room
            self.breaker.asked()
            self.admitted += 1

    def _wait(self) -> float:
        if self.held > 0.0:
            return max(self.held, _TICK)
        # Not ``acquire``'s own wait: it ends by the exact instant, which a coarse clock may never quite reach.
        return 0.0 if self._bucket.has_capacity() else self._look_again
