"""kill -9, again and again, also during recovery: the real command, a real server, real files.

After every kill the run is resumed; when it has ended, the shards must be those of a run that nobody disturbed, byte
for byte (invariants I1, I2, I8).
"""

from __future__ import annotations

import hashlib
import math
import random
import subprocess
import sys
from pathlib import Path

from extractor.cli.child import simulator_process
from extractor.store.verify import verify

KILLS = 12
MOST_STARTS = 60
MOST_ROUNDS = 8
JOBS = """
  - segment: VIP Customers
  - segment: SMS OptIns
  - segment: Newsletter OptIns
  - {group: Reachable, match: {criteria: EmailAddress, values: [none@example.test]}}
  - segment: Nobody Yet
"""


def configuration(folder: Path, base_url: str) -> Path:
    """A small run that takes about two seconds, because of its request rate."""
    folder.mkdir()
    path = folder / "c.yaml"
    path.write_text(
        f"connection: {{base_url: '{base_url}', client_id: DEMO, "
        "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
        "limits: {requests_per_second: 20, page_size: 500, exports: 3, poll_first: 100ms}\n"
        f"jobs:{JOBS}output: {{path: '{folder / 'out'}', shard_bytes: 100KiB}}\nstate: '{folder / 'state'}'\n",
        encoding="utf-8",
    )
    return path


def command(config: Path) -> list[str]:
    """The same words each time: begin a run, or take it up."""
    return [sys.executable, "-m", "extractor", "run", str(config), "--resume", "--quiet"]


def shards(folder: Path) -> dict[str, str]:
    """Every published data file by dataset and name, as its checksum."""
    found = sorted((folder / "out").glob("*/run=*/part-*"))
    return {f"{path.parent.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def run_and_kill(words: list[str], chance: random.Random) -> int:
    """Start, kill at a random moment, start again, until it ends by itself; give the number of kills."""
    for kills in range(MOST_STARTS):
        patience = math.exp(chance.uniform(math.log(0.3), math.log(1.5)))
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:  # noqa: S603 - our own program
            try:
                _, said = run.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                run.kill()
                _, said = run.communicate()
        if run.returncode == 0:
            return kills
        assert run.returncode == -9, said.decode()
    raise AssertionError("the run never came to its end")


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """No loss, no duplicate, and ``--resume`` takes up whatever is there, even nothing."""
    chance = random.Random(20261123)  # noqa: S311 - where to kill is no secret
    with simulator_process(["--processing", "0.2"], errors=tmp_path / "simulator") as base_url:
        quiet = tmp_path / "quiet"
        subprocess.run(command(configuration(quiet, base_url)), check=True, timeout=60, capture_output=True)  # noqa: S603 - our own program
        kills = rounds = 0
        while kills < KILLS and rounds < MOST_ROUNDS:
            folder = tmp_path / f"killed-{rounds}"
            kills += run_and_kill(command(configuration(folder, base_url)), chance)
            rounds += 1
            assert shards(quiet) == shards(folder)
            assert verify(folder / "out").intact
    assert kills >= KILLS, "a kill test that kills nothing proves nothing"
