"""From sealed parts to a published run folder: all of it, or nothing under a final name.

Decides the order that survives a crash at any point (design, section 6, rule 5): everything is built in a hidden
sibling folder, synced, and renamed as a whole; then ``latest.json`` moves; last the parts are removed. Does not decide
whether a dataset may be published, or what is in its shards (``packing``). Called by ``run``, once a dataset.

Decided: shards are hard links of their one part, or copies of their several, and never renamed parts: as long as the
final folder does not stand, every part is where it was sealed, and a half-done publication is thrown away and done
anew. Considered: renaming parts, which costs nothing on any file system but makes every crash its own case. Every part
is read once and compared with its sealed checksum, also when it is linked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extractor import __version__
from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import Outcome, SealedPart
from extractor.store import durable, manifest, marks
from extractor.store.compression import Compression, codec
from extractor.store.entries import Stride
from extractor.store.failpoints import Failpoint, reached
from extractor.store.manifest import KeptSummary, Manifest, ShardEntry
from extractor.store.packing import Packing, Range, pack
from extractor.store.sight import paths_in

_CHUNK: Final = 1024 * 1024
_ASK_ANEW: Final = (
    "the disk or another program has changed the staging folder, and the dataset cannot be published from it: "
    "`extractor resume` asks for the job anew"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedJob:
    """A job that is done; the names of ``parts`` are relative to the run's staging folder."""

    job: JobSpec
    outcome: Outcome
    parts: tuple[SealedPart, ...]
    kept: KeptSummary = field(default_factory=KeptSummary)
    repeated: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be published of one dataset: ``jobs`` in plan order; instants are ISO, UTC, with ``Z``.

    ``journal`` says which journal knows of it, ``number`` and ``run_number`` as the how-manieth of its publications and
    of its runs. ``strides`` are what it covers, stream by stream.
    """

    run_id: str
    run_number: int
    journal: str
    number: int
    dataset: Dataset
    config_hash: str
    compression: Compression
    started: str
    finished: str
    strides: tuple[Stride, ...]
    jobs: tuple[FinishedJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A run folder under its final name."""

    folder: Path
    manifest: Manifest


class PartLost(IntegrityError):  # noqa: N818 - the house's words
    """A sealed part is gone, or is not what was sealed: only a new export can mend it. ``part`` is its name.

    ``others`` are the same of the other jobs of the publication, one for each that has lost something.
    """

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message)
        self.part = part
        self.others: tuple[PartLost, ...] = ()


def publish(publication: Publication, *, staging: Path, output: Path, shard_bytes: int) -> Published:
    """Publish a dataset to ``<output>/<dataset>/run=<run_id>``; all is durable on return, and the parts are gone.

    May be called again after a crash, or after it returned: it goes on from the parts as long as the folder does not
    stand under its final name, and from the folder afterwards. ``latest.json`` never goes back to an older run. Raises
    PartLost when a part is not what was sealed, IntegrityError when something else stands under the final name,
    LocalError when the disk fails.
    """
    folder = output / publication.dataset.folder
    final = folder / f"run={publication.run_id}"
    if not durable.is_there(final):
        hidden = folder / f".run={publication.run_id}.publishing"
        _clear(hidden)
        durable.make_folders(hidden)
        try:
            _build(publication, staging=staging, folder=hidden, shard_bytes=shard_bytes)
        except PartLost as error:
            error.others = tuple(_other_losses(publication, staging, error.part))
            raise
        reached(Failpoint.FOLDER_BUILT)
        durable.replace(hidden, final)
        reached(Failpoint.FOLDER_RENAMED)
    # Also when the rename was another call's, which may have been killed before it came here.
    durable.sync_folder(folder)
    reached(Failpoint.FOLDER_SYNCED)
    text, published = _confirm(final, publication)
    _point(folder, published, text)
    reached(Failpoint.POINTER_MOVED)
    _remove_parts(publication, staging)
    reached(Failpoint.PARTS_REMOVED)
    return Published(folder=final, manifest=published)


