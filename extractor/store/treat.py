"""The second way from sealed parts to shards: line by line, where a dataset is not published as it came.

Decides that the parts of each job are read in plan order, each once, and compared with their seal in the same pass;
that every line gets a verdict and is either written, byte for byte, or counted; and that the sum is right in the end.
Does not decide verdicts (``sieve``), where frames end (``windowed``), or whether this way is taken (``publish``, its
only caller).

Decided: one line at a time in one thread, about 40 us a record of 1.8 kB in all; considered cutting frames of parts
where all lines have one verdict, which would save the compression in the rare case that it applies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from extractor.errors import IntegrityError
from extractor.plan.job import JobSpec
from extractor.plan.partitions import UNKNOWN, Partitions
from extractor.protocol.vocabulary import Outcome, SealedPart
from extractor.store.compression import Compression
from extractor.store.manifest import ShardEntry
from extractor.store.packing import Range
from extractor.store.sealed import lines_of
from extractor.store.sieve import Sieve
from extractor.store.windowed import WindowWriter

_LINES: Final = 1000  # that are judged at a time


class Finished(Protocol):
    """What has to be known of a job that is done."""

    @property
    def job(self) -> JobSpec: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def parts(self) -> tuple[SealedPart, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """What became of the lines: ``ranges`` and ``left_out`` (reason -> lines) of each job, in plan order.

    ``records`` are those of each window, the one of unknown times last; a single number where there are no windows.
    """

    shards: tuple[ShardEntry, ...]
    ranges: tuple[tuple[Range, ...], ...]
    left_out: tuple[dict[str, int], ...]
    records: tuple[int, ...]


def folders_of(partitions: Partitions | None) -> tuple[str, ...]:
    """The folder of each window below the publication's, Hive-style, that of unknown times last."""
    if partitions is None:
        return ("",)
    return tuple(f"window={quote(name, safe='')}" for name in (*(each.name for each in partitions.windows), UNKNOWN))


def treat(
    jobs: Sequence[Finished],
    sieve_of: Callable[[JobSpec], Sieve],
    *,
    staging: Path,
    folder: Path,
    folders: Sequence[str],
    compression: Compression,
    shard_bytes: int,
) -> Treated:
    """Write into ``folder`` what the sieves keep; durable on return, but for the name of ``folder``.

    Raises PartLost when a part is not what was sealed, IntegrityError when a job's lines are not all accounted for,
    LocalError when the disk fails.
    """
    writer = WindowWriter(folder, folders=folders, compression=compression, shard_bytes=shard_bytes)
    left_out: list[dict[str, int]] = []
    try:
        for number, each in enumerate(jobs):
            left_out.append(_sift(each, number, sieve_of(each.job), writer, staging, compression))
        written = writer.finish()
    finally:
        writer.close()
    ranges = tuple(written.ranges.get(number, ()) for number in range(len(jobs)))
    for each, found, missing in zip(jobs, ranges, left_out, strict=True):
        kept, out = sum(one.records for one in found), sum(missing.values())
        if kept + out != each.outcome.records:
            raise IntegrityError(
                f"job {each.job.job_id}: of its {each.outcome.records} records {kept} would be published and {out} left "
                "out, which is not all of them: this is a mistake in extractor -- keep the staging folder, and report it"
            )
    return Treated(shards=written.shards, ranges=ranges, left_out=tuple(left_out), records=written.records)


def _sift(
    each: Finished, number: int, sieve: Sieve, writer: WindowWriter, staging: Path, compression: Compression
) -> dict[str, int]:
    """Write what a job keeps, and count the rest by reason."""
    left_out: Counter[str] = Counter()
    lines = _lines(each.parts, staging, compression)
    while some := list(islice(lines, _LINES)):
        for line, verdict in zip(some, sieve.judge(some), strict=True):
            if isinstance(verdict, int):
                writer.add(verdict, number, line)
            else:
                left_out[verdict] += 1
    return dict(sorted(left_out.items()))


def _lines(parts: Sequence[SealedPart], staging: Path, compression: Compression) -> Iterator[bytes]:
    for part in parts:
        yield from lines_of(part, staging, compression)
