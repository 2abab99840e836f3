"""Page slots: bounded, fair, and never two exports that wait for each other."""

from __future__ import annotations

import random

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.run.slots import Claim, PageSlots


async def read(
    slots: PageSlots, claim: Claim, pages: int, *, short: set[int], chance: random.Random, most: list[int]
) -> None:
    """Read an export of ``pages`` pages of two records, all asked for at once; the ``short`` ones leave a rest."""
    come: dict[int, int] = {}

    async def page(offset: int, count: int) -> None:
        await claim.take(offset)
        most.append(slots.in_use)
        for _ in range(chance.randrange(3)):
            await anyio.lowlevel.checkpoint()
        come[offset] = count
        if count == 2 and offset in short:
            come[offset] = 1
            tasks.start_soon(page, offset + 1, 1)
        while (at := claim.stored_to + 1) in come:
            claim.stored(at, claim.stored_to + come.pop(at))

    async with anyio.create_task_group() as tasks:
        for number in range(pages):
            tasks.start_soon(page, 1 + 2 * number, 2)
    claim.give_all()


@settings(max_examples=150, deadline=None)
@given(
    limit=st.integers(1, 4),
    exports=st.lists(st.tuples(st.integers(1, 8), st.sets(st.integers(0, 7))), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_every_export_comes_to_its_end(limit: int, exports: list[tuple[int, set[int]]], seed: int) -> None:
    """However short pages come and in whatever order, with more exports than slots; never more than the limit."""
    most: list[int] = []

    async def all_of_them() -> None:
        slots = PageSlots(lambda: limit, most=limit)
        with anyio.fail_after(2):
            async with anyio.create_task_group() as tasks:
                for pages, short in exports:
                    one = {1 + 2 * number for number in short}
                    chance = random.Random(seed)  # noqa: S311 - no secret
                    claim = slots.claim()
                    tasks.start_soon(
                        lambda c=claim, p=pages, s=one, r=chance: read(slots, c, p, short=s, chance=r, most=most)
                    )
        assert slots.in_use == 0

    anyio.run(all_of_them)
    assert max(most) <= limit


@pytest.mark.asyncio
async def test_one_slot_is_left_for_each_other_export() -> None:
    """An export with many pages does not keep others out."""
    slots = PageSlots(lambda: 4, most=4)
    large, small = slots.claim(), slots.claim()
    async with anyio.create_task_group() as tasks:
        for offset in range(1, 9):
            tasks.start_soon(large.take, offset)
        await anyio.wait_all_tasks_blocked()
        assert (3, 3) == (large.held, slots.in_use)
        await small.take(1)
        assert (1, 4) == (small.held, slots.in_use)
        small.give_all()
        await anyio.wait_all_tasks_blocked()
        assert (4, 4) == (large.held, slots.in_use)
        tasks.cancel_scope.cancel()
    assert not large.waits


@pytest.mark.asyncio
async def test_a_wait_that_is_cancelled_holds_nothing() -> None:
    """What was given at the same moment belongs to the account, and comes back with it."""
    slots = PageSlots(lambda: 1, most=1)
    first, second = slots.claim(), slots.claim()
    await first.take(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second.take, 1)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert (0, False, 1) == (second.held, second.waits, slots.in_use)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second.take, 1)
        await anyio.wait_all_tasks_blocked()
        first.give_all()  # the slot is the second's now, which does not know it yet
        tasks.cancel_scope.cancel()
    second.give_all()
    assert 0 == slots.in_use


@pytest.mark.asyncio
async def test_urgent_pages_go_before_others() -> None:
    """Those of an export that is about to expire."""
    slots = PageSlots(lambda: 1, most=1)
    holder, patient, urgent = slots.claim(), slots.claim(), slots.claim(urgent=lambda: True)
    await holder.take(1)
    order: list[str] = []

    async def take(claim: Claim, name: str) -> None:
        await claim.take(1)
        order.append(name)
        claim.give_all()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, patient, "patient")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(take, urgent, "urgent")
        await anyio.wait_all_tasks_blocked()
        holder.give_all()
    assert ["urgent", "patient"] == order
