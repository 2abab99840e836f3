"""What a plan will cost, from what its streams have cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan import forecast
from extractor.plan.cost import Cost, JobCost, alike, of_kind, total
from extractor.plan.forecast import Forecast, Lesson, Range, expected_records, spread
from extractor.plan.job import Dataset, JobSpec
from extractor.plan.planner import Plan
from tests.asking import STREAM

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY = 86_400.0
JOB = JobSpec(
    ordinal=0,
    job_id="0" * 16,
    name="A job",
    dataset=Dataset(kind="segment", name="A"),
    stream=STREAM,
    since=None,
    last_date_time=None,
    match=None,
)
COST = Cost(
    run="20261122T020000Z-7f3a",
    window=None,
    jobs=1,
    records=100_000,
    bytes=20_000_000,
    pages=100,
    page=1000,
    exports=1,
    retries=0,
    timed=1,
    requests=104,
    seconds=70.0,
    longest=70.0,
    waited=60.0,
    quick=60.0,
    unready=57.0,
    usual=60.0,
    slow=60.0,
    started_at=0.0,
)
JOB_COST = JobCost(
    records=10,
    bytes=1000,
    pages=2,
    page=7,
    exports=1,
    retries=0,
    requests=5,
    seconds=4.0,
    waited=3.0,
    unready=2.0,
)


def plan_of(*jobs: JobSpec) -> Plan:
    """A plan of these jobs."""
    return Plan(form="", jobs=jobs)


def foreseen(plan: Plan, costs: dict[str, list[Cost]], **changed: Any) -> Forecast:
    """A forecast at the documented limits."""
    limits: dict[str, Any] = {"requests_per_second": 20.0, "page_size": 1000, "exports": 8}
    lessons = {stream: Lesson(costs=nights) for stream, nights in costs.items()}
    return forecast(plan, now=NOW, lessons=lessons, **(limits | changed))


def test_without_history_there_is_a_floor_and_no_upper_end() -> None:
    """And the stream is named."""
    seen = foreseen(plan_of(JOB), {})
    assert (1, 4, 0.2, 1000, 50.0) == (
        seen.exports,
        seen.requests,
        seen.seconds,
        seen.requests_per_million,
        seen.seconds_per_million,
    )
    assert Range(low=4, likely=4, high=None) == seen.outlook.requests
    assert (None, None) == (seen.outlook.records.high, seen.outlook.seconds.high)
    assert (("A job",), 0) == (seen.unknown, seen.outlook.nights)


def test_one_night_is_taken_by_half() -> None:
    """A single night says little: 1 / (1 + 1) of it on either side, and the chance of counting."""
    seen = foreseen(plan_of(JOB), {STREAM.id: [COST]}).outlook
    assert (1, 100_000.0) == (seen.nights, seen.records.likely)
    assert 49_300 < seen.records.low < 50_000
    assert 150_000 < (seen.records.high or 0) < 150_700
    assert (103, 20_000_000) == (seen.requests.likely, seen.bytes.likely)
    # 60 s of processing, then 103 answers of what 104 took.
    assert 60 + 10 * 103 / 104 == pytest.approx(seen.seconds.likely)


def test_more_nights_narrow_the_range() -> None:
    """Whatever they have in common."""
    widths = []
    for nights in (1, 3, 7, 20):
        seen = foreseen(plan_of(JOB), {STREAM.id: [COST] * nights}).outlook
        assert seen.seconds.high is not None
        assert seen.seconds.low <= seen.seconds.likely <= seen.seconds.high
        widths.append(seen.seconds.high - seen.seconds.low)
    assert widths == sorted(widths, reverse=True)


def test_an_increment_is_in_proportion_to_its_window() -> None:
    """Three nights without a run make a threefold export; exports of everything say nothing of it."""
    since = replace(JOB, since=NOW - timedelta(days=3), last_date_time="2026-11-20T02:00:00.000Z")
    nightly = replace(COST, window=DAY, records=1000)
    seen = foreseen(plan_of(since), {STREAM.id: [nightly, COST, nightly]})
    assert (2, 3000.0) == (seen.outlook.nights, seen.outlook.records.likely)
    assert ("A job",) == foreseen(plan_of(since), {STREAM.id: [COST]}).unknown


def test_each_window_of_a_fan_out_is_an_increment_of_its_own() -> None:
    """Each export has all since its own beginning."""
    jobs = [replace(JOB, ordinal=n, since=NOW - timedelta(days=n + 1)) for n in range(3)]
    seen = foreseen(plan_of(*jobs), {STREAM.id: [replace(COST, window=DAY, records=1000)]})
    assert 6000.0 == seen.outlook.records.likely


def test_one_stream_without_history_leaves_the_whole_without_an_end() -> None:
    """What is known of the others is still counted."""
    other = replace(JOB, ordinal=1, stream=replace(STREAM, id="6" * 16, name="another"))
    seen = foreseen(plan_of(JOB, other), {STREAM.id: [COST]})
    assert (("another",), 1, 100_000.0, None) == (
        seen.unknown,
        seen.outlook.nights,
        seen.outlook.records.likely,
        seen.outlook.records.high,
    )
    assert 103 + 4 == seen.outlook.requests.likely
    assert (0, 1) == (seen.streams[1].nights, seen.streams[0].nights)


def test_the_time_is_that_of_what_is_scarce() -> None:
    """Lanes, requests a second, or the longest export."""
    jobs = [replace(JOB, ordinal=n, batch=n + 1, batches=80) for n in range(80)]
    costs = {
        STREAM.id: [replace(COST, jobs=80, pages=80, records=800, timed=80, requests=320, seconds=800.0, waited=720.0)]
    }
    plan = plan_of(*jobs)
    assert 10.0 <= foreseen(plan, costs, exports=80, requests_per_second=1e6).outlook.seconds.likely < 80.0
    assert 100.0 == pytest.approx(foreseen(plan, costs, requests_per_second=1e6).outlook.seconds.likely, rel=0.01)
    slow = foreseen(plan, costs, requests_per_second=1.0)
    assert slow.outlook.requests.likely == slow.outlook.seconds.likely


def test_smaller_pages_than_were_asked_for_are_expected_again() -> None:
    """The server's own maximum shows in what it gave."""
    clamped = replace(COST, page=500, pages=200)
    assert 203 == foreseen(plan_of(JOB), {STREAM.id: [clamped]}).outlook.requests.likely
    assert 403 == foreseen(plan_of(JOB), {STREAM.id: [COST]}, page_size=250).outlook.requests.likely


