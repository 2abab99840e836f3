"""A plan against the run before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from extractor.config import Config
from extractor.plan.difference import Change, Difference, EarlierJob, EarlierRun, compare
from extractor.plan.planner import Basis, Plan, make_plan, select

SINCE = datetime(2026, 11, 22, 2, tzinfo=UTC)
MATCH = {"criteria": "EmailAddress", "type": "Home", "values": ["ada@example.test", "lin@example.test"]}


def plan_of(*jobs: dict[str, Any], basis: Basis | None = None, **sections: Any) -> Plan:
    """The plan of a configuration of these jobs."""
    config = Config.model_validate(
        {
            "connection": {
                "base_url": "http://127.0.0.1:1/Profiles/v4",
                "client_id": "DEMO",
                "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
            },
            "jobs": list(jobs),
            **sections,
        }
    )
    return make_plan(config, basis)


def run_of(plan: Plan) -> EarlierRun:
    """The run of a plan, as the journal would have it."""
    jobs = tuple(
        EarlierJob(
            job_id=job.job_id,
            dataset=job.dataset,
            stream=job.stream.id,
            name=job.stream.name,
            who=job.stream.who,
            connection=job.stream.connection,
            last_date_time=job.last_date_time,
        )
        for job in plan.jobs
    )
    return EarlierRun(run_id="20261122T020000Z-7f3a", plan_id=plan.plan_id, started_at=0.0, jobs=jobs)


def changes(difference: Difference) -> list[tuple[str, str, str]]:
    """What became of each entry, and why."""
    return [(entry.name, str(entry.change), entry.why) for entry in difference.entries]


def test_the_same_plan_does_not_differ() -> None:
    """Match values and all."""
    plan = plan_of({"segment": "A"}, {"group": "G", "match": MATCH})
    difference = compare(plan, run_of(plan))
    assert (True, False) == (difference.nothing, difference.form)
    assert {Change.UNCHANGED} == {entry.change for entry in difference.entries}


def test_new_and_gone_entries() -> None:
    """In plan order, then those that are gone; of a choice nothing is gone."""
    before = plan_of({"segment": "A"}, {"segment": "B"})
    now = plan_of({"segment": "C"}, {"segment": "A"})
    assert [("C", "new", ""), ("A", "unchanged", ""), ("B", "gone", "")] == changes(compare(now, run_of(before)))
    chosen = compare(select(now, ["A"]), run_of(before), whole=False)
    assert ([("A", "unchanged", "")], None) == (changes(chosen), chosen.form or None)


def test_why_an_entry_has_changed() -> None:
    """Each reason in words, no match value in any."""
    longer = {**MATCH, "values": [*MATCH["values"], "grace@example.test"]}
    other = {**MATCH, "values": ["ada@example.test", "grace@example.test"]}
    cases = [
        ({"segment": "A"}, {"segment": "B", "name": "A"}, "another dataset (was segment 'A')"),
        ({"segment": "A", "match": MATCH}, {"segment": "A", "match": other}, "another list"),
        (
            {"segment": "A", "match": MATCH},
            {"segment": "A", "match": longer},
            "other people: EmailAddress/Home x 3 (was EmailAddress/Home x 2)",
        ),
        (
            {"segment": "A"},
            {"segment": "A", "since": "2026-11-01T00:00:00Z"},
            "since 2026-10-31T23:59:59.996Z (was since the beginning)",
        ),
        ({"segment": "A", "match": MATCH}, {"segment": "A", "match": {**MATCH, "batch": 1}}, "2 batches (was 1)"),
    ]
    for before, now, why in cases:
        difference = compare(plan_of(now), run_of(plan_of(before)))
        assert [(difference.entries[0].name, "changed", why)] == changes(difference)
        assert not difference.nothing


def test_values_that_are_only_cut_otherwise() -> None:
    """The same list, the same number of batches."""
    values = [f"{n}@example.test" for n in range(4)]
    two, three = (plan_of({"segment": "A", "match": {**MATCH, "values": values, "batch": n}}) for n in (2, 3))
    (entry,) = compare(three, run_of(two)).entries
    assert ("its values are in other batches", 2, 2, 0) == (entry.why, entry.jobs, entry.jobs_before, entry.same)


def test_another_service_is_another_connection() -> None:
    """Nothing of it is the same stream."""
    elsewhere = {"base_url": "http://127.0.0.1:2/Profiles/v4", "client_id": "OTHER"}
    auth = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"}
    before = plan_of({"segment": "A"}, connection={**elsewhere, "auth": auth})
    ((_, change, why),) = changes(compare(plan_of({"segment": "A"}), run_of(before)))
    assert ("changed", "another connection (was OTHER at http://127.0.0.1:2/Profiles/v4)") == (change, why)


def test_a_watermark_that_has_moved_on_is_no_change() -> None:
    """It is told all the same."""
    job = {"segment": "A", "since": "watermark"}
    first = plan_of(job)
    (stream,) = first.streams
    second, third = (plan_of(job, basis=Basis(watermarks={stream: SINCE + timedelta(days=n)})) for n in range(2))
    for before, now, moved in ((first, second, "everything -> "), (second, third, "2026-11-22T01:59:59.996Z -> ")):
        difference = compare(now, run_of(before))
        assert difference.nothing
        assert difference.entries[0].moved.startswith(moved)


def test_the_form_of_the_output_is_told_from_the_plan_id() -> None:
    """Also while watermarks move; unknown when streams are gone."""
    job = {"segment": "A", "since": "watermark"}
    before = run_of(plan_of(job, {"segment": "B"}))
    (stream, _) = plan_of(job, {"segment": "B"}).streams
    later = Basis(watermarks={stream: SINCE})
    smaller = {"limits": {"page_size": 500}}
    assert False is compare(plan_of(job, {"segment": "B"}, basis=later), before).form
    assert True is compare(plan_of(job, {"segment": "B"}, basis=later, **smaller), before).form
    assert None is compare(plan_of(job, basis=later, **smaller), before).form
    deduped = plan_of({**job, "dedupe": {"key": "ProfileId"}}, {"segment": "B"}, basis=later)
    assert True is compare(deduped, before).form
