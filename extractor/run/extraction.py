"""The use case: one run, from a plan to published datasets and an exit code.

Decides the order of beginning and ending: folders checked, lock held, run journaled, jobs driven, datasets published,
run closed. Everything between is the engine's. Called by ``cli``.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from extractor.clock import Clock, SystemClock
from extractor.config import Config
from extractor.errors import Exit, IntegrityError, LocalError
from extractor.observe.news import ClockCorrected, Listener, Noticed, PaceChanged, RunClosed, RunOpened
from extractor.plan.planner import Plan
from extractor.protocol.dialect import dialect_of
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Client, Transport, open_client
from extractor.run.basis import refuse_moved
from extractor.run.coordinator import Coordinator, Standing
from extractor.run.engine import Settings
from extractor.run.halt import Halt, enforce_grace, watch_deadline, watch_signals
from extractor.run.history import JOURNAL, Unfinished, confirm
from extractor.run.lessons import lessons_of
from extractor.run.on_asyncio import AsyncioEngine
from extractor.run.pruning import sweep
from extractor.run.publication import Edition
from extractor.run.quiet import Quiet
from extractor.run.restored import refuse_old_copy
from extractor.run.stalls import Stalls
from extractor.run.verdicts import exit_code
from extractor.run.vigil import Vigil
from extractor.store.compression import codec
from extractor.store.durable import check_writable, make_folders, remove_tree
from extractor.store.entries import RunEntry
from extractor.store.failpoints import Failpoint, reached
from extractor.store.journal import Journal, open_journal
from extractor.store.lock import hold_lock
from extractor.store.remains import QUARANTINE, STAGING
from extractor.store.seen import SEEN
from extractor.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Where a run touches the world, so that a test can stand in its way. The defaults are the real ones."""

    clock: Clock
    transport: Transport | None = None
    interrupts: bool = True
    earlier: Unfinished | None = None


async def extract(
    config: Config,
    plan: Plan,
    *,
    config_path: Path | None = None,
    listener: Listener,
    interrupts: bool = True,
    clock: Clock | None = None,
    transport: Transport | None = None,
    earlier: Unfinished | None = None,
) -> RunClosed:
    """Do everything that ``plan`` asks for, and say how it ended.

    With ``earlier`` that run is taken up where its journal ends; ``plan`` must be its own (``plan.planner.recall``).
    On return every published dataset is durable, and so is the state of whatever is not published. SIGINT, SIGTERM and
    the deadline end the run cleanly. Raises LocalError, before any request is sent, when the output or state folder
    cannot be used, and during the run when this machine can no longer keep what it is given.
    """
    ways = Ways(clock=clock or SystemClock(), transport=transport, interrupts=interrupts, earlier=earlier)
    await anyio.to_thread.run_sync(prepare_folders, config)
    with hold_lock(config.state) as lock, open_journal(config.state / JOURNAL) as journal:
        if earlier is not None:
            confirm(config.state, earlier)  # it was read before the lock was held
        else:
            refuse_moved(journal, plan)  # so were the watermarks
        refuse_old_copy(journal, config.output.path, plan, None if earlier is None else earlier.run_id)
        sweep(config.state, journal)
        run = _Run(config, plan, config_path=config_path, listener=listener, ways=ways, journal=journal)
        lock.name(run.run_id)  # before the journal's row: a row without an end that the lock does not name was cut off
        return await run.to_the_end()


def prepare_folders(config: Config) -> None:
    """Make output and state folders and try them. Raises LocalError naming the one that cannot be written."""
    for folder in (config.state, config.output.path):
        make_folders(folder)
        check_writable(folder)


def new_run_id(now: float) -> str:
    """Name a run so that names sort by time: ``20261123T020000Z-7f3a``."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def config_hash(config: Config) -> str:
    """Hash the configuration as it was understood, without its secrets, into 16 hexadecimal digits."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


