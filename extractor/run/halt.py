"""How a run is asked to stop: once politely, then at once.

The first SIGINT or SIGTERM, and the deadline, ask for a drain: what is in flight is finished and journaled, nothing new
is sent. After the grace period (``limits.grace``), or on the second signal, everything is cancelled. Both leave a state
that can be taken up again, because cancellation is never an event (design, section 6, rule 8). Called by
``extraction``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus


class Halt:
    """The one switch of a run. ``reason`` is a sentence, ``exit_code`` what the process will end with."""

    def __init__(self) -> None:
        self.requested = anyio.Event()
        self.reason = ""
        self.exit_code = 0

    def request(self, reason: str, exit_code: int) -> None:
        """Ask for a drain. Only the first reason counts."""
        if not self.requested.is_set():
            self.reason, self.exit_code = reason, exit_code
            self.requested.set()

    async def pause(self, seconds: float) -> bool:
        """Sleep, but no longer than until a halt is requested. Returns whether the run goes on."""
        if seconds > 0 and not self.requested.is_set():
            with anyio.move_on_after(seconds):
                await self.requested.wait()
        return not self.requested.is_set()


async def watch_signals(
    halt: Halt, cancel: Callable[[], None], *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Turn signals into a halt: the first drains, the second calls ``cancel``. Runs until cancelled.

    Started as soon as signals are taken over: from then on none ends the process by itself.
    """
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            if halt.requested.is_set():
                cancel()
            else:
                halt.request(f"interrupted by {signal.Signals(number).name}", 128 + number)


async def watch_deadline(halt: Halt, seconds: float, exit_code: int) -> None:
    """Ask for a drain after ``seconds``."""
    if await halt.pause(seconds):
        halt.request(f"the deadline of {seconds:g} s was reached", exit_code)


async def enforce_grace(halt: Halt, cancel: Callable[[], None], grace: float) -> None:
    """Call ``cancel`` when a drain takes longer than ``grace`` seconds."""
    await halt.requested.wait()
    await anyio.sleep(grace)
    cancel()
