"""How often the whole connection may ask, whose turn it is, and when everybody must be quiet.

Decides when the next request may leave, and which one. A bucket spaces requests evenly, because servers punish bursts
far more than slowness; those who wait go in the order of ``protocol.precedence``; a 429 makes the bucket slower
(``protocol.throttle``); a hold, taken from a Retry-After, stops everybody, and during an outage one goes ahead while
the others wait (``breaker``). Does not read answers: ``client`` says when to hold, and what was refused. Called by
``client`` and ``oauth``; one per connection.

Decided: whoever is first in the queue stands at the bucket itself, sleeps there, and wakes the next one when it goes,
so that between the turn and the request nothing can come (a hold, an outage, a cancellation); considered a task that
hands out turns, which leaves that gap and needs an owner.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio.lowlevel
from aiolimiter import AsyncLimiter

from extractor.clock import Clock
from extractor.protocol import precedence, throttle
from extractor.protocol.precedence import Precedence
from extractor.protocol.throttle import Throttle, ThrottlePolicy
from extractor.remote.breaker import Breaker

_TICK = 1e-4  # seconds: a wait too short for the clock to show would be repeated for ever
_HAIR = 1.01  # of the even spacing: a server that counts whole seconds finds no request too many for a late one
_WIDE_HAIR = 1.015  # the same where no whole number lies between the rate and a tenth more
_OURS = 1 / 3  # of the room in a second that may be caught up here; the way to the server may bunch by the rest


@dataclass(eq=False, slots=True, kw_only=True)
class _Place:
    """One who waits ``since`` an instant of the limiter's clock; ``called`` is set when it may be the first."""

    since: float
    called: asyncio.Event = field(default_factory=asyncio.Event)


class RateLimiter:
    """Admits requests by worth, ``rate`` a second at most, evenly, ``burst`` of them at once after a silence.

    With ``gap`` and ``slack`` in seconds, any ``n`` admissions take at least ``(n - 1) * gap - slack`` seconds,
    whatever the pattern of asking, however coarse the clock and late the timers. The average is ``1 / gap``, 0.985 of
    ``rate`` or more, because those who wait catch up to ``slack`` seconds of lateness. ``slack`` is a third of what
    makes ``most + 1`` requests take longer than a second, ``most`` being the largest whole number within 1.1 times the
    rate (for a rate that is not whole, at least the next whole number): so the server sees at most ``most`` in any
    second as long as the way to it delays none of them by ``2 * slack`` seconds more than another.

    ``admitted`` counts those that have left, ``waiting`` those that have not.

    ``on_pace`` hears one sentence for each change of the rate that a 429 causes; it must be quick.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Clock,
        breaker: Breaker | None = None,
        policy: ThrottlePolicy | None = None,
        on_pace: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self.rate = rate
        self.admitted = 0
        self.breaker = breaker or Breaker(clock=clock)
        self.throttle: Throttle = throttle.at_limit(rate)
        self._clock = clock
        self._policy = policy or ThrottlePolicy()
        self._on_pace = on_pace
        self._held_until = -math.inf
        self.most = max(int(1.1 * rate + 1e-9), math.ceil(rate))
        self._hair = _HAIR if self.most >= _HAIR * rate else _WIDE_HAIR
        self.slack = (self.most * self._hair / rate - 1.0) * _OURS
        self._queues: dict[Precedence, dict[_Place, None]] = {each: {} for each in Precedence}
        self.waiting = 0
        self._bucket = self._make_bucket()
        self._bucket_rate = rate
        self._next_at = -math.inf  # no room in the bucket before this instant

    @property
    def gap(self) -> float:
        """Seconds between two requests, as the rate is now."""
        return self._hair / self.throttle.rate

    @property
    def burst(self) -> float:
        """Requests that may leave at once after a silence: one, and what fits into ``slack``."""
        return 1.0 + self.slack / self.gap

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

    def refused(self, *, sent_at: float) -> None:
        """Slow down after a 429 for a request that left at ``sent_at``, once for all that were sent at one rate."""
        now = self._clock.monotonic()
        self._pace(throttle.refused(self.throttle, now=now, sent_at=sent_at, held=self.held, policy=self._policy))

    async def admit(self, worth: Precedence = Precedence.DATA) -> None:
        """Return when the request may be sent; it counts as sent. Cancelled, it has taken no turn."""
        await anyio.lowlevel.checkpoint_if_cancelled()  # a halt withdraws also those that need not wait
        now = self._clock.monotonic()
        if self.waiting == 0 and self.breaker.wait == 0.0 and await self._wait(now) == 0.0:
            return await self._take(now)
        place = _Place(since=now)
        self._queues[worth][place] = None
        self.waiting += 1
        try:
            await self._stand(place)
        finally:
            del self._queues[worth][place]
            self.waiting -= 1
            if self.waiting:
                self._first(self._clock.monotonic()).called.set()

    async def _stand(self, place: _Place) -> None:
        """Wait until ``place`` is first and may leave, and take the turn.

        Whoever was first at some time is awake or will wake, and calls the one that is first by then: somebody may
        have come, gone, or grown old meanwhile.
        """
        while True:
            now = self._clock.monotonic()
            first = self._first(now)
            if first is not place:
                place.called.clear()
                first.called.set()
                await place.called.wait()
            elif (wait := await self._wait(now)) > 0.0:
                await self._clock.sleep(wait)
            elif (wait := self.breaker.wait) > 0.0:
                await self.breaker.pause(max(wait, _TICK))
            else:
                return await self._take(now)

    def _first(self, now: float) -> _Place:
        heads = {worth: next(iter(queue)) for worth, queue in self._queues.items() if queue}
        if len(heads) == 1:
            return heads.popitem()[1]
        return heads[precedence.first((worth, now - head.since) for worth, head in heads.items())]

    async def _take(self, now: float) -> None:
        await self._bucket.acquire()  # at once: there is room
        self._next_at = max(self._next_at, now - self.slack) + self.gap
        self.breaker.asked()
        self.admitted += 1

    async def _wait(self, now: float) -> float:
        """Give the seconds after which it is worth looking again; 0.0 when neither hold nor bucket is in the way."""
        if self._held_until > now:
            return max(self._held_until - now, _TICK)
        if now >= self.throttle.grows_at:
            self._pace(throttle.grown(self.throttle, now=now, policy=self._policy))
        if self._bucket_rate != self.throttle.rate:
            # A new bucket begins full: with two slacks, one before the change and one after it, the bound would break.
            self._bucket, self._bucket_rate = self._make_bucket(), self.throttle.rate
            await self._bucket.acquire(self.burst)  # at once: it is empty
            self._next_at = now + self.gap
        if self._bucket.has_capacity():
            return 0.0
        # The bucket does not say when it will have room, so the same sum is kept here. Not ``acquire``'s own wait: it
        # ends by the exact instant, which a coarse clock may never quite reach, and the queue could not change in it.
        return max(self._next_at - now, _TICK)

    def _make_bucket(self) -> AsyncLimiter:
        # Capacity and period together: a bucket of less than one request would never let one through.
        return AsyncLimiter(self.burst, self.burst * self.gap)

    def _pace(self, changed: Throttle) -> None:
        before, self.throttle = self.throttle, changed
        if before.rate != changed.rate:
            self._on_pace(throttle.told(before, changed))
