"""What the lists of runs say of a run that is alive, dead or over."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.child import simulator_process
from extractor.observe.figures import size
from tests.cli.background import await_job, background

pytestmark = pytest.mark.timeout(90)

TWO = "  - segment: 100% Café/Bar\n  - segment: Nobody Yet\n"
FAST = "limits: {requests_per_second: 500, poll_first: 0.01, page_size: 20, retry_for: 0}\n"


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[str]:
    """A simulator whose second page of the first segment never comes."""
    with simulator_process(
        ["--processing", "0", "--fault", "page[100% Café/Bar]: ok silent"], errors=tmp_path / "log"
    ) as base_url:
        yield base_url


def listed(invoke: Any) -> dict[str, Any]:
    """The one run, as a program reads it."""
    (run,) = json.loads(invoke("runs", "--state", "state", "--json").out)
    return dict(run)


def held() -> int:
    """What lies in staging, counted here."""
    return sum(path.stat().st_size for path in Path("state/staging").rglob("*") if path.is_file())


def test_a_run_is_running_while_its_process_lives_and_cut_off_when_it_died(
    invoke: Any, config: Any, stuck: str, tmp_path: Path
) -> None:
    """The same journal both times: only the lock knows."""
    path = config(TWO, base_url=stuck, extra=FAST)
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=20, done=1)

        alive, text = listed(invoke), invoke("status", "--state", "state").out
        run_id = alive["run_id"]
        assert (alive["state"], alive["exit_code"], alive["process"]) == ("running", None, run.pid)
        assert alive["held_bytes"] == held() > 0
        assert f"running (process {run.pid})" in invoke("runs", "--state", "state").out
        assert text.startswith(f"run {run_id}: running (process {run.pid})\n")
        assert "2 jobs: 1 done, 1 retrieving\n" in text
        assert re.search(r"100% Café/Bar +retrieving +20 of 42 ", text), text
        assert "extractor resume" not in text
        detail = json.loads(invoke("status", "--state", "state", "--json").out)
        assert [(job["state"], job["records"], job["total"]) for job in detail["jobs"]] == [
            ("retrieving", 20, 42),
            ("done", 0, 0),
        ]

        second = invoke("run", str(path), "--new")
        assert (second.code, f"another run (process {run.pid}, run {run_id}) is using" in second.err) == (2, True)
        assert invoke("resume", "--state", "state").code == 2

        run.send_signal(signal.SIGKILL)
        run.wait()

    dead, text = listed(invoke), invoke("status", "--state", "state").out
    assert (dead["state"], dead["exit_code"], dead["process"]) == ("cut off", None, None)
    assert dead["held_bytes"] == held() > 0
    assert " cut off " in invoke("runs", "--state", "state").out
    assert text.startswith(f"run {run_id}: cut off\n")
    assert f"Take it up: extractor resume {run_id} --state state\n" in text
    assert invoke("resume", "--state", "state", "--quiet").code == 0
    over = listed(invoke)
    assert (over["state"], over["exit_code"], over["held_bytes"]) == ("done", 0, 0)
    assert "Take it up" not in invoke("status", "--state", "state").out
    assert json.loads(invoke("verify", "exports", "--json").out)["records"] == 42


def test_a_run_that_failed_says_how_and_what_to_do(invoke: Any, config: Any, tmp_path: Path) -> None:
    """The exit code stands beside its meaning."""
    with simulator_process(["--fault", "initiate[100% Café/Bar]: 403"], errors=tmp_path / "log") as base_url:
        assert invoke("run", str(config(TWO, base_url=base_url, extra=FAST)), "--quiet").code == 3

    assert " failed (3) " in invoke("runs", "--state", "state").out
    text = invoke("status", "--state", "state").out
    assert (": failed (3)\n" in text, "2 jobs: 1 done, 1 refused\n" in text) == (True, True), text
    assert "Take it up: extractor resume" in text


def test_a_new_run_says_what_older_ones_still_hold(invoke: Any, config: Any, stuck: str, tmp_path: Path) -> None:
    """People's data that nobody reads; ``--new`` asked not to hear of it."""
    path = config(TWO, base_url=stuck, extra=FAST)
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=20, done=1)
    said = f"note: 1 unfinished run in state holds {size(held())} of unpublished data: `extractor resume --state state`"

    assert said not in invoke("run", str(path), "--new", "--quiet").err
    other = config("  - segment: Nobody Yet\n", base_url=stuck, extra=FAST)
    again = invoke("run", str(other), "--resume", "--quiet")
    assert (again.code, said in again.err, again.err.count("\n")) == (0, True, 1), again.err


def test_a_run_that_nothing_is_left_of_is_not_mentioned(invoke: Any, config: Any, tmp_path: Path) -> None:
    """Refused before it had anything."""
    with simulator_process(["--fault", "initiate: 403x2"], errors=tmp_path / "log") as base_url:
        path = config(TWO, base_url=base_url, extra=FAST)
        assert invoke("run", str(path), "--quiet").code == 4
        assert "of unpublished data" not in invoke("run", str(path), "--quiet").err
