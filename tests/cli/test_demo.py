from __future__ import annotations

from pathlib import Path

import pytest

from extractor.cli.child import simulator_process
from extractor.cli.loading import load_config, plan_of
from extractor.cli.playing import play
from extractor.cli.scenario import FAULTS, RATE, configuration
from extractor.errors import LocalError
from extractor.plan import planner
from extractor.simulator import SimulatorSettings, demo
from extractor.simulator.playbook import read


def test_the_demo_plans_at_least_forty_jobs_with_all_four_ways_of_matching(tmp_path: Path) -> None:
    """At a stated rate, in batches, several segments and groups; nothing to warn about."""
    path = tmp_path / "demo.yaml"
    text = configuration(demo(), base_url="http://127.0.0.1:1/Profiles/v4", output="exports", state="state")
    path.write_text(text, encoding="utf-8")

    config = load_config(path)
    plan = plan_of(config, None)

    assert len(plan.jobs) >= 40
    assert config.limits.requests_per_second == RATE
    assert {job.match.criteria for job in plan.jobs if job.match} == {
        "ProfileId", "AlternateId", "EmailAddress", "PhoneNumber",
    }  # fmt: skip
    assert {dataset.kind for dataset in plan.datasets} == {"segment", "group"}
    assert planner.notices(plan) == []


def test_the_planned_faults_are_faults() -> None:
    """A 503 and a failed export among them."""
    words = {turn.fault.verb for turns in read("\n".join(FAULTS)).values() for turn in turns}

    assert words >= {"code", "drop", "error"}


def test_every_match_value_is_of_somebody_who_exists() -> None:
    """In a world of nobody there is nobody to match."""
    text = configuration(SimulatorSettings(), base_url="http://127.0.0.1:1", output="exports", state="state")

    assert text.count("values: []") == 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Before a simulator is started."""
    (tmp_path / "taken").write_text("", encoding="utf-8")

    with pytest.raises(LocalError, match="give another folder with --dir"):
        play(tmp_path / "taken", keep=True)


def test_what_the_demo_did_not_make_it_does_not_touch(tmp_path: Path) -> None:
    """Neither a folder that --no-keep would remove nor a configuration of the same name."""
    (tmp_path / "demo.yaml").write_text("mine", encoding="utf-8")

    with pytest.raises(LocalError, match="name a new folder"):
        play(tmp_path, keep=False)
    with pytest.raises(LocalError, match="was not written by the demo"):
        play(tmp_path, keep=True)

    assert (tmp_path / "demo.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.timeout(60)
def test_a_simulator_that_does_not_start_is_an_error_and_leaves_its_words(tmp_path: Path) -> None:
    """The child is gone by then."""
    log = tmp_path / "log"

    with pytest.raises(LocalError, match="did not start"), simulator_process(("--fault", "nonsense"), errors=log):
        pass

    assert "nonsense" in log.read_text(encoding="utf-8")
