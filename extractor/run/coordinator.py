"""Who writes: journals what the engine reports, and publishes each dataset when its last job is done.

Decides when a dataset is complete and when it is withheld (design, section 6, rule 5); not how it is published
(``store.publish``). A dataset is published as soon as its own jobs are done, in the background, so that one bad dataset
never holds up the others. Called by the engine (as its ``Recorder``) and by ``extraction``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import anyio
import anyio.abc
import anyio.to_thread

from extractor import lists
from extractor.clock import Clock
from extractor.errors import IntegrityError, LocalError
from extractor.observe.news import DatasetPublished, DatasetWithheld, Listener, Noticed
from extractor.plan.job import Dataset, JobSpec
from extractor.plan.order import fair_order
from extractor.plan.planner import Plan
from extractor.protocol.vocabulary import (
    Event,
    ExportSealed,
    Outcome,
    PageFetched,
    PageStored,
    Verdict,
)
from extractor.run.engine import Past
from extractor.run.history import Unfinished
from extractor.run.past import latest_export, replayed
from extractor.run.publication import Edition, Issued, collect, issue, told
from extractor.store.failpoints import Failpoint, reached
from extractor.store.frames import Frame
from extractor.store.journal import PUBLISHED, Journal
from extractor.store.parts import PartDamaged
from extractor.store.publication import Publication
from extractor.store.publish import confirm
from extractor.store.sealed import PartLost
from extractor.store.writer import Writer, ordinal_of

Result = TypeVar("Result")


@dataclass(slots=True, kw_only=True)
class Standing:
    """How a run stands; outlives the coordinator, so that a run that broke can still be told."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    unpublishable: list[IntegrityError | LocalError] = field(default_factory=list)  # one for each such dataset
    possible_orphans: int = 0
    records: int = 0  # published
    bytes: int = 0  # published, compressed


