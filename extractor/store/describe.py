"""The manifest of a publication, from its facts; and whether a manifest is of a publication.

Decides which fact goes where. Does not write (``publish``, its only caller) or know what was done to the lines
(``treat``). The entries of jobs are made one by one, when they are asked for: there may be a hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    """Say what a publication is: the manifest without its jobs, which ``entries`` gives."""
    jobs = publication.jobs
    left_out: Counter[str] = Counter()
    for each in treated.left_out:
        left_out.update(each)
    return Manifest(
        run=publication.run_id,
        journal=_journal_entry(publication),
        extractor=__version__,
        dataset=manifest.DatasetEntry(kind=publication.dataset.kind, name=publication.dataset.name),
        config_hash=publication.config_hash,
        since=tuple(dict.fromkeys(each.job.last_date_time for each in jobs)),
        streams=tuple(_stream_entry(stride) for stride in publication.strides),
        windows=_windows_entry(publication, treated.records),
        compression=publication.compression,
        started=publication.started,
        finished=publication.finished,
        totals=manifest.Totals(
            records=sum(shard.records for shard in treated.shards),
            bytes=sum(shard.bytes for shard in treated.shards),
            uncompressed_bytes=sum(shard.uncompressed_bytes for shard in treated.shards),
            exports=sum(each.outcome.exports for each in jobs),
            requests=sum(each.requests for each in jobs),
            retries=sum(each.outcome.retries for each in jobs),
            possible_orphans=sum(each.outcome.possible_orphans for each in jobs),
            kept_text=sum(each.kept.count for each in jobs),
            repeated_ids=sum(each.repeated for each in jobs),
            left_out=dict(sorted(left_out.items())),
        ),
        shards=treated.shards,
        jobs=(),
    )


def entries(publication: Publication, treated: Treated) -> Iterator[manifest.JobEntry]:
    """Say of each job what it asked, what came, and which lines are its own; in plan order."""
    for job, ranges, left_out in zip(publication.jobs, treated.ranges, treated.left_out, strict=True):
        yield _job_entry(job, ranges, left_out)


class Likeness:
    """Whether a manifest is of this publication: same run, same number in the same journal, same exports and form.

    Call it with each job of the manifest, in order, then ask ``holds`` with the rest.
    """

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._jobs = iter(publication.jobs)
        self._alike = True

    def __call__(self, entry: manifest.JobEntry) -> None:
        """Take in the next job of the manifest."""
        ours = next(self._jobs, None)
        self._alike = self._alike and ours is not None and _is_of(ours, entry)

    def holds(self, head: Manifest) -> bool:
        """Whether all was alike, and no job is missing; ``head`` is the manifest, with or without its jobs."""
        publication = self._publication
        return (
            self._alike
            and next(self._jobs, None) is None
            and head.run == publication.run_id
            and head.journal == _journal_entry(publication)
            and (head.windows is None) == (publication.partitions is None)
        )


def _is_of(ours: FinishedJob, theirs: manifest.JobEntry) -> bool:
    asked = (ours.job.job_id, ours.outcome.exports, ours.outcome.records)
    return asked == (theirs.job_id, theirs.exports, theirs.records)


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


def _job_entry(finished: FinishedJob, ranges: Sequence[Range], left_out: Mapping[str, int]) -> manifest.JobEntry:
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
        left_out=dict(left_out),
        shards=tuple(manifest.RangeEntry(shard=each.shard, first=each.first, records=each.records) for each in ranges),
    )


def _journal_entry(publication: Publication) -> manifest.JournalEntry:
    return manifest.JournalEntry(id=publication.journal, run=publication.run_number, publication=publication.number)
