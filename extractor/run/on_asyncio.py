"""The default engine: every job is a task of this process's event loop.

``limits.exports`` workers take jobs in fair turns, so that many AccessTokens are alive at once and no more;
``limits.pages`` slots bound the pages in flight of all of them together, and with them the memory. A worker that waits
for a bad job leaves the others to their work. Called by ``extraction``.
"""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import anyio.to_thread

from extractor.observe.news import JobEnded, Listener, Noticed
from extractor.plan.job import JobSpec
from extractor.plan.order import Turns
from extractor.protocol.vocabulary import PageFetched, Verdict
from extractor.run.access import RandomAccess
from extractor.run.drive import Drive
from extractor.run.engine import Asker, Recorder, Settings
from extractor.run.halt import Halt
from extractor.run.slots import PageSlots
from extractor.run.surroundings import Surroundings
from extractor.store.failpoints import Failpoint, reached
from extractor.store.frames import Form, Frame, make_frame

_PAUSES = 4  # of the longest ones: what polling that has learned may wait at once (``protocol.pace``)


class Thread:
    """Encoding in this process."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(1)

    async def frame(self, page: PageFetched, form: Form) -> Frame:
        """Give the frame of a page."""
        return await anyio.to_thread.run_sync(make_frame, page, form, limiter=self._limiter)


class AsyncioEngine:
    """Drives jobs on the running event loop through one client."""

    def __init__(
        self, settings: Settings, *, client: Asker, listener: Listener, halt: Halt, deadline: float | None
    ) -> None:
        self._settings = settings
        self._client = client
        self._listener = listener
        self._halt = halt
        self._deadline = deadline

    async def run(self, jobs: Iterable[JobSpec], recorder: Recorder, *, begun: int = 0) -> None:
        """Drive every job to its end, or until a halt."""
        settings = self._settings
        around = Surroundings(
            client=self._client,
            recorder=recorder,
            policy=settings.policy(self._deadline),
            dialect=settings.dialect,
            polls=settings.polls,
            compression=settings.compression,
            spelling=settings.spelling,
            pages=PageSlots(lambda: settings.limits.pages, most=settings.limits.pages),
            access=RandomAccess(settings.dialect.random_access, window=settings.limits.pages, notice=self._notice),
            encode=Thread().frame,
            listener=self._listener,
            halt=self._halt,
        )
        turns = Turns(jobs, settings.expected, begun=begun)
        async with anyio.create_task_group() as workers:
            for lane in range(settings.limits.exports):
                # The last lane is the express one; where there is only one, it serves all.
                workers.start_soon(self._work, turns, lane > 0 and lane == settings.limits.exports - 1, around)

    async def _work(self, turns: Turns, express: bool, around: Surroundings) -> None:  # noqa: FBT001 - start_soon takes no keywords
        while not self._halt.requested.is_set() and (job := turns.take(express=express)) is not None:
            # The values of a match are in memory while its job is driven, and no longer.
            outcome = await Drive(await around.recorder.filled(job), around).to_the_end()
            if outcome is None:
                return
            reached(Failpoint.JOB_FINISHED)
            await around.recorder.ended(job, outcome)
            around.listener(JobEnded(ordinal=job.ordinal, label=job.label, dataset=str(job.dataset), outcome=outcome))
            if outcome.verdict is Verdict.UNAVAILABLE and self._is_late():
                return  # another export would be left as this one was

    def _notice(self, sentence: str) -> None:
        self._listener(Noticed(message=sentence))

    def _is_late(self) -> bool:
        """Whether the deadline is nearer than the longest pause between two questions."""
        pause = _PAUSES * self._settings.limits.poll_max
        return self._deadline is not None and anyio.current_time() + pause > self._deadline
