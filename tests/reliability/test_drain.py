"""SIGTERM at any moment, and runs that go on for long: nothing is lost, nothing is left behind.

The first signal asks for a drain, the second stops at once; either way the run is taken up again, and what it ends in
is what a run that nobody disturbed ends in, byte for byte.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import random
import signal
import subprocess
import sys
import threading
from asyncio import all_tasks
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from extractor.cli.child import simulator_process
from extractor.config.models import Limits
from extractor.remote import Request
from extractor.run.drive import Drive
from extractor.simulator import Segment, SimulatorSettings
from extractor.store.verify import verify
from tests.contract.stage import play, truth

ROUNDS = 6  # interruptions
TWICE = 0.3  # how often a second signal follows at once
MOST_STARTS = 30
DEFAULT_GRACE = Limits().grace
TERMINATED = 128 + signal.SIGTERM
JOBS = """
  - segment: VIP Customers
  - segment: SMS OptIns
  - segment: Newsletter OptIns
  - group: Reachable
    match: {criteria: EmailAddress, values: [none@example.test]}
"""


def configuration(folder: Path, base_url: str) -> Path:
    """A small run that takes about a second, because of its request rate."""
    folder.mkdir()
    path = folder / "c.yaml"
    path.write_text(
        f"connection: {{base_url: '{base_url}', client_id: DEMO, "
        "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
        "limits: {requests_per_second: 30, page_size: 500, exports: 3, poll_first: 100ms}\n"
        f"jobs:{JOBS}output: {{path: '{folder / 'out'}', shard_bytes: 100KiB}}\nstate: '{folder / 'state'}'\n",
        encoding="utf-8",
    )
    return path


def command(config: Path) -> list[str]:
    """Begin a run or take it up, and say on stdout what happens."""
    return [sys.executable, "-m", "extractor", "run", str(config), "--resume", "--json"]


def shards(folder: Path) -> dict[str, str]:
    """Every published data file by dataset and name, as its checksum."""
    found = sorted((folder / "out").glob("*/run=*/part-*"))
    return {f"{path.parent.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def run_and_terminate(words: list[str], patience: float | None, signals: int) -> int:
    """Start, send SIGTERM a while after the run has opened, unless it has ended by then; give the exit code."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:  # noqa: S603 - our own program
        assert run.stdout is not None
        assert json.loads(run.stdout.readline())["news"] == "run_opened"
        try:
            said, errors = run.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            for _ in range(signals):
                run.send_signal(signal.SIGTERM)
            said, errors = run.communicate(timeout=DEFAULT_GRACE + 15)
    assert run.returncode in {0, TERMINATED}, errors
    closed = json.loads(said.splitlines()[-1])
    assert ("run_closed", run.returncode) == (closed["news"], closed["exit_code"])
    return run.returncode


def terminated_until_done(folder: Path, words: list[str], wanted: dict[str, str], chance: random.Random) -> int:
    """Interrupt one run again and again until it is done; give how often. What is published meanwhile is true."""
    for interrupted in range(MOST_STARTS):
        patience = math.exp(chance.uniform(math.log(0.01), math.log(0.8))) if interrupted < ROUNDS else None
        code = run_and_terminate(words, patience, signals=1 + (chance.random() < TWICE))
        assert shards(folder).items() <= wanted.items()
        assert not shards(folder) or verify(folder / "out").intact
        if code == 0:
            return interrupted
    raise AssertionError("the run never came to its end")


def test_a_run_that_is_terminated_again_and_again_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """One signal or two, early or late: exit code 143 until it is 0, and nothing half-published in between."""
    chance = random.Random(20261124)  # noqa: S311 - when to interrupt is no secret
    with simulator_process(["--processing", "0.1"], errors=tmp_path / "simulator") as base_url:
        quiet = tmp_path / "quiet"
        subprocess.run(command(configuration(quiet, base_url)), check=True, timeout=60, capture_output=True)  # noqa: S603 - our own program
        wanted, interrupted, runs = shards(quiet), 0, 0
        while interrupted < ROUNDS and runs < ROUNDS:
            folder = tmp_path / f"terminated-{runs}"
            words = command(configuration(folder, base_url))
            interrupted += terminated_until_done(folder, words, wanted, chance)
            runs += 1
            assert wanted == shards(folder)
    assert interrupted >= ROUNDS, "a test of signals that interrupts nothing proves nothing"


@dataclass(slots=True)
class Belongings:
    """What this process holds, noted whenever a Commit arrives."""

    commits: int = 0
    held: dict[str, list[int]] = field(default_factory=lambda: {"files": [], "tasks": [], "threads": []})
    jobs: list[int] = field(default_factory=list)

    def __call__(self, request: Request, _now: float) -> None:
        """Look, for each job that is nearly done."""
        if "/Commit" not in request.url:
            return
        self.commits += 1
        self.held["files"].append(len(list(Path("/dev/fd").iterdir())))
        self.held["tasks"].append(len(all_tasks()))
        self.held["threads"].append(threading.active_count())
        if self.commits in {50, 250}:
            gc.collect()
            self.jobs.append(sum(isinstance(each, Drive) for each in gc.get_objects()))


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="open files are counted in /dev/fd")
@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_long_run_holds_no_more_at_its_end_than_at_its_beginning(memory: Path) -> None:
    """Open files, tasks, threads and jobs in memory: at the 250th of 260 jobs as many as at the 50th."""
    names = [f"S{n}" for n in range(260)]
    server = SimulatorSettings(segments=tuple(Segment(name=name, count=3, first=n) for n, name in enumerate(names)))
    belongings = Belongings()
    jobs = [{"segment": name} for name in names]
    played = await play(memory, server, jobs, lookout=belongings, limits={"exports": 4, "page_size": 2})
    assert (0, 260, 260) == (played.exit_code, belongings.commits, len(played.published))
    assert truth(played, "S259") == played.lines("segment=S259")
    for what, counts in belongings.held.items():
        early, late = median(counts[40:60]), median(counts[240:260])
        assert late <= early + 2, f"{what}: {early} around job 50, {late} around job 250"
    assert max(belongings.jobs) <= 4 + 1
