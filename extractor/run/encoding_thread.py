"""Frames made by one thread of this process, several pages at a time.

Decides how many pages a turn of the thread takes: all that wait, up to four. Does not decide which pages are made here
(``encoders``). Called by ``encoders``.

Decided: to hand work to a thread and back costs 0.2 ms of a core and a fight for the interpreter's lock (measured), as
much as forty records; and pages that become ready together are written, synced and journaled together. So turns are
shared where pages wait for each other anyway; one that comes alone is made at once. Considered more than one thread,
which only makes both wait: encoding holds the interpreter's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import PageFetched
from extractor.store.frames import Form, Frame, make_frame

_SHARED: Final = 4  # pages a turn


class _Wish:
    """A page to be made; afterwards its frame, or why there is none."""

    __slots__ = ("form", "made", "page")

    def __init__(self, page: PageFetched, form: Form) -> None:
        self.page: PageFetched | None = page
        self.form = form
        self.made: Frame | IntegrityError | None = None


class EncodingThread:
    """Serves in the order of the calls. Any number of tasks may wait."""

    def __init__(self) -> None:
        self._waiting: deque[_Wish] = deque()
        self._turn = anyio.Lock()
        self._thread = anyio.CapacityLimiter(1)

    async def frame(self, page: PageFetched, form: Form) -> Frame:
        """Make a page into its frame. Raises what ``make_frame`` raises.

        Cancelled, it returns when the thread that works for it has ended its work.
        """
        wish = _Wish(page, form)
        del page
        self._waiting.append(wish)
        try:
            async with self._turn:
                if wish.made is None:
                    batch = [self._waiting.popleft() for _ in range(min(_SHARED, len(self._waiting)))]
                    await anyio.to_thread.run_sync(_make, batch, limiter=self._thread)
        finally:
            if wish in self._waiting:
                self._waiting.remove(wish)
        if isinstance(wish.made, Frame):
            return wish.made
        raise wish.made or IntegrityError("a page was left without a frame")


def _make(batch: Sequence[_Wish]) -> None:
    for wish in batch:
        if wish.page is not None:
            try:
                wish.made = make_frame(wish.page, wish.form)
            except IntegrityError as error:
                wish.made = error
            wish.page = None
