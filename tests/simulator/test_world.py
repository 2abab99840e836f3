"""Who is in a segment, and what their records look like."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor.simulator import FileSegment, Kindred, Segment, Service, SimulatorSettings, ticks

AT = datetime(2026, 11, 1, tzinfo=UTC)


def ids(records: Any) -> list[int]:
    """Read the ids of records."""
    return [orjson.loads(record)["ProfileId"] for record in records]


def dates(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Find the members that tell a change, wherever they stand, with their values."""
    if isinstance(value, list):
        return [found for each in value for found in dates(each, name)]
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in dates(each, name)]
    return [(name, value)] if name in {"LastModifiedDate", "ConsentDate", "Created"} else []


def test_the_same_seed_gives_the_same_bytes(make_world: Callable[..., SimulatorSettings]) -> None:
    """A world is a function of its settings; another seed is another world."""
    one, two, other = (list(Service(make_world(seed=seed)).truth("All")) for seed in (7, 7, 8))
    assert one == two
    assert one != other


def test_one_person_is_the_same_in_every_segment(make_world: Callable[..., SimulatorSettings]) -> None:
    """Segments overlap, so the same id must be the same bytes."""
    service = Service(make_world())
    everybody = set(service.truth("All"))
    assert everybody > set(service.truth("Thirds"))


def test_every_record_is_a_compact_line_with_an_id_of_its_own(make_world: Callable[..., SimulatorSettings]) -> None:
    """As orjson writes it, so that a canonical encoding changes nothing."""
    records = list(Service(make_world()).truth("All"))
    assert records == [orjson.dumps(orjson.loads(record)) for record in records]
    assert 1000 == len(set(ids(records)))


def test_records_show_what_the_contract_warns_of(make_world: Callable[..., SimulatorSettings]) -> None:
    """Nulls, absent members, many scripts, U+2028, long texts, consents, preferences with attributes."""
    text = b"\n".join(Service(make_world()).truth("All"))
    for wanted in (
        "\u2028",
        "山田",
        "ज्योति",
        "👩",
        "o\u0308",
        ":null",
        '"ConsentStatus":2',
        '"Key":',
        '""',
    ):
        assert wanted.encode() in text
    lines = text.split(b"\n")
    assert any(b'"CustomerName"' not in line for line in lines)
    assert max(map(len, lines)) > 8000
    assert 1200 < len(text) / 1000 < 2200


@pytest.mark.parametrize(("name", "operator"), [("Both", "and"), ("Either", "or"), ("Only", "except")])
def test_a_group_combines_its_segments(make_world: Callable[..., SimulatorSettings], name: str, operator: str) -> None:
    """By the people, in ascending order."""
    service = Service(make_world())
    thirds, evens = set(ids(service.truth("Thirds"))), set(ids(service.truth("Evens")))
    expected = {"and": thirds & evens, "or": thirds | evens, "except": thirds - evens}[operator]
    assert sorted(expected) == ids(service.truth(name, kind=Kindred.GROUP))
    assert len(expected) == service.count(name, kind="SegmentGroup")


def test_deleted_profiles_leave_id_date_and_reason(make_world: Callable[..., SimulatorSettings]) -> None:
    """Under the names that were set (contract, section 4.8)."""
    service = Service(make_world(deleted_names=("ProfileId", "DateOfDeletion", "Reason")))
    records = [orjson.loads(record) for record in service.truth("Gone")]
    assert [["ProfileId", "DateOfDeletion", "Reason"]] * 7 == [list(record) for record in records]


@pytest.mark.parametrize("days", [0, 1, 30, 399, 400, 5000])
@pytest.mark.parametrize("name", ["All", "Thirds"])
def test_an_increment_is_whoever_changed_after_the_bound(
    make_world: Callable[..., SimulatorSettings], name: str, days: int
) -> None:
    """Found without a search, and the same as with one."""
    service = Service(make_world())
    bound = AT - timedelta(days=days)
    everybody = service.world.select(_dataset(service, name), now=0)
    after = ticks.tick_before(bound)
    people = service.world.people
    expected = [
        record
        for index, record in zip(everybody.positions, everybody.every_record(), strict=True)
        if people.changed_at(index, everybody.at) > after
    ]
    assert expected == list(service.truth(name, since=bound))


