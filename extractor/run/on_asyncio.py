"""The default engine: every job is a task of this process's event loop.

``limits.exports`` workers take jobs from one bounded stream, so that many AccessTokens are alive at once and no more;
``limits.pages`` slots bound the pages in flight of all of them together, and with them the memory. A worker that waits
for a bad job leaves the others to their work. Called by ``extraction``.
"""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream

from extractor.observe.news import JobEnded, Listener
from extractor.plan.job import JobSpec
from extractor.run.drive import Drive, Surroundings
from extractor.run.engine import Asker, Recorder, Settings
from extractor.run.halt import Halt
from extractor.store.compression import codec
from extractor.store.failpoints import Failpoint, reached

_ENCODERS = 1  # encoding holds the interpreter's lock: a second thread would only make both wait


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

    async def run(self, jobs: Iterable[JobSpec], recorder: Recorder) -> None:
        """Drive every job to its end, or until a halt."""
        settings = self._settings
        around = Surroundings(
            client=self._client,
            recorder=recorder,
            policy=settings.policy(self._deadline),
            records_member=settings.dialect.records,
            record_id=settings.dialect.record_id,
            codec=codec(settings.compression),
            pages=anyio.Semaphore(settings.limits.pages),
            encoding=anyio.CapacityLimiter(_ENCODERS),
            listener=self._listener,
            halt=self._halt,
        )
        send, receive = anyio.create_memory_object_stream[JobSpec](0)
        async with anyio.create_task_group() as workers, send, receive:
            for _ in range(settings.limits.exports):
                workers.start_soon(self._work, receive.clone(), around)
            receive.close()
            try:
                for job in jobs:
                    if self._halt.requested.is_set():
                        break
                    await send.send(job)
            except anyio.BrokenResourceError:
                pass  # every worker has stopped for the halt
            send.close()

    async def _work(self, jobs: MemoryObjectReceiveStream[JobSpec], around: Surroundings) -> None:
        async with jobs:
            async for job in jobs:
                # The values of a match are in memory while its job is driven, and no longer.
                outcome = await Drive(await around.recorder.filled(job), around).to_the_end()
                if outcome is None:
                    return
                reached(Failpoint.JOB_FINISHED)
                await around.recorder.ended(job, outcome)
                around.listener(
                    JobEnded(ordinal=job.ordinal, label=job.label, dataset=str(job.dataset), outcome=outcome)
                )
