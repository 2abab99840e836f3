"""What an engine is: something that takes jobs and drives each to its end.

An engine is given picklable values only (``JobSpec``, ``Settings``) and reports every durable fact to a ``Recorder``,
which alone writes. Nothing here assumes that one process owns every token. ``on_asyncio`` is the default engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from extractor.config import Connection, Limits
from extractor.plan.job import JobSpec
from extractor.protocol.dialect import Dialect
from extractor.protocol.life import LifePolicy
from extractor.protocol.pace import PollPolicy
from extractor.protocol.retry import RetryPolicy
from extractor.protocol.vocabulary import (
    Commit,
    Event,
    ExportSealed,
    FetchPage,
    Initiate,
    Outcome,
    PageFetched,
    PageStored,
    PollStatus,
)
from extractor.store.compression import Compression
from extractor.store.frames import Frame, Spelling

RemoteRequest = Initiate | PollStatus | FetchPage | Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an engine needs to know of the configuration, and of earlier nights.

    ``expected`` are the records that an export of a stream is likely to have, ``polls`` how its readiness is asked for;
    both by stream id, for streams of which earlier nights say anything.
    """

    connection: Connection
    limits: Limits
    dialect: Dialect
    compression: Compression
    spelling: Spelling = "canonical"
    encoders: int | None = None  # processes that encode; None: as many as pay
    expected: Mapping[str, float] = field(default_factory=dict)
    polls: Mapping[str, PollPolicy] = field(default_factory=dict)

    def policy(self, deadline: float | None) -> LifePolicy:
        """The bounds of each job's life; ``deadline`` is an instant on the event loop's clock."""
        limits = self.limits
        return LifePolicy(
            retry=RetryPolicy(retry_for=limits.retry_for, deadline=deadline),
            poll=PollPolicy(first=limits.poll_first, longest=limits.poll_max),
            page_size=limits.page_size,
            re_exports=limits.re_exports,
            processing_timeout=limits.processing_timeout,
            row_count_is_total=self.dialect.row_count_is_total,
            record_id_is_unique=self.dialect.record_id_is_unique,
        )


class Asker(Protocol):
    """Who talks to the service: ``remote.Client``, or a test's script."""

    async def perform(self, command: RemoteRequest, job: JobSpec, *, leaving: Callable[[], Awaitable[None]]) -> Event:
        """Send the request and say what came of it; a failure is an event, never an exception.

        ``leaving`` is awaited once, when the request's turn has come and before it is sent.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an earlier process journaled of a job, oldest first; ``anew`` when the job had ended badly.

    ``lost`` says why what it stored cannot be continued; empty when it can.
    """

    events: Sequence[Event]
    anew: bool
    lost: str = ""


class Recorder(Protocol):
    """Where an engine's facts go. Each method returns when its effect is durable.

    Raises LocalError when this machine cannot keep a fact; the engine lets it through.
    """

    async def past(self, job: JobSpec) -> Past | None:
        """What an earlier process journaled of the job, its parts ready to be continued; None for a new run."""
        ...

    async def filled(self, job: JobSpec) -> JobSpec:
        """The job with the values that it matches, for as long as it is driven.

        Raises IntegrityError when they are not what the plan knows.
        """
        ...

    async def record(self, job: JobSpec, event: Event) -> None:
        """Journal a durable event."""
        ...

    async def store(self, job: JobSpec, export: int, page: PageFetched, frame: Frame) -> PageStored:
        """Keep the next page of an export, in offset order."""
        ...

    async def seal(self, job: JobSpec, export: int) -> ExportSealed:
        """Close an export's parts. Raises PartDamaged when those of an earlier process are not what it wrote."""
        ...

    async def drop(self, job: JobSpec, export: int) -> None:
        """Forget what was kept of an export that is lost."""
        ...

    async def ended(self, job: JobSpec, outcome: Outcome) -> None:
        """Note a job's end; may publish its dataset."""
        ...


class Engine(Protocol):
    """Drives jobs. A job's failure is its outcome and disturbs no other; only LocalError and bugs get out."""

    async def run(self, jobs: Iterable[JobSpec], recorder: Recorder, *, begun: int = 0) -> None:
        """Drive every job to its end, or until a halt; returns when nothing is in flight.

        Of the first ``begun`` jobs an earlier process may have left exports alive: they are taken up before any other.
        """
        ...