def confirm(publication: Publication, *, output: Path) -> Published | None:
    """Look at a dataset that was published, and put ``latest.json`` right; None when it is not in its place any more.

    Raises IntegrityError when what stands there is not this publication.
    """
    folder = output / publication.dataset.folder
    final = folder / f"run={publication.run_id}"
    if not durable.is_there(final):
        return None
    text, published = _confirm(final, publication)
    _point(folder, published, text)
    return Published(folder=final, manifest=published)


def _clear(hidden: Path) -> None:
    """Throw away what a crash left; it holds nothing but copies and links."""
    for path in paths_in(hidden):
        durable.remove_file(path)
    durable.remove_empty(hidden)


def _build(publication: Publication, *, staging: Path, folder: Path, shard_bytes: int) -> None:
    """Fill ``folder``: shards, manifest, ``_SUCCESS``, in this order, each durable before the next."""
    packing = pack((job.parts for job in publication.jobs), shard_bytes)
    extension = codec(publication.compression).extension
    shards = tuple(
        _make_shard(parts, staging=staging, path=folder / f"part-{index:05d}{extension}")
        for index, parts in enumerate(packing.shards)
    )
    durable.sync_folder(folder)
    reached(Failpoint.SHARDS_MADE)
    text = manifest.encode(_describe(publication, packing, shards))
    durable.write_small(folder / manifest.MANIFEST, text)
    reached(Failpoint.MANIFEST_WRITTEN)
    durable.write_small(folder / manifest.SUCCESS, manifest.success(text))


def _make_shard(parts: Sequence[SealedPart], *, staging: Path, path: Path) -> ShardEntry:
    """Link or write one shard; its bytes are durable on return, its name is not."""
    sha256 = parts[0].sha256
    if len(parts) == 1:
        _feed(parts[0], staging, hashlib.sha256(), None)
    if len(parts) > 1 or not durable.link(staging / parts[0].name, path):
        digest = hashlib.sha256()
        file = durable.create_file(path)
        try:
            for part in parts:
                _feed(part, staging, digest, file)
            file.sync()
        finally:
            file.close()
        sha256 = digest.hexdigest()
    return ShardEntry(
        name=path.name,
        records=sum(part.records for part in parts),
        bytes=sum(part.bytes for part in parts),
        uncompressed_bytes=sum(part.uncompressed_bytes for part in parts),
        sha256=sha256,
    )


def _feed(part: SealedPart, staging: Path, shard: hashlib._Hash, file: durable.AppendFile | None) -> None:
    """Read a part to its end, into the shard's hash and file; raise PartLost if it is not what was sealed."""
    path = staging / part.name
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                shard.update(chunk)
                if file is not None:
                    file.write(chunk)
    except FileNotFoundError:
        raise PartLost(f"{path}: it is gone; {_ASK_ANEW}", part.name) from None
    except OSError as error:
        raise durable.local_error(error, path) from error
    if digest.hexdigest() != part.sha256:
        raise PartLost(f"{path}: its bytes are not those that were sealed; {_ASK_ANEW}", part.name)


def _other_losses(publication: Publication, staging: Path, known: str) -> Iterator[PartLost]:
    """Look through all other jobs' parts, so that one new try mends all that is lost."""
    for job in publication.jobs:
        if known in {part.name for part in job.parts}:
            continue
        try:
            for part in job.parts:
                _feed(part, staging, hashlib.sha256(), None)
        except PartLost as error:
            yield error


def _describe(publication: Publication, packing: Packing, shards: tuple[ShardEntry, ...]) -> Manifest:
    jobs = tuple(_job_entry(job, ranges) for job, ranges in zip(publication.jobs, packing.ranges, strict=True))
    return Manifest(
        run=publication.run_id,
        journal=_entry(publication),
        extractor=__version__,
        dataset=manifest.DatasetEntry(kind=publication.dataset.kind, name=publication.dataset.name),
        config_hash=publication.config_hash,
        since=tuple(dict.fromkeys(job.last_date_time for job in jobs)),
        streams=tuple(_stream_entry(stride) for stride in publication.strides),
        compression=publication.compression,
        started=publication.started,
        finished=publication.finished,
        totals=manifest.Totals(
            records=sum(shard.records for shard in shards),
            bytes=sum(shard.bytes for shard in shards),
            uncompressed_bytes=sum(shard.uncompressed_bytes for shard in shards),
            exports=sum(job.exports for job in jobs),
            requests=sum(job.requests for job in jobs),
            retries=sum(job.retries for job in jobs),
            possible_orphans=sum(job.possible_orphans for job in jobs),
            kept_text=sum(job.kept_text.count for job in jobs),
            repeated_ids=sum(job.repeated_ids for job in jobs),
        ),
        shards=shards,
        jobs=jobs,
    )


