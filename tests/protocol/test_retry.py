"""Whether, when, and for how long a request is tried again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.retry import After401, RetryPolicy, after_401, decide, retry_after_seconds
from extractor.protocol.vocabulary import Failure, Fault

PASSING = [Fault.THROTTLED, Fault.UNAVAILABLE, Fault.MALFORMED]
FINAL = [fault for fault in Fault if fault not in PASSING]
NOW = 1_000_000.0


def failure(fault: Fault = Fault.UNAVAILABLE, retry_after: float | None = None) -> Failure:
    """A failed request."""
    return Failure(fault=fault, message="it failed", retry_after=retry_after)


@pytest.mark.parametrize("fault", FINAL)
def test_a_refusal_is_never_sent_again(fault: Fault) -> None:
    """400, 401, 403, 404 and a lost token would only be refused again."""
    policy = RetryPolicy()
    assert decide(failure(fault), attempt=1, unreadable=0, failing_since=None, now=NOW, draw=0.5, policy=policy) is None


@given(fault=st.sampled_from(PASSING[:2]), attempt=st.integers(1, 100), draw=st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_full_and_bounded(fault: Fault, attempt: int, draw: float) -> None:
    """``draw * min(longest, first * 2 ** (attempt - 1))``."""
    policy = RetryPolicy(first=0.5, longest=60.0)
    decision = decide(
        failure(fault), attempt=attempt, unreadable=0, failing_since=NOW, now=NOW, draw=draw, policy=policy
    )
    assert decision is not None
    assert draw * min(60.0, 0.5 * 2.0 ** (attempt - 1)) == decision.delay


@given(asked=st.floats(0, 1e9), attempt=st.integers(1, 50), draw=st.floats(0, 1, exclude_max=True))
def test_retry_after_is_obeyed_unclamped(asked: float, attempt: int, draw: float) -> None:
    """Never earlier than the server said, however long."""
    policy = RetryPolicy(retry_for=10.0)
    decision = decide(
        failure(retry_after=asked), attempt=attempt, unreadable=0, failing_since=NOW, now=NOW, draw=draw, policy=policy
    )
    assert decision is not None
    assert asked <= decision.delay <= asked + policy.first
    assert NOW == decision.failing_since
    late = NOW + asked + policy.retry_for
    again = decide(
        failure(retry_after=1.0), attempt=attempt, unreadable=0, failing_since=NOW, now=late, draw=0.5, policy=policy
    )
    assert again is None


def test_only_the_deadline_is_stronger_than_retry_after() -> None:
    """A wait beyond the run's deadline is not begun."""
    policy = RetryPolicy(deadline=NOW + 100.0)
    within = decide(
        failure(retry_after=99.0), attempt=1, unreadable=0, failing_since=None, now=NOW, draw=0.0, policy=policy
    )
    beyond = decide(
        failure(retry_after=101.0), attempt=1, unreadable=0, failing_since=None, now=NOW, draw=0.0, policy=policy
    )
    assert within is not None
    assert beyond is None


def test_retries_end_after_retry_for() -> None:
    """Bounded in time from the first failure."""
    policy = RetryPolicy(retry_for=60.0)
    still = decide(failure(), attempt=9, unreadable=0, failing_since=NOW - 59.0, now=NOW, draw=0.0, policy=policy)
    over = decide(failure(), attempt=9, unreadable=0, failing_since=NOW - 61.0, now=NOW, draw=0.0, policy=policy)
    assert still is not None
    assert over is None


@given(attempt=st.integers(1, 100), draw=st.floats(0, 1, exclude_max=True), earlier=st.floats(0, 1e6))
def test_an_outage_does_not_count_against_one_request(attempt: int, draw: float, earlier: float) -> None:
    """However long it has failed: it begins anew, and is ready to leave as soon as the connection lets it."""
    down, policy = replace(failure(), outage=True), RetryPolicy(retry_for=60.0)
    decision = decide(
        down, attempt=attempt, unreadable=0, failing_since=NOW - earlier, now=NOW, draw=draw, policy=policy
    )
    assert decision is not None
    assert (draw * policy.first, NOW) == (decision.delay, decision.failing_since)


def test_an_outage_stretches_no_deadline_and_never_again_is_never() -> None:
    """``retry_for: 0``, and the run's own end."""
    down = replace(failure(), outage=True)
    for policy in (RetryPolicy(retry_for=0.0), RetryPolicy(deadline=NOW)):
        assert decide(down, attempt=1, unreadable=0, failing_since=None, now=NOW, draw=0.5, policy=policy) is None


def test_an_answer_that_stays_unreadable_is_given_up_by_count() -> None:
    """A login page does not become data by waiting for it; tries that failed otherwise do not count."""
    policy = RetryPolicy(unreadable_tries=5)
    kept = [
        decide(failure(Fault.MALFORMED), attempt=20, unreadable=n, failing_since=NOW, now=NOW, draw=0.1, policy=policy)
        is not None
        for n in range(1, 7)
    ]
    assert [True, True, True, True, False, False] == kept


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("-5", 0.0),
        ("1000000000", 1e9),
        ("9" * 400, 1e12),
        ("Mon, 23 Nov 2026 02:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 01:59:00 GMT", 0.0),
        ("Monday, 23-Nov-26 02:00:30 GMT", 30.0),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("Mon, 99 Nov 2026 02:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    """Seconds or a date; the past is now; garbage counts as absent."""
    now = 1_795_399_200.0  # 2026-11-23T02:00:00Z
    assert seconds == retry_after_seconds(header, now=now)


@pytest.mark.parametrize(
    ("used", "current", "renewed_for_401", "accepted", "expected"),
    [
        (1, 1, False, False, After401.RENEW),
        (1, 1, False, True, After401.RENEW),
        (1, 2, True, False, After401.RESEND),
        (2, 2, True, False, After401.STOP),
        (2, 2, True, True, After401.RENEW),
    ],
)
def test_each_bearer_is_renewed_once(
    used: int,
    current: int,
    renewed_for_401: bool,
    accepted: bool,
    expected: After401,
) -> None:
    """Many requests may report the same dead bearer; one that was refused from the first is wrong, not outdated."""
    assert expected == after_401(used=used, current=current, renewed_for_401=renewed_for_401, accepted=accepted)
