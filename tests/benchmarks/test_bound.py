"""The model that the scheduling benchmark compares with: by a pencil, and by a client that knows everything."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bound import Bound, Circumstances, Export, life, lower_bound, serial

EXPORTS = st.lists(
    st.builds(Export, processing=st.floats(0.0, 30.0), pages=st.integers(1, 60)), min_size=1, max_size=12
)
AROUND = st.builds(
    Circumstances,
    latency=st.floats(0.01, 0.5),
    rate=st.floats(2.0, 500.0),
    exports=st.integers(1, 12),
    pages=st.integers(1, 32),
    served=st.just(math.inf) | st.integers(1, 32),
)


def test_each_of_the_four_can_bind() -> None:
    """By hand: 1,000 pages through 32 places, one long export, many small ones under a rate, few places for exports."""
    around = Circumstances(latency=0.05, rate=10_000.0, exports=8, pages=32)
    long, wide, small = (Export(processing=p, pages=n) for p, n in ((20.0, 4), (1.0, 1000), (0.0, 1)))
    assert Bound(seconds=pytest.approx(0.1 + 1.0 + 32 * 0.05), binds="chain") == lower_bound([wide], around)
    halves = [Export(processing=1.0, pages=500)] * 2
    assert Bound(seconds=pytest.approx(0.1 + 1.0 + 32 * 0.05), binds="pages") == lower_bound(halves, around)
    assert Bound(seconds=pytest.approx(0.1 + 20.0 + 0.05), binds="chain") == lower_bound([long, small], around)
    slow = Circumstances(latency=0.05, rate=10.0, exports=100, pages=32)
    assert Bound(seconds=pytest.approx((400 - 1.25) / 10 + 0.05), binds="rate") == lower_bound([small] * 100, slow)
    few = Circumstances(latency=0.05, rate=10_000.0, exports=2, pages=32)
    assert Bound(seconds=pytest.approx(10 * 20.15 / 2), binds="exports") == lower_bound([long] * 10, few)


def test_the_capacity_of_the_server_is_one_for_pages() -> None:
    """Ten at once, however many we would ask for."""
    around = Circumstances(latency=0.05, rate=10_000.0, exports=8, pages=64, served=10)
    assert 0.1 + 0.05 + 100 * 0.05 == pytest.approx(lower_bound([Export(processing=0.0, pages=1000)], around).seconds)


def test_a_serial_client_by_hand() -> None:
    """Initiate, two questions of five seconds, three pages, Commit."""
    around = Circumstances(latency=0.05, rate=10_000.0, exports=8, pages=32)
    assert 0.05 + 10.1 + 3 * 0.05 + 0.05 == pytest.approx(serial([Export(processing=7.0, pages=3)], around))


@given(EXPORTS, AROUND)
def test_a_serial_client_is_never_quicker_than_the_bound(exports: list[Export], around: Circumstances) -> None:
    """Nor is any export alone."""
    bound = lower_bound(exports, around).seconds
    assert bound <= serial(exports, around) * (1 + 1e-9)
    assert all(life(export, around) <= bound * (1 + 1e-9) + 1 / around.rate for export in exports)


@given(EXPORTS, AROUND)
def test_a_client_that_knows_everything_is_never_quicker_than_the_bound(
    exports: list[Export], around: Circumstances
) -> None:
    """Played out request by request: longest first, no question too early, pages whenever there is a place."""
    assert lower_bound(exports, around).seconds <= _played(exports, around) * (1 + 1e-9) + 1e-9


@given(EXPORTS, AROUND)
def test_more_of_anything_never_takes_longer(exports: list[Export], around: Circumstances) -> None:
    """Places or rate."""
    bound = lower_bound(exports, around).seconds
    more = Circumstances(
        latency=around.latency,
        rate=around.rate * 2,
        exports=around.exports + 1,
        pages=around.pages * 2,
        served=around.served,
    )
    assert lower_bound(exports, more).seconds <= bound * (1 + 1e-9)


def _played(exports: list[Export], around: Circumstances) -> float:
    """When a client is done that knows when to ask: longest first, each request at the next permitted instant."""
    return _Oracle(exports, around).play()


class _Oracle:
    """Every limit is kept; pages are asked for in the order in which their exports are ready."""

    def __init__(self, exports: list[Export], around: Circumstances) -> None:
        self.order = sorted(exports, key=lambda export: -export.processing)
        self.around = around
        self.left = [export.pages for export in self.order]
        self.waiting = list(range(len(exports)))
        self.pages: list[int] = []  # by the export that they are of, waiting for a place
        self.flying = 0
        self.tokens, self.at = around.burst, 0.0
        self.events: list[tuple[float, str, int]] = []

    def play(self) -> float:
        for _ in range(min(self.around.exports, len(self.order))):
            self.events.append((0.0, "begin", self.waiting.pop(0)))
        now = 0.0
        while self.events:
            self.events.sort()
            now, what, which = self.events.pop(0)
            getattr(self, what)(max(now, self.at), which)
            while self.pages and self.flying < self.around.together:
                self.flying += 1
                self.ask(max(now, self.at), "page", self.pages.pop(0))
        assert not any(self.left)
        return now

    def ask(self, now: float, then: str, which: int) -> float:
        """Let a request leave as soon as it may; gives when it is answered."""
        have = min(self.around.burst, self.tokens + (now - self.at) * self.around.rate)
        gone = now + max(0.0, 1 - have) / self.around.rate
        self.tokens = max(have, 1.0) - 1
        self.at = gone
        self.events.append((gone + self.around.latency, then, which))
        return gone + self.around.latency

    def begin(self, now: float, which: int) -> None:
        heard = self.ask(now, "issued", which)
        wait = self.order[which].processing - self.around.latency
        self.events[-1] = (heard + max(0.0, wait), "issued", which)

    def issued(self, now: float, which: int) -> None:
        self.ask(now, "ready", which)

    def ready(self, _now: float, which: int) -> None:
        self.pages += [which] * self.order[which].pages

    def page(self, now: float, which: int) -> None:
        self.flying -= 1
        self.left[which] -= 1
        if not self.left[which]:
            self.ask(now, "done", which)

    def done(self, now: float, _which: int) -> None:
        if self.waiting:
            self.events.append((now, "begin", self.waiting.pop(0)))
