"""Watermark, overlap and rounding together, on a pure model of nights: no change that a night could see is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.windows import last_date_time
from extractor.simulator import Change, Zone, ticks
from tests.contract.nights import Snapshot, lost

EPOCH = ticks.milliseconds_of(datetime(2026, 11, 1, 5, 59, 50, tzinfo=UTC))  # New York puts its clocks back in it
OVERLAPS = (0, 1, 3, 7, 250, 1000, 2500)  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night; milliseconds. ``at`` is the server's time at Initiate, ``took`` the way of request and answer."""

    at: int
    took: int = 0
    published: bool = True


def instant(milliseconds: int) -> datetime:
    """Make an aware date-time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def nights_through(
    changes: list[Change], nights: list[Night], *, overlap: int, careless: bool = False
) -> list[Snapshot]:
    """Live through nights as the extractor does: what readers get. ``careless`` moves the watermark always."""
    mark: int | None = None
    given_to_readers: list[Snapshot] = []
    for night in nights:
        after = None
        if mark is not None:
            sent = ticks.parse_last_date_time(last_date_time(instant(mark)), Zone.EASTERN)
            after = ticks.moment_at(ticks.tick_at(ticks.rounded_up(sent)))
        # The snapshot holds whole ticks, as what is stamped and seen is made of them.
        snapshot = ticks.moment_at(ticks.tick_at(night.at))
        latest: dict[int, datetime] = {}
        for change in changes:
            if change.visible <= snapshot:
                latest[change.profile_id] = max(change.stamped, latest.get(change.profile_id, change.stamped))
        versions = [(profile, at) for profile, at in latest.items() if after is None or at > after]
        if night.published:
            given_to_readers.append(Snapshot(at=snapshot, versions=versions))
        if night.published or careless:
            date = night.at // 1000 * 1000  # the header has whole seconds, as of the arrival
            mark = date - night.took - overlap
    return given_to_readers


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Change], list[Night], int]:
    """Draw the changes of a few people, some nights, and an overlap; nobody is later than the overlap."""
    overlap = draw(st.sampled_from(OVERLAPS))
    nights: list[Night] = []
    at = EPOCH
    for gap in draw(st.lists(st.one_of(st.integers(1, 12), st.integers(1, 4000)), min_size=2, max_size=8)):
        at += gap
        nights.append(Night(at=at, took=draw(st.integers(0, 40)), published=draw(st.booleans())))
    edges = [ticks.tick_at(night.at - back) for night in nights for back in (0, overlap)]
    stamps = st.one_of(
        st.builds(lambda edge, off: edge + off, st.sampled_from(edges), st.integers(-3, 3)),
        st.integers(edges[0] - 300, max(edges) + 300),
    )
    changes: list[Change] = []
    latest = overlap * ticks.PER_SECOND // 1000
    for profile in range(draw(st.integers(1, 3))):
        late = draw(st.one_of(st.just(0), st.just(latest), st.integers(0, latest)))
        for stamp in draw(st.sets(stamps, max_size=6)):
            moments = ticks.moment_at(stamp), ticks.moment_at(stamp + late)
            changes.append(Change(profile_id=profile, stamped=moments[0], visible=moments[1]))
    return changes, nights, overlap


@given(histories())
def test_no_change_is_lost(history: tuple[list[Change], list[Night], int]) -> None:
    """Whatever the nights, as long as a change is visible before the overlap is over."""
    changes, nights, overlap = history
    assert set() == lost(changes, nights_through(changes, nights, overlap=overlap))


def _change(at: int, late: int = 0) -> Change:
    stamped = ticks.tick_at(EPOCH + at)
    return Change(profile_id=1, stamped=ticks.moment_at(stamped), visible=ticks.moment_at(stamped + late * 300))


def test_a_change_later_than_the_overlap_is_lost_and_noticed() -> None:
    """The judge can condemn: ten seconds' lateness, and an overlap of eight (the ninth is what Date leaves off)."""
    changes = [_change(10_000, late=10)]
    nights = [Night(at=EPOCH + 19_900), Night(at=EPOCH + 90_000)]
    assert set() == lost(changes, nights_through(changes, nights, overlap=10_000))
    assert {(1, changes[0].stamped)} == lost(changes, nights_through(changes, nights, overlap=8_000))


def test_a_watermark_that_moves_on_a_failed_night_is_noticed() -> None:
    """The change of the night that failed is nobody's any more."""
    changes = [_change(10_000)]
    nights = [Night(at=EPOCH + 1000), Night(at=EPOCH + 20_000, published=False), Night(at=EPOCH + 40_000)]
    assert set() == lost(changes, nights_through(changes, nights, overlap=0))
    assert {(1, changes[0].stamped)} == lost(changes, nights_through(changes, nights, overlap=0, careless=True))
