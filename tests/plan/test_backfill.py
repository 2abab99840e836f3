"""The plan of a backfill."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from extractor.config import Config
from extractor.errors import ConfigError, IntegrityError
from extractor.plan.backfill import BackfillRequest, burdens, outside, plan_backfill, windows_of
from extractor.plan.partitions import DEFAULT_CHANGE_TIMES, Strategy
from extractor.plan.period import read_period
from extractor.plan.planner import Basis, Plan, recall
from tests.plan.test_planner import by_mail, config

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BASIS = Basis(key=b"key")
A: dict[str, object] = {"segment": "A"}


def request(strategy: Strategy = "route", *, jobs: tuple[str, ...] = (), size: str = "1mo") -> BackfillRequest:
    """January to March."""
    period = read_period(start="2026-01-01", end="2026-04-01", size=size, zone="UTC", now=NOW)
    return BackfillRequest(period=period, strategy=strategy, jobs=jobs)


def plan(*jobs: dict[str, object], strategy: Strategy = "route", names: tuple[str, ...] = (), **changes: Any) -> Plan:
    """Plan the backfill of these jobs."""
    return plan_backfill(config(*jobs, **changes), BASIS, request(strategy, jobs=names))


def test_route_asks_once_for_each_job_and_batch_since_the_start_of_the_period() -> None:
    """Whatever the number of windows."""
    found = plan(A, {"segment": "B", "match": by_mail("a@example.test", "b@example.test", batch=1)})
    assert ["A", "B by EmailAddress [1/2]", "B by EmailAddress [2/2]"] == [job.label for job in found.jobs]
    assert {("2025-12-31T23:59:59.996Z", None)} == {(job.last_date_time, job.window) for job in found.jobs}
    assert ["2026-01", "2026-02", "2026-03"] == [window.name for window in windows_of(found).windows]


def test_fan_out_asks_for_each_window_and_batch_since_the_start_of_the_window() -> None:
    """Windows in order, in each of them the batches."""
    found = plan({"segment": "B", "match": by_mail("a@example.test", "b@example.test", batch=1)}, strategy="fan-out")
    assert [
        ("B by EmailAddress 2026-01 [1/2]", "2025-12-31T23:59:59.996Z"),
        ("B by EmailAddress 2026-01 [2/2]", "2025-12-31T23:59:59.996Z"),
        ("B by EmailAddress 2026-02 [1/2]", "2026-01-31T23:59:59.996Z"),
        ("B by EmailAddress 2026-02 [2/2]", "2026-01-31T23:59:59.996Z"),
        ("B by EmailAddress 2026-03 [1/2]", "2026-02-28T23:59:59.996Z"),
        ("B by EmailAddress 2026-03 [2/2]", "2026-02-28T23:59:59.996Z"),
    ] == [(job.label, job.last_date_time) for job in found.jobs]
    assert list(range(6)) == [job.ordinal for job in found.jobs]
    assert 6 == len({job.job_id for job in found.jobs})


@pytest.mark.parametrize("strategy", ["route", "fan-out"])
def test_since_overlap_and_dedupe_are_left_aside(strategy: Strategy) -> None:
    """The command line says what is wanted; no watermark moves, nothing is left out."""
    found = plan(
        {"segment": "A", "since": "watermark", "initial": "2020-01-01T00:00:00Z", "dedupe": {}}, strategy=strategy
    )
    assert {(None, None)} == {(job.stream.overlap, job.stream.dedupe) for job in found.jobs}
    assert datetime(2026, 1, 1, tzinfo=UTC) == min(job.since for job in found.jobs if job.since is not None)
    live = plan({"segment": "A"}, strategy=strategy)
    assert live.jobs[0].stream.id == found.jobs[0].stream.id


def test_jobs_that_differ_in_since_alone_are_refused() -> None:
    """They would export every record twice; to choose one of them is allowed."""
    later: dict[str, object] = {"segment": "A", "name": "later", "since": "2026-06-01T00:00:00Z"}
    with pytest.raises(ConfigError, match="jobs 'A' and 'later' ask for the same once their since is left aside"):
        plan(A, later)
    assert ["later"] == [job.name for job in plan(A, later, names=("later",)).jobs]


def test_two_jobs_of_one_dataset_are_allowed() -> None:
    """As in a run."""
    found = plan(A, {"segment": "A", "match": by_mail("a@example.test")})
    assert 1 == len(found.datasets)
    assert 2 == len(found.jobs)


def test_an_unknown_job_is_refused_with_those_that_exist() -> None:
    """In the words of a run."""
    with pytest.raises(ConfigError, match="--job 'C': no such job -- the file has: A, B"):
        plan(A, {"segment": "B"}, names=("C",))


@pytest.mark.parametrize("strategy", ["route", "fan-out"])
def test_the_same_is_planned_again_from_the_journals_words(strategy: Strategy) -> None:
    """What a resumed backfill does: the words make the same request, and that the same plan."""
    jobs: tuple[dict[str, object], ...] = (A, {"segment": "B", "match": by_mail("a@example.test")})
    before = plan(*jobs, strategy=strategy, names=("A",))
    assert before.asked.backfill is not None
    again = plan_backfill(config(*jobs), BASIS, BackfillRequest.of(before.asked.backfill, before.asked.jobs))
    assert again == before
    assert recall(again, [job.job_id for job in before.jobs], before.plan_id) == before


@pytest.mark.parametrize(
    "spoilt", [{"from": "yesterday"}, {"window": "1x"}, {"from": None}, {"to": "2026-04-01"}, {"zone": 7}]
)
def test_words_that_no_version_has_written_are_refused(spoilt: dict[str, Any]) -> None:
    """The journal is damaged; a guess would publish something else."""
    with pytest.raises(IntegrityError, match="the journal holds a backfill that cannot be read"):
        BackfillRequest.of(request().words | spoilt, ())


def test_the_plan_id_covers_windows_strategy_and_change_times() -> None:
    """Each of them makes other bytes."""
    base = plan(A)
    found = [
        base.plan_id,
        plan(A, strategy="fan-out").plan_id,
        plan(A, backfill={"change_times": ["Geändert"]}).plan_id,
        plan_backfill(config(A), BASIS, request(size="1d")).plan_id,
    ]
    assert len(found) == len(set(found))
    assert base.plan_id == plan(A, backfill={"change_times": list(DEFAULT_CHANGE_TIMES)}).plan_id


def test_a_change_of_the_change_times_is_named_when_a_run_is_taken_up() -> None:
    """The message names the key."""
    before, after = plan(A), plan(A, backfill={"change_times": ["Edited.LastModifiedDate"]})
    with pytest.raises(ConfigError, match=r"backfill\.change_times has changed since the run began"):
        recall(after, [job.job_id for job in before.jobs], before.plan_id)


@pytest.mark.parametrize("strategy", ["route", "fan-out"])
def test_the_burden_of_both_strategies_is_known_whichever_is_planned(strategy: Strategy) -> None:
    """Exports and requests are counted; what is read is the sum of the reaches of all windows."""
    found = plan(A, {"segment": "B"}, strategy=strategy)
    route, fan_out = burdens(found, NOW)
    assert (2, 8, 1.0) == (route.exports, route.requests, route.reads)
    assert (6, 24) == (fan_out.exports, fan_out.requests)
    assert pytest.approx((304 + 273 + 245) / 304) == fan_out.reads
    assert pytest.approx(214 / 304) == outside(windows_of(found), NOW)


def test_schedules_are_asked_window_by_window_with_both_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """In either strategy, without LastDateTime; whole days only."""
    from extractor.plan import backfill, planner  # noqa: PLC0415 - to be stood in for

    def schedule(job: Any) -> Any:
        return replace(planner.dataset_of(job), kind="schedule")

    monkeypatch.setattr(backfill, "dataset_of", schedule)
    found = plan(A)
    assert [("A 2026-01", None), ("A 2026-02", None), ("A 2026-03", None)] == [
        (job.label, job.last_date_time) for job in found.jobs
    ]
    assert [3, 3] == [burden.exports for burden in burdens(found, NOW)]
    with pytest.raises(ConfigError, match=r"--window 24h: schedules take whole days only \(job 'A'\)"):
        plan_backfill(config(A), BASIS, request(size="24h"))


def test_a_plan_of_a_run_has_no_windows() -> None:
    """Asking for them is a mistake of ours."""
    with pytest.raises(ValueError, match="no windows"):
        windows_of(Plan(form="", jobs=()))


def test_a_configuration_says_zone_and_change_times() -> None:
    """The defaults are UTC and everything that is documented."""
    assert ("UTC", None) == (config(A).backfill.zone, config(A).backfill.change_times)
    assert isinstance(config(A, backfill={"zone": "Europe/Berlin"}), Config)
