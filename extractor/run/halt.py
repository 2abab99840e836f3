"""How a run is asked to stop: once politely, then at once.

The first SIGINT or SIGTERM, and the deadline, ask for a drain: what is in flight is finished and journaled, nothing new
is sent. After the grace period (``limits.grace``), or on the second signal, everything is cancelled. Both leave a state
that can be taken up again, because cancellation is never an event (design, section 6, rule 8). Called by
``extraction``.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
from anyio.abc import TaskStatus

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BUNCH = 4096  # signals read at once


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
    """Turn signals into a halt: the first drains, the second calls ``cancel``. Runs until cancelled; main thread only.

    Started as soon as signals are taken over: from then on none ends the process by itself. In the end they are given
    back, without a moment in between, to whoever had them before; asyncio's own handlers leave the default in between.
    """
    with _signals_as_bytes() as heard:
        task_status.started()
        while True:
            await anyio.wait_readable(heard)
            for number in heard.recv(_BUNCH):
                if number not in _SIGNALS:
                    continue  # of another handler: every one that Python has is told here
                if halt.requested.is_set():
                    cancel()
                else:
                    halt.request(f"interrupted by {signal.Signals(number).name}", 128 + number)


@contextmanager
def _signals_as_bytes() -> Iterator[socket.socket]:
    """Take the signals over; the interpreter writes the number of each into the socket as it comes, in any thread."""
    hearing, told = socket.socketpair()
    with hearing, told:
        hearing.setblocking(False)  # noqa: FBT003 - the library's own way
        told.setblocking(False)  # noqa: FBT003 - as above
        woken_before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, lambda _number, _frame: None) for number in _SIGNALS}
        try:
            yield hearing
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(woken_before)


async def watch_deadline(halt: Halt, seconds: float, exit_code: int) -> None:
    """Ask for a drain after ``seconds``."""
    if await halt.pause(seconds):
        halt.request(f"the deadline of {seconds:g} s was reached", exit_code)


async def enforce_grace(halt: Halt, cancel: Callable[[], None], grace: float) -> None:
    """Call ``cancel`` when a drain takes longer than ``grace`` seconds."""
    await halt.requested.wait()
    await anyio.sleep(grace)
    cancel()
