"""From a configuration to jobs."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from extractor.config import Config
from extractor.errors import ConfigError
from extractor.plan import forecast, make_plan, problems, select
from extractor.plan.job import Dataset
from extractor.plan.planner import notices, repeated


def config(*jobs: dict[str, object], **changes: object) -> Config:
    """A configuration against the simulator, with these jobs."""
    return Config.model_validate(
        {
            "connection": {
                "base_url": "http://127.0.0.1:8080/Profiles/v4",
                "client_id": "DEMO",
                "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
            },
            "jobs": list(jobs),
            **changes,
        }
    )


def by_mail(*values: str, batch: int = 1000, kind: str | None = None) -> dict[str, object]:
    """A match by e-mail address."""
    return {"criteria": "EmailAddress", "type": kind, "values": list(values), "batch": batch}


def test_the_same_configuration_gives_the_same_plan() -> None:
    """A plan is a value: no clock, no chance."""
    one = config({"segment": "A"}, {"group": "G", "match": by_mail("a@example.test", "b@example.test", batch=1)})
    assert make_plan(one) == make_plan(one.model_copy(deep=True))


def test_jobs_stand_in_the_order_of_the_file_then_of_their_batches() -> None:
    """Published order is plan order."""
    plan = make_plan(config({"segment": "B", "match": by_mail(*"vwxyz", batch=2)}, {"segment": "A"}))
    assert ["B by EmailAddress [1/3]", "B by EmailAddress [2/3]", "B by EmailAddress [3/3]", "A"] == [
        job.label for job in plan.jobs
    ]
    assert [0, 1, 2, 3] == [job.ordinal for job in plan.jobs]
    assert [("v", "w"), ("x", "y"), ("z",)] == [job.match.values for job in plan.jobs if job.match]


@pytest.mark.parametrize(
    "other",
    [
        {"segment": "B"},
        {"group": "A"},
        {"segment": "A", "since": "2026-01-01T00:00:00Z"},
        {"segment": "A", "match": by_mail("a@example.test")},
    ],
)
def test_a_job_id_depends_on_what_is_asked(other: dict[str, object]) -> None:
    """Dataset, kind, since and match each make another question."""
    plan = make_plan(config({"segment": "A"}, other))
    assert plan.jobs[0].job_id != plan.jobs[1].job_id


def test_a_job_id_does_not_depend_on_name_place_or_limits() -> None:
    """The same question keeps its id over the nights, whatever stands around it."""
    first = make_plan(config({"segment": "A"})).jobs[0]
    second = make_plan(config({"segment": "Z"}, {"segment": "A", "name": "other"}, limits={"exports": 1})).jobs[1]
    assert first.job_id == second.job_id


def test_values_match_ids_but_never_show() -> None:
    """Match values decide the id and stand in no repr."""
    plan = make_plan(config({"segment": "A", "match": by_mail("ada@example.test")}))
    assert "ada@example.test" not in repr(plan)
    assert "EmailAddress x 1" == (plan.jobs[0].match and plan.jobs[0].match.summary)


def test_derived_names_are_unique() -> None:
    """Jobs without a name can still be told apart and selected."""
    plan = make_plan(config({"segment": "A"}, {"segment": "A", "since": "2026-01-01T00:00:00Z"}, {"group": "A"}))
    assert ["A", "A (2)", "A (3)"] == [job.name for job in plan.jobs]


def test_asking_twice_for_the_same_is_a_problem() -> None:
    """Two equal jobs would publish every record twice."""
    found = list(problems(config({"segment": "A"}, {"segment": "B"}, {"segment": "A", "name": "again"})))
    assert [("jobs", 2)] == [problem.location for problem in found]
    assert "jobs[0]" in found[0].message


def test_any_name_makes_a_folder_that_every_file_system_takes() -> None:
    """Twenty-nine Chinese characters are 261 bytes when encoded; two long names that begin alike stay two folders."""
    short = Dataset(kind="segment", name="100% Café/Bar")
    assert "segment=100%25%20Caf%C3%A9%2FBar" == short.folder
    long = [Dataset(kind="segment", name="顧客" * 200 + end) for end in ("甲", "乙")]
    assert 2 == len({dataset.folder for dataset in long})
    for dataset in long:
        assert len(dataset.folder.encode()) <= 220
        assert unquote(dataset.folder.partition("~")[0], errors="strict").startswith("segment=顧客顧客")


def test_several_jobs_for_one_dataset_are_worth_a_notice() -> None:
    """Legal, but a profile that both select comes out twice."""
    plan = make_plan(config({"segment": "A"}, {"segment": "A", "match": by_mail("ada@example.test")}, {"segment": "B"}))
    assert 1 == len(notices(plan))
    assert "segment 'A'" in notices(plan)[0]


def test_selecting_jobs_keeps_their_order_and_numbers_them_anew() -> None:
    """--job picks; the plan is another plan then."""
    plan = make_plan(config({"segment": "A"}, {"segment": "B"}, {"segment": "C"}))
    chosen = select(plan, ["C", "A"])
    assert ["A", "C"] == [job.name for job in chosen.jobs]
    assert [0, 1] == [job.ordinal for job in chosen.jobs]
    assert plan.plan_id != chosen.plan_id
    assert plan == select(plan, [])


def test_selecting_an_unknown_job_names_those_that_exist() -> None:
    """A typo must not silently export nothing."""
    plan = make_plan(config({"segment": "A"}, {"segment": "B"}))
    with pytest.raises(ConfigError, match=r"--job 'D': no such job -- the file has: A, B"):
        select(plan, ["D"])


def test_the_plan_id_covers_what_decides_the_bytes() -> None:
    """Compression, shard size and page size make another output; limits of speed do not."""
    base = make_plan(config({"segment": "A"})).plan_id
    assert base != make_plan(config({"segment": "A"}, output={"compression": "gzip"})).plan_id
    assert base != make_plan(config({"segment": "A"}, limits={"page_size": 10})).plan_id
    assert base == make_plan(config({"segment": "A"}, limits={"exports": 1}, output={"path": Path("x")})).plan_id


def test_the_forecast_is_a_floor() -> None:
    """Four requests a job at least, at the configured rate; pages for a million records beside it."""
    floor = forecast(make_plan(config({"segment": "A"}, {"segment": "B"})), requests_per_second=4, page_size=1000)
    assert (2, 8, 2.0) == (floor.exports, floor.requests, floor.seconds)
    assert (1000, 250.0) == (floor.requests_per_million, floor.seconds_per_million)


def test_two_jobs_for_the_same_people_cannot_share_a_watermark() -> None:
    """Whichever moved it, the other would begin in the wrong place."""
    shared = make_plan(
        config(
            {"name": "one", "segment": "A", "since": "2026-01-01T00:00:00Z"},
            {"name": "two", "segment": "A", "since": "watermark"},
        )
    )
    apart = make_plan(config({"segment": "A", "since": "watermark"}, {"segment": "B", "since": "watermark"}))
    (sentence,) = repeated(shared)
    assert "job 'two' is about the same people of the same dataset as job 'one'" in sentence
    assert [] == repeated(apart)
