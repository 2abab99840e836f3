"""Whether what is published is still what was published: offline, from the manifest, every byte.

Decides what counts as damage and what to do about it; finds all of it, not only the first. Repairs nothing. Memory is
bounded by a chunk and the longest line. Called by ``cli`` (``extractor verify``).

Leftovers of a publication that was cut short (hidden folders) are no damage: ``resume`` removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import KINDS
from extractor.store import manifest
from extractor.store.durable import is_there
from extractor.store.manifest import Manifest
from extractor.store.shard import Finding, check_regular, check_shard, without_path
from extractor.store.sight import is_folder, paths_in

_FOLDERS = tuple(f"{kind}=" for kind in KINDS)

_RESTORE = "restore it from a copy, or run the dataset anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at, and every damage found. Sizes are bytes, as the manifests that could be read say."""

    findings: tuple[Finding, ...]
    manifests: int
    shards: int
    records: int
    bytes: int
    uncompressed_bytes: int

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(path: Path, *, progress: Callable[[int], None] | None = None) -> Report:
    """Check a run folder, a dataset's folder (all its runs) or an output folder (all its datasets).

    ``progress`` is called with the number of shard bytes read since its last call. Raises LocalError for a path that
    does not exist or holds nothing published. May be called while a run publishes: it sees
    whole folders only, but may find the pointer a moment behind them.
    """
    if not is_folder(path):
        raise LocalError(f"{path}: there is no such folder; give a run's, a dataset's or the output folder")
    runs, datasets = _find(path.resolve())
    if not runs and not datasets:
        raise LocalError(f"{path}: nothing published is in it; give a run's, a dataset's or the output folder")
    findings: list[Finding] = []
    published: list[Manifest] = []
    for run in runs:
        found, read = _check_run(run, progress or _ignore)
        findings += found
        published += [] if read is None else [read]
    for dataset in datasets:
        findings += _check_latest(dataset)
    return Report(
        findings=tuple(findings),
        manifests=len(published),
        shards=sum(len(each.shards) for each in published),
        records=sum(each.totals.records for each in published),
        bytes=sum(each.totals.bytes for each in published),
        uncompressed_bytes=sum(each.totals.uncompressed_bytes for each in published),
    )


def _find(path: Path) -> tuple[list[Path], list[Path]]:
    """The run folders to check, and the datasets whose pointer is to be checked too."""
    if path.name.startswith("run=") or is_there(path / manifest.MANIFEST):
        return [path], []
    named = path.name.startswith(_FOLDERS) or is_there(path / manifest.LATEST)
    datasets = [path] if named else paths_in(path, *_FOLDERS)
    runs = {dataset: paths_in(dataset, "run=") for dataset in datasets}
    datasets = [dataset for dataset in datasets if runs[dataset] or is_there(dataset / manifest.LATEST)]
    return [run for dataset in datasets for run in runs[dataset]], datasets


def _check_run(folder: Path, progress: Callable[[int], None]) -> tuple[list[Finding], Manifest | None]:
    path = folder / manifest.MANIFEST
    try:
        text = _read(path)
        published = manifest.decode_manifest(text, path)
    except (LocalError, IntegrityError) as error:
        return [Finding(file=path, problem=without_path(error, path), remedy=_RESTORE)], None
    findings = [
        *_check_success(folder, text),
        *_check_names(folder, published),
        *(Finding(file=path, problem=problem, remedy=_RESTORE) for problem in _check_sums(published)),
        *(Finding(file=path, problem=problem, remedy=_RESTORE) for problem in _check_ranges(published)),
    ]
    for entry in published.shards:
        findings += check_shard(folder, entry, published.compression, progress)
    return findings, published


def _check_success(folder: Path, text: bytes) -> Iterator[Finding]:
    path = folder / manifest.SUCCESS
    try:
        intact = _read(path) == manifest.success(text)
    except LocalError as error:
        yield Finding(file=path, problem=without_path(error, path), remedy=_RESTORE)
        return
    if not intact:
        problem = "it does not hold the checksum of the manifest: one of the two was changed"
        yield Finding(file=path, problem=problem, remedy=_RESTORE)


def _check_names(folder: Path, published: Manifest) -> Iterator[Finding]:
    """Check that the folder is the manifest's, and holds no shard that the manifest does not know."""
    path = folder / manifest.MANIFEST
    dataset = manifest.dataset_of(published)
    if folder.name.startswith("run=") and folder.name != f"run={published.run}":
        yield Finding(file=path, problem=f"it is the manifest of run {published.run}", remedy=_RESTORE)
    if folder.parent.name.startswith(_FOLDERS) and folder.parent.name != dataset.folder:
        yield Finding(file=path, problem=f"it is the manifest of {dataset}", remedy=_RESTORE)
    listed = {entry.name for entry in published.shards}
    if len(listed) != len(published.shards) or any("/" in name or not name.startswith("part-") for name in listed):
        yield Finding(file=path, problem="the names of its shards are not those of distinct shards", remedy=_RESTORE)
    try:
        found = paths_in(folder, "part-")
    except LocalError as error:
        yield Finding(file=folder, problem=without_path(error, folder), remedy=_RESTORE)
        return
    for stranger in found:
        if stranger.name not in listed:
            problem = "the manifest does not list it, so it is not part of the dataset"
            yield Finding(file=stranger, problem=problem, remedy="move it out of the folder")


