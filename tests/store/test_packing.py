"""Shards are packed greedily, in plan order, and every line has one place."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.vocabulary import SealedPart
from extractor.store.packing import Range, pack


def part(size: int, records: int = 1) -> SealedPart:
    """A part of this size."""
    return SealedPart(name="part", records=records, bytes=size, uncompressed_bytes=size, sha256="")


PLANS = st.lists(st.lists(st.builds(part, st.integers(1, 20), st.integers(1, 9)), max_size=5), max_size=5)


def test_small_jobs_share_a_shard_and_large_ones_have_several() -> None:
    """With the ranges of each job."""
    packing = pack([[part(4, 40)], [part(6, 60), part(8, 80)], [], [part(11, 110)], [part(1, 10)]], 10)
    assert [[each.bytes for each in shard] for shard in packing.shards] == [[4, 6], [8], [11], [1]]
    assert packing.ranges == (
        (Range(shard=0, first=0, records=40),),
        (Range(shard=0, first=40, records=60), Range(shard=1, first=0, records=80)),
        (),
        (Range(shard=2, first=0, records=110),),
        (Range(shard=3, first=0, records=10),),
    )


def test_nothing_is_packed_into_no_shard() -> None:
    """A dataset without records has no shards."""
    assert pack([[], []], 10).shards == ()


@given(PLANS, st.integers(1, 30))
def test_shards_hold_every_part_once_in_plan_order(plan: list[list[SealedPart]], shard_bytes: int) -> None:
    """And none is too long, but for a part that alone is."""
    packing = pack(plan, shard_bytes)
    assert [each for shard in packing.shards for each in shard] == [each for parts in plan for each in parts]
    assert all(len(shard) == 1 or sum(each.bytes for each in shard) <= shard_bytes for shard in packing.shards)
    assert packing == pack(plan, shard_bytes)


@given(PLANS, st.integers(1, 30))
def test_no_two_neighbouring_shards_would_fit_into_one(plan: list[list[SealedPart]], shard_bytes: int) -> None:
    """Greedy: a shard ends only where the next part would not have fitted."""
    shards = pack(plan, shard_bytes).shards
    for shard, following in itertools.pairwise(shards):
        assert sum(each.bytes for each in shard) + following[0].bytes > shard_bytes


@given(PLANS, st.integers(1, 30))
def test_the_ranges_of_jobs_tile_the_shards(plan: list[list[SealedPart]], shard_bytes: int) -> None:
    """No gap and no overlap, in plan order; each job has as many lines as its parts."""
    packing = pack(plan, shard_bytes)
    ends = [0] * len(packing.shards)
    for parts, ranges in zip(plan, packing.ranges, strict=True):
        assert sum(each.records for each in ranges) == sum(each.records for each in parts)
        for each in ranges:
            assert each.first == ends[each.shard]
            ends[each.shard] += each.records
    assert ends == [sum(each.records for each in shard) for shard in packing.shards]
