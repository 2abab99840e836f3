"""What a publication may leave out as unchanged, and how the next one learns what this one held.

Decides when an index (``seen``) may be used, and when it is thrown away, so that nothing is left out but what the
readers have: never across a gap, never by another rule, never when a publication between is not in it, never after a
backfill, which it does not know. Then everything is published once more, which is safe, and a sentence says so. Called
by ``publish``.

Readers go by the order of the runs. So a publication that comes late, after one of a later run or of a later state, is
not taken in: an index that ended with it would take old states for the last ones. Until the next run in order there is
no index then.

The order, so that a crash at any moment changes nothing:

1. Before anything is built, the index is announced the number of the publication; then it is only read.
2. The publication stands under its final name, durable.
3. Its shards are read again, and their records are taken into the index in one transaction, with the number.

Dead between 2 and 3: the number was announced, but not taken in, and whoever comes next takes it in first. That is the
same run, taken up; or a later one, if the journal knows where the folder is; else the index is thrown away. The same
holds when step 3 fails, which a person is told, and which makes nothing of steps 1 and 2 undone.

Decided: step 3 reads the published shards, also where the lines were just in this process's hands, because then there
is one way to learn and not two; it costs 21 us a record of 1.7 kB. Considered: noting keys and states beside the shards
while they are built, which is faster and would be one more file to keep in step.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Self

from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import Dedupe, JobSpec, Stream
from extractor.store import manifest, marks
from extractor.store.compression import codec
from extractor.store.counted import CountedFile
from extractor.store.durable import is_there, local_error
from extractor.store.entries import Span
from extractor.store.manifest import Manifest
from extractor.store.publication import Publication
from extractor.store.seen import Seen, Standing, open_seen, throw_away
from extractor.store.sieve import Deduper, Everything, Sieve
from extractor.store.versions import Versions, rule_text

_CHUNK: Final = 1024 * 1024


class Lost(IntegrityError):  # noqa: N818 - the house's words
    """An index, or a publication that should be in it, cannot be read; the message says why."""


class Recollection:
    """The indexes that a publication may use: open for as long as it is built. Close it, or use it as a context."""

    def __init__(self, publication: Publication) -> None:
        """Open, bring up to date, or throw away. Raises LocalError when the disk fails."""
        self.notices: list[str] = []
        self._publication = publication
        self._open: dict[str, tuple[Seen, Dedupe]] = {}
        try:
            for stream in remembered_streams(publication):
                self._take_up(publication, stream)
        except BaseException:  # whatever it was: no file stays open, and it is raised on as it came
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __bool__(self) -> bool:
        """Whether anything could be left out at all."""
        return bool(self._open)

    def close(self) -> None:
        """Close the indexes."""
        while self._open:
            self._open.popitem()[1][0].close()

    def sieve_of(self, job: JobSpec) -> Sieve:
        """The sieve of a job: all is kept where there is no index, or the job goes by another rule than its stream."""
        seen, rule = self._open.get(job.stream.id, (None, None))
        if seen is None or rule is None or job.stream.dedupe != rule:
            return Everything()
        return Deduper(Versions(rule), partial(_recall, seen))

    def forget(self, error: Lost) -> None:
        """Throw all indexes away, because one of them could not be read while the publication was built."""
        for stream in remembered_streams(self._publication):
            if stream.id in self._open:
                self._forget(index_path(self._publication, stream), stream, str(error))

    def _take_up(self, publication: Publication, stream: Stream) -> None:
        path = index_path(publication, stream)
        if (late := _late(publication, stream)) is not None:
            throw_away(path)
            self.notices.append(
                f"{stream.name}: nothing is left out as unchanged this time, and what is remembered begins anew with "
                f"the next run: {late}"
            )
            return
        if not is_there(path) or stream.dedupe is None:
            return
        try:
            seen = open_seen(path)
            self._open[stream.id] = (seen, stream.dedupe)
            reason = _catch_up(seen, publication, stream) or _unfit(seen.standing, publication, stream)
            if reason is None:
                seen.announce(publication.number)
                return
        except IntegrityError as error:  # the index is damaged, or a publication that it should know
            reason = str(error)
        self._forget(path, stream, reason)

    def _forget(self, path: Path, stream: Stream, reason: str) -> None:
        if stream.id in self._open:
            self._open.pop(stream.id)[0].close()
        throw_away(path)
        self.notices.append(
            f"{stream.name}: nothing is left out as unchanged this time, and what is remembered begins anew: {reason}"
        )


def _recall(seen: Seen, keys: Sequence[int]) -> dict[int, bytes]:
    try:
        return seen.recall(keys)
    except IntegrityError as error:
        raise Lost(str(error)) from None


def remembered_streams(publication: Publication) -> list[Stream]:
    """The streams of a publication whose records are remembered, each once, with the rule of its first such job."""
    if publication.memory is None or publication.partitions is not None:
        return []
    found: dict[str, Stream] = {}
    for each in publication.jobs:
        if each.job.stream.dedupe is not None:
            found.setdefault(each.job.stream.id, each.job.stream)
    return list(found.values())


def index_path(publication: Publication, stream: Stream) -> Path:
    """Where the index of a stream is."""
    if publication.memory is None:
        raise ValueError("a publication without memory has no indexes")
    return publication.memory.folder / f"{stream.id}.sqlite"


def remember(publication: Publication, folder: Path, published: Manifest) -> list[str]:
    """Take the records of a publication that stands in ``folder`` into the indexes of its streams; durable on return.

    May be called again: what was taken in is not taken in twice. Gives a sentence for each index that had to be thrown
    away instead, and for each that the disk did not let be written: it stays as it was, and who comes next takes the
    publication in, or throws it away (it was announced the number, or it is empty). Raises nothing, for all stands.
    """
    notices = []
    for stream in remembered_streams(publication):
        try:
            notices += _remember(publication, stream, folder, published)
        except LocalError as error:
            notices.append(
                f"{stream.name}: it is published, but what it held could not be remembered; the next run takes it in, "
                f"or leaves nothing out: {error}"
            )
    return notices


def _remember(publication: Publication, stream: Stream, folder: Path, published: Manifest) -> list[str]:
    path = index_path(publication, stream)
    if _late(publication, stream) is not None:
        throw_away(path)  # it is absent already, unless another run made it since this one was built
        return []
    try:
        with open_seen(path) as seen:
            standing = seen.standing
            known = None if standing is None else (standing.journal, standing.publication)
            if known == (publication.journal, publication.number):
                return []
            if known is not None and (known[0] != publication.journal or known[1] > publication.number):
                raise Lost("a later publication is in it already")
            take_in(seen, stream, folder, published, until=_until(publication, stream))
    except IntegrityError as error:
        throw_away(path)
        return [f"{stream.name}: what is remembered of published records begins anew: {error}"]
    return []


def take_in(seen: Seen, stream: Stream, folder: Path, published: Manifest, *, until: datetime | None) -> None:
    """Bring an index up to a publication, in one transaction. Raises Lost when its shards are not what they were."""
    if stream.dedupe is None:
        raise ValueError("a stream without a rule has no index")
    versions = Versions(stream.dedupe)
    states = (state for line in _lines(folder, published, stream) if (state := versions.of(line)) is not None)
    standing = Standing(
        journal=published.journal.id,
        publication=published.journal.publication,
        announced=published.journal.publication,
        until=marks.written(until),
        rule=rule_text(stream.dedupe),
    )
    seen.remember(states, standing)


def _catch_up(seen: Seen, publication: Publication, stream: Stream) -> str | None:
    """Take in what was published since; None when nothing is missing then, else why something is."""
    standing = seen.standing
    if standing is None or publication.memory is None:
        return "it is empty"
    if stream.dedupe is None or standing.rule != rule_text(stream.dedupe) or standing.journal != publication.journal:
        return None  # then it is unfit, whatever else
    if _backfilled(standing, publication, stream):
        return "a backfill was published since, and what it held is not remembered"
    return _take_in_missed(seen, standing.publication, publication, stream)


def _take_in_missed(seen: Seen, after: int, publication: Publication, stream: Stream) -> str | None:
    runs = _runs(publication, stream)
    for span in [each for each in runs if after < each.publication < publication.number]:
        folder = Path(span.path)
        if any(_is_behind(span.number, span.until, each) for each in runs if each.publication < span.publication):
            return f"{folder} was published late, after a later run or a later state"
        try:
            published = manifest.load_manifest(folder / manifest.MANIFEST)
        except LocalError:
            return f"{folder} is not there any more, and was never taken in"
        if (published.journal.id, published.journal.publication) != (publication.journal, span.publication):
            return f"{folder} is not what was published there"
        take_in(seen, stream, folder, published, until=span.until)
    return None


def _earlier(publication: Publication, stream: Stream) -> tuple[Span, ...]:
    return () if publication.memory is None else tuple(publication.memory.earlier.get(stream.id, ()))


def _runs(publication: Publication, stream: Stream) -> list[Span]:
    """The stream's publications by runs, oldest first; those of backfills are never taken in."""
    runs = [span for span in _earlier(publication, stream) if not _is_backfill(span)]
    return sorted(runs, key=lambda span: span.publication)


