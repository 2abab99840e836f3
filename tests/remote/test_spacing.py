"""The limiter's bound, for any pattern of asking, coarse clocks and late timers; on virtual time."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import anyio
import looptime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.precedence import Precedence
from extractor.remote.limiter import RateLimiter

RATES = st.one_of(st.integers(1, 2000).map(float), st.sampled_from([5.0, 9.0, 10.0, 19.0, 20.0, 50.0, 2000.0]))


@dataclass(slots=True)
class RoughClock:
    """Shows time in steps of ``grain`` seconds, and wakes sleepers late by ``late``, one after another."""

    grain: float
    late: list[float]

    def now(self) -> float:
        """Nobody asks."""
        raise AssertionError

    def monotonic(self) -> float:
        """Show the last step."""
        return math.floor(anyio.current_time() / self.grain) * self.grain if self.grain else anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Oversleep."""
        self.late.append(self.late.pop(0))
        await anyio.sleep(seconds + self.late[-1])


async def _admissions(limiter: RateLimiter, crowds: list[tuple[int, float]], refusals: list[float]) -> list[float]:
    """Let a crowd ask at once, and after its pause (in spacings) the next one; give the instants of admission."""
    instants: list[float] = []

    async def ask(worth: Precedence) -> None:
        await limiter.admit(worth)
        instants.append(anyio.current_time())

    async def refuse() -> None:
        for pause in refusals:
            await anyio.sleep(pause)
            limiter.refused(sent_at=anyio.current_time())

    async with anyio.create_task_group() as group:
        group.start_soon(refuse)
        for number, (size, pause) in enumerate(crowds):
            for each in range(size):
                group.start_soon(ask, list(Precedence)[(each + number) % 5])
            await anyio.sleep(pause * limiter.gap)
    return instants


def _on_virtual_time(
    rate: float, crowds: list[tuple[int, float]], grain: float, late: list[float], refusals: list[float]
) -> tuple[RateLimiter, list[float]]:
    loop = looptime.new_event_loop()
    try:
        limiter = RateLimiter(rate, clock=RoughClock(grain, late))
        return limiter, loop.run_until_complete(_admissions(limiter, crowds, refusals))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@given(
    rate=RATES,
    crowds=st.lists(st.tuples(st.integers(0, 12), st.floats(0, 30)), min_size=1, max_size=6),
    grain=st.sampled_from([0.0, 0.001, 0.0156]),
    late=st.lists(st.floats(0, 0.3), min_size=1, max_size=5),
    refusals=st.lists(st.floats(0, 30), max_size=2),
)
def test_any_n_admissions_take_n_less_one_gaps_less_the_slack(
    rate: float, crowds: list[tuple[int, float]], grain: float, late: list[float], refusals: list[float]
) -> None:
    """The bound of the docstring, for all n at once; and nobody is forgotten."""
    limiter, instants = _on_virtual_time(rate, crowds, grain, late, refusals)
    assert (sum(size for size, _ in crowds), 0) == (len(instants), limiter.waiting) == (limiter.admitted, 0)
    gap, latest = RateLimiter(rate, clock=RoughClock(0.0, [0.0])).gap, -math.inf
    for number, instant in enumerate(instants):
        # instants[j] - instants[i] >= (j - i) * gap - slack, with the largest of the earlier ones on the right.
        latest = max(latest, instant - number * gap)
        assert instant - number * gap >= latest - limiter.slack - 1e-5


@given(rate=st.integers(1, 5000))
def test_the_bound_is_a_tenth_above_the_rate_and_leaves_room_for_the_way(rate: int) -> None:
    """``most + 1`` requests cannot arrive within a second, though one is delayed by twice the slack; 0.985 is used."""
    limiter = RateLimiter(rate, clock=RoughClock(0.0, [0.0]))
    assert rate <= limiter.most <= 1.1 * rate + 1e-9
    assert limiter.most * limiter.gap - limiter.slack >= 1.0 + 2 * limiter.slack - 1e-9
    assert limiter.slack >= 0.004
    assert 0.985 * rate <= 1 / limiter.gap <= rate


@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0, 2000.0])
def test_late_timers_lose_nothing(rate: float) -> None:
    """Up to the slack of lateness is caught up: a timer a millisecond coarse serves two thousand a second."""
    count = int(rate) + 20
    limiter, instants = _on_virtual_time(rate, [(count, 0.0)], 0.001, [0.0, 0.0011, 0.003, 0.0002], [])
    assert (instants[-1] - instants[0]) <= (count - 1) * limiter.gap + 0.01
