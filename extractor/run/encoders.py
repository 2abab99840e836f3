"""Who encodes: this process, or processes beside it, so that more than one core makes frames.

Decides where each page is made into its frame, when a process is started for that, and what follows when one dies: its
page is encoded here, a sentence says so, and nothing is lost. The frame is the same wherever it is made
(``store.frames``). Does not decide the order in which frames are kept (``drive``). One a run; opened by ``extraction``.

Decided: a page of less than 64 KiB is encoded on the loop itself: sending it anywhere, be it to a thread, would cost a
good part of its encoding. Larger ones go to processes once there are some, and then no more to this one, whose
interpreter fetches and stores meanwhile.

Measured with pages of 1.65 MB and 2 ms of other work a page, on two cores that others used as well, five interleaved
rounds, starts included: 14.9 CPU milliseconds a page here alone (an allocator that nobody tuned fetches the memory of
every page anew), 12.9 with one process, 13.5 with two, 14.0 with three; at best 55, 59, 81 and 98 pages a second; and
in a whole run of 180 pages the event loop was late by 3 s in all without processes and by 1.2 s with two. Sending costs
0.5 ms a page on both sides together. So: as many processes as cores (``cores``), this one's work goes between theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import anyio
import anyio.to_thread

from extractor.protocol.vocabulary import PageFetched
from extractor.run.cores import encoders_here, pays
from extractor.run.encoder_process import EncoderLost, EncoderProcess
from extractor.run.encoding_thread import EncodingThread
from extractor.store.frames import Form, Frame, make_frame

SMALL: Final = 64 * 1024  # bytes of a page
_DEATHS: Final = 3  # that are made good


class Encoders:
    """Up to ``processes`` processes, and one thread of this one; inside ``async with``.

    ``processes`` None means as many as the machine is good for, each started when enough pages have had to wait; 0
    means none; any other number is started at the first page that is not small. ``notice`` is told what a person should
    know, in a sentence. ``started`` counts the starts. On leaving, every process has ended.
    """

    def __init__(self, processes: int | None, *, notice: Callable[[str], None] = lambda _: None) -> None:
        self._most = encoders_here() if processes is None else processes
        self._eager = processes is not None
        self._notice = notice
        self._here = EncodingThread()
        self._there = anyio.CapacityLimiter(max(1, self._most))
        self._waiting: deque[anyio.Event] = deque()  # those who found nobody free, first come, first served
        self._called = 0  # those of them that were called and have not come yet
        self._here_is_busy = False  # with one for which there was no process
        self._idle: deque[EncoderProcess] = deque()
        self._living: set[EncoderProcess] = set()
        self._starting: list[EncoderProcess] = []
        self._ended: list[EncoderProcess] = []
        self.started = 0
        self._waited = 0  # bytes of pages that found every encoder busy, since the latest start

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the processes that encode now."""
        return tuple(each.pid for each in self._living if each.pid is not None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._most = 0
        everyone = [*self._living, *self._starting, *self._ended]
        for each in everyone:
            each.dismiss()
        with anyio.CancelScope(shield=True):
            for each in everyone:
                await anyio.to_thread.run_sync(each.end, limiter=self._there)

    async def frame(self, page: PageFetched, form: Form) -> Frame:
        """Make a page into its frame; may be awaited many times at once, and serves in the order of the calls.

        Raises what ``make_frame`` raises. Cancelled, it returns when the thread that works for it has ended its work;
        a process that works for it is given up.
        """
        if len(page.body) < SMALL:
            return make_frame(page, form)  # quicker than the way to a thread and back
        if not self._most:
            return await self._here.frame(page, form)
        self._hire(len(page.body), ahead=len(page.body) * (page.total - page.offset) // max(1, page.count))
        process = await self._turn()
        try:
            made = None if process is None else await self._make_there(process, page, form)
            return await self._here.frame(page, form) if made is None else made
        finally:
            self._give_back(process)

    @property
    def _is_free(self) -> bool:
        """Whether somebody can take a page now: a process, or this one where there is none."""
        return bool(self._idle) or not (self._living or self._here_is_busy)

    async def _turn(self) -> EncoderProcess | None:
        """Wait for an encoder: a process, or None for this one."""
        waits = bool(self._waiting or self._called)
        while waits or not self._is_free:
            called = anyio.Event()
            self._waiting.append(called)
            try:
                await called.wait()
            except anyio.get_cancelled_exc_class():
                if called.is_set():
                    self._called -= 1
                    self._call()
                else:
                    self._waiting.remove(called)
                raise
            self._called -= 1
            waits = False
        if self._idle:
            return self._idle.popleft()
        self._here_is_busy = True
        return None

    async def _make_there(self, process: EncoderProcess, page: PageFetched, form: Form) -> Frame | None:
        """Have it made by a process; None where it cannot be: refused there, it is refused here with all its words."""
        try:
            return await anyio.to_thread.run_sync(
                process.frame, page, form, limiter=self._there, abandon_on_cancel=True
            )
        except anyio.get_cancelled_exc_class():  # the run is cut off: whoever hangs shall not hold it up
            self._living.discard(process)
            self._ended.append(process)
            process.dismiss()
            raise
        except EncoderLost as lost:
            self._living.discard(process)
            self._bury(process, str(lost), "its page was encoded without it")
            return None

    def _give_back(self, process: EncoderProcess | None) -> None:
        if process is None:
            self._here_is_busy = False
        elif process in self._living:
            self._idle.append(process)
        self._welcome()

    def _call(self) -> None:
        """Call as many of those who wait as there are encoders free."""
        free = len(self._idle) if self._living else int(not self._here_is_busy)
        while self._waiting and self._called < free:
            self._called += 1
            self._waiting.popleft().set()

    def _hire(self, size: int, *, ahead: int) -> None:
        """Start a process if a page of ``size`` bytes finds too few, or if so many bytes are ahead of it."""
        self._welcome()
        if not self._is_free:
            self._waited += size
        while len(self._living) + len(self._starting) < self._most and (self._eager or pays(self._waited, ahead)):
            self._waited = 0
            process = EncoderProcess()
            self._starting.append(process)
            self.started += 1
            process.start()

    def _welcome(self) -> None:
        """Take in those that have become ready."""
        for process in self._starting[:]:
            if process.ready:
                self._starting.remove(process)
                self._idle.append(process)
                self._living.add(process)
            elif process.failed:
                self._starting.remove(process)
                self._bury(process, process.failed, "the run goes on without it")
        self._call()

    def _bury(self, process: EncoderProcess, how: str, meanwhile: str) -> None:
        self._ended.append(process)
        self._notice(f"an encoder process {how}: {meanwhile}, nothing is lost")
        if len(self._ended) >= _DEATHS:
            self._most = len(self._living) + len(self._starting)
