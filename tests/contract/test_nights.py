"""Section 3.2 over thirty nights: whatever befalls them, no change that an export could hold is lost to readers.

Profiles change all the time: in the very tick of a window's edge, many at one instant, late inside the overlap, several
times between two nights. Nights fail, are interrupted and taken up, come twice, and the clocks go back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor.simulator import Reply, Request, Segment, Service, SimulatorSettings
from tests.contract.nights import (
    BAD,
    DAY,
    FIRST_NIGHT,
    THIRTY,
    TICK,
    Dawn,
    Snapshot,
    beginnings,
    doubled,
    every_change,
    live,
    lost,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

Edge = Callable[[datetime], datetime | None]

END = FIRST_NIGHT + timedelta(days=40)
DEDUPE: list[dict[str, Any]] = [{}, {"dedupe": {}}]


def before_a_change(stamped: datetime) -> datetime | None:
    """The whole second of which a change is in the very next tick: Date shows it, and so it becomes the watermark."""
    return stamped - TICK if stamped.microsecond == 3000 else None


def after(seconds: float, ticks: int = 0) -> Edge:
    """So long after a change; ``ticks`` are added."""
    return lambda stamped: stamped + timedelta(seconds=seconds) + ticks * TICK


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world, and how the nights in it ask."""

    overlap: float
    edges: tuple[Edge, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def service(self, kind: type[Service] = Service) -> Service:
        """The server of it."""
        known: dict[str, Any] = {"segments": (Segment(name="A", count=400),), "frozen_at": None}
        return kind(SimulatorSettings(**(known | self.settings)))

    def job(self, dedupe: dict[str, Any]) -> dict[str, Any]:
        """The job of every night."""
        return {"segment": "A", "since": "watermark", "overlap": self.overlap, **dedupe}


WORLDS = {
    # The sharpest: no overlap that forgives, and at every watermark somebody changes in the next tick. (That needs
    # stamps of every kind: the ticks between two changes must have no divisor in common with those of a second.)
    "edges": World(
        overlap=0.0,
        edges=(before_a_change,),
        settings={"change_cycle": (25_687 * 1009 + 1) / 300, "segments": (Segment(name="A", count=600),)},
    ),
    # Forty people change at one instant. Nights ask in that very tick, in the one before, in the midst of their
    # becoming visible, and one tick before the last of them is.
    "bursts": World(
        overlap=900.0,
        edges=(after(0.0), after(0.0, -1), after(450.0), after(900.0, -1)),
        settings={"change_cycle": 2 * DAY, "burst": 40, "lateness": 900.0, "clock_offset": 150.0},
    ),
    # Everybody changes several times between two nights; the server's clock is behind.
    "often": World(
        overlap=900.0,
        edges=(after(0.0), after(300.0)),
        settings={
            "change_cycle": 5 * 3600.0,
            "lateness": 600.0,
            "clock_offset": -200.0,
            "segments": (Segment(name="A", count=150),),
        },
    ),
}


def snapshots_of(dawns: list[Dawn]) -> list[Snapshot]:
    """Everything that readers were given, in order."""
    return [snapshot for dawn in dawns for snapshot in dawn.snapshots]


@pytest.mark.parametrize("dedupe", DEDUPE, ids=str)
@pytest.mark.parametrize("name", list(WORLDS))
async def test_thirty_nights_lose_no_change(tmp_path: Path, name: str, dedupe: dict[str, Any]) -> None:
    """The union of what is published holds every version that was the latest visible one when a night asked.

    With ``dedupe`` it holds none of them twice.
    """
    world = WORLDS[name]
    service = world.service()
    times = list(beginnings(service, len(THIRTY), world.edges))
    dawns = await live(tmp_path, service, world.job(dedupe), zip(times, THIRTY, strict=True))

    assert set() == lost(every_change(service, END), snapshots_of(dawns))
    # The overlap gives some twice, unless they are left out.
    assert bool(world.overlap and not dedupe) == bool(doubled(snapshots_of(dawns)))
    assert 30 == len(THIRTY)
    for dawn in dawns:
        assert (dawn.what in BAD) == (dawn.exit_code != 0) == (dawn.before == dawn.mark), dawn.what
        assert (0 if dawn.what in BAD else 1) == len(dawn.snapshots)
        for snapshot in dawn.snapshots:
            assert dawn.mark is not None
            # Date has whole seconds: never later than the snapshot, and less than a second earlier.
            assert timedelta(0) <= snapshot.at - timedelta(seconds=world.overlap) - dawn.mark < timedelta(seconds=1)


async def test_the_edges_are_where_it_hurts(tmp_path: Path) -> None:
    """The worlds have what they promise: at watermarks somebody changes in the next tick, and the next night tells."""
    service = WORLDS["edges"].service()
    times = list(beginnings(service, 6, (before_a_change,)))
    dawns = await live(tmp_path, service, WORLDS["edges"].job({}), ((at, "fair") for at in times))
    stamps = {change.stamped: change.profile_id for change in every_change(service, END)}
    hit = 0
    for dawn, following in pairwise(dawns):
        assert dawn.mark is not None
        profile = stamps.get(dawn.mark + TICK)
        hit += profile is not None and profile in {version[0] for version in following.snapshots[0].versions}
    assert hit >= 4


class Hasty(Service):
    """A server that moves a bound two ticks further than the documents say."""

    def handle(self, request: Request, now: float) -> Reply:
        """Answer as if a later bound had been sent."""
        body = orjson.loads(request.body) if request.body else {}
        if "LastDateTime" in body:
            later = datetime.fromisoformat(body["LastDateTime"]) + timedelta(milliseconds=8)
            body["LastDateTime"] = later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            request = replace(request, body=orjson.dumps(body))
        return super().handle(request, now)


async def test_a_bound_that_is_a_tick_too_late_is_noticed(tmp_path: Path) -> None:
    """So the judge would see it if we ever sent one."""
    service = WORLDS["edges"].service(Hasty)
    times = list(beginnings(service, 4, (before_a_change,)))
    dawns = await live(tmp_path, service, WORLDS["edges"].job({}), ((at, "fair") for at in times))
    assert lost(every_change(service, END), snapshots_of(dawns))


async def test_without_an_overlap_late_changes_are_lost_and_it_is_noticed(tmp_path: Path) -> None:
    """The reason for the overlap, and the proof that the judge can condemn."""
    world = replace(WORLDS["bursts"], overlap=0.0)
    service = world.service()
    times = list(beginnings(service, 5, (after(450.0),)))
    dawns = await live(tmp_path, service, world.job({}), ((at, "fair") for at in times))
    missing = lost(every_change(service, END), snapshots_of(dawns))
    late = {
        (each.profile_id, each.stamped) for each in every_change(service, END) if each.visible - each.stamped > 2 * TICK
    }
    assert missing
    assert missing <= late
