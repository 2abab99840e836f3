"""The breaker at the head of the queue, on virtual time."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from extractor.errors import Unavailable
from extractor.protocol.outage import Weather
from extractor.protocol.vocabulary import Commit, Fault, PollStatus
from extractor.remote import Answer, Request
from extractor.remote.breaker import Breaker, OutOfPatience
from extractor.remote.limiter import RateLimiter

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def down(breaker: Breaker) -> None:
    """Let the connection fail for the ten seconds that an outage takes."""
    for _ in range(4):
        breaker.failed(503, "HTTP 503")
        await anyio.sleep(2.5)
    breaker.failed(503, "HTTP 503")
    assert breaker.weather.down


async def test_one_goes_ahead_for_each_interval_and_all_are_woken_by_an_answer(clock: Any) -> None:
    """1, 2, 4 .. seconds apart; then within the rate, at once."""
    told: list[Any] = []
    breaker = Breaker(clock=clock, on_began=told.append, on_ended=lambda was, seconds: told.append((was, seconds)))
    limiter = RateLimiter(100.0, clock=clock, breaker=breaker)
    await down(breaker)
    began, left = anyio.current_time(), list[float]()

    async def ask() -> None:
        await limiter.admit()
        left.append(anyio.current_time() - began)
        if len(left) <= 4:
            breaker.failed(503, "HTTP 503")

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(ask)
        await anyio.sleep(20.0)
        breaker.answered()
    assert [1.0, 3.0, 7.0, 15.0] == pytest.approx(left[:4], abs=0.01)
    assert 20.0 == pytest.approx(left[4], abs=0.01)
    assert max(left) < 20.5
    weather, (was, seconds) = told
    assert (True, 503) == (weather.down, weather.status)
    assert (4, 30.0) == (was.asked, pytest.approx(seconds))
    assert Weather(answered_at=began + 20.0) == breaker.weather


async def test_who_may_not_wait_long_is_sent_away_and_only_by_an_outage(clock: Any) -> None:
    """Its patience counts from when the outage begins, a queue or a hold does not use it up, and it ends with it."""
    breaker = Breaker(clock=clock)
    limiter = RateLimiter(100.0, clock=clock, breaker=breaker)
    limiter.hold(300.0)
    with breaker.patience(60.0, "Commit"):
        await limiter.admit()
    assert 300.0 == pytest.approx(anyio.current_time(), abs=0.1)

    outcome = list[float]()

    async def impatient() -> None:
        with pytest.raises(OutOfPatience, match=r"^Commit: not sent.*HTTP 503"), breaker.patience(30.0, "Commit"):
            await anyio.sleep(1000)
        outcome.append(anyio.current_time())

    async def lucky() -> None:
        with breaker.patience(50.0, "Commit"):
            await anyio.sleep(100.0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(impatient)
        tasks.start_soon(lucky)
        await down(breaker)
        known = anyio.current_time()
        await anyio.sleep(40.0)
        breaker.answered()
    assert [known + 30.0] == pytest.approx(outcome)


async def test_who_is_cancelled_while_waiting_takes_no_turn(clock: Any) -> None:
    """A halt withdraws those that wait; the next in line is asked for instead."""
    breaker = Breaker(clock=clock)
    limiter = RateLimiter(100.0, clock=clock, breaker=breaker)
    await down(breaker)
    with anyio.move_on_after(0.5):
        await limiter.admit()
    assert (0, 0) == (limiter.admitted, breaker.weather.asked)
    await limiter.admit()
    assert (1, 1) == (limiter.admitted, breaker.weather.asked)


async def test_a_failure_in_an_outage_says_so(client_over: Any, script: Any, json_answer: Any, make_job: Any) -> None:
    """So that ``retry`` does not hold it against the request; a 429 and nonsense are signs of life."""
    transport = script(json_answer("{}", 503))
    async with client_over(transport) as client:
        flags = []
        for _ in range(7):
            flags.append((await client.perform(PollStatus(token=1), make_job())).failure.outage)
            await anyio.sleep(2.6)
        assert [False] * 4 + [True] * 3 == flags
        transport.steps = [json_answer("{}", 429)]
        event = await client.perform(PollStatus(token=1), make_job())
        assert (Fault.THROTTLED, False, False) == (event.failure.fault, event.failure.outage, client.weather.down)


async def test_no_answer_at_all_is_a_failure_and_names_its_reason(client_over: Any, script: Any, make_job: Any) -> None:
    """Without what was asked: it is everybody's."""
    told = list[Weather]()
    transport = script(Unavailable("Status of segment 'VIP': no connection -- check connection.base_url"))
    async with client_over(transport, on_outage=told.append) as client:
        for _ in range(5):
            await client.perform(PollStatus(token=1), make_job())
            await anyio.sleep(2.6)
    assert [(None, "no connection -- check connection.base_url")] == [(each.status, each.why) for each in told]


async def test_a_commit_that_was_never_sent_has_had_its_minute(
    client_over: Any, script: Any, json_answer: Any, make_job: Any
) -> None:
    """It comes back with the instant when it began to wait, and gets no second minute."""
    transport = script(json_answer("{}", 503))
    async with client_over(transport) as client:
        await down(client.wire.breaker)
        client.wire.limiter.hold(1000.0)
        began = anyio.current_time()
        event = await client.perform(Commit(token=1), make_job())
        assert 60.0 == pytest.approx(anyio.current_time() - began)
        assert (began, True) == (event.command.failing_since, event.failure.outage)
        await client.perform(event.command, make_job())
        assert 60.0 == pytest.approx(anyio.current_time() - began)
    assert [] == transport.sent


async def test_an_outdated_bearer_does_not_use_up_the_turn_of_an_outage(
    client_over: Any, script: Any, json_answer: Any, make_job: Any, *, make_connection: Any, oauth_section: Any
) -> None:
    """Ten requests whose bearer ended while they waited: the login goes out in their stead, not ten minutes later."""
    bearer = '{"access_token":"b","token_type":"bearer","expires_in":30}'

    def serve(request: Request) -> Answer:
        return json_answer(bearer) if "oauth" in request.url else json_answer("{}", 503)

    transport = script(serve)
    async with client_over(transport, connection=make_connection(auth=oauth_section)) as client:
        await client.perform(PollStatus(token=1), make_job())
        await down(client.wire.breaker)
        client.wire.breaker.weather = Weather(
            failures=9, since=0.0, status=503, why="HTTP 503", down=True, asked=9, ask_at=anyio.current_time() + 60.0
        )
        began, sent = anyio.current_time(), len(transport.sent)
        with anyio.move_on_after(130.0):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(client.perform, PollStatus(token=1), make_job())
    after = [(round(at - began), "oauth" in each.url) for at, each in zip(transport.at, transport.sent, strict=True)]
    assert [(60, True), (60, False), (120, True), (120, False)] == after[sent:]
