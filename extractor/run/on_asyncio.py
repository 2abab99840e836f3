"""The default engine: every job is a task of this process's event loop.

Workers take jobs in fair turns, so that many AccessTokens are alive at once: as many as the server bears, and never
more than ``limits.exports`` (``gates``). Page slots bound the pages of all of them together, and with them the memory.
A worker that waits for a bad job leaves the others to their work. Called by ``extraction``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import anyio
import anyio.abc

from extractor.observe.news import JobEnded, Listener, Noticed, PaceChanged
from extractor.plan.job import JobSpec
from extractor.plan.order import Turns
from extractor.protocol.access import RandomAccess
from extractor.protocol.vocabulary import Verdict
from extractor.run.drive import Drive
from extractor.run.encoders import Encoders
from extractor.run.engine import Asker, Recorder, Settings
from extractor.run.gates import Gates
from extractor.run.halt import Halt
from extractor.run.slots import PageSlots
from extractor.run.surroundings import Surroundings
from extractor.store.failpoints import Failpoint, reached

_PAUSES = 4  # of the longest ones: what polling that has learned may wait at once (``protocol.pace``)


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
        turns = Turns(jobs, self._settings.expected, begun=begun)
        async with Encoders(self._settings.encoders, notice=self._notice) as encoders:
            around = self._surroundings(recorder, encoders)
            async with anyio.create_task_group() as tasks:
                Workers(turns, around, tasks, late=self._is_late).hire()

    def _surroundings(self, recorder: Recorder, encoders: Encoders) -> Surroundings:
        settings, limits = self._settings, self._settings.limits
        gates = Gates(limits, tell=lambda sentence: self._listener(PaceChanged(message=sentence)))
        slots = PageSlots(lambda: gates.pages.limit, most=limits.pages)
        gates.pages.wanted = lambda: slots.wanted
        gates.pages.on_growth = slots.look_again
        return Surroundings(
            client=self._client,
            recorder=recorder,
            policy=settings.policy(self._deadline),
            dialect=settings.dialect,
            polls=settings.polls,
            compression=settings.compression,
            spelling=settings.spelling,
            pages=slots,
            access=RandomAccess(settings.dialect.random_access, window=limits.pages, notice=self._notice),
            gates=gates,
            requests_per_second=limits.requests_per_second,
            encode=encoders.frame,
            listener=self._listener,
            halt=self._halt,
        )

    def _notice(self, sentence: str) -> None:
        self._listener(Noticed(message=sentence))

    def _is_late(self) -> bool:
        """Whether the deadline is nearer than the longest pause between two questions."""
        pause = _PAUSES * self._settings.limits.poll_max
        return self._deadline is not None and anyio.current_time() + pause > self._deadline


class Workers:
    """As many as there may be exports at once. Each drives one job after the other, and goes when there are too many.

    One of them, where there may be several, takes the smallest exports first. ``late``: no job is worth to begin.
    """

    def __init__(
        self, turns: Turns, around: Surroundings, tasks: anyio.abc.TaskGroup, *, late: Callable[[], bool]
    ) -> None:
        self._turns = turns
        self._around = around
        self._tasks = tasks
        self._late = late
        self._gate = around.gates.exports
        self._gate.wanted = lambda: turns.left > 0
        self._gate.on_growth = self.hire
        self._has_express = False

    def hire(self) -> None:
        """Fill the places that there are."""
        while self._turns.left and self._gate.inside < self._gate.limit:
            express = self._gate.inside > 0 and not self._has_express
            self._has_express = self._has_express or express
            self._gate.inside += 1
            self._tasks.start_soon(self._work, express)

    async def _work(self, express: bool) -> None:  # noqa: FBT001 - start_soon takes no keywords
        try:
            while self._gate.inside <= self._gate.limit and await self._drive_next(express=express):
                pass
        finally:
            self._gate.inside -= 1
            self._has_express = self._has_express and not express

    async def _drive_next(self, *, express: bool) -> bool:
        """Drive one job to its end; whether there is sense in another."""
        around = self._around
        if around.halt.requested.is_set() or (job := self._turns.take(express=express)) is None:
            return False
        # The values of a match are in memory while its job is driven, and no longer.
        outcome = await Drive(await around.recorder.filled(job), around).to_the_end()
        if outcome is None:
            return False
        reached(Failpoint.JOB_FINISHED)
        await around.recorder.ended(job, outcome)
        around.listener(JobEnded(ordinal=job.ordinal, label=job.label, dataset=str(job.dataset), outcome=outcome))
        # Another export would be left as this one was.
        return not (outcome.verdict is Verdict.UNAVAILABLE and self._late())
