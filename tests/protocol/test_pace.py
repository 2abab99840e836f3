"""When an export's readiness is asked for, as a function of what earlier nights saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.life import LifePolicy, Phase
from extractor.protocol.lifecycle import fold, step
from extractor.protocol.pace import PollPolicy, Sighting, lead, learned, poll_delay, polls_for, shared_pause
from extractor.protocol.vocabulary import Meaning, TakenUp
from extractor.store.facts import decode_event, encode_event
from tests.protocol.lives import COMPLETE, INTENDED, ISSUED, status, walk

PLAIN = PollPolicy(first=0.5, longest=30.0)
SECONDS = st.floats(0.01, 50_000.0)


@st.composite
def sightings(draw: Any) -> Sighting:
    """A night: ready at some time, last seen processing before it or never, usually ready no earlier."""
    ready = draw(SECONDS)
    unready = draw(st.none() | st.floats(0.0, 1.0, exclude_max=True).map(lambda share: share * ready))
    return Sighting(ready=ready, unready=unready, usual=ready * draw(st.floats(1.0, 5.0)))


POLICIES = st.builds(
    lambda first, factor: PollPolicy(first=first, longest=first * factor), st.floats(0.05, 10.0), st.floats(1.0, 100.0)
)
NIGHTS = st.lists(sightings(), max_size=12)


def asked_at(policy: PollPolicy, count: int) -> list[float]:
    """When the first Status requests are sent, if each is answered at once."""
    times, at = [], 0.0
    for polls in range(count):
        at += poll_delay(polls, policy)
        times.append(at)
    return times


def night(policy: PollPolicy, ready: float) -> Sighting:
    """What a night sees under a policy when the export is ready after so many seconds."""
    times = asked_at(policy, polls_for(ready, policy))
    return Sighting(ready=times[-1], unready=times[-2] if len(times) > 1 else None, usual=times[-1])


def test_without_history_it_asks_as_ever() -> None:
    """Quick at first, then slower, never slower than the longest pause."""
    assert PLAIN == learned(PLAIN, [])
    assert [0.5, 1.0, 1.5] == asked_at(PLAIN, 3)
    assert [6.0, 6.5, 6.5 + 6.5 / 12] == asked_at(PLAIN, 14)[11:]
    assert 30.0 == poll_delay(10_000, PLAIN)


@given(POLICIES, st.floats(0.01, 20_000.0))
def test_without_history_an_export_is_noticed_within_a_twelfth_of_its_time(policy: PollPolicy, ready: float) -> None:
    """Or within the first pause; and never later than by the longest one."""
    count = polls_for(ready, policy)
    if count <= 2_000:
        late = asked_at(policy, count)[-1] - ready
        assert late <= min(policy.longest, max(policy.first, ready / 12)) * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize(("seconds", "polls"), [(1.0, 2), (20.0, 28), (60.0, 41), (600.0, 72), (3600.0, 172)])
def test_what_it_costs_to_notice_an_export_in_time(seconds: float, polls: int) -> None:
    """Half a second at first and half a minute at most: a few dozen questions for anything up to some minutes."""
    assert polls == polls_for(seconds, PLAIN)


@given(st.integers(1, 200), st.floats(1.0, 2_000.0))
def test_the_questions_of_all_exports_together_take_a_third_of_the_rate(live: int, rate: float) -> None:
    """However many are alive."""
    assert live / shared_pause(live, rate) == pytest.approx(rate / 3)


@given(st.floats(0.01, 5_000.0), POLICIES, NIGHTS, st.floats(0.0, 20.0))
def test_questions_that_are_kept_apart_are_fewer(
    ready: float, policy: PollPolicy, nights: list[Sighting], apart: float
) -> None:
    """The count is that of the pauses, none of them shorter."""
    taught = learned(policy, nights)
    count, at, polls = polls_for(ready, taught, apart=apart), 0.0, 0
    if count <= 500:
        while at < ready * (1 - 1e-9):
            at += max(apart, poll_delay(polls, taught))
            polls += 1
        assert polls == count
    assert count <= polls_for(ready, taught)


@given(POLICIES, NIGHTS)
def test_what_is_expected_was_still_too_early_for_the_quick_nights(policy: PollPolicy, nights: list[Sighting]) -> None:
    """Of the last five nights at most one had its export ready before the first question at the expected time."""
    taught = learned(policy, nights)
    assert (policy.first, policy.longest) == (taught.first, taught.longest)
    earlier = [night for night in nights[:5] if night.ready <= taught.expected]
    assert len(earlier) <= (1 if len(nights) >= 5 else 0)
    assert taught.expected == 0 or policy.first < taught.expected
    assert taught.step == 0 or policy.first <= taught.step <= max(
        policy.first, min(policy.longest, taught.expected / 12)
    )


@given(POLICIES, NIGHTS, st.floats(0.01, 20_000.0))
def test_no_more_is_lost_than_four_pauses_before_the_expected_time_and_a_twelfth_after_it(
    policy: PollPolicy, nights: list[Sighting], ready: float
) -> None:
    """However suddenly the service has become quicker or slower."""
    taught = learned(policy, nights)
    count = polls_for(ready, taught)
    if count > 2_000:
        return
    times = asked_at(taught, count)
    late = times[-1] - ready
    assert times[-1] >= ready or abs(late) < 1e-6 * ready
    assert count == 1 or times[-2] < ready
    if ready <= taught.expected:
        assert late <= 4 * policy.longest * (1 + 1e-9)
    else:
        after = ready - taught.expected
        close = max(policy.first, taught.step) + after / 2
        assert late <= min(policy.longest, close, max(policy.first, ready / 12)) * (1 + 1e-9) + 1e-9


@given(POLICIES, NIGHTS)
def test_the_expected_time_is_asked_at_and_led_up_to_evenly(policy: PollPolicy, nights: list[Sighting]) -> None:
    """No pause is longer than four of the longest."""
    taught = learned(policy, nights)
    ahead = min(lead(taught), 1_000)
    assert all(poll_delay(polls, taught) <= 4 * policy.longest * (1 + 1e-9) for polls in range(ahead + 3))
    if 0 < ahead < 1_000:
        assert abs(asked_at(taught, ahead)[-1] - taught.expected) < 1e-6 * taught.expected


@given(st.floats(0.01, 20_000.0), st.integers(0, 12))
def test_a_steady_service_is_asked_ever_more_to_the_point(ready: float, many: int) -> None:
    """The time that is lost is never more than the first night lost, but for a pause; soon it is next to nothing."""
    nights: list[Sighting] = []
    for _ in range(many + 1):
        nights.insert(0, night(learned(PLAIN, nights), ready))
    lost, first = nights[0].ready - ready, nights[-1].ready - ready
    assert lost <= max(first, 0.5 + 0.09 * ready)
    if many >= 7:
        assert lost <= 0.75 + 0.02 * ready  # 0.75 is the second pause, where half a second is the first
        assert polls_for(ready, learned(PLAIN, nights)) <= 4 + ready / 120


def test_one_odd_night_among_five_does_not_make_it_hasty() -> None:
    """An increment that happened to be empty was ready at once."""
    steady = [Sighting(ready=60.5, unready=59.0, usual=60.5)] * 3
    odd = Sighting(ready=1.2, unready=0.5, usual=1.2)
    assert 59.0 == learned(PLAIN, [steady[0], odd, *steady]).expected


def test_a_first_question_that_found_it_ready_is_asked_half_as_late() -> None:
    """So a service that has become much quicker is followed in a few nights."""
    nights = [Sighting(ready=60.5, unready=59.0, usual=60.5)] * 5
    firsts = []
    for _ in range(5):
        taught = learned(PLAIN, nights)
        firsts.append(taught.expected)
        nights.insert(0, night(taught, 4.0))
    assert [59.0, 29.5, 14.75, 7.375, 3.6875] == firsts


@given(st.floats(0.01, 100_000.0), POLICIES, NIGHTS)
def test_the_count_of_questions_is_that_of_the_pauses(ready: float, policy: PollPolicy, nights: list[Sighting]) -> None:
    """The last one is the first that is not too early."""
    taught = learned(policy, nights)
    count = polls_for(ready, taught)
    if count <= 500:
        *before, last = asked_at(taught, count)
        assert last >= ready * (1 - 1e-9)
        assert all(each < ready * (1 + 1e-9) for each in before)


def test_a_life_says_how_long_its_export_took_unless_it_was_taken_up() -> None:
    """Seconds since the token was issued, and those after which it was last seen processing."""
    taught = LifePolicy(poll=learned(PLAIN, [Sighting(ready=300.0, unready=290.0, usual=300.0)]))
    life, _ = walk(INTENDED, policy=taught)
    life, (first,) = step(life, ISSUED, 1000.0)
    assert 290.0 / 3 == first.after
    assert replace(COMPLETE, waited=5.0) == life.timed(COMPLETE, 1005.0)
    life, (second,) = step(life, status(Meaning.PROCESSING), 1097.0)
    assert 290.0 / 3 == second.after
    assert replace(COMPLETE, waited=200.0, unready=97.0) == life.timed(COMPLETE, 1200.0)
    assert status(Meaning.ERROR) == life.timed(status(Meaning.ERROR), 1200.0)

    life, (again,) = step(life, TakenUp(), 5.0)
    assert (COMPLETE, 0.0) == (life.timed(COMPLETE, 9.0), again.after)
    _, (soon,) = step(life, status(Meaning.PROCESSING), 5.0)
    assert taught.poll.step * 1.5 >= soon.after


def test_what_an_older_journal_says_of_a_status_is_still_read() -> None:
    """Without the times; and what is replayed leads where it led, whatever is taught today."""
    kind, body = encode_event(COMPLETE)
    older = body.replace(b',"waited":null,"unready":null', b"")
    assert older != body
    assert COMPLETE == decode_event(kind, older)
    timed = replace(COMPLETE, waited=60.0, unready=57.0)
    assert timed == decode_event(*encode_event(timed))
    taught = LifePolicy(poll=learned(PLAIN, [Sighting(ready=60.0, unready=57.0, usual=60.0)]))
    events = (INTENDED, ISSUED, timed)
    assert fold(LifePolicy(), events, 0.0).phase == fold(taught, events, 0.0).phase == Phase.READY