def test_a_last_change_is_the_newest_date_in_the_record(make_world: Callable[..., SimulatorSettings]) -> None:
    """The bytes and the bookkeeping agree; in whichever of the documented members it stands, now in one, now in all."""
    service = Service(make_world())
    selection = service.world.select(_dataset(service, "All"), now=0)
    where: Counter[str] = Counter()
    for index, record in zip(selection.positions, selection.every_record(), strict=True):
        changed = ticks.spelled(service.world.people.changed_at(index, selection.at)).decode()
        found = dates(orjson.loads(record))
        assert changed == max(date for _, date in found)
        where.update({name for name, date in found if date == changed})
    assert {"LastModifiedDate", "ConsentDate"} == set(where)
    assert min(where.values()) < 500 < max(where.values())


def test_no_date_of_a_record_is_later_than_its_change(make_world: Callable[..., SimulatorSettings]) -> None:
    """Of whatever kind, but for those that people write into fields of their own."""
    for record in Service(make_world()).truth("All"):
        every = re.findall(rb'"(?:\w*Date|Created)":"(\d{4}-\d\d-\d\dT[^"]*Z)"', record)
        newest = max(date for _, date in dates(orjson.loads(record)))
        assert newest == max(every).decode()


def test_changes_fall_on_every_kind_of_tick_and_not_after_the_last_of_all(
    make_world: Callable[..., SimulatorSettings],
) -> None:
    """Milliseconds end in 0, 3 and 7."""
    service = Service(make_world())
    at = ticks.tick_at(ticks.milliseconds_of(AT))
    changes = [service.world.people.changed_at(index, at) for index in range(1000)]
    assert {0, 1, 2} == {change % 3 for change in changes}
    assert max(changes) <= at


def test_a_world_that_lives_on_changes_everybody_once_in_its_cycle(
    make_world: Callable[..., SimulatorSettings],
) -> None:
    """Each day's increments, taken together, are everybody exactly once."""
    day = 86400.0
    service = Service(make_world(frozen_at=None, change_cycle=10 * day))
    seen: list[int] = []
    for number in range(10):
        begin = AT + timedelta(days=number)
        tomorrow = (begin + timedelta(days=1)).timestamp()
        seen += ids(service.truth("All", since=begin, at=tomorrow))
    assert 1000 == len(set(seen))
    assert 1000 <= len(seen) <= 1010


def test_a_file_is_served_as_the_very_bytes_of_its_lines(
    make_world: Callable[..., SimulatorSettings], tmp_path: Path
) -> None:
    """Odd spacing, NaN, lone surrogates, huge numbers, CR and U+2028 come out untouched; the last line may be open."""
    lines = [
        b'{"ProfileId":1, "x" : 1.0e0 }\r',
        b'{"ProfileId":2,"x":NaN}',
        b'{"ProfileId":3,"x":"\\ud800"}',
        b'{"ProfileId":4,"x":123456789012345678901234567890,"x":1}',
        '{"ProfileId":5,"x":"\u2028\u0085"}'.encode(),
    ]
    path = tmp_path / "people.ndjson"
    path.write_bytes(b"\n".join(lines))
    service = Service(make_world(segments=(FileSegment(name="Mine", path=path),), groups=()))
    assert lines == list(service.truth("Mine"))
    assert lines[1:2] == list(service.truth("Mine", criteria="ProfileId", values=(2,)))


def test_a_file_without_records_is_an_empty_segment(
    make_world: Callable[..., SimulatorSettings], tmp_path: Path
) -> None:
    """Nothing is not an error."""
    (tmp_path / "none").write_bytes(b"")
    service = Service(make_world(segments=(FileSegment(name="None", path=tmp_path / "none"),), groups=()))
    assert 0 == service.count("None")


def test_records_of_a_file_without_dates_are_in_every_increment(
    make_world: Callable[..., SimulatorSettings], tmp_path: Path
) -> None:
    """What cannot be judged is not left out."""
    old, new = (b'{"a":[{"LastModifiedDate":"%d-01-01T00:00:00Z"}]}' % year for year in (2020, 2026))
    path = tmp_path / "dated"
    path.write_bytes(b"\n".join([old, b"{}", new, b""]))
    service = Service(make_world(segments=(FileSegment(name="Dated", path=path),), groups=()))
    assert [b"{}", new] == list(service.truth("Dated", since="2025-06-01T00:00:00.000Z"))


def test_a_segment_may_start_anywhere(make_world: Callable[..., SimulatorSettings]) -> None:
    """A world is as large as its highest index, and costs nothing for that."""
    service = Service(make_world(segments=(Segment(name="Far", count=2, first=99_000_000, step=5),), groups=()))
    assert [109_000_001, 109_000_006] == ids(service.truth("Far"))


def _dataset(service: Service, name: str) -> Any:
    found = service.world.find(Kindred.SEGMENT, name)
    assert found is not None
    return found
