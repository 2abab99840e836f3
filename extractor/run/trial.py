"""The trial of random access: one page across the first two of an export, and the comparison (``access``).

Decides nothing of its own. Called by ``drive``, once a run and kind of dataset, while the second page is under way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread

from extractor.errors import IntegrityError
from extractor.plan.job import Kind
from extractor.protocol.access import RandomAccess, between, same
from extractor.protocol.vocabulary import Event, FetchPage, PageFetched, RequestFailed
from extractor.store.records import texts_of


class Trial:
    """One export's trial; ``first`` is its first page. Hand in the ``second`` when it comes."""

    def __init__(
        self, access: RandomAccess, kind: Kind, first: PageFetched, *, token: int, records_member: str
    ) -> None:
        self._access = access
        self._kind = kind
        self._first = first
        self._token = token
        self._member = records_member
        self._second: PageFetched | None = None
        self._there = anyio.Event()
        self._judged = False

    def saw(self, page: PageFetched) -> None:
        """Take the second page in, if it is the one."""
        if page.offset == self._first.offset + self._first.count and self._second is None:
            self._second = page
            self._there.set()

    async def run(self, ask: Callable[[FetchPage], Awaitable[Event]]) -> None:
        """Ask, compare, and say in ``access`` what came of it; also when this is cancelled."""
        place = between(self._first.count)
        try:
            answer = await ask(FetchPage(token=self._token, offset=place.offset, limit=place.limit))
            if isinstance(answer, RequestFailed):
                self._failed(answer)
            elif isinstance(answer, PageFetched):
                await self._there.wait()
                agreed = await anyio.to_thread.run_sync(self._compare, answer)
                if agreed is not None:
                    self._judge(self._access.agreed if agreed else self._access.differed)
        finally:
            if not self._judged:
                self._judge(self._access.no_answer)

    def _failed(self, answer: RequestFailed) -> None:
        """A refusal says no; what may pass says nothing, nor does a token that is gone: the job itself will meet it."""
        refused = answer.durable and answer.failure.status in {400, 403, 405, 416, 501}
        self._judge(self._access.differed if refused else self._access.no_answer)

    def _judge(self, judge: Callable[[Kind], None]) -> None:
        self._judged = True
        judge(self._kind)

    def _compare(self, middle: PageFetched) -> bool | None:
        """Whether they say the same; None where one of them cannot be read, which says nothing of the others."""
        place = between(self._first.count)
        if self._second is None or (middle.offset, middle.total) != (place.offset, self._first.total):
            return False
        try:
            first, second, across = (texts_of(page.body, self._member) for page in (self._first, self._second, middle))
        except IntegrityError:
            return None
        counts = (self._first.count, self._second.count, middle.count)
        return same(first, second, across) if counts == (len(first), len(second), len(across)) else None
