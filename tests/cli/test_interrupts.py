"""Stopping a run from outside: once, twice, by the clock; and that each can be taken up."""

from __future__ import annotations

import json
import random
import signal
import subprocess
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
LIMITS = "limits: {{requests_per_second: 500, poll_first: 0.01, page_size: 10, pages: 1, grace: {grace}}}\n"


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


def hammer(
    run: subprocess.Popen[str], chance: random.Random, *, first: signal.Signals, apart: float
) -> tuple[int, str]:
    """Send ``first``, then one signal after another, at most ``apart`` seconds apart, until it has ended."""
    began, number = time.monotonic(), first
    while run.poll() is None:
        assert time.monotonic() - began < 30, "it does not end"
        run.send_signal(number)
        time.sleep(chance.uniform(0.0, apart))
        number = chance.choice([signal.SIGINT, signal.SIGTERM])
    assert run.stdout is not None
    return run.returncode, run.stdout.read()


@pytest.mark.parametrize("bursts", [(signal.SIGINT, 0.005), (signal.SIGTERM, 0.02), (signal.SIGTERM, 0.1)])
def test_however_many_signals_come_the_first_one_says_how_it_ends(
    invoke: Any, config: Any, stuck: str, tmp_path: Path, bursts: tuple[signal.Signals, float]
) -> None:
    """Drained, cancelled, journaled and reported; none of them ends the process by its default action."""
    first, apart = bursts
    path = config(ONE, base_url=stuck, extra=LIMITS.format(grace="1h"))
    with background("run", str(path), "--quiet", cwd=tmp_path) as run:
        await_job(run, tmp_path / "state", records=10)
        code, said = hammer(run, random.Random(20), first=first, apart=apart)  # noqa: S311 - a seed, not a secret

    assert (128 + first, True) == (code, f"interrupted by {first.name}" in said), said
    (told,) = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert ("interrupted", code) == (told["state"], told["exit_code"])
    assert resumed(invoke) == (0, 42)


def test_a_signal_that_comes_when_all_is_done_comes_too_late(config: Any, simulator: str, tmp_path: Path) -> None:
    """A complete run ends with 0 and its report, whenever the signals begin and however many come."""
    chance = random.Random(21)  # noqa: S311 - a seed, not a secret
    path = config(ONE, base_url=simulator, extra=LIMITS.format(grace="1h"))
    for turn in range(4):
        output = tmp_path / f"exports-{turn}"
        words = ("run", str(path), "--quiet", "--state", f"state-{turn}", "--output", str(output))
        with background(*words, cwd=tmp_path) as run:
            began = time.monotonic()
            while not list(output.glob("*/latest.json")):
                assert time.monotonic() - began < 30, "it is never published"
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.1))
            code, said = hammer(run, chance, first=signal.SIGTERM, apart=0.01)
        assert (0, True) == (code, said.startswith("All went well")), said
