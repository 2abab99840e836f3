"""When people change and from when on it can be exported: what exports give, against the plain list of all changes."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import ConfigError
from extractor.simulator import Change, FileSegment, Segment, Service, SimulatorSettings, ticks
from tests.simulator.conftest import NOW, Caller

BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
DAY = 86_400.0


def living(count: int = 200, **changes: Any) -> Service:
    """Make a world of a few people, all of whom change several times a week."""
    known: dict[str, Any] = {"frozen_at": None, "change_cycle": 2 * DAY, "segments": (Segment(name="A", count=count),)}
    return Service(SimulatorSettings(**(known | changes)))


def last_visible(changes: Iterable[Change], at: datetime) -> dict[int, datetime]:
    """Give everybody's last change that is visible at an instant, by the definition of it."""
    found: dict[int, datetime] = {}
    for change in changes:
        if change.visible <= at:
            found[change.profile_id] = max(change.stamped, found.get(change.profile_id, change.stamped))
    return found


def shown(records: Iterable[bytes]) -> dict[int, datetime]:
    """Give everybody's time of change as it stands in the records."""
    return {record["ProfileId"]: max(_times(record)) for record in map(orjson.loads, records)}


def _times(value: Any, name: str = "") -> list[datetime]:
    if isinstance(value, list | dict):
        parts = value.items() if isinstance(value, dict) else ((name, each) for each in value)
        return [found for each, part in parts for found in _times(part, each)]
    named = name in {"LastModifiedDate", "ConsentDate", "Created"}
    return [datetime.fromisoformat(value)] if named else []


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Service, timedelta, timedelta]:
    """Draw a world, its period of changes, and how long ago an increment of it begins."""
    cycle = draw(st.sampled_from([3.4, 3600.0, 2 * DAY, 30 * DAY]))
    lateness = draw(st.sampled_from([0.0, 0.004, cycle / 5, cycle * 1.5]))
    burst = draw(st.sampled_from([1, 2, 3, 50, 1009, 5000]))
    service = living(60, seed=draw(st.integers(0, 10_000)), burst=burst, lateness=lateness, change_cycle=cycle)
    ago = cycle * draw(st.one_of(st.sampled_from([0.0, 1.0, 1.2, 2.5]), st.floats(0.0, 1.1)))
    return service, timedelta(seconds=cycle + 1), timedelta(milliseconds=int(ago * 1000))


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 3 * 86_400_000))
def test_an_increment_is_whoever_has_a_visible_change_after_the_bound(
    world: tuple[Service, timedelta, timedelta], at: int
) -> None:
    """In every world: what exports find by arithmetic is what the list of changes says, and so are the records."""
    service, cycle, ago = world
    now = BEGIN + timedelta(milliseconds=at)
    since = now - ago
    earliest = since - cycle - timedelta(seconds=service.settings.lateness)
    last = last_visible(service.changes("A", start=earliest, end=now + timedelta(milliseconds=1)), now)
    wanted = {profile: stamped for profile, stamped in last.items() if stamped >= since}
    assert wanted == shown(service.truth("A", since=since, at=now.timestamp()))
    assert last == shown(service.truth("A", at=now.timestamp()))