class _Run:
    """One run's beginning, middle and end."""

    def __init__(
        self,
        config: Config,
        plan: Plan,
        *,
        config_path: Path | None,
        listener: Listener,
        ways: Ways,
        journal: Journal,
    ) -> None:
        self._config = config
        self._plan = plan
        self._config_path = config_path
        self._listener = listener
        self._ways = ways
        self._journal = journal
        self._halt = Halt()
        self._run_id = self.run_id = new_run_id(ways.clock.now()) if ways.earlier is None else ways.earlier.run_id
        self._staging = config.state / STAGING / self._run_id
        lessons = lessons_of(journal, plan, config.limits, datetime.fromtimestamp(ways.clock.now(), UTC))
        self._settings = Settings(
            connection=config.connection,
            limits=config.limits,
            dialect=dialect_of(config),
            compression=config.output.compression,
            spelling=config.output.records,
            encoders=None if config.output.encoders == "auto" else config.output.encoders,
            expected=lessons.expected,
            polls=lessons.polls,
        )
        self._standing = Standing()
        self._stalls = Stalls(lambda sentence: listener(Noticed(message=sentence)))
        self._requests = 0

    async def to_the_end(self) -> RunClosed:
        """Open, drive, close; signals are watched until the last word is said."""
        started = anyio.current_time()
        broken: LocalError | IntegrityError | None = None
        edition: Edition | None = None
        async with anyio.create_task_group() as around:
            working = anyio.CancelScope()
            deadline = await self._watch(around, working)
            try:
                edition = self._open()
                await self._drive(edition, working, deadline)
            except* (LocalError, IntegrityError) as group:
                broken = _first_leaf(group)
            closed = None if edition is None else self._close(anyio.current_time() - started, broken)
            around.cancel_scope.cancel()
        if closed is None:
            raise broken or LocalError("the run could not begin")
        return closed

    def _open(self) -> Edition:
        """Journal what the run will ask for, before it asks; or that it goes on."""
        earlier, output = self._ways.earlier, self._config.output
        started_at = self._ways.clock.now() if earlier is None else earlier.started_at
        make_folders(self._staging)
        hashed = config_hash(self._config)
        if earlier is not None:
            self._journal.reopen_run(self._run_id, self._plan.jobs, pid=os.getpid())
            reached(Failpoint.RUN_REOPENED)
        else:
            entry = RunEntry(
                run_id=self._run_id,
                plan_id=self._plan.plan_id,
                config_hash=hashed,
                config_path=None if self._config_path is None else str(self._config_path.absolute()),
                output=str(output.path.absolute()),
                pid=os.getpid(),
                started_at=started_at,
                request=self._plan.asked.encode(),
            )
            self._journal.add_run(entry, self._plan.jobs)
            reached(Failpoint.RUN_JOURNALED)
        self._listener(self._opened())
        return Edition(
            run_id=self._run_id,
            config_hash=hashed,
            started_at=started_at,
            output=output.path,
            state=self._config.state,
            key=self._journal.key(),
            staging=self._staging,
            compression=output.compression,
            shard_bytes=output.shard_bytes,
            partitions=self._plan.partitions,
            seen=self._config.state / SEEN,
            record_id=self._settings.dialect.record_id,
        )

    async def _drive(self, edition: Edition, working: anyio.CancelScope, deadline: float | None) -> None:
        """Drive the jobs with everything around them: the client, the writer, the watchers, the publishing."""
        output = self._config.output
        known = await anyio.to_thread.run_sync(self._journal.issued, self._run_id)
        writer = Writer(
            self._journal,
            run_id=self._run_id,
            staging=self._staging,
            codec=codec(output.compression),
            shard_bytes=output.shard_bytes,
            quarantine=self._config.state / QUARANTINE / self._run_id,
            record_id=lambda ordinal: self._settings.dialect.of(self._plan.jobs[ordinal].dataset.kind).record_id,
            clock=self._ways.clock,
            notice=lambda sentence: self._listener(Noticed(message=sentence)),
            witness=edition.witness,
        )
        vigil = self._vigil(deadline)
        quiet = self._quiet(writer)
        async with self._connect(vigil, quiet, known) as client, anyio.create_task_group() as around:
            around.start_soon(writer.run)
            around.start_soon(vigil.keep, client)
            around.start_soon(self._stalls.keep)
            await quiet.take_up(client)
            around.start_soon(quiet.keep, client)
            engine = AsyncioEngine(
                self._settings, client=client, listener=self._listener, halt=self._halt, deadline=deadline
            )
            coordinator = Coordinator(
                plan=self._plan,
                journal=self._journal,
                writer=writer,
                edition=edition,
                clock=self._ways.clock,
                listener=self._listener,
                standing=self._standing,
                earlier=self._ways.earlier,
            )
            try:
                with working:
                    async with coordinator:
                        jobs, begun = coordinator.unfinished_jobs()
                        await engine.run(jobs, coordinator, begun=begun)
            finally:
                self._requests = client.requests
                with anyio.CancelScope(shield=True):
                    await coordinator.withhold_unfinished()
            around.cancel_scope.cancel()

    def _opened(self) -> RunOpened:
        return RunOpened(
            run_id=self._run_id,
            jobs=len(self._plan.jobs),
            datasets=len(self._plan.datasets),
            output=str(self._config.output.path),
            requests_per_second=self._config.limits.requests_per_second,
        )

    def _vigil(self, deadline: float | None) -> Vigil:
        return Vigil(
            listener=self._listener,
            halt=self._halt,
            clock=self._ways.clock,
            patience=self._config.limits.outage,
            deadline=deadline,
            jobs=len(self._plan.jobs),
            done=lambda: self._standing.verdicts[Verdict.DONE],
        )

    def _quiet(self, writer: Writer) -> Quiet:
        connection = self._settings.connection
        return Quiet(
            self._journal,
            writer,
            connection=f"{connection.client_id} at {connection.base_url}",
            clock=self._ways.clock,
            listener=self._listener,
        )

    def _connect(self, vigil: Vigil, quiet: Quiet, known: frozenset[int]) -> AbstractAsyncContextManager[Client]:
        limits = self._settings.limits
        return open_client(
            self._settings.connection,
            self._settings.dialect,
            requests_per_second=limits.requests_per_second,
            connections=limits.exports + limits.pages,
            clock=self._ways.clock,
            on_hold=quiet.heard,
            on_skew=lambda seconds: self._listener(ClockCorrected(seconds=seconds)),
            on_outage=vigil.began,
            on_recovery=vigil.ended,
            on_pace=lambda sentence: self._listener(PaceChanged(message=sentence)),
            transport=self._ways.transport,
            known=known,
        )

    async def _watch(self, around: TaskGroup, working: anyio.CancelScope) -> float | None:
        """Start what may halt the run; give the deadline as an instant of the event loop's clock."""
        around.start_soon(enforce_grace, self._halt, working.cancel, self._config.limits.grace)
        if self._ways.interrupts:
            await around.start(watch_signals, self._halt, working.cancel)
        seconds = self._config.limits.deadline
        if seconds is None:
            return None
        around.start_soon(watch_deadline, self._halt, seconds, int(Exit.UNAVAILABLE))
        return anyio.current_time() + seconds

    def _close(self, seconds: float, broken: LocalError | IntegrityError | None) -> RunClosed:
        """Journal how the run ended, and say so. A journal that cannot be written any more is said, too."""
        standing = self._standing
        code, reason = self._verdict(broken)
        try:
            self._journal.end_run(
                self._run_id,
                finished_at=self._ways.clock.now(),
                exit_code=code,
                requests=self._requests,
                reason=reason,
            )
        except LocalError as error:
            code, reason = code or int(Exit.SOME_FAILED), reason or str(error)
        reached(Failpoint.RUN_CLOSED)
        if code == Exit.DONE:
            remove_tree(self._staging)
        done = standing.verdicts[Verdict.DONE]
        closed = RunClosed(
            run_id=self._run_id,
            exit_code=code,
            seconds=seconds,
            requests=self._requests,
            records=standing.records,
            bytes=standing.bytes,
            jobs_done=done,
            jobs_failed=standing.verdicts.total() - done,
            possible_orphans=standing.possible_orphans,
            reason=reason,
            longest_stall=self._stalls.longest,
            stalled=self._stalls.total,
        )
        self._listener(closed)
        return closed

    def _verdict(self, broken: LocalError | IntegrityError | None) -> tuple[int, str]:
        """The exit code, and the sentence that says why the run ended early; empty if it did not."""
        standing, halt = self._standing, self._halt
        if isinstance(broken, IntegrityError):
            return int(Exit.INTEGRITY), str(broken)
        if broken is not None:
            return int(Exit.SOME_FAILED), str(broken)
        halted = len(self._plan.jobs) > standing.verdicts.total()
        code = exit_code(
            standing.verdicts, halted=halt.exit_code if halted else 0, unpublishable=standing.unpublishable
        )
        return code, halt.reason if halted else ""


def _first_leaf(group: BaseExceptionGroup[LocalError | IntegrityError]) -> LocalError | IntegrityError:
    for error in group.exceptions:
        return _first_leaf(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an exception group is never empty")
