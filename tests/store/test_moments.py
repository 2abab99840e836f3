"""A record changed at the latest instant that its paths lead to; what is no instant is passed over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.partitions import DEFAULT_CHANGE_TIMES
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store.moments import Moments, read_moment, ticks_of
from extractor.store.paths import grow, parsed, values_at

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1, 1, 3)  # noqa: DTZ001 - hypothesis adds the zone; a day's room for offsets
LAST = datetime(9999, 12, 29)  # noqa: DTZ001 - as above
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def ticks(moment: datetime) -> int:
    """Tenths of a microsecond since 1970, the long way."""
    since = moment - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 10


def spelled(moment: datetime, digits: int) -> str:
    """With so many digits of a second, cut off."""
    text = f"{moment:%H:%M:%S}.{moment.microsecond:06d}0"[: 9 + digits] if digits else f"{moment:%H:%M:%S}"
    return f"{moment.date().isoformat()}T{text}"


@given(moment=INSTANTS, digits=st.integers(0, 7), zone=st.none() | st.just("Z") | OFFSETS)
def test_every_form_of_an_instant_is_read_as_datetime_reads_it(
    moment: datetime, digits: int, zone: timezone | str | None
) -> None:
    """Zone or none, and up to seven digits."""
    if isinstance(zone, timezone):
        moment = moment.astimezone(zone)
        mark = moment.isoformat()[-6:]
    else:
        mark = zone or ""
    cut = 10 ** (6 - digits) if digits < 6 else 1
    exact = moment.replace(microsecond=moment.microsecond // cut * cut if digits else 0)
    assert ticks(exact) == read_moment(spelled(moment, digits) + mark)


@given(INSTANTS)
def test_ticks_are_exact(moment: datetime) -> None:
    """Of every aware instant."""
    assert ticks(moment) == ticks_of(moment)


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_a_date_alone_is_its_first_instant(day: date) -> None:
    """In UTC."""
    assert read_moment(day.isoformat()) == ticks(datetime(day.year, day.month, day.day, tzinfo=UTC))


def test_the_seventh_digit_counts() -> None:
    """The service's clock is finer than Python's."""
    first, second = read_moment("2026-01-06T05:00:01.0000001Z"), read_moment("2026-01-06T05:00:01.0000002Z")
    assert first is not None
    assert second == first + 1


@pytest.mark.parametrize(
    "text",
    [
        "", "Z", "batch", "20260106", "20260106T050000Z", "2026-01-06Z", "2026-01-06T", "2026-01-06 05:00:00Z",
        "2026-01-06t05:00:00z", "2026-02-30", "2026-13-01T00:00:00Z", "2026-01-06T24:00:00Z", "2026-01-06T05:60:00Z",
        "2026-01-06T05:00:60Z", "2026-01-06T05:00:00.Z", "2026-01-06T05:00:00.12345678Z", "2026-01-06T05:00:00+24:00",
        "2026-01-06T05:00:00+05:00Z", "2026-W02-2", "0000-01-01", "٢٠٢٦-01-06", "2026-01-06\n", " 2026-01-06",
    ],
)  # fmt: skip
def test_anything_else_is_no_instant(text: str) -> None:
    """And a record that holds nothing else has no time of change."""
    assert read_moment(text) is None
    assert Moments(["At"]).latest({"At": text}) is None


TEXTS = st.one_of(
    st.builds(spelled, INSTANTS, st.integers(0, 7)).map(lambda text: f"{text}Z"),
    st.builds(spelled, INSTANTS, st.integers(0, 7)),
    st.builds(lambda moment, zone: moment.astimezone(zone).isoformat(), INSTANTS, OFFSETS),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["", "Z", "zZ", "9999Z", "9999-99-99T99:99:99Z", "batch"]),
)


@given(st.lists(TEXTS, max_size=6))
def test_the_latest_counts_whatever_its_form(texts: list[str]) -> None:
    """Comparing texts is a short cut, and must not show."""
    read = [moment for text in texts if (moment := read_moment(text)) is not None]
    record = {"Rows": [{"At": text, "No": "9999-12-31"} for text in texts]}
    assert max(read, default=None) == Moments(["Rows.At"]).latest(record)


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("A.B", {"A": {"B": "2026-01-06"}}),
        ("A.B", {"A": [{"B": None}, {"B": "2026-01-06"}, 7, "x"]}),
        ("A.B", [{"A": [[{"B": "2026-01-06"}]]}]),
        ("A", {"A": ["2026-01-06", "2025-01-01"]}),
        ("A.*", {"A": {"X": "batch", "Y": "2026-01-06", "Z": {"B": "2027-01-01"}}}),
        ("*.B", {"A": {"B": "2026-01-06"}, "C": {"B": "2025-01-06"}, "B": "2027-01-01"}),
        ("Edited.LastModifiedDate", {"EDITED": {"lastModifiedDate": "2026-01-06"}}),
    ],
)
def test_paths_lead_through_objects_lists_and_any_member(path: str, record: Any) -> None:
    """Names are exact; where that finds nothing, their case does not count."""
    assert Moments([path]).latest(record) == read_moment("2026-01-06")


@pytest.mark.parametrize("record", [None, 7, "2026-01-06", [], {"A": {"C": "2026-01-06"}}, {"A": "2026-01-06"}])
def test_what_no_path_leads_to_is_not_looked_at(record: Any) -> None:
    """Nor is a record that is no object."""
    assert Moments(["A.B"]).latest(record) is None


@pytest.mark.parametrize("inner", [b'"2026-01-06"', b"7"])
@pytest.mark.parametrize(
    ("before", "after"), [(b'{"Odd":' + b"[" * 900, b"]" * 900 + b"}"), (b'{"a":' * 1000, b"}" * 1000)]
)
def test_a_record_that_is_nested_a_thousandfold_has_no_time_elsewhere(
    inner: bytes, before: bytes, after: bytes
) -> None:
    """The paths do not lead there, in no case."""
    line = before + inner + after
    assert orjson.loads(line)
    assert Moments(DEFAULT_CHANGE_TIMES).latest(parsed(line)) is None


@pytest.mark.parametrize("name", ["At", "AT"])
def test_lists_in_lists_are_walked_to_any_depth(name: str) -> None:
    """In order, as far as a parser reads them."""
    record = parsed(b'{"%s":' % name.encode() + b"[" * 1000 + b'"2026-01-06"' + b"]" * 1000 + b"}")
    assert record is not None
    assert Moments(["At"]).latest(record) == read_moment("2026-01-06")
    assert list(values_at(record, grow([name]))) == ["2026-01-06"]


def test_an_exact_name_goes_before_one_of_another_case() -> None:
    """As members that differ only in case are two members."""
    assert Moments(["At"]).latest({"At": "2025-01-01", "AT": "2026-01-01"}) == read_moment("2025-01-01")


def test_a_record_that_only_a_patient_parser_reads_has_its_time_too() -> None:
    """Half a surrogate pair, a number of many digits: the service sends them."""
    line = b'{"Name":"\\ud800","Big":' + b"9" * 5000 + b',"Edited":{"At":"2026-01-06"}}\n'
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(line)
    assert Moments(DEFAULT_CHANGE_TIMES).latest(parsed(line)) == read_moment("2026-01-06")
    assert parsed(b"[" * 100_000) is None


def test_the_documented_paths_find_the_times_of_profiles() -> None:
    """The latest text that looks like a modification or a consent, by a walk of the test's own."""
    service = Service(SimulatorSettings(segments=(Segment(name="A", count=300),)))

    def walk(value: Any, name: str) -> list[str]:
        if isinstance(value, dict):
            edited = [text for text in value.values() if isinstance(text, str)] if name == "Edited" else []
            return edited + [text for key, inner in value.items() for text in walk(inner, key)]
        if isinstance(value, list):
            return [text for inner in value for text in walk(inner, name)]
        return [value] if name in {"LastModifiedDate", "ConsentDate"} and isinstance(value, str) else []

    known = 0
    for line in service.truth("A"):
        record = orjson.loads(line)
        times = [moment for text in walk(record, "") if (moment := read_moment(text)) is not None]
        known += bool(times)
        assert max(times, default=None) == Moments(DEFAULT_CHANGE_TIMES).latest(record)
    assert 200 < known
