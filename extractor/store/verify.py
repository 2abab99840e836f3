"""Whether what is published is still what was published: offline, from the manifest, every byte.

Decides what counts as damage and what to do about it; finds all of it, not only the first. Repairs nothing. Memory is
bounded by a chunk and the longest line. Called by ``cli`` (``extractor verify``).

Leftovers of a publication that was cut short (hidden folders) are no damage: ``resume`` removes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import KINDS
from extractor.store import manifest
from extractor.store.durable import is_there
from extractor.store.manifest import Manifest
from extractor.store.shard import Finding, check_regular, check_shard, without_path
from extractor.store.sight import is_folder, paths_in
from extractor.store.treat import folder_of

_PUBLISHED = ("run=", "backfill=")
_DATASETS = tuple(f"{kind}=" for kind in KINDS)
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
    if path.name.startswith(_PUBLISHED) or is_there(path / manifest.MANIFEST):
        return [path], []
    named = path.name.startswith(_DATASETS) or is_there(path / manifest.LATEST)
    datasets = [path] if named else paths_in(path, *_DATASETS)
    runs = {dataset: paths_in(dataset, *_PUBLISHED) for dataset in datasets}
    pointed = [dataset for dataset in datasets if paths_in(dataset, "run=") or is_there(dataset / manifest.LATEST)]
    return [run for dataset in datasets for run in runs[dataset]], pointed


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
        *(Finding(file=path, problem=problem, remedy=_RESTORE) for problem in _check_windows(published)),
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
    name = f"{'run' if published.windows is None else 'backfill'}={published.run}"
    if folder.name.startswith(_PUBLISHED) and folder.name != name:
        yield Finding(file=path, problem=f"it is the manifest of {name.replace('=', ' ', 1)}", remedy=_RESTORE)
    if folder.parent.name.startswith(_DATASETS) and folder.parent.name != dataset.folder:
        yield Finding(file=path, problem=f"it is the manifest of {dataset}", remedy=_RESTORE)
    listed = {entry.name for entry in published.shards}
    places = {name: place for place, name in enumerate(_window_folders(published))}
    if len(listed) != len(published.shards) or any(_place(name, places) is None for name in listed):
        yield Finding(file=path, problem="the names of its shards are not those of distinct shards", remedy=_RESTORE)
    try:
        found = [*paths_in(folder, "part-")]
        for window in paths_in(folder, "window="):
            found += paths_in(window) if is_folder(window) else [window]
    except LocalError as error:
        yield Finding(file=folder, problem=without_path(error, folder), remedy=_RESTORE)
        return
    for stranger in found:
        if stranger.relative_to(folder).as_posix() not in listed:
            problem = "the manifest does not list it, so it is not part of the dataset"
            yield Finding(file=stranger, problem=problem, remedy="move it out of the folder")


def _window_folders(published: Manifest) -> list[str]:
    """The folders that shards may be in: one for each window of a backfill, else none but the run's own."""
    if published.windows is None:
        return [""]
    return [folder_of(window.name) for window in published.windows.windows]


def _place(name: str, places: Mapping[str, int]) -> int | None:
    """The 0-based window that a shard of this name is in; None if that is no name of a shard."""
    folder, _, file = name.rpartition("/")
    return places.get(folder) if file.startswith("part-") else None


def _check_windows(published: Manifest) -> Iterator[str]:
    """Check a backfill's windows: one after the other without a gap, and as many records as their shards have."""
    if published.windows is None:
        return
    windows, names = published.windows.windows, _window_folders(published)
    places = {name: place for place, name in enumerate(names)}
    known = windows[:-1]
    ends = [published.windows.start, *(each.end for each in known)]
    starts = [*(each.start for each in known), published.windows.end]
    if not windows or len(places) != len(windows) or windows[-1].start is not None or ends != starts:
        yield "its windows do not follow each other from its start to its end"
        return
    counted = [0] * len(windows)
    for entry in published.shards:
        place = _place(entry.name, places)
        if place is not None:
            counted[place] += entry.records
    for window, count in zip(windows, counted, strict=True):
        if window.records != count:
            yield f"window {window.name} has {window.records} records, but its shards have {count}"


def _check_sums(published: Manifest) -> Iterator[str]:
    """Check the manifest's numbers against each other; those of the files are checked shard by shard."""
    totals = published.totals
    sums = {
        "records": (totals.records, sum(each.records for each in published.shards)),
        "bytes": (totals.bytes, sum(each.bytes for each in published.shards)),
        "uncompressed_bytes": (totals.uncompressed_bytes, sum(each.uncompressed_bytes for each in published.shards)),
        "records of jobs": (
            totals.records + sum(totals.left_out.values()),
            sum(each.records for each in published.jobs),
        ),
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
    left_out: Counter[str] = Counter()
    for job in published.jobs:
        left_out.update(job.left_out)
    if totals.left_out != left_out:
        yield f"its totals of what was left out are {totals.left_out}, but they add up to {dict(left_out)}"
    for job in published.jobs:
        if job.total_results is not None and job.records != job.total_results:
            yield f"job {job.job_id} has {job.records} records, but the server generated {job.total_results}"
        if job.total_results is None and job.records:
            yield f"job {job.job_id} has {job.records} records, but no number of the server to compare with"
        if sum(job.kept_text.reasons.values()) != job.kept_text.count:
            yield f"the reasons for kept text of job {job.job_id} do not add up to {job.kept_text.count}"


def _check_ranges(published: Manifest) -> Iterator[str]:
    """Check that the jobs' ranges, one after the other, cover every line of every shard once.

    In plan order; in a backfill in any, because what the export of a window lacked comes last in it, from another.
    """
    for job in published.jobs:
        left_out = sum(job.left_out.values())
        if sum(each.records for each in job.shards) + left_out != job.records:
            also = f" and the {left_out} that were left out" if left_out else ""
            yield f"the ranges of job {job.job_id}{also} do not add up to its {job.records} records"
    ranges = [(job.job_id, each) for job in published.jobs for each in job.shards]
    if published.windows is not None:
        ranges.sort(key=lambda pair: (pair[1].shard, pair[1].first))
    expected = [0] * len(published.shards)  # of each shard, the first line that no range has covered
    for job_id, each in ranges:
        if each.shard >= len(expected):
            yield f"a range of job {job_id} is in shard {each.shard}, which there is not"
            continue
        if each.first != expected[each.shard]:
            yield (
                f"a range of job {job_id} begins at line {each.first} of shard {each.shard}, "
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