def _is_backfill(span: Span) -> bool:
    return Path(span.path).name.startswith("backfill=")


def _is_behind(number: int, until: datetime | None, other: Span) -> bool:
    """Whether a publication of run ``number``, of the state at ``until``, is older than another."""
    return other.number > number or (until is not None and other.until > until)


def _until(publication: Publication, stream: Stream) -> datetime | None:
    return next((stride.until for stride in publication.strides if stride.stream.id == stream.id), None)


def _late(publication: Publication, stream: Stream) -> str | None:
    """Say that a later publication of the stream stands already; None if there is none."""
    until = _until(publication, stream)
    if any(_is_behind(publication.run_number, until, span) for span in _runs(publication, stream)):
        return "a later state than this run's was published already"
    return None


def _backfilled(standing: Standing, publication: Publication, stream: Stream) -> bool:
    """Whether a backfill came after the last publication in the index, by its number or (taken up late) by its time."""
    spans = _earlier(publication, stream)
    last = max((span.published_at for span in spans if span.publication == standing.publication), default=0.0)
    return any(
        _is_backfill(span) and (span.publication > standing.publication or span.published_at >= last) for span in spans
    )


def _unfit(standing: Standing | None, publication: Publication, stream: Stream) -> str | None:
    """Say why an index must not be used; None if it may be."""
    if standing is None or stream.dedupe is None:
        return "it is empty"
    if standing.rule != rule_text(stream.dedupe):
        return "jobs[].dedupe has changed"
    if standing.journal != publication.journal:
        return "it belongs to another journal"
    if standing.publication >= publication.number:
        return "it holds this publication already, or a later one"
    if standing.announced not in {standing.publication, publication.number}:
        return f"publication {standing.announced} of this state folder may have held more than is known"
    return _gap(standing, publication, stream)


