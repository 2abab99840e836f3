"""What goes first, and that nobody waits for ever."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.precedence import PATIENCE, Precedence, aged, first, of
from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus

PAGE = FetchPage(token=1, offset=1, limit=10)
WAITS = st.floats(0, 1e9)


def test_the_order_of_worth() -> None:
    """Logins, pages near expiry, other pages and Commits, Initiates, polls."""
    urgent = FetchPage(token=1, offset=1, limit=10, urgent=True)
    order = [of(each) for each in (urgent, PAGE, Initiate(export=1), PollStatus(token=1))]
    assert [Precedence.URGENT, Precedence.DATA, Precedence.INITIATE, Precedence.POLL] == sorted(order) == order
    assert of(Commit(token=1)) is of(PAGE)
    assert Precedence.LOGIN < min(order)


@given(precedence=st.sampled_from(Precedence), waited=WAITS, more=WAITS)
def test_waiting_never_costs_a_class(precedence: Precedence, waited: float, more: float) -> None:
    """Each five seconds are one class up, until the urgent pages; only a login is ahead of those."""
    assert aged(precedence, waited + more) <= aged(precedence, waited) <= precedence
    assert aged(precedence, waited) >= min(precedence, Precedence.URGENT)
    assert aged(precedence, PATIENCE * 3) <= Precedence.URGENT


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ([(Precedence.POLL, 4.9), (Precedence.DATA, 0.0)], Precedence.DATA),
        ([(Precedence.POLL, 9.9), (Precedence.DATA, 0.1)], Precedence.DATA),
        ([(Precedence.POLL, 10.1), (Precedence.DATA, 0.1)], Precedence.POLL),
        ([(Precedence.POLL, 10.1), (Precedence.DATA, 10.1)], Precedence.DATA),
        ([(Precedence.POLL, 99.0), (Precedence.LOGIN, 0.0)], Precedence.LOGIN),
        ([(Precedence.INITIATE, 1.0), (Precedence.POLL, 1.0)], Precedence.INITIATE),
        ([(Precedence.POLL, 3.0)], Precedence.POLL),
    ],
)
def test_whose_turn_it_is(waiting: list[tuple[Precedence, float]], expected: Precedence) -> None:
    """Worth first, age in steps, and the longer wait among equals."""
    assert first(waiting) is expected


@given(
    rate=st.integers(1, 50),
    coming=st.lists(st.sampled_from(list(Precedence)[1:]), max_size=60),
    per_turn=st.integers(1, 3),
)
def test_a_poll_is_not_starved_by_any_load(rate: int, coming: list[Precedence], per_turn: int) -> None:
    """Of those that came after it, only such as came while it was young go before: three ages, at the most."""
    queues: dict[Precedence, deque[float]] = {each: deque() for each in Precedence}
    queues[Precedence.POLL].append(0.0)
    overtaken = turn = 0
    while True:
        now = turn / rate
        for number in range(per_turn):
            queues[coming[(turn + number) % len(coming)] if coming else Precedence.DATA].append(now)
        chosen = first((each, now - queue[0]) for each, queue in queues.items() if queue)
        if queues[chosen].popleft() == 0.0 and chosen is Precedence.POLL:
            break
        overtaken += 1
        turn += 1
    assert overtaken <= 3 * PATIENCE * rate * per_turn + per_turn
