"""A Retry-After outlives the process that was given it: the next one is quiet for the rest of it.

Decides when a hold is written down (as soon as it is news, and once more in the end where it has grown a little since)
and how much of it is left when a run begins, on this connection and in this state folder, whatever plan was held. How a
hold stops everybody is ``remote.limiter``'s. Started by ``extraction`` beside the engine. Contract, section 6.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

import anyio

from extractor.clock import Clock
from extractor.errors import IntegrityError, LocalError
from extractor.observe.news import ConnectionHeld, Listener
from extractor.store.entries import Hold
from extractor.store.journal import Journal
from extractor.store.writer import Writer

_TICK = 0.05  # seconds: the wall clock and the loop's differ by less


class Holdable(Protocol):
    """What is asked of the connection; a ``remote.Client`` has it."""

    @property
    def held(self) -> float:
        """Seconds that a Retry-After still holds everybody."""
        ...

    def hold(self, seconds: float) -> None:
        """Send nothing for ``seconds``."""
        ...


class Quiet:
    """One run's. ``connection`` names the account that is held; ``heard`` is for the connection to call."""

    def __init__(self, journal: Journal, writer: Writer, *, connection: str, clock: Clock, listener: Listener) -> None:
        self._journal = journal
        self._writer = writer
        self._connection = connection
        self._clock = clock
        self._listener = listener
        self._status = 0
        self._journaled_until = 0.0
        self._turned = anyio.Event()

    def heard(self, seconds: float, status: int) -> None:
        """Tell of a hold, and have it written down."""
        self._listener(ConnectionHeld(seconds=seconds, status=status))
        self._status = status
        self._turned.set()

    async def take_up(self, connected: Holdable) -> None:
        """Hold the connection for what an earlier process has left of a hold; to be called before anything is sent.

        Never longer than that hold was when it was written down, also when the clock was set back since.
        """
        known = await self._writer.on_thread(lambda: self._journal.held(self._connection))
        if known is None:
            return
        self._journaled_until = known.until
        left = min(known.until - self._clock.now(), known.seconds)
        if left > 0.0:
            connected.hold(left)
            self.heard(left, known.status)

    async def keep(self, connected: Holdable) -> None:
        """Write down each hold, beside everything else, until cancelled."""
        try:
            while True:
                await self._turned.wait()
                self._turned = anyio.Event()
                await self._write_down(connected)
        finally:
            await self._write_down(connected)

    async def _write_down(self, connected: Holdable) -> None:
        seconds = connected.held
        until = self._clock.now() + seconds
        if seconds <= 0.0 or abs(until - self._journaled_until) < _TICK:
            return
        hold = Hold(until=until, seconds=seconds, status=self._status)
        # Not to be able to is no reason to end: nothing that was asked for depends on it.
        with anyio.CancelScope(shield=True), suppress(LocalError, IntegrityError):
            await self._writer.on_thread(lambda: self._journal.hold(self._connection, hold))
            self._journaled_until = until
