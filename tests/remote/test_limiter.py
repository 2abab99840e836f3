"""The rate and the hold, on virtual time."""

import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from extractor.protocol.precedence import Precedence
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
async def test_never_above_a_tenth_more_than_the_rate_in_a_second(rate: float, clock: Any) -> None:
    """However eagerly tasks ask; at five a second not even six would do."""
    limiter = RateLimiter(rate, clock=clock)
    instants = await _run(limiter, tasks=64, seconds=4.0, think=lambda: 0.0)
    assert _worst_window(instants) <= limiter.most <= max(1.0, 1.1 * rate)


@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0])
async def test_at_least_98_percent_of_the_rate_while_work_remains(rate: float, clock: Any) -> None:
    """What the server allows is used."""
    draws = random.Random(7)  # noqa: S311 - load, not secrets
    instants = await _run(
        RateLimiter(rate, clock=clock), tasks=int(rate) * 2, seconds=6.0, think=lambda: draws.random() / 2
    )
    assert 0.98 * rate * 6.0 <= len(instants) <= 1.01 * rate * 6.0 + 1


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


async def test_turns_come_in_the_order_of_worth(clock: Any) -> None:
    """Whoever came first: a login, then urgent pages, pages, Initiates, polls; also for one who comes late."""
    limiter, order = RateLimiter(10.0, clock=clock), list[Precedence]()

    async def ask(worth: Precedence, after: float) -> None:
        await anyio.sleep(after)
        await limiter.admit(worth)
        order.append(worth)

    await limiter.admit()
    async with anyio.create_task_group() as group:
        for worth in (Precedence.POLL, Precedence.INITIATE, Precedence.DATA, Precedence.URGENT):
            group.start_soon(ask, worth, 0.0)
            group.start_soon(ask, worth, 0.05)
        group.start_soon(ask, Precedence.LOGIN, 0.15)
    head, *rest = order
    assert head is Precedence.URGENT  # the login had not come yet
    assert sorted(rest) == rest


async def test_a_poll_does_not_wait_for_ever_behind_pages(clock: Any) -> None:
    """Pages that fill the rate for a minute: it gets its turn after ten seconds, as the oldest of them all."""
    limiter = RateLimiter(20.0, clock=clock)

    async def pages() -> None:
        while True:
            await limiter.admit(Precedence.DATA)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(pages)
        await anyio.sleep(1.0)
        await limiter.admit(Precedence.POLL)
        assert 11.0 <= anyio.current_time() <= 11.2
        group.cancel_scope.cancel()


async def test_any_of_those_that_wait_may_be_cancelled(clock: Any) -> None:
    """The first of a class, the first of all, the last: the others leave as if it had never come."""
    for victim in range(9):
        limiter, order = RateLimiter(10.0, clock=clock), list[int]()
        scopes = [anyio.CancelScope() for _ in range(9)]
        await limiter.admit()

        async def ask(
            number: int, limiter: RateLimiter = limiter, order: list[int] = order, scope: Any = scopes
        ) -> None:
            with scope[number]:
                await limiter.admit(Precedence(2 + number // 3))
                order.append(number)

        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in reversed(range(9)):
                group.start_soon(ask, number)
            await anyio.sleep(0.05)
            scopes[victim].cancel()
        assert sorted(order, key=lambda each: each // 3) == order
        assert set(range(9)) - {victim} == set(order)
        assert (9, 0) == (limiter.admitted, limiter.waiting)
        assert anyio.current_time() - began == pytest.approx(8 * limiter.gap, abs=0.1)


async def test_a_refusal_slows_everybody_down_once(clock: Any) -> None:
    """Ten tasks bring the 429 of one round; the rate comes back, and each change is told."""
    told: list[str] = []
    limiter = RateLimiter(20.0, clock=clock, on_pace=told.append)
    await anyio.sleep(5.0)
    for number in range(10):
        limiter.refused(sent_at=4.0 + number / 20)
    began = anyio.current_time()
    instants = [each - began for each in await _run(limiter, tasks=8, seconds=95.0, think=lambda: 0.0)]
    counted = [sum(1 for each in instants if start <= each < start + 5.0) for start in (0.0, 15.0, 85.0, 90.0)]
    # 14, then a tenth more after ten seconds, the last step before the refused rate only after a minute.
    assert [69, 76, 92, 99] == pytest.approx(counted, abs=2)
    assert ["(HTTP 429): asking for 14 a second" in told[0], "back at the limit" in told[-1]] == [True, True]
    assert len(told) == 5


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
    assert _worst_window(instants) <= limiter.most


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


async def test_who_is_withdrawn_before_it_asks_takes_no_turn(clock: Any) -> None:
    """A halt reaches also those for whom there would be room."""
    limiter = RateLimiter(10.0, clock=clock)
    with anyio.CancelScope() as halted:
        halted.cancel()
        await limiter.admit()
    assert (0, True) == (limiter.admitted, halted.cancelled_caught)


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
