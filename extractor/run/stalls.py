"""How late the event loop wakes: the longest time for which nothing else could have been done.

Decides what is called a stall, and when a person hears of one. Does not find out who was to blame: a page that is
handled on the loop costs some milliseconds, a second is never this program's own work. Kept beside the engine by
``extraction``.

Decided: one timer twenty times a second, which costs a two-thousandth of a core and meets every stall of more than
twice its distance; considered the loop's debug mode (times every callback, and slows the run by a third) and a thread
(waits for the interpreter's lock like everybody, and so measures that).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import anyio

from extractor.observe.figures import span

_EVERY: Final = 0.05  # seconds
_BOUND: Final = 1.0  # seconds: from here on it is said


class Stalls:
    """Those of one run. ``longest`` and ``total`` are in seconds; ``total`` adds up what every waking was late.

    ``notice`` is told, in a sentence, of a stall of ``bound`` seconds and more, and again only of one twice as long as
    the latest that it was told of.
    """

    def __init__(self, notice: Callable[[str], None], *, bound: float = _BOUND) -> None:
        self._notice = notice
        self._bound = bound
        self.longest = 0.0
        self.total = 0.0

    async def keep(self) -> None:
        """Watch until cancelled. On a loop whose time leaps (a test's) there is nothing to see: returns at once."""
        while True:
            planned, here = anyio.current_time() + _EVERY, time.monotonic()
            await anyio.sleep(_EVERY)
            if time.monotonic() - here < _EVERY / 2:
                return
            self._was_late(anyio.current_time() - planned)

    def _was_late(self, seconds: float) -> None:
        self.total += max(0.0, seconds)
        self.longest = max(self.longest, seconds)
        if seconds >= self._bound:
            self._bound = 2 * seconds
            self._notice(
                f"the run stood still for {span(seconds)}: this machine was too busy, or suspended -- nothing is lost; "
                "give it more cores, or less to do beside"
            )
