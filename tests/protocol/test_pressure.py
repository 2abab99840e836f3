"""Adaptive limits on traces: a small server, a hungry client, and what the limit does over time."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.pressure import Change, Pressure, admitted, answered, begin, refused
from tests.protocol.servers import Server, Trace, drive

_STATUS = st.sampled_from([429, 503, None])
_OUTCOMES = st.lists(
    st.one_of(
        st.tuples(st.just("answered"), st.floats(0.0, 2.0), st.integers(1, 80), st.booleans()),
        st.tuples(st.just("admitted"), st.floats(0.0, 2.0), st.integers(1, 80), st.booleans()),
        st.tuples(st.just("refused"), st.floats(0.0, 2.0), _STATUS),
    ),
    max_size=400,
)


def apply(pressure: Pressure, now: float, outcome: tuple[Any, ...]) -> tuple[Pressure, Change | None]:
    """Tell of one outcome."""
    match outcome:
        case ("answered", seconds, in_flight, wanted):
            return answered(pressure, now=now, seconds=seconds, in_flight=in_flight, wanted=wanted)
        case ("admitted", _, in_flight, wanted):
            return admitted(pressure, now=now, in_flight=in_flight, wanted=wanted)
        case ("refused", _, status):
            return refused(pressure, now=now, status=status)
        case _:
            raise AssertionError(outcome)


@given(st.integers(1, 64), st.integers(1, 80), st.booleans(), _OUTCOMES)
def test_it_stays_within_its_bounds_and_tells_of_every_change(
    most: int, first: int, uneven: bool, outcomes: list[tuple[Any, ...]]
) -> None:
    """A Change exactly when the limit has changed, and its sentence has both numbers, whatever comes."""
    pressure = begin(most, what="pages", first=first, uneven=uneven)
    now = 100.0
    for outcome in outcomes:
        now += outcome[1] / 10
        before = pressure.limit
        pressure, change = apply(pressure, now, outcome)
        assert 1 <= pressure.limit <= most
        assert (change is not None) == (pressure.limit != before)
        if change is not None:
            assert (before, pressure.limit) == (change.before, change.after)
            assert change.why.startswith(f"pages {before} -> {pressure.limit}: ")


@given(st.integers(1, 64), _OUTCOMES)
def test_it_never_grows_while_nobody_waits_for_a_place(most: int, outcomes: list[tuple[Any, ...]]) -> None:
    """However well it is answered; it may shrink."""
    pressure = begin(most)
    limit, now = pressure.limit, 0.0
    for name, seconds, *rest in outcomes:
        now += seconds
        pressure, _ = apply(pressure, now, (name, seconds, *(rest if name == "refused" else (rest[0], False))))
        assert pressure.limit <= limit
        limit = pressure.limit


def test_at_a_steady_latency_it_is_at_its_most_after_three_rounds() -> None:
    """4, 8, 16, 32; and a thousand pages take 1.1 times as long as with 32 from the first."""
    trace = drive(begin(32, what="pages"), Server(), seconds=60.0, supply=1000)
    assert [
        (0.05, "pages 4 -> 8: answers come well (80/s) and more are wanted"),
        (0.10, "pages 8 -> 16: throughput grew by 100 % (80 -> 160/s)"),
        (0.15, "pages 16 -> 32: throughput grew by 100 % (160 -> 320/s)"),
    ] == [(pytest.approx(at), change.why) for at, change in trace.changes]
    assert trace.answers[-1] <= 1.1 * 0.05 * 1000 / 32


@pytest.mark.parametrize("places", [3, 6, 10, 20, 40])
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_it_finds_the_knee_of_a_server_that_lets_others_wait(places: int, jitter: float) -> None:
    """To a factor of two or so, and without losing throughput."""
    trace = drive(begin(64), Server(places=places, jitter=jitter), seconds=25.0)
    assert trace.rate(5.0, 25.0) >= 0.93 * places / 0.05
    assert 0.9 * places <= trace.limit_at(25.0) <= 2.4 * places + 1


@pytest.mark.parametrize("jitter", [0.3, 0.6, 1.0])
def test_jitter_makes_it_neither_timid_nor_lost(jitter: float) -> None:
    """Latencies of a factor of several: six servers, nearly all of what 32 places can give, for most of the time."""
    traces = [drive(begin(32), Server(jitter=jitter, seed=seed), seconds=20.0) for seed in range(6)]
    shares = [trace.rate(0.0, 20.0) / (32 / 0.05) for trace in traces]
    assert median(shares) > 0.96
    assert min(shares) > 0.85


def test_refusals_halve_it_once_for_all_of_a_round() -> None:
    """Thirty-two requests that come back refused are one refusal."""
    trace = drive(begin(32, what="pages"), Server(), seconds=1.0)
    pressure, changes = trace.pressure, []
    for each in range(32):
        pressure, change = refused(pressure, now=1.0 + each / 1000, status=429)
        changes.append(change)
    assert [Change(before=32, after=16, why="pages 32 -> 16: the server answered 429")] == list(filter(None, changes))
    pressure, change = refused(pressure, now=1.1, status=None)
    assert change is not None
    assert "pages 16 -> 8: the server did not answer" == change.why


def test_a_refusal_while_few_are_in_flight_counts_again_soon() -> None:
    """Those that were in flight with the first have come back after five seconds at the latest."""
    pressure = begin(32, first=32)
    for second in (0.0, 6.0, 12.0):
        pressure, _ = refused(pressure, now=second, status=503)
    assert 4 == pressure.limit


def test_after_an_outage_it_is_soon_where_it_was() -> None:
    """Down to one while nobody answers; then a rest, doubling to three quarters, another rest, and on."""
    pressure = drive(begin(32), Server(), seconds=1.0).pressure
    for second in range(60):
        pressure, _ = refused(pressure, now=1.0 + second, status=None)
    assert 1 == pressure.limit
    now, limits = 60.0, {}
    while now < 90.0:
        now += 0.05
        for _ in range(pressure.limit):
            pressure, _ = answered(pressure, now=now, seconds=0.05, in_flight=pressure.limit, wanted=True)
        limits[round(now, 2)] = pressure.limit
    assert max(limit for at, limit in limits.items() if at < 64.9) == 1
    assert limits[66.0] == 24
    assert limits[90.0] == 32


def test_a_server_that_refuses_above_a_rate_is_refused_by_seldom() -> None:
    """Most of the rate is used; the tries become rare; between them nothing is refused."""
    trace = drive(begin(32), Server(rate=200.0), seconds=120.0)
    assert trace.rate(20.0, 120.0) > 0.75 * 200
    assert sum(at > 20.0 for at in trace.refusals) <= 40
    assert max(trace.between(20.0, 120.0)) <= 32 // 2 + 4


def test_answers_that_are_slow_for_reasons_of_their_own_do_not_shrink_it_for_long() -> None:
    """Four times the latency for everybody: one step down, which does not help, and back."""
    trace = drive(begin(32), Server(latency=lambda now: 0.05 if now < 10 else 0.2, jitter=0.2), seconds=60.0)
    assert min(trace.between(10.0, 60.0)) >= 28
    assert 32 == trace.limit_at(60.0)
    assert any(change.why.endswith("answers stay slow") for _, change in trace.changes)


def test_it_gives_way_where_answers_are_slow_because_of_it() -> None:
    """The server has lost three quarters of its places: the limit follows, the throughput stays what it can be."""
    server = Server(places=32, jitter=0.2)
    trace = drive(begin(32), server, seconds=10.0)
    server.places = 8
    after = drive(trace.pressure, server, start=10.0, seconds=40.0)
    assert after.limit_at(40.0) <= 20
    assert after.rate(20.0, 40.0) >= 0.93 * 8 / 0.05


def test_it_grows_again_when_the_server_can_do_more() -> None:
    """Tries come at least once a minute, and one that succeeds is followed by the next."""
    server = Server(places=8, jitter=0.2)
    trace = drive(begin(32), server, seconds=30.0)
    assert trace.limit_at(30.0) <= 20
    server.places = 64
    again = drive(trace.pressure, server, start=30.0, seconds=100.0)
    assert 32 == again.limit_at(100.0)


def test_exports_double_with_their_initiates() -> None:
    """Whoever is answered well makes room for more; nobody waits for an export to be ready."""
    pressure = begin(40, what="exports", uneven=True)
    alive, now, sentences = 0, 0.0, []
    while alive < 40:
        now += 0.05
        for _ in range(pressure.limit - alive):
            alive += 1
            pressure, change = admitted(pressure, now=now, in_flight=alive, wanted=True)
            sentences += [] if change is None else [change.why]
    assert 0.25 == pytest.approx(now)
    assert [
        "exports 4 -> 8: 4 more were begun well, and others wait for a place",
        "exports 8 -> 16: 4 more were begun well, and others wait for a place",
        "exports 16 -> 32: 8 more were begun well, and others wait for a place",
        "exports 32 -> 40: 16 more were begun well, and others wait for a place",
    ] == sentences


def test_exports_of_every_size_do_not_shrink_the_number_alive() -> None:
    """A large one after many small ones says nothing of the server."""
    pressure = _exports(40, lambda number: 2.0 + 18.0 * (number % 7 == 0))
    assert 40 == pressure.limit


def test_exports_give_way_when_more_alive_only_wait_longer() -> None:
    """Each takes five times as long as at first, and no more are finished."""
    pressure = begin(40, what="exports", first=40, uneven=True)
    pressure = _finish(pressure, 400, 2.0, 0.0, 0.05)
    busy = _finish(pressure, 4000, 10.0, 20.0, 0.25)
    assert 10 < busy.limit < 40


def _exports(alive: int, seconds: Any) -> Pressure:
    pressure = begin(alive, what="exports", first=alive, uneven=True)
    now = 0.0
    for number in range(2000):
        now += seconds(number) / alive
        pressure, _ = answered(pressure, now=now, seconds=seconds(number), in_flight=pressure.limit, wanted=True)
    return pressure


def _finish(pressure: Pressure, number: int, seconds: float, begin_at: float, apart: float) -> Pressure:
    """So many exports end, evenly, each after so many seconds by the number alive."""
    most = pressure.limit
    for each in range(number):
        took = seconds * pressure.limit / most
        pressure, _ = answered(
            pressure, now=begin_at + each * apart, seconds=took, in_flight=pressure.limit, wanted=True
        )
    return pressure


def test_a_trace_is_the_same_each_time() -> None:
    """Decisions are functions of what happened."""
    first, second = (drive(begin(32), Server(places=10, jitter=0.5), seconds=5.0) for _ in range(2))
    assert isinstance(first, Trace)
    assert first.limits == second.limits


def test_one_refusal_alone_is_taken_for_chance() -> None:
    """It halves; a second later, when answers come well, everything is as before."""
    pressure, changes = begin(8, first=8), []
    pressure, change = refused(pressure, now=100.0, status=503)
    changes.append(change)
    for now in (100.5, 100.9, 101.2):
        pressure, change = answered(pressure, now=now, seconds=0.1, in_flight=4, wanted=True)
        changes.append(change)
    assert [(8, 4), None, None, (4, 8)] == [None if each is None else (each.before, each.after) for each in changes]


def test_a_refusal_that_is_not_alone_is_believed() -> None:
    """Another one, of the same round or of the next half minute: the limit stays down."""
    for second in (100.1, 110.0):
        pressure, _ = refused(begin(8, first=8), now=100.0, status=429)
        pressure, _ = refused(pressure, now=second, status=429)
        pressure, change = answered(pressure, now=second + 1.5, seconds=0.1, in_flight=4, wanted=True)
        assert change is None
        assert pressure.limit <= 4
