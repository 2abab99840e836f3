"""One job, walked through its life: performs commands, hands events to ``step``, decides nothing.

Every command runs as a task of its own and reports what happened through one stream; the loop that reads the stream is
the only one that steps. Intents are journaled before their request is sent; pages are stored in offset order while the
next one is already being fetched; a page keeps its slot (``limits.pages``) from the request until it is durable, so a
slow disk slows the network. Called by ``on_asyncio``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

import anyio
import anyio.abc
import anyio.to_thread

from extractor.errors import IntegrityError
from extractor.observe.news import JobMoved, Listener
from extractor.plan.job import JobSpec
from extractor.protocol.dialect import Dialect
from extractor.protocol.life import LifePolicy
from extractor.protocol.lifecycle import begin, step, symbol_of
from extractor.protocol.pace import PollPolicy
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
    PartsLost,
    PollStatus,
    RequestFailed,
    SealExport,
    StatusReported,
    StorePage,
    TakenUp,
    TokenIssued,
)
from extractor.run.engine import Asker, Recorder, RemoteRequest
from extractor.run.halt import Halt
from extractor.run.past import replayed
from extractor.store.compression import Compression
from extractor.store.failpoints import Failpoint, reached
from extractor.store.frames import Form, Frame, Spelling, make_frame
from extractor.store.in_order import InOrder
from extractor.store.parts import PartDamaged

_ANSWERED: dict[type[object], Failpoint] = {
    TokenIssued: Failpoint.INITIATE_ANSWERED,
    StatusReported: Failpoint.STATUS_ANSWERED,
    PageFetched: Failpoint.PAGE_FETCHED,
    Committed: Failpoint.COMMIT_ANSWERED,
}
_STREAM = 32  # events on their way to the loop: a few for each task that one job can have


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the jobs of an engine share."""

    client: Asker
    recorder: Recorder
    policy: LifePolicy
    dialect: Dialect
    compression: Compression
    spelling: Spelling
    pages: anyio.Semaphore
    encoding: anyio.CapacityLimiter
    listener: Listener
    halt: Halt
    polls: Mapping[str, PollPolicy] = field(default_factory=dict)  # by stream id, where earlier nights teach one

    def policy_of(self, job: JobSpec) -> LifePolicy:
        """The bounds of a job's life, with the polling that its stream has taught."""
        poll = self.polls.get(job.stream.id)
        return self.policy if poll is None else replace(self.policy, poll=poll)


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
        self._slots = 0  # page slots that this job holds
        self._order: InOrder[PageFetched] = InOrder()
        self._ready: deque[PageFetched] = deque()
        self._storing = False
        self._requests = 0
        self._began = anyio.current_time()

    async def to_the_end(self) -> Outcome | None:
        """Drive the job until it ends; None when a halt cut it short. Raises LocalError when it cannot be kept."""
        try:
            async with self._send, self._receive, anyio.create_task_group() as tasks:
                outcome = await self._loop(tasks)
                tasks.cancel_scope.cancel()
        finally:
            for _ in range(self._slots):
                self._around.pages.release()
            self._slots = 0
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
            self._tell(event)

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
        self._order = InOrder(self._life.paging.stored_to + 1)
        self._tell(taken)
        return commands

    async def _next_event(self) -> Event | None:
        """The next event, journaled if it is durable; None when no task is left to bring one."""
        while self._busy:
            happened = await self._receive.receive()
            if happened.event is None:
                self._busy -= 1
                continue
            event = happened.event
            if isinstance(event, StatusReported):
                event = self._life.timed(event, anyio.current_time())
            if event.durable and not happened.recorded:
                await self._around.recorder.record(self._job, event)
            return event
        return None

    async def _quiesce(self) -> None:
        """Cancel what is being asked, let finish what is being stored, and take in what is left of both."""
        for scope in self._remote:
            scope.cancel()
        self._ready.clear()
        while self._busy:
            happened = await self._receive.receive()
            self._busy -= happened.event is None

    async def _start(self, tasks: anyio.abc.TaskGroup, command: Command) -> None:
        match command:
            case Initiate() | PollStatus() | FetchPage() | Commit():
                self._spawn(tasks, lambda: self._ask(command))
            case StorePage():
                self._ready.extend(self._order.put(command.page.asked, command.page.count, command.page))
                if self._ready and not self._storing:
                    self._storing = True
                    self._spawn(tasks, self._store_ready)
            case SealExport():
                self._spawn(tasks, self._seal)
            case DropExport():
                await self._quiesce()
                self._release(self._slots)
                self._order = InOrder()
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
            if await self._around.halt.pause(command.after):
                await self._request(command, scope)
        self._waiting.discard(scope)
        self._remote.discard(scope)

    async def _request(self, command: RemoteRequest, scope: anyio.CancelScope) -> None:
        around = self._around
        if isinstance(command, FetchPage):
            await around.pages.acquire()
            self._slots += 1

        async def leaving() -> None:
            self._waiting.discard(scope)
            self._requests += 1
            await self._record_intent(command)

        event = await around.client.perform(command, self._job, leaving=leaving)
        if isinstance(command, FetchPage) and not isinstance(event, PageFetched):
            self._release(1)
        answered = _ANSWERED.get(type(event))
        if answered is not None:
            reached(answered)
        await self._send.send(_Happened(event=event))

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
        await self._send.send(_Happened(event=intent, recorded=True))

    async def _store_ready(self) -> None:
        around = self._around
        export = self._life.export
        while self._ready:
            page = self._ready.popleft()
            try:
                frame = await anyio.to_thread.run_sync(self._frame, page, limiter=around.encoding)
            except IntegrityError as error:
                self._ready.clear()
                await self._send.send(_Happened(event=PageRefused(offset=page.offset, message=str(error))))
                break
            stored = await around.recorder.store(self._job, export, page, frame)
            del page, frame
            self._release(1)
            await self._send.send(_Happened(event=stored, recorded=True))
        self._storing = False

    def _frame(self, page: PageFetched) -> Frame:
        around = self._around
        spelled = around.dialect.of(self._job.dataset.kind)
        form = Form(
            records_member=spelled.records,
            record_id=spelled.record_id,
            compression=around.compression,
            spelling=around.spelling,
        )
        return make_frame(page, form)

    async def _seal(self) -> None:
        try:
            sealed = await self._around.recorder.seal(self._job, self._life.export)
        except PartDamaged as error:
            await self._send.send(_Happened(event=PartsLost(message=str(error))))
        else:
            await self._send.send(_Happened(event=sealed, recorded=True))

    def _release(self, slots: int) -> None:
        self._slots -= slots
        for _ in range(slots):
            self._around.pages.release()

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
        case _:
            return ""
