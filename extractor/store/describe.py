"""The manifest of a publication, from its facts; and whether a manifest is of a publication.

Decides which fact goes where. Does not write (``publish``, its only caller) or know what was done to the lines
(``treat``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from extractor import __version__
from extractor.plan.partitions import UNKNOWN
from extractor.store import manifest, marks
from extractor.store.entries import Stride
from extractor.store.manifest import Manifest
from extractor.store.packing import Range
from extractor.store.publication import FinishedJob, Publication
from extractor.store.treat import Treated


def describe(publication: Publication, treated: Treated) -> Manifest:
    """Say what a publication is, and which of its lines are whose."""
    jobs = tuple(
        _job_entry(job, ranges, left_out)
        for job, ranges, left_out in zip(publication.jobs, treated.ranges, treated.left_out, strict=True)
    )
    left_out: Counter[str] = Counter()
    for job in jobs:
        left_out.update(job.left_out)
    return Manifest(
        run=publication.run_id,
        journal=_journal_entry(publication),
        extractor=__version__,
        dataset=manifest.DatasetEntry(kind=publication.dataset.kind, name=publication.dataset.name),
        config_hash=publication.config_hash,
        since=tuple(dict.fromkeys(job.last_date_time for job in jobs)),
        streams=tuple(_stream_entry(stride) for stride in publication.strides),
        windows=_windows_entry(publication, treated.records),
        compression=publication.compression,
        started=publication.started,
        finished=publication.finished,
        totals=manifest.Totals(
            records=sum(shard.records for shard in treated.shards),
            bytes=sum(shard.bytes for shard in treated.shards),
            uncompressed_bytes=sum(shard.uncompressed_bytes for shard in treated.shards),
            exports=sum(job.exports for job in jobs),
            requests=sum(job.requests for job in jobs),
            retries=sum(job.retries for job in jobs),
            possible_orphans=sum(job.possible_orphans for job in jobs),
            kept_text=sum(job.kept_text.count for job in jobs),
            repeated_ids=sum(job.repeated_ids for job in jobs),
            left_out=dict(sorted(left_out.items())),
        ),
        shards=treated.shards,
        jobs=jobs,
    )


def is_of(publication: Publication, published: Manifest) -> bool:
    """Whether a manifest is of this publication: same run, same number in the same journal, same exports and form."""
    ours = [(job.job.job_id, job.outcome.exports, job.outcome.records) for job in publication.jobs]
    theirs = [(job.job_id, job.exports, job.records) for job in published.jobs]
    return (published.run, published.journal, theirs, published.windows is None) == (
        publication.run_id,
        _journal_entry(publication),
        ours,
        publication.partitions is None,
    )


def _windows_entry(publication: Publication, records: Sequence[int]) -> manifest.WindowsEntry | None:
    partitions = publication.partitions
    if partitions is None:
        return None
    known = [
        manifest.WindowEntry(
            name=window.name, start=marks.written(window.start), end=marks.written(window.end), records=count
        )
        for window, count in zip(partitions.windows, records, strict=False)
    ]
    return manifest.WindowsEntry(
        start=_spelled(partitions.start),
        end=_spelled(partitions.end),
        size=partitions.size,
        zone=partitions.zone,
        strategy=partitions.strategy,
        change_times=partitions.change_times,
        windows=(*known, manifest.WindowEntry(name=UNKNOWN, start=None, end=None, records=records[-1])),
    )


def _spelled(moment: datetime) -> str:
    return marks.written(moment) or ""


def _stream_entry(stride: Stride) -> manifest.StreamEntry:
    return manifest.StreamEntry(
        id=stride.stream.id,
        name=stride.stream.name,
        since=marks.written(stride.since),
        until=marks.written(stride.until),
        watermark=marks.written(stride.watermark),
    )


def _job_entry(finished: FinishedJob, ranges: Sequence[Range], left_out: dict[str, int]) -> manifest.JobEntry:
    job, outcome = finished.job, finished.outcome
    return manifest.JobEntry(
        job_id=job.job_id,
        name=job.name,
        stream=job.stream.id,
        batch=job.batch,
        batches=job.batches,
        match=None if job.match is None else job.match.summary,
        last_date_time=job.last_date_time,
        records=outcome.records,
        total_results=outcome.total_results,
        row_count=outcome.row_count,
        exports=outcome.exports,
        requests=finished.requests,
        retries=outcome.retries,
        possible_orphans=outcome.possible_orphans,
        note=outcome.note,
        kept_text=finished.kept,
        repeated_ids=finished.repeated,
        left_out=left_out,
        shards=tuple(manifest.RangeEntry(shard=each.shard, first=each.first, records=each.records) for each in ranges),
    )


def _journal_entry(publication: Publication) -> manifest.JournalEntry:
    return manifest.JournalEntry(id=publication.journal, run=publication.run_number, publication=publication.number)
