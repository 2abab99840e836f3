"""The pages of one export on their way to the disk: slots, encoding, the order of their offsets, storing.

Pages are encoded as they arrive and stored in offset order, while later ones are being asked for. Decides nothing:
every result is an event, handed to the job's loop (``report``). Called by ``drive``, one for each export.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Protocol

import anyio

from extractor.errors import IntegrityError
from extractor.plan.job import JobSpec
from extractor.protocol.life import Life
from extractor.protocol.vocabulary import (
    Event,
    Failure,
    Fault,
    FetchPage,
    PageFetched,
    PageRefused,
    PageUnreadable,
)
from extractor.run.surroundings import Surroundings
from extractor.run.trial import Trial
from extractor.store.frames import Frame
from extractor.store.in_order import InOrder
from extractor.store.records import PageSpoiled


class Report(Protocol):
    """Hands an event to the job's loop; ``recorded`` when it is journaled already."""

    def __call__(self, event: Event, *, recorded: bool = False) -> Awaitable[None]:
        """Return when the loop has taken it in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """A page that waits to be stored; its body is gone."""

    page: PageFetched
    frame: Frame


class Reading:
    """``life`` is the job's as its export is ready to be read. ``slots`` must be given back in the end."""

    def __init__(self, job: JobSpec, life: Life, around: Surroundings, *, report: Report) -> None:
        self._job = job
        self._around = around
        self._export = life.export
        self._token = life.token
        self._form = around.form_of(job)
        self._report = report
        self.slots = around.pages.claim(
            stored_to=life.paging.stored_to, urgent=lambda: life.urgent(anyio.current_time())
        )
        self._order: InOrder[_Encoded] = InOrder(life.paging.stored_to + 1)
        self._ready: deque[_Encoded] = deque()
        self._storing = False
        self._wanted = True
        self._asked: dict[int, FetchPage] = {}  # by offset: what a page that is being encoded was asked by
        self._trial: Trial | None = None

    def came(self, command: FetchPage) -> None:
        """Note by what a page was asked for that has come."""
        self._asked[command.offset] = command

    def wind_up(self) -> None:
        """Store no more than what is being stored now: the export is given up, or the job has ended."""
        self._wanted = False
        self._ready.clear()

    def trial_with(self, page: PageFetched) -> Trial | None:
        """Give the trial of random access that this page begins, if nobody has tried; the second page belongs to it."""
        if self._trial is not None:
            self._trial.saw(page)
            return None
        access, kind = self._around.access, self._job.dataset.kind
        if page.offset != 1 or self._token is None:
            return None
        if not access.begin_trial(kind, count=page.count, total=page.total):
            return None
        self._trial = Trial(access, kind, page, token=self._token, records_member=self._form.records_member)
        return self._trial

    def tried(self) -> None:
        """Forget the trial, and the pages that it holds."""
        self._trial = None

    async def keep(self, page: PageFetched) -> None:
        """Encode a page; store it, and those that waited for it, when its turn has come."""
        command = self._asked.pop(page.asked)
        try:
            frame = await self._around.encode(page, self._form)
        except PageSpoiled as error:
            failure = Failure(fault=Fault.MALFORMED, message=str(error))
            await self._report(PageUnreadable(command=command, count=page.count, failure=failure))
            return
        except IntegrityError as error:
            await self._report(PageRefused(offset=page.offset, message=str(error)))
            return
        if not self._wanted:
            return
        self._ready.extend(self._order.put(page.asked, page.count, _Encoded(page=replace(page, body=b""), frame=frame)))
        del page, frame  # a page in order is not kept while those after it are stored
        if not self._storing:
            self._storing = True
            await self._store_ready()
            self._storing = False

    async def _store_ready(self) -> None:
        while self._ready:
            encoded = self._ready.popleft()
            page = encoded.page
            stored = await self._around.recorder.store(self._job, self._export, page, encoded.frame)
            del encoded
            self.slots.stored(page.asked, page.offset + page.count - 1)
            await self._report(stored, recorded=True)