def test_in_a_burst_many_change_at_one_and_the_same_instant() -> None:
    """And as many as were asked for, but for the last, whom nobody is left for."""
    changes = list(living(1009, burst=50).changes("A", start=BEGIN, end=BEGIN + timedelta(days=2)))
    instants = Counter(change.stamped for change in changes)
    assert [9] + [50] * 20 == sorted(instants.values())
    assert {0, 3, 7} == {instant.microsecond // 1000 % 10 for instant in instants}


def test_a_late_change_keeps_its_stamp() -> None:
    """It is not there, and then it is, with a date on which others have been exported long since."""
    service = living(lateness=600.0)
    late = [each for each in service.changes("A", start=BEGIN, end=BEGIN + timedelta(days=1)) if _lateness(each) > 300]
    assert late
    for change in late[:20]:
        before, after = (change.visible + timedelta(milliseconds=ms) for ms in (-4, 0))
        seen = [shown(service.truth("A", at=moment.timestamp()))[change.profile_id] for moment in (before, after)]
        assert seen[0] < change.stamped == seen[1]


def test_lateness_is_the_persons_own_between_none_and_all_of_it() -> None:
    """In one burst some are at once visible and some as late as can be."""
    changes = list(living(1000, lateness=1.0, burst=1009).changes("A", start=BEGIN, end=BEGIN + timedelta(days=2)))
    assert 1 == len({change.stamped for change in changes})
    late = Counter(_lateness(change) for change in changes)
    assert (0.0, 1.0) == (min(late), max(late))
    assert len(late) > 200
    again = list(living(1000, lateness=1.0, burst=1009).changes("A", start=BEGIN, end=BEGIN + timedelta(days=2)))
    assert changes == again


def test_short_cycles_change_everybody_several_times_a_night() -> None:
    """Of which an export shows the last."""
    service = living(50, change_cycle=3 * 3600.0)
    changes = list(service.changes("A", start=BEGIN, end=BEGIN + timedelta(days=1)))
    assert {8} == set(Counter(change.profile_id for change in changes).values())
    now = BEGIN + timedelta(days=1)
    assert last_visible(changes, now) == shown(service.truth("A", since=BEGIN, at=now.timestamp()))


def test_the_list_of_changes_is_half_open() -> None:
    """Two periods side by side hold every change once."""
    service = living(100)
    edges = [BEGIN + timedelta(hours=hour) for hour in range(0, 49, 6)]
    edges += [change.stamped for change in service.changes("A", start=BEGIN, end=edges[-1])][:10]
    edges.sort()
    whole = list(service.changes("A", start=edges[0], end=edges[-1]))
    parts = [each for start, end in pairwise(edges) for each in service.changes("A", start=start, end=end)]
    assert Counter(whole) == Counter(parts)


def test_a_frozen_world_has_no_changes_after_its_last(make_world: Callable[..., SimulatorSettings]) -> None:
    """And before it, one of everybody in each cycle."""
    service = Service(make_world())
    end = datetime(2027, 1, 1, tzinfo=UTC)
    changes = list(service.changes("All", start=end - timedelta(days=461), end=end))
    assert 1000 == len({change.profile_id for change in changes})
    assert max(change.stamped for change in changes) <= datetime(2026, 11, 1, tzinfo=UTC)
    assert last_visible(changes, end) == shown(service.truth("All"))


def test_pages_that_are_read_later_are_of_the_snapshot_at_initiate(call: Callable[..., Caller]) -> None:
    """The world lives on, with bursts and late changes; the export does not."""
    client = call(frozen_at=None, change_cycle=3600.0, burst=20, lateness=300.0)
    taken = list(client.service.truth("Thirds", at=NOW))
    token = client.export("Thirds")
    for offset in (1, 26, 51, 76):
        client.now += 977.0
        page = client.page(token, offset=offset, limit=25).body
        assert all(record in page for record in taken[offset - 1 : offset + 24])
    assert taken != list(client.service.truth("Thirds", at=client.now))


@pytest.mark.parametrize("segment", [Segment(name="A", count=1018), Segment(name="A", count=900, first=40, step=7)])
def test_who_has_no_time_is_in_every_increment(segment: Segment) -> None:
    """As a record of a user's file: what cannot be judged is not left out. Nor is it in the list of changes."""
    service = living(segments=(segment,), timeless=0.02)
    timeless = [record for record in service.truth("A", at=NOW) if not _times(orjson.loads(record))]
    assert 0.015 * segment.count < len(timeless) < 0.025 * segment.count
    for period in (0.0, 3600.0, 5 * DAY):
        since = datetime.fromtimestamp(NOW - period, UTC)
        kept = list(service.truth("A", since=since, at=NOW))
        assert timeless == [record for record in kept if not _times(orjson.loads(record))]
        assert len(kept) == service.count("A", since=since, at=NOW)
        assert sorted(kept, key=_id) == kept
    ids = {_id(record) for record in timeless}
    assert not ids & {each.profile_id for each in service.changes("A", start=BEGIN, end=BEGIN + timedelta(days=2))}


def test_nobody_is_without_a_time_unless_asked_for(make_world: Callable[..., SimulatorSettings]) -> None:
    """By default every increment can be judged."""
    assert all(_times(orjson.loads(record)) for record in Service(make_world()).truth("All"))


def test_a_users_file_never_changes(tmp_path: Path) -> None:
    """Its list of changes is empty, whatever its dates say."""
    (tmp_path / "people").write_bytes(b'{"LastModifiedDate":"2026-11-22T10:00:00Z"}\n')
    service = living(segments=(FileSegment(name="A", path=tmp_path / "people"),))
    assert [] == list(service.changes("A", start=BEGIN, end=BEGIN + timedelta(days=1)))


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b'{"Edited":{"When":"2026-11-22T00:00:00Z"}}', True),
        (b'{"Edited":{"When":["2026-11-22T00:00:00+01:00"]}}', False),
        (b'{"Consents":[{"ConsentDate":"2026-11-22T00:00:00Z","LastModifiedDate":"2020-01-01T00:00:00Z"}]}', True),
        (b'{"Emails":[{"Edited":{"By":"me"},"LastModifiedDate":"2026-11-22T00:00:00.001Z"}]}', True),
        (b'{"LastModifiedDate":"2026-11-21T23:59:59.996Z","CustomerDate":"2026-11-22T00:00:00Z"}', False),
        (b'{"LastModifiedDate":"2026-11-22T00:00:00"}', True),  # without a zone it is no instant
        (b'{"LastModifiedDate":"yesterday"}', True),
    ],
)
def test_a_files_record_is_judged_by_the_latest_of_the_documented_times(
    tmp_path: Path, line: bytes, *, kept: bool
) -> None:
    """LastModifiedDate, ConsentDate, and what is in Edited."""
    (tmp_path / "people").write_bytes(line)
    service = living(segments=(FileSegment(name="A", path=tmp_path / "people"),))
    assert kept == bool(list(service.truth("A", since=BEGIN)))


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_in_seconds_is_the_millisecond_that_is_meant(milliseconds: int) -> None:
    """Though a float cannot hold it."""
    assert ticks.tick_at(milliseconds) == ticks.tick_of(milliseconds / 1000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"burst": 0}, "burst must be 1 or more"),
        ({"timeless": 1.5}, "timeless must be a share"),
        ({"lateness": -1.0}, "lateness must be 0 seconds or more"),
        ({"lateness": 1.0}, "lateness has no meaning in a frozen world"),
        ({"change_cycle": 20 * 366 * DAY}, "change_cycle reaches back to before 2015"),
    ],
)
def test_a_world_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    """With the remedy."""
    with pytest.raises(ConfigError, match=said):
        SimulatorSettings(**changes)


def _id(record: bytes) -> int:
    profile = orjson.loads(record)["ProfileId"]
    assert isinstance(profile, int)
    return profile


def _lateness(change: Change) -> float:
    return (change.visible - change.stamped).total_seconds()
