"""From the journal's facts to a publication: what ``store.publish`` needs to know of a dataset whose jobs are done.

The journal is asked, not the memory of this process: what is published is what a resumed run would publish. Called by
``coordinator``, where the journal may be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extractor import lists
from extractor.errors import IntegrityError
from extractor.observe.figures import span
from extractor.observe.news import DatasetPublished, ValuesMatched
from extractor.plan.cost import Cost, JobCost, total
from extractor.plan.job import Dataset, JobSpec
from extractor.plan.partitions import Partitions
from extractor.protocol.vocabulary import Outcome, TokenIssued
from extractor.run.past import LatestExport, latest_export
from extractor.store import marks
from extractor.store.compression import Compression
from extractor.store.entries import Span, Stride
from extractor.store.failpoints import Failpoint, reached
from extractor.store.journal import Journal
from extractor.store.manifest import summarize_kept
from extractor.store.publication import FinishedJob, Memory, Publication, Published
from extractor.store.publish import publish
from extractor.store.witness import Witness

# Seconds that the server's clock may be ahead of this machine's. Where it is more, one of them is wrong; if that is the
# server's Date, a watermark of it would skip changes.
_CLOCKS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What all publications of a run have in common. ``started_at`` is in Unix seconds, ``key`` the state folder's."""

    run_id: str
    config_hash: str
    started_at: float
    output: Path
    state: Path
    key: bytes = field(repr=False)
    staging: Path
    compression: Compression
    shard_bytes: int
    partitions: Partitions | None = None
    seen: Path | None = None  # the folder of what is remembered of published records
    record_id: str = "ProfileId"  # the member that tells one record from another
    witness: Witness = field(default_factory=Witness, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A dataset that is published: what it covers, and what became of the values that it was asked for by, if any."""

    published: Published
    strides: tuple[Stride, ...]
    matched: ValuesMatched | None


def issue(publication: Publication, *, edition: Edition) -> Issued:
    """Write what became of the values, then publish, which takes the parts away. Raises as ``store.publish``."""
    found = lists.report(publication, state=edition.state, key=edition.key, staging=edition.staging)
    published = publish(publication, staging=edition.staging, output=edition.output, shard_bytes=edition.shard_bytes)
    matched = None
    if found is not None:
        counts, folder = found
        matched = ValuesMatched(
            dataset=str(publication.dataset),
            path=str(folder),
            values=counts.values,
            unmatched=counts.unmatched,
            several=counts.several,
            strangers=counts.strangers,
        )
    return Issued(published=published, strides=publication.strides, matched=matched)


def collect(
    journal: Journal, edition: Edition, dataset: Dataset, jobs: Sequence[tuple[JobSpec, Outcome]], *, now: float
) -> Publication:
    """Gather what a dataset's jobs left, and number it. Every job must be done; ``now`` is in Unix seconds."""
    found = [_finished(journal, edition.run_id, job, outcome) for job, outcome in jobs]
    strides = _strides(edition, found)
    number = journal.number_publication(edition.run_id, dataset)
    reached(Failpoint.NUMBER_GIVEN)
    return Publication(
        run_id=edition.run_id,
        run_number=journal.run_number(edition.run_id),
        journal=journal.identity().id,
        number=number,
        dataset=dataset,
        config_hash=edition.config_hash,
        compression=edition.compression,
        started=_iso(edition.started_at),
        finished=_iso(now),
        strides=strides,
        jobs=tuple(left.finished for left in found),
        partitions=edition.partitions,
        record_id=edition.record_id,
        witness=edition.witness,
        memory=_memory(journal, edition, [job for job, _ in jobs]),
    )


def _memory(journal: Journal, edition: Edition, jobs: Sequence[JobSpec]) -> Memory | None:
    """What is remembered of the streams whose unchanged records are left out; None if there are none."""
    wanted = {job.stream.id for job in jobs if job.stream.dedupe is not None}
    if edition.seen is None or edition.partitions is not None or not wanted:
        return None
    earlier: dict[str, tuple[Span, ...]] = {}
    for each in marks.spans(journal):
        if each.stream in wanted:
            earlier[each.stream] = (*earlier.get(each.stream, ()), each)
    return Memory(folder=edition.seen, earlier=earlier)


def _strides(edition: Edition, jobs: Sequence[_Left]) -> tuple[Stride, ...]:
    """What a dataset's publication covers and cost, stream by stream. Raises IntegrityError where that cannot be."""
    streams: dict[str, list[_Left]] = {}
    for left in jobs:
        streams.setdefault(left.finished.job.stream.id, []).append(left)
    strides = []
    for lefts in streams.values():
        stride = _stride(edition, lefts)
        strides.append(replace(stride, cost=_cost(edition, stride, lefts)))
    return tuple(strides)


def _cost(edition: Edition, stride: Stride, lefts: Sequence[_Left]) -> Cost | None:
    if edition.partitions is not None:
        return None
    window = None
    if stride.since is not None:
        until = edition.started_at if stride.until is None else stride.until.timestamp()
        window = max(0.0, until - stride.since.timestamp())
    return total((left.cost for left in lefts), run=edition.run_id, window=window, started_at=edition.started_at)


def _stride(edition: Edition, lefts: Sequence[_Left]) -> Stride:
    job = lefts[0].finished.job
    stream, since = job.stream, job.since
    if edition.partitions is not None:
        return Stride(stream=stream, since=edition.partitions.start, until=edition.partitions.end, watermark=None)
    known = [left.server_time for left in lefts if left.server_time is not None]
    if len(known) < len(lefts):
        return _uncertain(job, "the server does not say what time it is")
    ahead = max(left.ahead for left in lefts)
    if ahead > max(_CLOCKS, stream.overlap or 0.0):
        return _uncertain(job, f"the server's clock is {span(ahead)} ahead of this machine's, and one of them is wrong")
    until = datetime.fromtimestamp(min(known), UTC)
    if stream.overlap is None:
        return Stride(stream=stream, since=since, until=until, watermark=None)
    if since is not None and since > until:
        raise IntegrityError(
            f"job {stream.name!r}: its watermark is {_iso(since.timestamp())}, but at the server it was "
            f"{_iso(min(known))}: what changed between would be skipped -- set the watermark back "
            "(extractor watermarks set), then start a new run"
        )
    return Stride(stream=stream, since=since, until=until, watermark=until - timedelta(seconds=stream.overlap))


def _uncertain(job: JobSpec, doubt: str) -> Stride:
    return Stride(stream=job.stream, since=job.since, until=None, watermark=None, doubt=doubt)


def told(published: Published) -> DatasetPublished:
    """Say what was published."""
    manifest = published.manifest
    return DatasetPublished(
        dataset=str(Dataset(kind=manifest.dataset.kind, name=manifest.dataset.name)),
        path=str(published.folder),
        records=manifest.totals.records,
        shards=len(manifest.shards),
        bytes=manifest.totals.bytes,
        kept_text=manifest.totals.kept_text,
        timeless=0 if manifest.windows is None else manifest.windows.windows[-1].records,  # __unknown__ is the last
        left_out=manifest.totals.left_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """What a job left, the answer that began its export, and what it cost."""

    finished: FinishedJob
    issued: TokenIssued | None
    cost: JobCost

    @property
    def server_time(self) -> float | None:
        """The server's clock at Initiate (Unix seconds), if it said."""
        return None if self.issued is None else self.issued.server_time

    @property
    def ahead(self) -> float:
        """How many seconds that was ahead of this machine's; 0 where one of them is not known."""
        if self.issued is None or self.issued.server_time is None or self.issued.local_time is None:
            return 0.0
        return self.issued.server_time - self.issued.local_time


def _finished(journal: Journal, run_id: str, job: JobSpec, outcome: Outcome) -> _Left:
    latest = latest_export(journal.events_in_turn(run_id, job.ordinal))
    if latest.sealed is None:
        raise IntegrityError(f"{job.label}: done, but the journal knows of no seal")
    finished = FinishedJob(
        job=job,
        outcome=outcome,
        parts=latest.sealed.parts,
        kept=summarize_kept(latest.kept),
        repeated=latest.sealed.repeated,
        requests=outcome.requests,
    )
    return _Left(finished=finished, issued=latest.issued, cost=_cost_of(latest, outcome))


def _cost_of(latest: LatestExport, outcome: Outcome) -> JobCost:
    ready = None if latest.taken_up else latest.ready
    return JobCost(
        records=outcome.records,
        bytes=0 if latest.sealed is None else sum(part.bytes for part in latest.sealed.parts),
        pages=latest.pages,
        page=latest.largest,
        exports=outcome.exports,
        retries=outcome.retries,
        requests=None if latest.taken_up else outcome.requests,
        seconds=None if latest.taken_up else outcome.seconds,
        waited=None if ready is None else ready.waited,
        unready=None if ready is None else ready.unready,
    )


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}Z"
