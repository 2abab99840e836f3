"""From sealed parts to a published run folder: all of it, or nothing under a final name.

Decides the order that survives a crash at any point (design, section 6, rule 5): everything is built in a hidden
sibling folder, synced, and renamed as a whole; then ``latest.json`` moves; last the parts are removed. Does not decide
whether a dataset may be published, or what is in its shards: ``packing``, where they are published as they came, which
costs next to nothing; ``treat``, where lines go into windows or are left out. Called by ``run``, once a dataset.

Decided: shards are hard links of their one part, or copies of their several, and never renamed parts: as long as the
final folder does not stand, every part is where it was sealed, and a half-done publication is thrown away and done
anew. Considered: renaming parts, which costs nothing on any file system but makes every crash its own case. Every part
is read once and compared with its sealed checksum, also when it is linked, unless this process wrote it and can tell
that nobody has touched it since (``witness``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import SealedPart
from extractor.store import durable, manifest, roll
from extractor.store.compression import codec
from extractor.store.describe import Likeness, describe, entries
from extractor.store.failpoints import Failpoint, reached
from extractor.store.manifest import Manifest, ShardEntry
from extractor.store.packing import pack
from extractor.store.publication import Publication, Published
from extractor.store.remembering import Lost, Recollection, remember, remembered_streams
from extractor.store.sealed import PartLost, check, feed, losses
from extractor.store.sieve import Sieves
from extractor.store.sight import paths_in
from extractor.store.treat import Treated, folders_of, treat
from extractor.store.witness import Witness


def publish(publication: Publication, *, staging: Path, output: Path, shard_bytes: int) -> Published:
    """Publish a dataset to ``<output>/<dataset>/run=<run_id>``; all is durable on return, and the parts are gone.

    A backfill goes to ``backfill=<run_id>/window=<name>/`` there, and ``latest.json`` stays where it is. May be called
    again after a crash, or after it returned: it goes on from the parts as long as the folder does not stand under its
    final name, and from the folder afterwards. ``latest.json`` never goes back to an older run. Raises PartLost when a
    part is not what was sealed, IntegrityError when something else stands under the final name or not all records are
    accounted for, LocalError when the disk fails; but not when all stands and only what it held cannot be remembered,
    which is a notice.
    """
    folder = output / publication.dataset.folder
    final = folder / publication.name
    notices: list[str] = []
    if not durable.is_there(final):
        hidden = folder / f".{publication.name}.publishing"
        try:
            notices += _build_in(hidden, publication, staging=staging, shard_bytes=shard_bytes)
        except PartLost as error:
            error.others = tuple(losses((job.parts for job in publication.jobs), staging, error.part))
            raise
        reached(Failpoint.FOLDER_BUILT)
        durable.replace(hidden, final)
        reached(Failpoint.FOLDER_RENAMED)
    # Also when the rename was another call's, which may have been killed before it came here.
    durable.sync_folder(folder)
    reached(Failpoint.FOLDER_SYNCED)
    published, sha256 = _confirm(final, publication)
    if publication.partitions is None:
        _point(folder, published, sha256)
    reached(Failpoint.POINTER_MOVED)
    if remembered_streams(publication):
        notices += remember(publication, final, manifest.load_manifest(final / manifest.MANIFEST))
    reached(Failpoint.REMEMBERED)
    _remove_parts(publication, staging)
    reached(Failpoint.PARTS_REMOVED)
    return Published(folder=final, manifest=published, notices=tuple(notices))


def confirm(publication: Publication, *, output: Path) -> Published | None:
    """Look at a dataset that was published, and put ``latest.json`` right; None when it is not in its place any more.

    Raises IntegrityError when what stands there is not this publication.
    """
    folder = output / publication.dataset.folder
    final = folder / publication.name
    if not durable.is_there(final):
        return None
    published, sha256 = _confirm(final, publication)
    if publication.partitions is None:
        _point(folder, published, sha256)
    return Published(folder=final, manifest=published)


def _build_in(hidden: Path, publication: Publication, *, staging: Path, shard_bytes: int) -> list[str]:
    """Build the publication in ``hidden``; once more, with nothing left out, if what is remembered turns out lost."""
    _clear(hidden)
    durable.make_folders(hidden)
    with Recollection(publication) as recollection:
        try:
            _build(publication, recollection, staging=staging, folder=hidden, shard_bytes=shard_bytes)
        except Lost as error:
            recollection.forget(error)
            _clear(hidden)
            durable.make_folders(hidden)
            _build(publication, recollection, staging=staging, folder=hidden, shard_bytes=shard_bytes)
        return recollection.notices


def _clear(hidden: Path) -> None:
    """Throw away what a crash left; it holds nothing but copies and links."""
    for path in paths_in(hidden, "window="):
        for shard in paths_in(path):
            durable.remove_file(shard)
        durable.remove_empty(path)
    for path in paths_in(hidden):
        durable.remove_file(path)
    durable.remove_empty(hidden)


def _build(
    publication: Publication, recollection: Recollection, *, staging: Path, folder: Path, shard_bytes: int
) -> None:
    """Fill ``folder``: shards, manifest, ``_SUCCESS``, in this order, each durable before the next."""
    if publication.partitions is None and not recollection:
        treated = _assemble(publication, staging=staging, folder=folder, shard_bytes=shard_bytes)
    else:
        treated = _sieved(publication, recollection, staging=staging, folder=folder, shard_bytes=shard_bytes)
    _check_sums(publication, treated)
    reached(Failpoint.SHARDS_MADE)
    digest = hashlib.sha256()
    pieces = roll.spell(describe(publication, treated), entries(publication, treated))
    durable.write_small(folder / manifest.MANIFEST, _passing(pieces, digest))
    reached(Failpoint.MANIFEST_WRITTEN)
    durable.write_small(folder / manifest.SUCCESS, manifest.success_of(digest.hexdigest()))


def _passing(pieces: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _sieved(
    publication: Publication, recollection: Recollection, *, staging: Path, folder: Path, shard_bytes: int
) -> Treated:
    """The careful way, line by line: into windows, or without what is unchanged."""
    partitions, jobs = publication.partitions, publication.jobs
    if partitions is None:
        order, sieve_of = list(range(len(jobs))), recollection.sieve_of
    else:
        sieves = Sieves(partitions, publication.record_id)
        order, sieve_of = sieves.order([job.job for job in jobs]), sieves.of
    treated = treat(
        [jobs[place] for place in order],
        sieve_of,
        staging=staging,
        folder=folder,
        folders=folders_of(partitions),
        compression=publication.compression,
        shard_bytes=shard_bytes,
    )
    back = sorted(range(len(order)), key=order.__getitem__)
    return replace(
        treated,
        ranges=tuple(treated.ranges[place] for place in back),
        left_out=tuple(treated.left_out[place] for place in back),
    )


def _check_sums(publication: Publication, treated: Treated) -> None:
    """Refuse to publish when a record of a job is neither in a shard nor counted as left out."""
    for job, ranges, left_out in zip(publication.jobs, treated.ranges, treated.left_out, strict=True):
        kept, out = sum(each.records for each in ranges), sum(left_out.values())
        if kept + out != job.outcome.records:
            raise IntegrityError(
                f"job {job.job.job_id}: of its {job.outcome.records} records {kept} would be published and {out} left "
                "out, which do not add up -- keep the staging folder, and report it: this is a mistake in extractor"
            )


def _assemble(publication: Publication, *, staging: Path, folder: Path, shard_bytes: int) -> Treated:
    """The quick way, where everything is published as it came: parts become shards, whole."""
    packing = pack((job.parts for job in publication.jobs), shard_bytes)
    extension = codec(publication.compression).extension
    shards = tuple(
        _make_shard(parts, staging=staging, path=folder / f"part-{index:05d}{extension}", witness=publication.witness)
        for index, parts in enumerate(packing.shards)
    )
    durable.sync_folder(folder)
    return Treated(
        shards=shards,
        ranges=packing.ranges,
        left_out=({},) * len(packing.ranges),
        records=(sum(shard.records for shard in shards),),
    )


def _make_shard(parts: Sequence[SealedPart], *, staging: Path, path: Path, witness: Witness | None) -> ShardEntry:
    """Link or write one shard; its bytes are durable on return, its name is not."""
    sha256 = parts[0].sha256
    if len(parts) == 1 and not (witness is not None and witness.vouches(staging / parts[0].name)):
        check(parts[0], staging)
    if len(parts) > 1 or not durable.link(staging / parts[0].name, path):
        digest = hashlib.sha256()
        file = durable.create_file(path)
        try:
            for part in parts:
                feed(part, staging, digest, file)
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


def _confirm(final: Path, publication: Publication) -> tuple[Manifest, str]:
    """Read back what stands under the final name, and make sure that it is this publication.

    Gives its manifest without the jobs, and that file's sha256.
    """
    path, success = final / manifest.MANIFEST, final / manifest.SUCCESS
    stranger = IntegrityError(
        f"{final}: it exists, but is not what this run publishes (`extractor verify` may tell what is wrong with it); "
        "move it away, then `extractor resume`"
    )
    if not (durable.is_there(path) and durable.is_there(success)):
        raise stranger
    likeness = Likeness(publication)
    published, sha256 = roll.walk(path, likeness)
    if not likeness.holds(published) or manifest.read(success) != manifest.success_of(sha256):
        raise stranger
    return published, sha256


def _point(folder: Path, published: Manifest, sha256: str) -> None:
    """Have ``latest.json`` name this run (``sha256`` is its manifest's), unless it names a newer one that stands."""
    path = folder / manifest.LATEST
    name = f"run={published.run}/{manifest.MANIFEST}"
    latest = manifest.Latest(run=published.run, manifest=name, sha256=sha256)
    try:
        named = manifest.load_latest(path)
        if named == latest and manifest.read(path) == manifest.encode(latest):
            durable.sync_folder(folder)
            return
        other, its_sha256 = roll.walk(folder / named.manifest, _pass_over)
        if its_sha256 == named.sha256 and _is_newer(other, published):
            return
    except (LocalError, IntegrityError):
        pass  # absent or unreadable, or it names what is not there: there is nothing in it to keep
    durable.write_small(path, manifest.encode(latest))


def _is_newer(named: Manifest, published: Manifest) -> bool:
    """By its number in the same journal; else by the run's id, which begins with its time on whatever clock."""
    if named.journal.id == published.journal.id:
        return named.journal.run > published.journal.run
    return named.run > published.run


def _pass_over(_entry: manifest.JobEntry) -> None:
    """Nothing is asked of the jobs of another publication."""


def _remove_parts(publication: Publication, staging: Path) -> None:
    """Remove the parts and their folders. Nothing depends on it: a crash leaves files that the next call removes.

    So it is not made durable either, which would cost more than all else of a small job's publication.
    """
    for job in publication.jobs:
        paths = [staging / part.name for part in job.parts]
        for path in paths:
            durable.remove_file(path)
        folders = {folder for path in paths for folder in path.parents if staging in folder.parents}
        for folder in sorted(folders, reverse=True):
            durable.remove_empty(folder, lasting=False)
