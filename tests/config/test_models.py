from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from extractor.config import Config, Limits, Output
from extractor.config.fields import Section

CONNECTION: dict[str, Any] = {
    "base_url": "https://preferences.example",
    "client_id": "ACME",
    "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "hunter2"},
}


def _config(**keys: Any) -> Config:
    return Config.model_validate({"connection": CONNECTION, "jobs": [{"segment": "A"}]} | keys)


def _errors(**keys: Any) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        _config(**keys)
    return [(error["loc"], error.get("ctx", {}).get("message", error["type"])) for error in caught.value.errors()]


def test_defaults_are_what_the_reference_says() -> None:
    """Seconds, bytes and counts."""
    config = _config()
    assert {
        "requests_per_second": 20.0,
        "exports": 8,
        "pages": 16,
        "page_size": 1000,
        "retry_for": 900.0,
        "outage": 3600.0,
        "processing_timeout": 21_600.0,
        "re_exports": 3,
        "poll_first": 0.5,
        "poll_max": 30.0,
        "deadline": None,
    } == config.limits.model_dump()
    assert Output(path=Path("exports"), compression="zstd", shard_bytes=256 * 1024 * 1024) == config.output
    assert Path(".extractor") == config.state


def test_durations_of_limits_are_seconds() -> None:
    """Whatever unit they were written in."""
    limits = Limits.model_validate({"retry_for": 0, "poll_first": "250ms", "deadline": "7h"})
    assert (0.0, 0.25, 25_200.0) == (limits.retry_for, limits.poll_first, limits.deadline)


@pytest.mark.parametrize("key", ["requests_per_second", "exports", "pages", "page_size", "poll_first", "deadline"])
@pytest.mark.parametrize("written", [0, -1])
def test_limits_that_stop_everything_are_refused(key: str, written: int) -> None:
    """Zero and less have no meaning here."""
    with pytest.raises(ValidationError):
        Limits.model_validate({key: written})


@pytest.mark.parametrize("key", ["exports", "pages", "page_size", "re_exports"])
@pytest.mark.parametrize("written", ["8", 8.0, True])
def test_counts_are_plain_whole_numbers(key: str, written: object) -> None:
    """True is not 1."""
    with pytest.raises(ValidationError):
        Limits.model_validate({key: written})


def test_no_rate_is_infinite() -> None:
    """1e999 reads as infinity."""
    with pytest.raises(ValidationError, match="finite"):
        Limits(requests_per_second=float("inf"))


def test_poll_max_is_not_less_than_poll_first() -> None:
    """Also when only one of them is written."""
    with pytest.raises(ValidationError, match="is less than poll_first"):
        Limits.model_validate({"poll_first": "40s"})


def test_jobs_are_needed() -> None:
    """A file without jobs does nothing, which nobody means."""
    assert [(("jobs",), 'is empty -- add a job, such as "- segment: NAME"')] == _errors(jobs=[])


def test_names_are_unique_even_beside_malformed_jobs() -> None:
    """Each repetition is reported, together with everything else."""
    message = "is already the name of jobs[0] -- rename one, or leave name out"
    jobs = [{"segment": "A", "name": "x"}, {"segment": "", "name": "x"}, {"segment": "C", "name": "x"}]
    assert [
        (("jobs", 1, "segment"), "is blank -- write the name"),
        (("jobs", 1, "name"), message),
        (("jobs", 2, "name"), message),
    ] == _errors(jobs=jobs)
    assert [(("jobs", 1, "name"), message)] == _errors(
        jobs=[{"segment": "A", "name": "x"}, {"group": "B", "name": "x"}]
    )


@pytest.mark.parametrize(
    ("output", "state"),
    [("exports", "exports/state"), (".extractor/out", ".extractor"), (".", ".extractor"), ("a", "b/../a")],
)
def test_state_and_output_are_apart(output: str, state: str) -> None:
    """Readers must not meet unfinished data, nor cleaning up remove published data."""
    message = "state and output.path lie in each other -- give each a folder of its own"
    assert [(("state",), message)] == _errors(output={"path": output}, state=state)


def test_state_and_output_beside_each_other_are_fine() -> None:
    """Names that begin alike are not folders within each other."""
    assert Path("exports-state") == _config(output={"path": "exports"}, state="exports-state").state


def test_a_config_can_be_pickled() -> None:
    """Engines hand settings to other processes."""
    config = _config(limits={"deadline": "1h"})
    assert config == pickle.loads(pickle.dumps(config))  # noqa: S301 - our own bytes


def test_every_field_is_described() -> None:
    """The reference is made of these texts."""
    for section in Section.__subclasses__():
        assert section.__doc__
        assert [] == [name for name, field in section.model_fields.items() if not field.description]
