"""The only place that reads the machine's clock.

Everything that needs the time is handed a ``Clock``; decisions are handed plain numbers. Called by ``run`` and
``remote``; tests hand in a virtual one.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """Three readings. ``now`` may jump (it is the wall clock), ``monotonic`` never does."""

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z, with fractions."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; for durations only."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after at least ``seconds``; cancellable."""
        ...


class SystemClock:
    """The machine's own clock. Stateless, so one instance may serve any number of tasks."""

    def now(self) -> float:
        """Read the wall clock."""
        return time.time()

    def monotonic(self) -> float:
        """Read the event loop's clock, so that durations and timers agree (also on virtual time)."""
        return asyncio.get_running_loop().time()  # as anyio.current_time does, at a tenth of its cost: read often

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await anyio.sleep(seconds)
