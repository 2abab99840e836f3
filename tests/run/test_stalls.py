"""How late the loop wakes, measured and told."""

from __future__ import annotations

import time

import anyio
import pytest

from extractor.run.stalls import Stalls

pytestmark = pytest.mark.asyncio


async def test_the_longest_stall_is_known_and_told() -> None:
    """Once, and again only when one is twice as long."""
    told: list[str] = []
    stalls = Stalls(told.append, bound=0.1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stalls.keep)
        for _ in range(2):
            await anyio.sleep(0.06)  # so that it is waiting
            time.sleep(0.2)  # noqa: ASYNC251 - the stall
        await anyio.sleep(0.06)
        tasks.cancel_scope.cancel()

    assert stalls.longest >= 0.15
    assert stalls.total >= 0.3
    assert told
    assert "the run stood still for" in told[0]
    assert len(told) < 3


@pytest.mark.looptime
async def test_virtual_time_is_not_watched() -> None:
    """A night of hours would be a million wakings, and its leaps no stalls."""
    stalls = Stalls(lambda _: pytest.fail("there is nothing to tell"))
    began = anyio.current_time()

    await stalls.keep()

    assert (anyio.current_time() - began, stalls.longest) == (pytest.approx(0.05), pytest.approx(0.0, abs=1e-6))
