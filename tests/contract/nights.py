"""Many nights in a world that goes on changing: when they begin, what befalls them, and whether anything was lost.

The judge (``lost``) believes nothing but the list of all changes, which the simulator works out apart from its exports,
and the published files. It is the same for whole runs and for the pure model of ``test_nights_model``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio

from extractor.run.history import JOURNAL
from extractor.simulator import Change, Service
from extractor.store import marks
from extractor.store.journal import read_journal
from tests.contract.stage import Played, play, resume

Version = tuple[int, datetime]  # a profile's id, and the stamp of the change that its record shows

NEW_YORK = ZoneInfo("America/New_York")
FIRST_NIGHT = datetime(2026, 10, 20, 2, 0, tzinfo=NEW_YORK)  # the clocks go back on November 1
DAY = 86_400.0
_ID = re.compile(rb'"ProfileId":(\d+)')
_TIMES = re.compile(rb'"(?:LastModifiedDate|ConsentDate|Created)":"([^"]+)"')
TICK = timedelta(milliseconds=3)  # at most 4 ms, as the server spells its ticks
API = ("initiate", "status", "page", "commit")
LIMITS = {"outage": 0, "page_size": 20, "requests_per_second": 1000.0}

# What befalls a night, as scripts of faults. A night that is taken up later is interrupted before.
WEATHER: Mapping[str, Mapping[str, str]] = {
    "fair": {},
    "twice": {},
    "down": dict.fromkeys(API, "503x*"),
    "error": {"initiate": "errorx*"},
    "failed": {"initiate": "failed"},
    "refused": {"page": "ok 403x9"},
    "integrity": {"page": "swap"},
    "interrupted": {"page": "ok 503x*"},
    "given_up": {"page": "ok 503x*"},
}
BAD = frozenset({"down", "error", "failed", "refused", "integrity", "given_up"})
# Two bad ones in a row, an interrupted one after a bad one and before one; the clocks go back in the twelfth.
THIRTY = (
    "fair", "fair", "twice", "fair", "down", "down", "fair", "interrupted",
    "fair", "error", "fair", "interrupted", "twice", "integrity", "fair", "refused",
    "interrupted", "given_up", "interrupted", "fair", "twice", "failed", "error", "integrity",
    "fair", "fair", "interrupted", "fair", "twice", "fair",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What readers have from one export: the server's time at its Initiate, and the versions that were published."""

    at: datetime
    versions: Sequence[Version]


@dataclass(slots=True, kw_only=True)
class Dawn:
    """How a night ended. ``mark`` is where the watermark is then."""

    what: str
    exit_code: int
    before: datetime | None
    mark: datetime | None
    snapshots: list[Snapshot] = field(default_factory=list)


def lost(changes: Iterable[Change], snapshots: Sequence[Snapshot]) -> set[Version]:
    """Give every version that was somebody's latest visible one at a snapshot, and that no reader has by then."""
    by_person: dict[int, list[Change]] = {}
    for change in changes:
        by_person.setdefault(change.profile_id, []).append(change)
    missing: set[Version] = set()
    known: set[Version] = set()
    for theirs in by_person.values():
        theirs.sort(key=lambda change: change.visible, reverse=True)
    newest: dict[int, datetime] = {}
    for snapshot in sorted(snapshots, key=lambda each: each.at):
        known.update(snapshot.versions)
        for profile, theirs in by_person.items():
            while theirs and theirs[-1].visible <= snapshot.at:
                stamped = theirs.pop().stamped
                newest[profile] = max(stamped, newest.get(profile, stamped))
            if profile in newest and (profile, newest[profile]) not in known:
                missing.add((profile, newest[profile]))
    return missing


def doubled(snapshots: Iterable[Snapshot]) -> set[Version]:
    """Give every version that readers were given more than once."""
    counts = Counter(version for snapshot in snapshots for version in snapshot.versions)
    return {version for version, times in counts.items() if times > 1}


