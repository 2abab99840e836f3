"""One job, walked through its life: performs commands, hands events to ``step``, decides nothing.

Every command runs as a task of its own and reports what happened through one stream; the loop that reads the stream is
the only one that steps. Intents are journaled before their request is sent; pages are encoded as they arrive and stored
in offset order while the next ones are already being fetched; a page keeps its slot (``slots``) from the request until
it is durable, so a slow disk slows the network. Called by ``on_asyncio``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import assert_never

import anyio
import anyio.abc

from extractor.observe.news import JobMoved
from extractor.plan.job import JobSpec
from extractor.protocol.life import Phase
from extractor.protocol.lifecycle import begin, step, symbol_of
from extractor.protocol.pace import lead
from extractor.protocol.vocabulary import (
    Command,
    Commit,
    CommitIntended,
    Committed,
    DropExport,
    Event,
    FetchPage,
    Finish,
    Initiate,
    InitiateIntended,
    Meaning,
    Outcome,
    PageFetched,
    PageRefused,
    PageUnreadable,
    PartsLost,
    PollStatus,
    RequestFailed,
    SealExport,
    StatusReported,
    StorePage,
    TakenUp,
    TokenIssued,
    WindowOpened,
)
from extractor.run.engine import RemoteRequest
from extractor.run.past import replayed
from extractor.run.reading import Reading
from extractor.run.surroundings import Surroundings
from extractor.run.trial import Trial
from extractor.store.failpoints import Failpoint, reached
from extractor.store.parts import PartDamaged

_ANSWERED: dict[type[object], Failpoint] = {
    TokenIssued: Failpoint.INITIATE_ANSWERED,
    StatusReported: Failpoint.STATUS_ANSWERED,
    PageFetched: Failpoint.PAGE_FETCHED,
    Committed: Failpoint.COMMIT_ANSWERED,
}
_STREAM = 32  # events on their way to the loop: a few for each task that one job can have


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """An event on its way to the loop; ``recorded`` when it is already journaled. No event: a task has ended."""

    event: Event | None = None
    recorded: bool = False


class Drive:
    """One job's loop. Use once: ``await Drive(job, surroundings).to_the_end()``."""

    def __init__(self, job: JobSpec, around: Surroundings) -> None:
        self._job = job
        self._around = around
        self._policy = around.policy_of(job)
        self._life, _ = begin(self._policy)
        self._send, self._receive = anyio.create_memory_object_stream[_Happened](_STREAM)
        self._busy = 0
        self._remote: set[anyio.CancelScope] = set()
        self._waiting: set[anyio.CancelScope] = set()  # those of them whose request has not left yet
        self._reading: Reading | None = None  # of the export whose pages are asked for
        self._trial: anyio.CancelScope | None = None
        self._requests = 0
        self._began = anyio.current_time()

    async def to_the_end(self) -> Outcome | None:
        """Drive the job until it ends; None when a halt cut it short. Raises LocalError when it cannot be kept."""
        try:
            async with self._send, self._receive, anyio.create_task_group() as tasks:
                outcome = await self._loop(tasks)
                tasks.cancel_scope.cancel()
        finally:
            self._stop_reading()
            self._around.processing.discard(self._job.ordinal)
        if outcome is None:
            return None
        return replace(outcome, requests=self._requests, seconds=anyio.current_time() - self._began)

    async def _withdraw(self) -> None:
        """At a halt, take back every request that waits for its turn; those that have left may come home."""
        await self._around.halt.requested.wait()
        for scope in self._waiting:
            scope.cancel()

    async def _loop(self, tasks: anyio.abc.TaskGroup) -> Outcome | None:
        tasks.start_soon(self._withdraw)
        commands = await self._begin()
        while True:
            for command in commands:
                if isinstance(command, Finish):
                    await self._quiesce()
                    return command.outcome
                await self._start(tasks, command)
            event = await self._next_event()
            if event is None:
                return None
            self._life, commands = step(self._life, event, anyio.current_time())
            self._note_processing(event)
            self._tell(event)

    def _note_processing(self, event: Event | None = None) -> None:
        """Keep in mind, for all jobs, whose export is asked for now, and how long it took when it is ready."""
        around, job = self._around, self._job
        life = self._life
        if life.phase is Phase.PROCESSING and life.polls >= lead(life.policy.poll):
            around.processing.add(job.ordinal)
        else:
            around.processing.discard(job.ordinal)
        if isinstance(event, StatusReported) and event.waited is not None:
            around.tonight.heard(job.stream.id, waited=event.waited, unready=event.unready)

    async def _begin(self) -> list[Command]:
        """Begin the job, or take it up where the journal ends: the same ``step``, fed with what has happened."""
        past = await self._around.recorder.past(self._job)
        if past is None:
            self._life, commands = begin(self._policy)
            return commands
        now = anyio.current_time()
        taken = PartsLost(message=past.lost) if past.lost else TakenUp(anew=past.anew)
        self._life, commands = step(replayed(past.events, self._policy, now), taken, now)
        await self._around.recorder.record(self._job, taken)
        reached(Failpoint.TAKEN_UP)
        self._note_processing()
        self._tell(taken)
        return commands

    async def _next_event(self) -> Event | None:
        """The next event, journaled if it is durable; None when no task is left to bring one."""
        while self._busy:
            if (opened := self._opened()) is not None:
                return opened
            happened = await self._receive.receive()
            if happened.event is None:
                self._busy -= 1
                continue
            event = happened.event
            if event.durable and not happened.recorded:
                await self._around.recorder.record(self._job, event)
            return event
        return None

    def _opened(self) -> WindowOpened | None:
        """Whether pages may be asked for in any order since somebody has tried."""
        life, window = self._life, self._around.access.window(self._job.dataset.kind)
        reading = life.phase in {Phase.READY, Phase.RETRIEVING}
        return WindowOpened(window=window) if reading and life.paging.window < window else None

    async def _quiesce(self) -> None:
        """Cancel what is being asked, let finish what is being stored, and take in what is left of both."""
        for scope in self._remote:
            scope.cancel()
        if self._reading is not None:
            self._reading.wind_up()
        while self._busy:
            happened = await self._receive.receive()
            self._busy -= happened.event is None

    async def _start(self, tasks: anyio.abc.TaskGroup, command: Command) -> None:
        match command:
            case Initiate() | PollStatus() | FetchPage() | Commit():
                self._spawn(tasks, lambda: self._ask(command))
            case StorePage():
                reading = self._read()
                self._spawn(tasks, lambda: reading.keep(command.page))
                if (trial := reading.trial_with(command.page)) is not None:
                    self._spawn(tasks, lambda: self._try_access(reading, trial))
            case SealExport():
                if self._trial is not None:
                    self._trial.cancel()  # all is read: the token has no more business with it
                self._spawn(tasks, self._seal)
            case DropExport():
                await self._quiesce()
                self._stop_reading()
                await self._around.recorder.drop(self._job, command.export)
            case Finish():
                raise TypeError("the loop itself finishes")
            case _:
                assert_never(command)

    def _spawn(self, tasks: anyio.abc.TaskGroup, act: Callable[[], Awaitable[None]]) -> None:
        self._busy += 1

        async def reporting() -> None:
            await act()
            await self._send.send(_Happened())

        tasks.start_soon(reporting)

    async def _ask(self, command: RemoteRequest) -> None:
        with anyio.CancelScope() as scope:
            self._remote.add(scope)
            self._waiting.add(scope)
            after = command.after
            if isinstance(command, PollStatus):
                after = max(after, self._around.poll_pause())
            if await self._around.halt.pause(after):
                await self._request(command, scope)
        self._waiting.discard(scope)
        self._remote.discard(scope)

    async def _request(self, command: RemoteRequest, scope: anyio.CancelScope) -> None:
        if isinstance(command, FetchPage) and command.attempt == 1:
            await self._read().slots.take(command.offset)  # a page that is asked for again has kept its slot
        event = await self._perform(command, scope)
        if isinstance(command, FetchPage) and isinstance(event, PageFetched):
            self._read().came(command)
        answered = _ANSWERED.get(type(event))
        if answered is not None:
            reached(answered)
        await self._report(event)

    async def _perform(self, command: RemoteRequest, scope: anyio.CancelScope) -> Event:
        gates, left = self._around.gates, anyio.current_time()

        async def leaving() -> None:
            nonlocal left
            self._waiting.discard(scope)
            self._requests += 1
            await self._record_intent(command)
            left = anyio.current_time()

        async with AsyncExitStack() as places:
            if isinstance(command, PollStatus):
                await places.enter_async_context(gates.polls.place())
            elif isinstance(command, FetchPage):
                places.enter_context(gates.pages.counted())
            event = await self._around.client.perform(command, self._job, leaving=leaving)
            now = anyio.current_time()
            if isinstance(event, StatusReported):
                event = self._life.timed(event, now)
            gates.heard(command, event, now - left)
        return event

    async def _record_intent(self, command: Command) -> None:
        intent: InitiateIntended | CommitIntended
        if isinstance(command, Initiate):
            intent = InitiateIntended(export=command.export)
        elif isinstance(command, Commit):
            intent = CommitIntended()
        else:
            return
        await self._around.recorder.record(self._job, intent)
        reached(Failpoint.INITIATE_INTENDED if isinstance(command, Initiate) else Failpoint.COMMIT_INTENDED)
        await self._report(intent, recorded=True)

    async def _try_access(self, reading: Reading, trial: Trial) -> None:
        """Run a trial of random access. At a halt it is given up, unless its request has left; so it is at the seal."""
        with anyio.CancelScope() as scope:
            self._trial = scope
            self._remote.add(scope)
            self._let_wait(scope)

            async def ask(command: FetchPage) -> Event:
                await reading.slots.take(command.offset)
                try:
                    return await self._perform(command, scope)
                finally:
                    self._let_wait(scope)
                    reading.slots.give(command.offset)

            await trial.run(ask)
        self._waiting.discard(scope)
        self._remote.discard(scope)
        reading.tried()

    def _let_wait(self, scope: anyio.CancelScope) -> None:
        """What is inside waits now, and a halt ends that; also one that has come already."""
        self._waiting.add(scope)
        if self._around.halt.requested.is_set():
            scope.cancel()

    async def _seal(self) -> None:
        try:
            sealed = await self._around.recorder.seal(self._job, self._life.export)
        except PartDamaged as error:
            await self._report(PartsLost(message=str(error)))
        else:
            await self._report(sealed, recorded=True)

    def _read(self) -> Reading:
        """What reads the present export."""
        if self._reading is None:
            self._reading = Reading(self._job, self._life, self._around, report=self._report)
        return self._reading

    def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.slots.give_all()

    async def _report(self, event: Event, *, recorded: bool = False) -> None:
        await self._send.send(_Happened(event=event, recorded=recorded))

    def _tell(self, event: Event) -> None:
        life = self._life
        self._around.listener(
            JobMoved(
                ordinal=self._job.ordinal,
                label=self._job.label,
                dataset=str(self._job.dataset),
                phase=life.phase,
                what=symbol_of(event),
                stored=life.paging.stored_to,
                total=life.paging.total,
                retries=life.retries,
                detail=_detail(event),
            )
        )


def _detail(event: Event) -> str:
    match event:
        case RequestFailed():
            return event.failure.message
        case StatusReported() if event.meaning is not Meaning.PROCESSING:
            return f"Status {event.spelled}"
        case PageRefused() | PartsLost():
            return event.message
        case PageUnreadable():
            return event.failure.message
        case _:
            return ""
