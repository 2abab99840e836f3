"""The server's clock, learned from Date headers."""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from extractor.remote import Answer
from extractor.remote.skew import ServerClock, date_of


class WallClock:
    """A wall clock that is set by hand."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        """Show what was set."""
        return self.time

    def monotonic(self) -> float:
        """Stand still."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.time += seconds


@pytest.fixture
def wall() -> WallClock:
    """Give a wall clock."""
    return WallClock()


@pytest.fixture
def said() -> Callable[..., Answer]:
    """An answer of a server whose clock shows ``date``."""

    def make(date: float, **headers: str) -> Answer:
        return Answer(status=200, headers={"date": formatdate(int(date), usegmt=True), **headers})

    return make


def test_agreeing_clocks_are_not_corrected(wall: WallClock, said: Any) -> None:
    """Whole seconds and the way of the answer are no skew."""
    heard: list[float] = []
    server = ServerClock(wall, on_skew=heard.append)
    for tenth in range(100):
        wall.time += 0.1 * tenth
        server.observe(said(wall.time - 0.4), elapsed=1.0)
    assert (server.correction, heard, server.now()) == (0.0, [], wall.time)


@pytest.mark.parametrize("ahead", [3.0, -3.0, 60.0, -3600.0, 86400.0 * 400])
def test_a_wrong_machine_clock_is_corrected_and_told_once(wall: WallClock, said: Any, ahead: float) -> None:
    """The first contradiction counts, the same one again is no news; ``on_skew`` hears how far ahead we are."""
    heard: list[float] = []
    server = ServerClock(wall, on_skew=heard.append)
    for _ in range(5):
        wall.time += 7.3
        server.observe(said(wall.time - ahead), elapsed=0.2)
    assert len(heard) == server.changes == 1
    assert heard[0] == pytest.approx(ahead, abs=1.0)
    assert server.now() == pytest.approx(wall.time - ahead, abs=1.0)


def test_a_step_of_the_machine_clock_is_followed_and_so_is_its_correction(wall: WallClock, said: Any) -> None:
    """NTP may set the clock in the middle of a run, and a person may set it wrong."""
    heard: list[float] = []
    server, true = ServerClock(wall, on_skew=heard.append), wall.time
    server.observe(said(true), elapsed=0.1)
    wall.time += 600.0
    server.observe(said(true), elapsed=0.1)
    wall.time -= 600.0
    server.observe(said(true), elapsed=0.1)
    assert [round(each, -1) for each in heard] == [600.0, 0.0]
    assert server.correction == 0.0


def test_a_slow_answer_proves_nothing(wall: WallClock, said: Any) -> None:
    """Half a minute of waiting leaves a quarter of a minute open."""
    server = ServerClock(wall)
    server.observe(said(wall.time - 29.0), elapsed=30.0)
    assert server.changes == 0


def test_a_cached_answer_has_an_old_date_and_is_ignored(wall: WallClock, said: Any) -> None:
    """Age marks the copy of a cache."""
    server = ServerClock(wall)
    assert server.observe(said(wall.time - 900.0, Age="900"), elapsed=0.1) is not None
    assert server.changes == 0


@pytest.mark.parametrize("date", [None, "", "yesterday", "0", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_no_usable_date_changes_nothing(wall: WallClock, date: str | None) -> None:
    """A server need not tell its time."""
    answer = Answer(status=200, headers={} if date is None else {"Date": date})
    server = ServerClock(wall)
    assert (server.observe(answer, elapsed=0.1), date_of(answer), server.changes) == (None, None, 0)


def test_the_instant_of_the_headers_counts_not_that_of_the_body(wall: WallClock) -> None:
    """A page may take a minute to arrive after its Date was written."""
    date = formatdate(int(wall.time), usegmt=True)
    answer = Answer(status=200, headers={"Date": date}, received_at=wall.time)
    wall.time += 60.0
    server = ServerClock(wall)
    server.observe(answer, elapsed=0.2)
    assert server.changes == 0
