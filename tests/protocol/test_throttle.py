"""Slower after refusals, once for each round, and back again."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.throttle import Throttle, ThrottlePolicy, at_limit, grown, refused, told

POLICY = ThrottlePolicy()


def refuse(throttle: Throttle, now: float, sent_at: float, held: float = 0.0) -> Throttle:
    """A 429 comes in."""
    return refused(throttle, now=now, sent_at=sent_at, held=held, policy=POLICY)


def grow(throttle: Throttle, now: float) -> Throttle:
    """A request is about to leave."""
    return grown(throttle, now=now, policy=POLICY)


def test_many_refusals_of_one_round_are_one_step() -> None:
    """Sixteen requests were on their way at the old rate; the next round is a step of its own."""
    throttle = refuse(at_limit(100.0), 1.0, 0.9)
    for number in range(15):
        throttle = refuse(throttle, 1.01 + number / 100, 0.91 + number / 200)
    assert throttle.rate == pytest.approx(70.0)
    assert refuse(throttle, 2.5, 2.4).rate == pytest.approx(49.0)


def test_it_grows_back_in_steps_and_tries_the_refused_rate_late() -> None:
    """Ten seconds a step below it, a minute for the step that reaches it; then the limit, where it rests."""
    throttle, steps, now = refuse(at_limit(100.0), 0.0, -0.1), [], 0.0
    while throttle.grows_at < math.inf:
        now = throttle.grows_at
        assert grow(throttle, now - 0.01) == throttle
        throttle = grow(throttle, now)
        steps.append((round(now), round(throttle.rate, 1)))
    assert [(10, 77.0), (20, 84.7), (30, 93.2), (90, 100.0)] == steps


def test_a_hold_is_no_calm() -> None:
    """Nothing is asked while a Retry-After holds, so nothing is learned in it."""
    throttle = refuse(at_limit(20.0), 0.0, -0.1, held=300.0)
    assert throttle.grows_at == pytest.approx(310.0)


def test_refusals_of_an_old_round_put_growth_off() -> None:
    """No step down, but the server is not content yet."""
    throttle = refuse(at_limit(20.0), 5.0, 4.0)
    later = refuse(throttle, 12.0, 4.5)
    assert (throttle.rate, 22.0) == (later.rate, later.grows_at)


def test_after_a_long_silence_it_is_one_step() -> None:
    """A night without work is no reason to rush."""
    throttle = refuse(refuse(at_limit(100.0), 0.0, -1.0), 1.0, 0.5)
    later = grow(throttle, 40_000.0)
    assert (round(throttle.rate * 1.1, 6), later) == (round(later.rate, 6), grow(later, 40_000.0))


def test_a_limit_that_is_wrong_by_a_hundred_is_found() -> None:
    """A server that grants 20 a second, and 2,000 are configured: few refusals, and most of what it grants is used."""
    throttle, now, refusals, used = at_limit(2000.0), 0.0, 0, 0.0
    while now < 3600.0:
        throttle = grow(throttle, now)
        if throttle.rate > 20.0:
            throttle = refuse(throttle, now + 0.1, now)
            refusals += 1
        else:
            used += throttle.rate
        now += 1.0
    assert refusals < 100
    assert used > 0.7 * 20.0 * 3600.0


@given(
    limit=st.floats(0.1, 5000),
    steps=st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 50)), max_size=60),
)
def test_the_rate_stays_between_floor_and_limit_and_each_change_is_told(
    limit: float, steps: list[tuple[bool, float, float]]
) -> None:
    """Whatever comes; and a sentence is there exactly when the rate has changed."""
    throttle, now = at_limit(limit), 0.0
    for is_refusal, pause, on_its_way in steps:
        now += pause
        before = throttle
        throttle = refuse(throttle, now, now - on_its_way) if is_refusal else grow(throttle, now)
        assert min(limit, 1.0) <= throttle.rate <= limit
        assert bool(told(before, throttle)) is (before.rate != throttle.rate)
        assert (throttle.rate < before.rate) <= is_refusal
        assert (throttle.grows_at == math.inf) >= (throttle.rate == limit and not is_refusal and before != throttle)


def test_the_sentences() -> None:
    """What happened, what is done, and what to do about it."""
    full = at_limit(2000.0)
    low = refuse(full, 0.0, -1.0)
    first = grow(low, 10.0)
    assert told(full, low) == (
        "the server refuses 2000 requests a second (HTTP 429): asking for 1400 a second from now on -- "
        "lower limits.requests_per_second if this comes again"
    )
    assert told(low, first) == "no refusal at 1400 requests a second: asking for 1540"
    assert "back at the limit of 2000" in told(first, full)
    assert "asking for 3.5 a second" in told(at_limit(5.0), refuse(at_limit(5.0), 0.0, -1.0))