def _gap(standing: Standing, publication: Publication, stream: Stream) -> str | None:
    """Say which piece of time is in no publication, or why that cannot be told."""
    asked = [each.job.since for each in publication.jobs if each.job.stream.id == stream.id]
    since = min((each for each in asked if each is not None), default=None)
    known = marks.read(standing.until)
    until = _until(publication, stream)
    if since is not None and None not in asked:
        if known is None:
            return "the server did not say what time it was at the last publication, so there may be a gap"
        if since > known:
            return f"what changed from {marks.written(known)} to {marks.written(since)} was never published"
    if known is not None and until is not None and until < known:
        return "a later state than this run's was published already"
    return None


def _lines(folder: Path, published: Manifest, stream: Stream) -> Iterator[bytes]:
    """Give the published lines of a stream, in the order of the shards; compare each shard with its checksum."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for job in published.jobs:
        if job.stream == stream.id:
            for each in job.shards:
                spans.setdefault(each.shard, []).append((each.first, each.first + each.records))
    for number, wanted in sorted(spans.items()):
        yield from _lines_of(folder, published, number, wanted)


def _lines_of(folder: Path, published: Manifest, number: int, wanted: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    entry = published.shards[number]
    path = folder / entry.name
    try:
        with path.open("rb", buffering=0) as file:
            counted = CountedFile(file)
            ends = iter(wanted)
            first, end = next(ends)
            for index, line in enumerate(codec(published.compression).stream(io.BufferedReader(counted, _CHUNK), path)):
                if index == end:
                    first, end = next(ends, (entry.records, entry.records))
                if index >= first:
                    yield line
            if counted.digest.hexdigest() != entry.sha256:
                raise Lost(f"{path}: it was changed after it was published")
    except FileNotFoundError:
        raise Lost(f"{path}: it is not there any more") from None
    except OSError as error:
        raise local_error(error, path) from error