def _check_sums(published: Manifest) -> Iterator[str]:
    """Check the manifest's numbers against each other; those of the files are checked shard by shard."""
    totals = published.totals
    sums = {
        "records": (totals.records, sum(each.records for each in published.shards)),
        "bytes": (totals.bytes, sum(each.bytes for each in published.shards)),
        "uncompressed_bytes": (totals.uncompressed_bytes, sum(each.uncompressed_bytes for each in published.shards)),
        "records of jobs": (totals.records, sum(each.records for each in published.jobs)),
        "exports": (totals.exports, sum(each.exports for each in published.jobs)),
        "requests": (totals.requests, sum(each.requests for each in published.jobs)),
        "retries": (totals.retries, sum(each.retries for each in published.jobs)),
        "possible_orphans": (totals.possible_orphans, sum(each.possible_orphans for each in published.jobs)),
        "kept_text": (totals.kept_text, sum(each.kept_text.count for each in published.jobs)),
        "repeated_ids": (totals.repeated_ids, sum(each.repeated_ids for each in published.jobs)),
    }
    for name, (total, added) in sums.items():
        if total != added:
            yield f"its total of {name} is {total}, but they add up to {added}"
    for job in published.jobs:
        if job.total_results is not None and job.records != job.total_results:
            yield f"job {job.job_id} has {job.records} records, but the server generated {job.total_results}"
        if job.total_results is None and job.records:
            yield f"job {job.job_id} has {job.records} records, but no number of the server to compare with"
        if sum(job.kept_text.reasons.values()) != job.kept_text.count:
            yield f"the reasons for kept text of job {job.job_id} do not add up to {job.kept_text.count}"


def _check_ranges(published: Manifest) -> Iterator[str]:
    """Check that the jobs' ranges, one after the other, cover every line of every shard once."""
    expected = [0] * len(published.shards)  # of each shard, the first line that no range has covered
    for job in published.jobs:
        if sum(each.records for each in job.shards) != job.records:
            yield f"the ranges of job {job.job_id} do not add up to its {job.records} records"
        for each in job.shards:
            if each.shard >= len(expected):
                yield f"a range of job {job.job_id} is in shard {each.shard}, which there is not"
                continue
            if each.first != expected[each.shard]:
                yield (
                    f"a range of job {job.job_id} begins at line {each.first} of shard {each.shard}, "
                    f"but the lines before end at {expected[each.shard]}"
                )
            expected[each.shard] = each.first + each.records
    for index, (entry, end) in enumerate(zip(published.shards, expected, strict=True)):
        if end != entry.records:
            yield f"the ranges of jobs end at line {end} of shard {index}, which has {entry.records}"


def _check_latest(dataset: Path) -> Iterator[Finding]:
    """Check that the pointer names a manifest that is there, unchanged, and that there is no newer one."""
    path = dataset / manifest.LATEST
    remedy = "resume the run that was cut short, or publish the dataset again"
    try:
        text = _read(path)
        latest = manifest.decode_latest(text, path)
    except (LocalError, IntegrityError) as error:
        yield Finding(file=path, problem=without_path(error, path), remedy=remedy)
        return
    newest = max((run.name for run in paths_in(dataset, "run=")), default="")
    if text != manifest.encode(latest) or latest.manifest != f"run={latest.run}/{manifest.MANIFEST}":
        yield Finding(file=path, problem="it is not as it was written", remedy=remedy)
        return
    target = dataset / latest.manifest
    try:
        if not is_there(target):
            yield Finding(file=path, problem=f"it points to {latest.manifest}, which is not there", remedy=remedy)
            return
        intact = manifest.sha256(_read(target)) == latest.sha256
    except LocalError as error:
        problem = f"it points to {latest.manifest}, which cannot be read: {without_path(error, target)}"
        yield Finding(file=path, problem=problem, remedy=remedy)
        return
    if not intact:
        yield Finding(file=path, problem="its checksum is not that of the manifest it points to", remedy=remedy)
    elif newest > f"run={latest.run}":
        yield Finding(file=path, problem=f"it points to run={latest.run}, but there is {newest}", remedy=remedy)


def _read(path: Path) -> bytes:
    """Read one of the small files, if it may be opened. Raises LocalError."""
    check_regular(path, path.parent)
    return manifest.read(path)


def _ignore(size: int) -> None:
    """Nobody listens."""
