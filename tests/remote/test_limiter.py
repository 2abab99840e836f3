"""The rate and the hold, on virtual time."""

import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from extractor.remote.limiter import RateLimiter

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def _run(limiter: RateLimiter, *, tasks: int, seconds: float, think: Callable[[], float]) -> list[float]:
    """Let ``tasks`` ask for turns again and again; give the instants of admission."""
    instants: list[float] = []

    async def ask() -> None:
        while True:
            await limiter.admit()
            instants.append(anyio.current_time())
            await anyio.sleep(think())

    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(ask)
    return instants


def _worst_window(instants: list[float], length: float = 1.0) -> int:
    """Count the admissions in the fullest half-open window."""
    worst = start = 0
    for end, instant in enumerate(instants):
        while instants[start] <= instant - length + 1e-9:
            start += 1
        worst = max(worst, end - start + 1)
    return worst


@pytest.mark.parametrize("rate", [0.5, 5.0, 10.0, 15.0, 50.0, 500.0])
async def test_never_above_rate_plus_burst_in_a_second(rate: float, clock: Any) -> None:
    """No one-second window has more than the rate and the stated burst, however eagerly tasks ask."""
    limiter = RateLimiter(rate, clock=clock)
    instants = await _run(limiter, tasks=64, seconds=20.0, think=lambda: 0.0)
    assert _worst_window(instants) <= rate + limiter.burst
    assert limiter.burst == max(1.25, rate / 20)


@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0])
async def test_at_least_95_percent_of_the_rate_while_work_remains(rate: float, clock: Any) -> None:
    """What the server allows is used."""
    draws = random.Random(7)  # noqa: S311 - load, not secrets
    instants = await _run(
        RateLimiter(rate, clock=clock), tasks=int(rate) * 2, seconds=20.0, think=lambda: draws.random() / 2
    )
    assert 0.95 * rate <= len(instants) / 20.0 <= 1.05 * rate


async def test_after_idleness_no_more_than_the_burst_leaves_at_once(clock: Any) -> None:
    """Idle time is not saved up."""
    limiter = RateLimiter(50.0, clock=clock)
    await anyio.sleep(60)
    instants = await _run(limiter, tasks=64, seconds=1.0, think=lambda: 0.0)
    assert sum(1 for each in instants if each == instants[0]) <= limiter.burst


async def test_turns_come_in_the_order_of_asking(clock: Any) -> None:
    """A newcomer never overtakes one who waits, not even across a hold."""
    limiter, order = RateLimiter(20.0, clock=clock), []

    async def ask(number: int) -> None:
        await anyio.sleep(number * 0.001)
        await limiter.admit()
        order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(ask, number)
        await anyio.sleep(0.5)
        limiter.hold(3)
    assert order == list(range(40))


async def test_a_hold_stops_those_who_wait_already(clock: Any) -> None:
    """Nobody is admitted inside a hold, and the work goes on at once when it ends."""
    limiter = RateLimiter(20.0, clock=clock)
    instants: list[float] = []

    async def ask() -> None:
        await limiter.admit()
        instants.append(anyio.current_time())

    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(ask)
        await anyio.sleep(0.52)
        limiter.hold(5.0)
        held_from, held_to = 0.52, 5.52
    assert [each for each in instants if held_from < each < held_to - 1e-6] == []
    assert len(instants) == limiter.admitted == 40
    # No turn is lost: all leave within the rate, less the burst at the start and the one after the hold.
    assert 7.0 - 2 * limiter.burst / 20.0 - 0.1 <= instants[-1] <= 7.0
    assert _worst_window(instants) <= 20.0 + limiter.burst


async def test_a_hold_is_extended_never_shortened(clock: Any) -> None:
    """The longest Retry-After counts, also for those who sleep in the hold already."""
    limiter = RateLimiter(10.0, clock=clock)

    async def meddle() -> None:
        await anyio.sleep(1)
        limiter.hold(0.5)
        await anyio.sleep(1)
        limiter.hold(8.0)

    limiter.hold(4.0)
    async with anyio.create_task_group() as group:
        group.start_soon(meddle)
        await limiter.admit()
    assert anyio.current_time() == pytest.approx(10.0, abs=1e-3)


async def test_the_same_hold_is_news_once(clock: Any) -> None:
    """Sixteen answers with one Retry-After are one hold."""
    limiter = RateLimiter(10.0, clock=clock)
    assert limiter.hold(2.0) is True
    await anyio.sleep(0.01)
    assert [limiter.hold(2.0) for _ in range(15)] == [False] * 15
    assert limiter.hold(30.0) is True
    assert limiter.hold(0.0) is False


async def test_who_is_cancelled_in_the_queue_takes_no_turn(clock: Any) -> None:
    """A cancelled wait is neither counted nor does it block the others."""
    limiter = RateLimiter(1.0, clock=clock)
    await limiter.admit()
    with anyio.move_on_after(0.5):
        await limiter.admit()
    await limiter.admit()
    assert limiter.admitted == 2
    assert anyio.current_time() == pytest.approx(1.0, abs=0.26)


async def test_an_admission_costs_no_busy_loop(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long hold is slept through, not polled."""
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        await anyio.sleep(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    limiter = RateLimiter(5.0, clock=clock)
    limiter.hold(3600.0)
    await limiter.admit()
    assert len(naps) <= 3