class Coordinator:
    """The ``Recorder`` of a run in this process: enter it while jobs are driven, and it leaves when all is published.

    A publication that has begun is finished, also when the run is cancelled.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        journal: Journal,
        writer: Writer,
        edition: Edition,
        clock: Clock,
        listener: Listener,
        standing: Standing,
        earlier: Unfinished | None = None,
    ) -> None:
        """``earlier`` is what an earlier process has left, when the run is taken up again."""
        self._journal = journal
        self._writer = writer
        self._edition = edition
        self._clock = clock
        self._listener = listener
        self._background = anyio.create_task_group()
        self._plan = plan
        self._jobs = plan.datasets
        self._earlier = earlier
        self._outcomes: dict[int, Outcome] = dict(earlier.done) if earlier is not None else {}
        self._left = {
            dataset: sum(job.ordinal not in self._outcomes for job in jobs) for dataset, jobs in self._jobs.items()
        }
        self._publishing = anyio.CapacityLimiter(1)
        self._values = lists.Reader(edition.state, edition.key)
        self._reading = anyio.CapacityLimiter(1)
        self._standing = standing

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        for outcome in self._outcomes.values():
            self._count(outcome)
        for dataset, left in self._left.items():
            if left == 0:
                self._background.start_soon(self._conclude, dataset)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._background.__aexit__(kind, error, trace)

    def unfinished_jobs(self) -> tuple[list[JobSpec], int]:
        """The jobs that are still to be driven, streams in turn, and how many of them an earlier process has begun.

        Those come first: their exports may be alive at the server, where they count and will expire.
        """
        begun = frozenset[int]() if self._earlier is None else self._journal.begun(self._edition.run_id)
        left = [job for job in self._plan.jobs if job.ordinal not in self._outcomes]
        ordered = sorted(fair_order(left), key=lambda job: job.ordinal not in begun)
        return ordered, sum(job.ordinal in begun for job in left)

    async def past(self, job: JobSpec) -> Past | None:
        """What an earlier process journaled of the job; the parts of an export that may go on are cut and reopened."""
        if self._earlier is None:
            return None
        events = await self._writer.on_thread(lambda: self._journal.events(self._edition.run_id, job.ordinal))
        anew = job.ordinal in self._earlier.failed
        latest, lost = latest_export(events), ""
        if latest.open and not anew:
            try:
                await self._writer.reopen(job.ordinal, latest.number, latest.marks)
            except PartDamaged as error:
                lost = str(error)
            reached(Failpoint.PARTS_CUT)
        return Past(events=events, anew=anew, lost=lost)

    async def filled(self, job: JobSpec) -> JobSpec:
        """Give the job with the values of its match, from the state folder."""
        ready = self._values.ready(job)
        if ready is not None:
            return ready
        return await anyio.to_thread.run_sync(self._values.fetch, job, limiter=self._reading)

    async def record(self, job: JobSpec, event: Event) -> None:
        """Journal a durable event."""
        await self._writer.record(job.ordinal, event)

    async def store(self, job: JobSpec, export: int, page: PageFetched, frame: Frame) -> PageStored:
        """Keep the next page of an export."""
        return await self._writer.store(job.ordinal, export, page, frame)

    async def seal(self, job: JobSpec, export: int) -> ExportSealed:
        """Close an export's parts."""
        return await self._writer.seal(job.ordinal, export)

    async def drop(self, job: JobSpec, export: int) -> None:
        """Forget what was kept of an export that is lost."""
        await self._writer.drop(job.ordinal, export)

    async def ended(self, job: JobSpec, outcome: Outcome) -> None:
        """Journal a job's end; the last one of a dataset has it published or withheld."""
        await self._writer.end(job.ordinal, outcome)
        self._outcomes[job.ordinal] = outcome
        self._count(outcome)
        self._left[job.dataset] -= 1
        if self._left[job.dataset] == 0:
            self._background.start_soon(self._conclude, job.dataset)

    async def withhold_unfinished(self) -> None:
        """Say of every dataset that a halt left open that it is not published, and count what it may have orphaned."""
        await self._count_orphans_of_unfinished()
        halted = {dataset: left for dataset, left in self._left.items() if left}
        if halted:
            with suppress(LocalError, IntegrityError):  # the run ends for it anyway, and says why
                await self._writer.on_thread(lambda: self._journal.withhold(self._edition.run_id, halted))
        for dataset, left in halted.items():
            unfinished = tuple(job.label for job in self._jobs[dataset] if job.ordinal not in self._outcomes)
            reason = f"not all of its jobs are finished ({left} left)"
            self._listener(DatasetWithheld(dataset=str(dataset), reason=reason, jobs=unfinished))

    async def _count_orphans_of_unfinished(self) -> None:
        """The exports that jobs without an end may have left at the server, by what is journaled of them."""

        def orphans() -> int:
            begun = self._journal.begun(self._edition.run_id) - self._outcomes.keys()
            run_id = self._edition.run_id
            lives = (replayed(self._journal.events_in_turn(run_id, ordinal)) for ordinal in begun)
            return sum(life.possible_orphans + life.unanswered for life in lives)

        with suppress(LocalError, IntegrityError):  # the run ends for it anyway, and says why
            self._standing.possible_orphans += await self._writer.on_thread(orphans)

    def _count(self, outcome: Outcome) -> None:
        self._standing.verdicts[outcome.verdict] += 1
        self._standing.possible_orphans += outcome.possible_orphans

    async def _conclude(self, dataset: Dataset) -> None:
        with anyio.CancelScope(shield=True):
            if self._earlier is not None and await self._is_published(dataset):
                await self._look_again(dataset)
            else:
                await self._publish_or_withhold(dataset)

    async def _is_published(self, dataset: Dataset) -> bool:
        row = await self._writer.on_thread(lambda: self._journal.dataset(self._edition.run_id, dataset))
        return bool(row["state"] == PUBLISHED)

    async def _look_again(self, dataset: Dataset) -> None:
        """Tell of a dataset that an earlier process published.

        The journal is believed: what is not in its place any more was moved by somebody, and is not asked for again.
        """
        try:
            published = await self._in_publication(dataset, partial(confirm, output=self._edition.output))
        except (IntegrityError, LocalError) as error:
            self._standing.unpublishable.append(error)
            self._listener(DatasetWithheld(dataset=str(dataset), reason=str(error), jobs=()))
            return
        if published is None:
            kind = "run" if self._edition.partitions is None else "backfill"
            place = self._edition.output / dataset.folder / f"{kind}={self._edition.run_id}"
            sentence = f"{dataset} was published in {place}, and is not there any more: it is not published again"
            self._listener(Noticed(message=sentence))
            return
        self._tell_published(told(published))

    async def _publish_or_withhold(self, dataset: Dataset) -> None:
        jobs = self._jobs[dataset]
        failed = tuple(job.label for job in jobs if self._outcomes[job.ordinal].verdict is not Verdict.DONE)
        if failed:
            what = "its job failed" if len(jobs) == 1 else f"{len(failed)} of its {len(jobs)} jobs failed"
            await self._withhold(dataset, what, failed)
            return
        try:
            issued = await self._publish(dataset)
        except PartLost as error:
            lost = (error, *error.others)
            for each in lost:
                await self._revoke(each)
            labels = {job.ordinal: job.label for job in jobs}
            await self._withhold(dataset, str(error), tuple(labels[ordinal_of(each.part)] for each in lost))
            return
        except (IntegrityError, LocalError) as error:
            self._standing.unpublishable.append(error)
            await self._withhold(dataset, str(error), ())
            return
        news = told(issued.published)
        said = await self._writer.on_thread(
            lambda: self._journal.publish_dataset(
                self._edition.run_id,
                dataset,
                path=news.path,
                records=news.records,
                strides=issued.strides,
                now=self._clock.now(),
            )
        )
        for sentence in (*issued.published.notices, *said):
            self._listener(Noticed(message=sentence))
        reached(Failpoint.DATASET_JOURNALED)
        if issued.matched is not None:
            self._listener(issued.matched)
        self._tell_published(news)

    def _tell_published(self, news: DatasetPublished) -> None:
        self._standing.records += news.records
        self._standing.bytes += news.bytes
        self._listener(news)

    async def _publish(self, dataset: Dataset) -> Issued:
        return await self._in_publication(dataset, partial(issue, edition=self._edition))

    async def _in_publication(self, dataset: Dataset, act: Callable[[Publication], Result]) -> Result:
        """Gather what the dataset's jobs left, and do ``act`` with it; one publication at a time."""
        edition = self._edition
        jobs = [(job, self._outcomes[job.ordinal]) for job in self._jobs[dataset]]
        now = self._clock.now()
        publication = await self._writer.on_thread(lambda: collect(self._journal, edition, dataset, jobs, now=now))
        return await anyio.to_thread.run_sync(act, publication, limiter=self._publishing)

    async def _revoke(self, error: PartLost) -> None:
        """A job that was done is done no longer: what was sealed of it is damaged."""
        ordinal = ordinal_of(error.part)
        before = self._outcomes[ordinal]
        after = replace(before, verdict=Verdict.INTEGRITY, message=str(error))
        await self._writer.end(ordinal, after)
        self._outcomes[ordinal] = after
        self._standing.verdicts[before.verdict] -= 1
        self._standing.verdicts[after.verdict] += 1

    async def _withhold(self, dataset: Dataset, reason: str, jobs: tuple[str, ...]) -> None:
        with suppress(LocalError, IntegrityError):  # the run ends for it anyway, and says why
            await self._writer.on_thread(
                lambda: self._journal.end_dataset(self._edition.run_id, dataset, state="withheld")
            )
        self._listener(DatasetWithheld(dataset=str(dataset), reason=reason, jobs=jobs))
