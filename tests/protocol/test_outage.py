"""When a connection counts as down, how calmly it is asked then, and when waiting has lasted long enough."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.outage import (
    OutagePolicy,
    Weather,
    answered,
    ask_on,
    asked,
    calm,
    failed,
    gives_up_at,
    wait,
)

POLICY = OutagePolicy()
GAPS = st.lists(st.floats(0, 100), min_size=1, max_size=40)


def fail(weather: Weather, now: float, *, failing_since: float | None = None) -> Weather:
    """A 503 comes in."""
    return failed(weather, now=now, status=503, why="HTTP 503", failing_since=failing_since, policy=POLICY)


def stormy(now: float = 0.0) -> Weather:
    """A connection that has just been found down; the first failure was ten seconds before ``now``."""
    weather = Weather()
    for back in (10, 8, 6, 4, 0):
        weather = fail(weather, now - back)
    assert weather.down
    return weather


@given(gaps=GAPS)
def test_an_outage_is_five_failures_in_a_row_that_last_ten_seconds(gaps: list[float]) -> None:
    """Neither the count nor the time alone, and from the moment that both are there."""
    weather, now, first = Weather(), 0.0, gaps[0]
    for number, gap in enumerate(gaps, 1):
        now += gap
        weather = fail(weather, now)
        assert weather.down is (number >= 5 and now - first >= 10.0)
        assert (number, first) == (weather.failures, weather.since)


@given(gaps=GAPS, rest=st.floats(0, 1e6))
def test_any_sign_of_life_ends_it(gaps: list[float], rest: float) -> None:
    """Whatever had gathered is forgotten; nobody waits."""
    weather = Weather()
    for number, gap in enumerate(gaps):
        weather = fail(weather, gap * number)
    weather = answered(weather, now=rest)
    assert Weather(answered_at=rest) == weather
    assert (0.0, math.inf) == (wait(weather, now=rest), gives_up_at(weather, 3600.0))


@given(tries=st.integers(0, 200))
def test_the_calm_grows_from_one_second_to_a_minute(tries: int) -> None:
    """1, 2, 4 .. 60, and never less than before."""
    assert min(60.0, 2.0**tries) == calm(tries, POLICY)
    assert calm(tries, POLICY) <= calm(tries + 1, POLICY) <= 60.0


@given(latencies=st.lists(st.floats(0, 150), min_size=1, max_size=60))
def test_one_request_leaves_for_each_interval(latencies: list[float]) -> None:
    """Each one that leaves makes the next wait; what comes of those that left before does not hasten it."""
    weather, now = stormy(), 0.0
    for number, latency in enumerate(latencies):
        now += wait(weather, now=now)
        weather = asked(weather, now=now, policy=POLICY)
        assert calm(number + 1, POLICY) == pytest.approx(wait(weather, now=now))
        weather = fail(weather, now + latency)
        assert weather.ask_at == now + calm(number + 1, POLICY)
        now += latency
    assert len(latencies) == weather.asked


def test_in_fair_weather_nobody_waits_and_nothing_is_counted() -> None:
    """Also after a few failures."""
    weather = fail(fail(Weather(), 0.0), 1.0)
    assert weather == asked(weather, now=1.0, policy=POLICY)
    assert 0.0 == wait(weather, now=1.0)


def test_a_turn_that_tried_nothing_is_handed_on() -> None:
    """The next one may leave at once, and the calm after it is no shorter."""
    weather = asked(stormy(), now=1.0, policy=POLICY)
    handed = ask_on(weather, now=1.0)
    assert (2.0, 0.0) == (wait(weather, now=1.0), wait(handed, now=1.0))
    assert 4.0 == wait(asked(handed, now=1.0, policy=POLICY), now=1.0)


@given(began=st.floats(0, 1e6), tries=st.integers(1, 50))
def test_a_request_that_fails_while_others_are_answered_says_nothing(began: float, tries: int) -> None:
    """It fails by itself: not even long after the last of the others is done does it make an outage."""
    weather = answered(Weather(), now=began + 11.0)
    for number in range(tries):
        assert weather == fail(weather, began + 12.0 + 60.0 * number, failing_since=began)


def test_an_outage_that_begins_raggedly_is_one() -> None:
    """One request fails, another is still answered a little later, then nothing any more."""
    weather = answered(fail(Weather(), 0.0), now=3.0)
    for now in (4.0, 6.0, 9.0, 13.0, 15.0):
        weather = fail(weather, now, failing_since=0.0)
    assert weather.down


@given(patience=st.floats(0, 1e6))
def test_patience_counts_from_the_first_failure(patience: float) -> None:
    """Not from the moment when it was known for an outage; without one it never ends."""
    assert -10.0 + patience == gives_up_at(stormy(0.0), patience)
    assert math.inf == gives_up_at(fail(Weather(), 0.0), patience)