def test_a_night_that_was_taken_up_still_tells_the_sizes() -> None:
    """But not the times, so that the time has no upper end."""
    untimed = replace(
        COST, timed=0, requests=0, seconds=0.0, waited=0.0, quick=None, unready=None, usual=None, slow=None
    )
    seen = foreseen(plan_of(JOB), {STREAM.id: [untimed]}).outlook
    assert (100_000.0, None, None) == (seen.records.likely, seen.seconds.high, seen.requests.high)


def test_the_records_of_each_export_are_a_share_of_the_stream() -> None:
    """For the order in which jobs are begun."""
    jobs = [replace(JOB, batch=n + 1, batches=4) for n in range(4)]
    assert 25_000.0 == expected_records(jobs, Lesson(costs=[COST]), NOW)
    assert expected_records(jobs, Lesson(), NOW) is None


@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=20))
def test_a_range_holds_what_was_seen(values: list[float]) -> None:
    """And never less than nothing."""
    seen = spread(values)
    assert seen.high is not None
    assert 0.0 <= seen.low <= min(values) <= seen.likely <= max(values) <= seen.high


def test_costs_of_batches_add_up() -> None:
    """Times are those of the jobs that one process did; the quick one is not the quickest of all."""
    jobs = [replace(JOB_COST, waited=float(n), unready=n / 2, seconds=n + 1.0) for n in range(1, 21)]
    taken_up = replace(JOB_COST, requests=None, seconds=None, waited=None, unready=None)
    cost = total([*jobs, taken_up], run="r", window=DAY, started_at=1.0)
    assert (21, 210, 21_000, 42, 7) == (cost.jobs, cost.records, cost.bytes, cost.pages, cost.page)
    assert (20, 100, 230.0, 21.0, 210.0) == (cost.timed, cost.requests, cost.seconds, cost.longest, cost.waited)
    assert (3.0, 1.5, 10.5, 20.0) == (cost.quick, cost.unready, cost.usual, cost.slow)


def test_alike_are_nights_of_the_same_kind_and_about_the_same_window() -> None:
    """Half as long to twice as long."""
    nights = [replace(COST, window=window) for window in (None, DAY, 3 * DAY, DAY / 3, 2 * DAY)]
    assert [None] == [cost.window for cost in of_kind(nights, None)]
    assert 4 == len(of_kind(nights, DAY))
    assert [DAY, 2 * DAY] == [cost.window for cost in alike(nights, DAY)]
    assert [None] == [cost.window for cost in alike(nights, None)]
