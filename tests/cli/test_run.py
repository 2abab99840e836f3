"""The main job from outside, over real HTTP: exit codes, streams, messages, and what is left on disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import extractor
from extractor.cli.child import simulator_process

pytestmark = pytest.mark.timeout(60)

SMALL = "  - segment: 100% Café/Bar\n  - group: Loyal Readers\n  - segment: Nobody Yet\n"
FAST = "limits: {requests_per_second: 500, poll_first: 0.01}\n"


def history(base_url: str) -> list[dict[str, Any]]:
    """Read what the simulator was asked."""
    address = base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - a loopback address of our own
        return [json.loads(line) for line in answer]


def test_a_run_from_configuration_to_verified_shards(invoke: Any, config: Any, simulator: str) -> None:
    """The report is the result, progress is not; every later command knows the run."""
    path = config(SMALL, base_url=simulator, extra=FAST)

    ended = invoke("run", str(path))

    lines = ended.out.splitlines()
    assert (ended.code, lines[0].partition(":")[0]) == (0, "All went well"), ended
    assert lines[-2:] == ["Next:", "  extractor verify exports"]
    assert ended.err.startswith("run 20")
    assert "published segment '100% Café/Bar': 42 records" in ended.err
    assert "simulator-secret" not in ended.out + ended.err

    verified = invoke("verify", "exports", "--json")
    report = json.loads(verified.out)
    assert (verified.code, report["intact"], report["runs"], report["findings"]) == (0, True, 3, [])

    listed = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert [(run["exit_code"], run["jobs"], run["done"], run["failed"]) for run in listed] == [(0, 3, 3, 0)]
    assert listed[0]["records"] == report["records"]
    assert listed[0]["run_id"] in invoke("runs", "--state", "state").out

    detail = json.loads(invoke("status", "--state", "state", "--json").out)
    assert [job["state"] for job in detail["jobs"]] == ["done"] * 3
    assert {dataset["state"] for dataset in detail["datasets"]} == {"published"}
    assert "segment '100% Café/Bar'" in invoke("status", listed[0]["run_id"], "--state", "state").out


def test_damage_is_found_and_exits_6(invoke: Any, config: Any, simulator: str) -> None:
    """One byte is enough."""
    invoke("run", str(config("  - segment: 100% Café/Bar\n", base_url=simulator, extra=FAST)), "--quiet")
    (shard,) = Path("exports").glob("*/*/part-*")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)

    ended = invoke("verify", "exports")

    assert (ended.code, ended.out.startswith("DAMAGED: ")) == (6, True)
    assert shard.name in ended.out


def test_quiet_has_a_report_and_no_progress(invoke: Any, config: Any, simulator: str) -> None:
    """For cron."""
    ended = invoke("run", str(config(SMALL, base_url=simulator, extra=FAST)), "--quiet")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("All went well")


def test_json_is_one_object_a_line_from_opened_to_closed(invoke: Any, config: Any, simulator: str) -> None:
    """Nothing else on stdout, nothing on stderr."""
    ended = invoke("run", str(config(SMALL, base_url=simulator, extra=FAST)), "--json")

    news = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert (news[0]["news"], news[-1]["news"], news[-1]["exit_code"]) == ("run_opened", "run_closed", 0)
    assert {each["news"] for each in news} >= {"job_moved", "job_ended", "dataset_published"}


def test_what_the_server_refuses_is_told_with_the_remedy(invoke: Any, config: Any, simulator: str) -> None:
    """Some failed: 3; all refused: 4. The good datasets are published either way."""
    bad = "  - segment: No Such Segment\n"
    some = invoke("run", str(config(bad + SMALL, base_url=simulator, extra=FAST)))
    every = invoke("run", str(config(bad, base_url=simulator, extra=FAST)), "--state", "other")

    assert (some.code, every.code) == (3, 4)
    assert some.out.startswith("NOT COMPLETE: 3 of 4 jobs done, 1 failed")
    assert every.out.startswith("REFUSED by the server: 0 of 1 job done, 1 failed")
    assert "extractor doctor" in every.out
    assert "--state other" in every.out
    assert "Traceback" not in some.err + every.err


def test_failures_reach_stderr_when_stdout_is_for_a_program(invoke: Any, config: Any, simulator: str) -> None:
    """Cron mails what is on stderr."""
    path = config("  - segment: No Such Segment\n", base_url=simulator, extra=FAST)
    ended = invoke("run", str(path), "--json")

    assert ended.code == 4
    assert ended.err.startswith("REFUSED by the server")


def test_an_output_folder_that_cannot_be_used_stops_before_any_request(
    invoke: Any, config: Any, simulator: str, tmp_path: Path
) -> None:
    """Exit code 2: nothing was asked of the server."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    before = len(history(simulator))

    ended = invoke("run", str(config(SMALL, base_url=simulator)), "--output", "taken")

    assert (ended.code, ended.out, len(history(simulator))) == (2, "", before)
    assert ended.err.startswith("error: ")
    assert "taken" in ended.err


def test_folders_given_on_the_command_line_must_lie_apart(invoke: Any, config: Any) -> None:
    """As in the configuration."""
    ended = invoke("run", str(config()), "--output", "here", "--state", "here/state")

    assert (ended.code, "lie in each other" in ended.err) == (2, True)


def test_a_run_that_is_terminated_exits_143_and_says_so(config: Any, tmp_path: Path) -> None:
    """As shells and schedulers expect; the report tells what is safe."""
    # Without the test target's debug mode, which writes to stderr too.
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    with simulator_process(("--processing", "600"), errors=tmp_path / "log") as base_url:
        command = [
            sys.executable,
            "-m",
            "extractor",
            "run",
            str(config(SMALL, base_url=base_url, extra=FAST)),
            "--json",
        ]
        with subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            assert run.stderr is not None
            while json.loads(run.stdout.readline())["news"] != "job_moved":
                pass
            run.send_signal(signal.SIGTERM)
            closed, err = json.loads(run.stdout.read().splitlines()[-1]), run.stderr.read()

    assert (run.returncode, closed["news"], closed["exit_code"]) == (143, "run_closed", 143)
    assert err.startswith("INTERRUPTED (interrupted by SIGTERM): 0 of 3 jobs done")
    assert "Traceback" not in err


def test_without_any_run_there_is_nothing_to_list(invoke: Any) -> None:
    """A wrong --state is a usage error."""
    assert [invoke("runs").code, invoke("status").code, invoke("status", "nonsense").code] == [2, 2, 2]
