"""How many exports, page requests and polls may be under way now: the limits of ``protocol.pressure``, kept up to date.

Decides nothing: takes in how requests ended, and tells whoever waits, and the listener, when a limit has changed. One
``Gates`` for a run. Called by ``drive`` and ``on_asyncio``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio

from extractor.config import Limits
from extractor.protocol import pressure
from extractor.protocol.pressure import Change, Pressure
from extractor.protocol.vocabulary import (
    Event,
    Fault,
    FetchPage,
    Initiate,
    PageFetched,
    PollStatus,
    RequestFailed,
    StatusReported,
    TokenIssued,
)
from extractor.run.engine import RemoteRequest

_REFUSALS = {Fault.THROTTLED, Fault.UNAVAILABLE}


class Gate:
    """One adaptive limit. ``inside`` are under way; ``wanted`` says whether more would be, if they might."""

    def __init__(self, begun: Pressure, *, tell: Callable[[str], None]) -> None:
        self._pressure = begun
        self._tell = tell
        self._waiting: deque[anyio.Event] = deque()
        self.inside = 0
        self.wanted: Callable[[], bool] = lambda: bool(self._waiting)
        self.on_growth: Callable[[], None] = self._let_in

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return self._pressure.limit

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, first come, first served, and hold it."""
        if self._waiting or self.inside >= self.limit:
            await self._wait()
        else:
            self.inside += 1
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Be inside without waiting, where another door (``slots``) keeps to the limit."""
        self.inside += 1
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Give a place back."""
        self.inside -= 1
        self._let_in()

    def answered(self, seconds: float) -> None:
        """A request was answered well, ``seconds`` after it had left."""
        self._changed(
            pressure.answered(
                self._pressure,
                now=anyio.current_time(),
                seconds=seconds,
                in_flight=self.inside,
                wanted=self.wanted(),
            )
        )

    def admitted(self) -> None:
        """Something that lasts was begun well."""
        now = anyio.current_time()
        self._changed(pressure.admitted(self._pressure, now=now, in_flight=self.inside, wanted=self.wanted()))

    def refused(self, status: int | None) -> None:
        """The server refused: 429, 503, or None where it did not answer."""
        self._changed(pressure.refused(self._pressure, now=anyio.current_time(), status=status))

    async def _wait(self) -> None:
        turn = anyio.Event()
        self._waiting.append(turn)
        try:
            await turn.wait()
        except anyio.get_cancelled_exc_class():
            if turn.is_set():
                self.leave()
            else:
                self._waiting.remove(turn)
            raise

    def _let_in(self) -> None:
        while self._waiting and self.inside < self.limit:
            self.inside += 1
            self._waiting.popleft().set()

    def _changed(self, decided: tuple[Pressure, Change | None]) -> None:
        self._pressure, change = decided
        if change is not None:
            self._tell(change.why)
            if change.after > change.before:
                self.on_growth()


class Gates:
    """The three of a run: exports alive, page requests on the wire, polls on the wire. ``tell`` hears of changes."""

    def __init__(self, limits: Limits, *, tell: Callable[[str], None]) -> None:
        self.exports = Gate(pressure.begin(limits.exports, what="exports at once", uneven=True), tell=tell)
        self.pages = Gate(pressure.begin(limits.pages, what="pages at once", first=8), tell=tell)
        self.polls = Gate(pressure.begin(limits.exports, what="status requests at once"), tell=tell)

    def heard(self, command: RemoteRequest, event: Event, seconds: float) -> None:
        """Take in what came of a request, ``seconds`` after it had left."""
        match command, event:
            case Initiate(), TokenIssued():
                self.exports.admitted()
            case FetchPage(), PageFetched():
                self.pages.answered(seconds)
            case PollStatus(), StatusReported(waited=waited):
                self.polls.answered(seconds)
                if waited is not None:
                    self.exports.answered(waited)
            case _, RequestFailed(failure=failure) if failure.fault in _REFUSALS and not failure.outage:
                self._of(command).refused(failure.status)
            case _:
                pass

    def _of(self, command: RemoteRequest) -> Gate:
        match command:
            case FetchPage():
                return self.pages
            case PollStatus():
                return self.polls
            case _:
                return self.exports