def _stream_entry(stride: Stride) -> manifest.StreamEntry:
    return manifest.StreamEntry(
        id=stride.stream.id,
        name=stride.stream.name,
        since=marks.written(stride.since),
        until=marks.written(stride.until),
        watermark=marks.written(stride.watermark),
    )


def _job_entry(finished: FinishedJob, ranges: Sequence[Range]) -> manifest.JobEntry:
    job, outcome = finished.job, finished.outcome
    return manifest.JobEntry(
        job_id=job.job_id,
        name=job.name,
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
        shards=tuple(manifest.RangeEntry(shard=each.shard, first=each.first, records=each.records) for each in ranges),
    )


def _confirm(final: Path, publication: Publication) -> tuple[bytes, Manifest]:
    """Read back what stands under the final name, and make sure that it is this publication."""
    path, success = final / manifest.MANIFEST, final / manifest.SUCCESS
    stranger = IntegrityError(
        f"{final}: it exists, but is not what this run publishes (`extractor verify` may tell what is wrong with it); "
        "move it away, then `extractor resume`"
    )
    if not (durable.is_there(path) and durable.is_there(success)):
        raise stranger
    text = manifest.read(path)
    published = manifest.decode_manifest(text, path)
    if not _is(publication, published) or manifest.read(success) != manifest.success(text):
        raise stranger
    return text, published


def _is(publication: Publication, published: Manifest) -> bool:
    """Whether a manifest is of this publication: same run, same number in the same journal, same exports."""
    ours = [(job.job.job_id, job.outcome.exports, job.outcome.records) for job in publication.jobs]
    theirs = [(job.job_id, job.exports, job.records) for job in published.jobs]
    return (published.run, published.journal, theirs) == (publication.run_id, _entry(publication), ours)


def _entry(publication: Publication) -> manifest.JournalEntry:
    return manifest.JournalEntry(id=publication.journal, run=publication.run_number, publication=publication.number)


def _point(folder: Path, published: Manifest, text: bytes) -> None:
    """Have ``latest.json`` name this run, unless it names a newer one that stands."""
    path = folder / manifest.LATEST
    name = f"run={published.run}/{manifest.MANIFEST}"
    latest = manifest.Latest(run=published.run, manifest=name, sha256=manifest.sha256(text))
    try:
        named = manifest.load_latest(path)
        if named == latest and manifest.read(path) == manifest.encode(latest):
            durable.sync_folder(folder)
            return
        other = manifest.read(folder / named.manifest)
        if manifest.sha256(other) == named.sha256 and _is_newer(
            manifest.decode_manifest(other, folder / named.manifest), published
        ):
            return
    except (LocalError, IntegrityError):
        pass  # absent or unreadable, or it names what is not there: there is nothing in it to keep
    durable.write_small(path, manifest.encode(latest))


def _is_newer(named: Manifest, published: Manifest) -> bool:
    """By its number in the same journal; else by the run's id, which begins with its time on whatever clock."""
    if named.journal.id == published.journal.id:
        return named.journal.run > published.journal.run
    return named.run > published.run


def _remove_parts(publication: Publication, staging: Path) -> None:
    """Remove the parts and their folders. Nothing depends on it: a crash leaves files that the next call removes."""
    paths = [staging / part.name for job in publication.jobs for part in job.parts]
    for path in paths:
        durable.remove_file(path)
    for folder in sorted(
        {folder for path in paths for folder in path.parents if staging in folder.parents}, reverse=True
    ):
        durable.remove_empty(folder)
