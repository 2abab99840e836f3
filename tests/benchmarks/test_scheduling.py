"""The scheduling benchmark plays what it says, and no run beats the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bound import Circumstances
from benchmarks.scheduling import PAGE, Scenario, play

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

AROUND = Circumstances(latency=0.05, rate=50.0, exports=4, pages=4)


@pytest.mark.parametrize(
    ("scenario", "pages"),
    [
        (Scenario(name="segments", exports=6, pages=5, around=AROUND, processing=(1.0, 4.0)), 30),
        (Scenario(name="batches", exports=6, pages=1, around=AROUND, processing=(1.0, 4.0), listed=True), 6),
        (Scenario(name="few places", exports=1, pages=20, around=Circumstances(
            latency=0.05, rate=1000.0, exports=1, pages=8, served=2), pages_only=True), 20),
    ],
)  # fmt: skip
async def test_a_run_is_never_quicker_than_the_least(memory: Path, scenario: Scenario, pages: int) -> None:
    """It asks for every page, and a serial client is slower."""
    found = await play(scenario, memory, 1)
    assert 1.0 <= found.ratio < 2.0
    assert found.serial > found.seconds
    assert found.requests >= pages + 2 * scenario.exports + found.polls
    assert 10 == PAGE
