"""Which sealed parts make which shard. Pure.

Decides the grouping, greedy and in plan order, so that the same parts always give the same shards; and says where each
job's lines stand. Does not touch files. Called by ``publish``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractor.protocol.vocabulary import SealedPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """``records`` lines of a shard from line ``first`` on; shard and line are 0-based."""

    shard: int
    first: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """The parts of each shard, and the ranges of each job, both in plan order."""

    shards: tuple[tuple[SealedPart, ...], ...]
    ranges: tuple[tuple[Range, ...], ...]


def pack(jobs: Iterable[Sequence[SealedPart]], shard_bytes: int) -> Packing:
    """Group the parts of jobs into shards of at most ``shard_bytes``; only a part that alone is larger exceeds that.

    A job's ranges are in the order of its records, at most one a shard; a job without parts has none.
    """
    shards: list[list[SealedPart]] = []
    ranges: list[tuple[Range, ...]] = []
    room = lines = 0
    for parts in jobs:
        of_job: dict[int, Range] = {}
        for part in parts:
            if not shards or part.bytes > room:
                shards.append([])
                room, lines = shard_bytes, 0
            shard = len(shards) - 1
            shards[shard].append(part)
            before = of_job.get(shard, Range(shard=shard, first=lines, records=0))
            of_job[shard] = Range(shard=shard, first=before.first, records=before.records + part.records)
            room -= part.bytes
            lines += part.records
        ranges.append(tuple(of_job.values()))
    return Packing(shards=tuple(map(tuple, shards)), ranges=tuple(ranges))
