"""The connection's circuit breaker: what ``protocol.outage`` decides, with a clock and with those who wait.

Keeps the one ``Weather``, wakes whoever waits for it to clear, and tells of outages. While the connection is down one
request is let through now and then; all others stand in ``limiter``'s queue, where they have not left and can be
withdrawn. Does not queue anybody itself. One per connection: ``limiter`` asks it, ``client`` reports to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from extractor.clock import Clock
from extractor.errors import Unavailable
from extractor.protocol import outage
from extractor.protocol.outage import OutagePolicy, Weather


class OutOfPatience(Unavailable):
    """The connection is down, and this request was not to wait any longer; it has not left."""


class Breaker:
    """``on_began`` hears the weather when an outage begins, ``on_ended`` what it was, and its seconds. Both be quick.

    An outage counts from its first failure, not from when it was seen to be one.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        policy: OutagePolicy | None = None,
        on_began: Callable[[Weather], None] = lambda _weather: None,
        on_ended: Callable[[Weather, float], None] = lambda _weather, _seconds: None,
    ) -> None:
        self.weather = Weather()
        self._clock = clock
        self._policy = policy or OutagePolicy()
        self._on_began = on_began
        self._on_ended = on_ended
        self._cleared = anyio.Event()
        self._impatient: dict[anyio.CancelScope, float] = {}

    @property
    def wait(self) -> float:
        """Seconds until a request may leave; 0.0 in fair weather."""
        return outage.wait(self.weather, now=self._clock.monotonic())

    @property
    def calm(self) -> float:
        """Seconds from the latest request of an outage to the next."""
        return outage.calm(self.weather.asked, self._policy)

    async def pause(self, seconds: float) -> None:
        """Sleep, but no longer than until the weather may have changed for those who wait."""
        cleared = self._cleared
        with anyio.move_on_after(seconds):
            await cleared.wait()

    def asked(self) -> None:
        """Note that a request leaves."""
        self.weather = outage.asked(self.weather, now=self._clock.monotonic(), policy=self._policy)

    def ask_on(self) -> None:
        """Let the next request leave at once: this one did not, or learned nothing of the service."""
        if self.weather.down:
            self.weather = outage.ask_on(self.weather, now=self._clock.monotonic())
            self._wake()

    def failed(self, status: int | None, why: str, *, failing_since: float | None = None) -> None:
        """Report a 5xx, or with None that no answer came; ``failing_since`` as in ``outage.failed``."""
        before, now = self.weather, self._clock.monotonic()
        self.weather = outage.failed(
            before, now=now, status=status, why=why, failing_since=failing_since, policy=self._policy
        )
        if self.weather.down and not before.down:
            for scope, seconds in self._impatient.items():
                scope.deadline = now + seconds
            self._on_began(self.weather)

    def answered(self) -> None:
        """Report a sign of life."""
        before, now = self.weather, self._clock.monotonic()
        self.weather = outage.answered(before, now=now)
        if before.down:
            for scope in self._impatient:
                scope.deadline = math.inf
            self._wake()
            self._on_ended(before, now - before.since)

    @contextmanager
    def patience(self, seconds: float, about: str) -> Iterator[None]:
        """Bear at most ``seconds`` of outage inside; other waits do not count. Raises OutOfPatience."""
        if seconds == math.inf:
            yield
            return
        with anyio.CancelScope() as scope:
            self._impatient[scope] = seconds
            if self.weather.down:
                scope.deadline = self._clock.monotonic() + seconds
            try:
                yield
            finally:
                del self._impatient[scope]
        if scope.cancelled_caught:
            raise OutOfPatience(f"{about}: not sent, because the server is unavailable ({self.weather.why})")

    def _wake(self) -> None:
        self._cleared.set()
        self._cleared = anyio.Event()
