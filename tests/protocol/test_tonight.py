"""What the first exports of a run teach those that follow."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.pace import PollPolicy, poll_delay, polls_for
from extractor.protocol.tonight import Tonight

PLAIN = PollPolicy(first=0.5, longest=30.0)
TAUGHT = PollPolicy(first=0.5, longest=30.0, expected=90.0, step=2.0)


def follow(tonight: Tonight, policy: PollPolicy, ready: float) -> tuple[int, float]:
    """An export that is ready after so many seconds: its questions, and how late it was noticed."""
    count, at, before = polls_for(ready, policy), 0.0, None
    for polls in range(count):
        before = at if polls else None
        at += poll_delay(polls, policy)
    tonight.heard("list", waited=at, unready=before)
    return count, at - ready


def test_until_three_are_known_it_is_what_earlier_nights_teach() -> None:
    """And another stream's exports teach nothing."""
    tonight = Tonight()
    for _ in range(2):
        follow(tonight, PLAIN, 20.0)
        assert TAUGHT is tonight.policy("list", TAUGHT)
    follow(tonight, PLAIN, 20.0)
    assert 18.0 < tonight.policy("list", TAUGHT).expected < 20.0
    assert (0.5, 30.0) == (tonight.policy("list", TAUGHT).first, tonight.policy("list", TAUGHT).longest)
    assert TAUGHT is tonight.policy("other", TAUGHT)


def test_the_later_batches_of_a_list_are_asked_about_a_few_times() -> None:
    """376 batches, eight at a time, of 20 to 22 seconds: three or four questions each instead of 28, and in time."""
    tonight, chance = Tonight(), Random(1)  # noqa: S311 - a list that repeats
    counts: list[int] = []
    late: list[float] = []
    for _ in range(47):
        policy = tonight.policy("list", PLAIN)
        for _ in range(8):
            count, lost = follow(tonight, policy, chance.uniform(20.0, 22.0))
            counts.append(count)
            late.append(lost)
    assert 27 <= min(counts[:8])
    assert sum(counts[8:]) / len(counts[8:]) < 4.5
    assert max(late) < 22.0 / 12
    assert sum(late) / len(late) < 0.8


def test_batches_that_differ_are_asked_about_as_the_quick_ones() -> None:
    """One in seven at most is ready before the first question."""
    tonight, chance = Tonight(), Random(2)  # noqa: S311 - a list that repeats
    early = 0
    for _ in range(400):
        policy, ready = tonight.policy("list", PLAIN), chance.uniform(2.0, 20.0)
        early += ready < policy.expected
        follow(tonight, policy, ready)
    assert early <= 57


def test_a_service_that_slows_down_in_the_night_is_believed() -> None:
    """After 32 exports nothing of the quick ones is left."""
    tonight = Tonight()
    for ready in [5.0] * 40 + [50.0] * 32:
        follow(tonight, tonight.policy("list", PLAIN), ready)
    assert 40.0 < tonight.policy("list", PLAIN).expected < 50.0


def test_a_service_that_becomes_quicker_is_followed_by_halves() -> None:
    """The first question found it ready, so the next one is asked half as late."""
    tonight = Tonight()
    for ready in [50.0] * 5 + [4.0] * 30:
        _, late = follow(tonight, tonight.policy("list", PLAIN), ready)
    assert late < 1.0


@given(st.lists(st.floats(0.01, 500.0), min_size=1, max_size=60))
def test_whatever_is_heard_the_next_export_is_asked_about_in_time(readies: list[float]) -> None:
    """Never later than by the expected time, or by a twelfth after it."""
    tonight = Tonight()
    for ready in readies:
        policy = tonight.policy("list", PLAIN)
        _, late = follow(tonight, policy, ready)
        assert late <= max(policy.expected, policy.first, ready / 12) * (1 + 1e-9)
        assert policy.expected <= max([0.0, *readies]) * 13 / 12 + 0.5
