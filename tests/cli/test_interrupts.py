"""Stopping a run from outside: once, twice, by the clock; and that each can be taken up."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.cli import schema
from extractor.cli.child import simulator_process
from tests.cli.background import await_job, background

pytestmark = pytest.mark.timeout(90)

ONE = "  - segment: 100% Café/Bar\n"  # 42 records
LIMITS = "limits: {{requests_per_second: 500, poll_first: 0.01, page_size: 10, grace: {grace}}}\n"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[str]:
    """A simulator whose second page takes two seconds."""
    with simulator_process(["--processing", "0", "--fault", "page: ok slow:2s"], errors=tmp_path / "log") as base_url:
        yield base_url


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[str]:
    """A simulator whose second page never comes."""
    with simulator_process(["--processing", "0", "--fault", "page: ok silent"], errors=tmp_path / "log") as base_url:
        yield base_url


def resumed(invoke: Any) -> tuple[int, int]:
    """Take the run up; give the exit code and how many records are published and intact."""
    code = invoke("resume", "--state", "state", "--quiet").code
    return code, json.loads(invoke("verify", "exports", "--json").out)["records"]


def records_on_disk(invoke: Any) -> int:
    """What status says of the one job."""
    (job,) = json.loads(invoke("status", "--state", "state", "--json").out)["jobs"]
    return int(job["records"])


def test_what_is_in_flight_is_finished_within_the_grace(invoke: Any, config: Any, slow: str, tmp_path: Path) -> None:
    """The page that was asked for before the signal is on disk after it; none is asked for after it."""
    path = config(ONE, base_url=slow, extra=LIMITS.format(grace="20s"))
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=10)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=30) == 130

    assert records_on_disk(invoke) == 20
    assert resumed(invoke) == (0, 42)


def test_a_drain_ends_with_the_grace(invoke: Any, config: Any, stuck: str, tmp_path: Path) -> None:
    """A server that never answers does not hold up the machine's shutdown."""
    path = config(ONE, base_url=stuck, extra=LIMITS.format(grace="500ms"))
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=10)
        run.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert run.wait(timeout=30) == 143
        assert 0.4 < time.monotonic() - began < 15

    assert records_on_disk(invoke) == 10
    assert resumed(invoke) == (0, 42)


def test_a_second_signal_does_not_wait_for_the_grace(invoke: Any, config: Any, stuck: str, tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice means now."""
    path = config(ONE, base_url=stuck, extra=LIMITS.format(grace="1h"))
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=10)
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)  # two signals at once are one to the operating system
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=30) == 130

    assert json.loads(invoke("runs", "--state", "state", "--json").out)[0]["state"] == "interrupted"
    assert resumed(invoke) == (0, 42)


def test_a_deadline_on_the_command_line_ends_run_and_resume_cleanly(invoke: Any, config: Any, stuck: str) -> None:
    """Exit code 5, nothing half published, and what is on disk is gone on from."""
    path = config(ONE, base_url=stuck, extra=LIMITS.format(grace="200ms"))

    ended = invoke("run", str(path), "--deadline", "1s")

    assert (ended.code, "the deadline of 1 s was reached" in ended.out) == (5, True), ended
    assert not list(Path("exports").glob("*/run=*"))
    (run,) = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert (run["state"], run["exit_code"], run["held_bytes"] > 0) == ("stopped", 5, True)
    assert invoke("resume", "--state", "state", "--deadline", "1ms", "--quiet").code == 5
    assert resumed(invoke) == (0, 42)


@pytest.mark.parametrize("command", ["run", "resume"])
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("soon", "is not a duration -- write 500ms, 5s, 15m, 6h, 1h30m or 1d, or a plain number of seconds"),
        ("0", "must be more than 0"),
        ("0s", "must be more than 0"),
        ("-5", "is not a duration"),
        ("2 weeks", "is not a duration"),
        ("1.5h", "is not a duration"),
        ("nan", "is not a duration"),
        ("", "is not a duration"),
        ("9999999999", "is longer than ten years"),
    ],
)
def test_a_deadline_that_is_none_is_a_usage_error(invoke: Any, command: str, written: str, said: str) -> None:
    """As the configuration would refuse it."""
    ended = invoke(command, "night.yaml", f"--deadline={written}")

    assert (ended.code, "--deadline" in ended.err, said in ended.err) == (2, True, True), ended.err


def test_ctrl_c_before_a_run_takes_the_signals_over_is_no_bug(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """130 as ever, not the 1 that stands for a bug."""

    def interrupted(_value: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schema, "out_json", interrupted)

    assert invoke("schema").code == 130