def every_change(service: Service, until: datetime) -> list[Change]:
    """List all changes that can have been anybody's latest since the first night."""
    settings = service.settings
    before = timedelta(seconds=settings.change_cycle + settings.lateness + DAY)
    return list(service.changes("A", start=FIRST_NIGHT - before, end=until))


def beginnings(service: Service, count: int, edges: Sequence[Callable[[datetime], datetime | None]]) -> Iterator[float]:
    """Give the server's times at which nights ask: near two o'clock in New York, at an instant made of a change's.

    Each of ``edges`` in turn makes the instant of a change's stamp; None where that change is of no use.
    """
    reach = timedelta(hours=10)
    for number in range(count):
        target = (FIRST_NIGHT + timedelta(days=number)).astimezone(UTC)  # of the wall's clock, that is put back
        edge = edges[number % len(edges)]
        found = [edge(each.stamped) for each in service.changes("A", start=target - reach, end=target + reach)]
        instants = [instant for instant in found if instant is not None]
        yield min(instants, key=lambda instant: abs(instant - target), default=target).timestamp()


async def live(
    folder: Path, service: Service, job: Mapping[str, Any], nights: Iterable[tuple[float, str]]
) -> list[Dawn]:
    """Live through nights: the server's time at which each asks, and what befalls it."""
    dawns: list[Dawn] = []
    for at, what in nights:
        dawns.append(await _night(folder, service, job, at, what))
        if what == "twice":
            dawns.append(await _night(folder, service, job, at + 90.0, "fair"))
    return dawns


async def _night(folder: Path, service: Service, job: Mapping[str, Any], at: float, what: str) -> Dawn:
    start, before, seen = at - service.settings.clock_offset, mark_of(folder), _runs(folder)
    service.playbook.add({**dict.fromkeys(API, "ok"), **WEATHER[what]})
    asked = len(service.history)
    played = await play(folder, service, [dict(job)], start=start, latency=0.0, limits=LIMITS)
    if what == "interrupted":
        assert 5 == played.exit_code
        service.playbook.add(dict.fromkeys(API, "ok"))
        await anyio.sleep(7200.0)
        played = await resume(played)
    dawn = Dawn(what=what, exit_code=played.exit_code, before=before, mark=mark_of(folder))
    new = sorted(_runs(folder) - seen)
    for run, snapshot in zip(new, _snapshots(played, asked), strict=True):
        dawn.snapshots.append(Snapshot(at=snapshot, versions=[_version(line) for line in _lines(run)]))
    return dawn


def mark_of(folder: Path) -> datetime | None:
    """Where the one watermark is; None if there is none yet."""
    path = folder / "state" / JOURNAL
    if not path.exists():
        return None
    with read_journal(path) as journal:
        return next((mark.at for mark in marks.watermarks(journal).values()), None)


def _runs(folder: Path) -> set[Path]:
    return {path.parent for path in (folder / "exports").glob("segment=A/run=*/_SUCCESS")}


def _lines(run: Path) -> Iterator[bytes]:
    for shard in sorted(run.glob("part-*")):
        yield from shard.read_bytes().splitlines()


def _snapshots(played: Played, asked: int) -> list[datetime]:
    """The server's times at the Initiates of the exports that were committed since a place of the history."""
    began = {each.token: each.at for each in played.history if each.kind == "initiate" and each.status == 200}
    ended = [each.token for each in played.history[asked:] if each.kind == "commit" and each.status == 200]
    # To the millisecond: a float of this century's seconds is a little off.
    return [datetime.fromtimestamp(round(began[token], 4), UTC) for token in ended]


def _version(line: bytes) -> Version:
    """Read the id and the newest of the documented times as they stand in the text."""
    found = _ID.search(line)
    assert found is not None
    return int(found[1]), datetime.fromisoformat(max(_TIMES.findall(line)).decode())
