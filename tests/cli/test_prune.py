"""``runs --prune``: what old runs leave goes, what is published stays, and a crash anywhere changes neither."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import extractor
from extractor.plan.job import Dataset, JobSpec
from extractor.store.entries import RunEntry
from extractor.store.journal import open_journal
from extractor.store.lock import hold_lock
from tests.asking import STREAM

pytestmark = pytest.mark.timeout(90)

DAY = 86_400.0
SEGMENT = Dataset(kind="segment", name="100% Café/Bar")
PRUNE = ("runs", "--state", "state", "--prune")
CRASHES = """
import itertools, os, sys
from pathlib import Path
from extractor.cli import main
for number, folder in enumerate(sys.argv[1:], start=1):
    child = os.fork()
    if not child:
        os.chdir(folder)
        steps = itertools.count(1)
        def step(event, arguments):
            removes = event in ("os.remove", "os.rmdir")
            opens = event == "open" and ("/state" in str(arguments[0]) or "/out" in str(arguments[0]))
            if (removes or opens) and next(steps) == number:
                os._exit(9)
        sys.addaudithook(step)
        os._exit(main(["runs", "--state", folder + "/state", "--prune", "--yes"]))
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        print(number - 1)
        break
"""

STUCK = """
import errno, os, sys
from extractor.cli import main
def refuse(event, arguments):
    if event == "os.rmdir" and str(arguments[0]).endswith("quarantine/2-old-cut-off"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
sys.addaudithook(refuse)
sys.exit(main(["runs", "--state", "state", "--prune", "--yes"]))
"""


@dataclass
class Past:
    """A working folder in which runs have been: ``state`` and ``out``."""

    folder: Path

    def run(
        self, run_id: str, *, days: float, code: int | None = None, plan: str = "p", holds: bool = True, name: str = ""
    ) -> None:
        """A run that began ``days`` ago and was cut off, or ended with ``code``; it may hold data everywhere."""
        dataset = Dataset(kind="segment", name=name) if name else SEGMENT
        self.state.mkdir(parents=True, exist_ok=True)
        with open_journal(self.state / "journal.sqlite") as journal:
            entry = RunEntry(
                run_id=run_id,
                plan_id=plan,
                config_hash="c",
                config_path="night.yaml",
                output=str(self.out),
                pid=1,
                started_at=time.time() - days * DAY,
            )
            job = JobSpec(
                ordinal=0,
                job_id="j",
                name="A",
                dataset=dataset,
                stream=STREAM,
                since=None,
                last_date_time=None,
                match=None,
            )
            journal.add_run(entry, [job])
            if code is not None:
                journal.end_run(run_id, finished_at=time.time(), exit_code=code, requests=1, reason="")
        published = self.out / dataset.folder / f"run={run_id}"
        self.write(published / "part-00000.ndjson", f"published by {run_id}")
        self.write(published / "manifest.json", "{}")
        self.write(self.out / dataset.folder / "latest.json", run_id)
        if holds:
            self.write(self.state / "staging" / run_id / "0000000" / "export-1" / "part-00000.ndjson", "staged")
            self.write(self.state / "quarantine" / run_id / "page-1", "quarantined")
            self.write(self.out / dataset.folder / f".run={run_id}.publishing" / "part-00000.ndjson", "half")

    def write(self, path: Path, text: str) -> None:
        """Write a file and what folders it needs."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    def published(self) -> dict[str, bytes]:
        """Every published file with its bytes."""
        return {
            str(path.relative_to(self.out)): path.read_bytes()
            for path in self.out.rglob("*")
            if path.is_file() and ".publishing" not in str(path)
        }

    def holding(self) -> set[str]:
        """The ids of runs that still hold any unpublished data."""
        staged = [*self.state.glob("staging/*"), *self.state.glob("quarantine/*")]
        half = [path.name.removeprefix(".run=").removesuffix(".publishing") for path in self.out.glob("*/.run=*")]
        return {*(path.name for path in staged), *half}


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """One of everything."""
    past = Past(tmp_path)
    past.run("1-old-complete", days=90, code=0)
    past.run("2-old-cut-off", days=80)
    past.run("3-old-failed", days=70, code=3)
    past.run("4-newest-complete", days=60, code=0)
    past.run("5-other-plan", days=50, code=0, plan="q", holds=False)
    past.run("6-young-complete", days=1, code=0, plan="r")
    past.run("7-young-cut-off", days=1)
    past.write(past.state / "staging" / "orphan" / "part", "nobody's")
    past.write(past.state / "quarantine" / "orphan-2" / "page", "nobody's")
    return past


def files(past: Past) -> dict[Path, int]:
    """Every file but the journal's, with the time of its last change."""
    found = (path for path in past.folder.rglob("*") if path.is_file() and "journal" not in path.name)
    return {path: path.stat().st_mtime_ns for path in found}


def listed(invoke: Any) -> list[str]:
    """The runs that are still known, oldest first."""
    return sorted(run["run_id"] for run in json.loads(invoke("runs", "--state", "state", "--json").out))


def test_what_is_old_or_nobodys_goes_and_what_is_published_stays(invoke: Any, past: Past) -> None:
    """Files and lines; only what can still be resumed, and one complete run of each plan, are left in the journal."""
    before = past.published()
    remembered = past.state / "seen" / "stream.sqlite"
    remembered.parent.mkdir()
    remembered.write_bytes(b"what readers have")

    ended = invoke(*PRUNE, "--yes")

    assert b"what readers have" == remembered.read_bytes()
    assert (ended.code, ended.out.splitlines()[-1]) == (
        0, "Removed: 3 runs out of the journal, 106 B of unpublished data.",
    ), ended  # fmt: skip
    assert before == past.published()
    assert listed(invoke) == ["4-newest-complete", "5-other-plan", "6-young-complete", "7-young-cut-off"]
    assert past.holding() == {"6-young-complete", "7-young-cut-off"}
    assert not (past.state / "staging" / "6-young-complete").exists()
    assert (past.state / "quarantine" / "6-young-complete").exists()
    again = invoke(*PRUNE, "--yes")
    assert (again.code, again.out) == (0, "Nothing to remove in state.\n")


def test_what_would_go_is_shown_with_sizes_and_reasons(invoke: Any, past: Past) -> None:
    """A dry run changes nothing and asks nothing."""
    before = files(past)

    ended = invoke(*PRUNE, "--dry-run")

    rows = {line.split()[0]: line for line in ended.out.splitlines()}
    assert ended.code == 0
    assert "unfinished: cannot be resumed afterwards" in rows["2-old-cut-off"]
    assert " cut off " in rows["2-old-cut-off"]
    assert " 21 B  began more than 30 days ago" in rows["3-old-failed"]
    assert "stays in the list, as the newest complete run of its plan" in rows["4-newest-complete"]
    assert "complete: its staging is not needed any more" in rows["6-young-complete"]
    assert "no run in the journal owns it" in rows["orphan"]
    assert not {"5-other-plan", "7-young-cut-off"} & set(rows)
    assert ended.out.splitlines()[-1] == (
        "Would go: 3 runs out of the journal, 106 B of unpublished data. Published data is not touched."
    )
    assert before == files(past)


@pytest.mark.usefixtures("past")
def test_a_program_is_told_the_same(invoke: Any) -> None:
    """Before and after; without ``--yes`` nothing is removed for a program."""
    would = json.loads(invoke(*PRUNE, "--dry-run", "--json").out)
    refused = invoke(*PRUNE, "--json")
    did = json.loads(invoke(*PRUNE, "--yes", "--json").out)

    assert (refused.code, refused.out) == (2, "")
    assert (would["dry_run"], did["dry_run"], would["bytes"], did["bytes"]) == (True, False, 106, 106)
    assert would["removed"] == did["removed"]
    assert [(each["run_id"], each["cause"], each["unfinished"], each["forgotten"]) for each in did["removed"]] == [
        ("6-young-complete", "complete", False, False),
        ("4-newest-complete", "old", False, False),
        ("3-old-failed", "old", True, True),
        ("2-old-cut-off", "old", True, True),
        ("1-old-complete", "old", False, True),
        ("orphan", "orphan", False, False),
        ("orphan-2", "orphan", False, False),
    ]
    assert did["removed"][-2]["folders"] == ["state/staging/orphan"]


@pytest.mark.usefixtures("past")
def test_the_age_is_given_in_the_configurations_units(invoke: Any) -> None:
    """A plain number is seconds; what it did not reach stays."""
    ended = invoke(*PRUNE, "--older-than", "75d", "--yes")

    assert ended.code == 0
    assert "2-old-cut-off" not in listed(invoke)
    assert "3-old-failed" in listed(invoke)
    assert "7-young-cut-off" not in invoke(*PRUNE, "--older-than", "2592000", "--dry-run").out
    assert "7-young-cut-off" in invoke(*PRUNE, "--older-than", "3600", "--dry-run").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prune", "--older-than", "old"], "is not a duration -- write 500ms, 5s"),
        (["--older-than", "30d"], "belong to --prune"),
        (["--yes"], "belong to --prune"),
        (["--dry-run"], "belong to --prune"),
        (["--prune", "--state", "nowhere", "--yes"], "no journal there"),
        (["--prune", "--state", "state"], "nothing was removed -- add --yes to remove it, or --dry-run to only look"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(invoke: Any, past: Past, words: list[str], said: str) -> None:
    """And removes nothing."""
    holding = past.holding()

    ended = invoke("runs", *words)

    assert (ended.code, said in ended.err) == (2, True), ended
    assert holding == past.holding()
    assert not Path("nowhere").exists()


def test_nothing_is_removed_while_a_run_is_alive(invoke: Any, past: Past) -> None:
    """Refused for all, shown for all but that one."""
    with hold_lock(past.state) as lock:
        lock.name("2-old-cut-off")
        holding = past.holding()
        refused = invoke(*PRUNE, "--yes")
        shown = invoke(*PRUNE, "--dry-run")

        assert (refused.code, f"process {os.getpid()}, run 2-old-cut-off) is using" in refused.err) == (2, True)
        assert (shown.code, "2-old-cut-off" in shown.out, "3-old-failed" in shown.out) == (0, False, True)
        assert holding == past.holding()


@pytest.mark.usefixtures("past")
def test_a_run_that_was_pruned_is_unknown_and_one_that_was_not_can_be_resumed(invoke: Any) -> None:
    """As the list had said."""
    invoke(*PRUNE, "--yes")

    assert "no run '2-old-cut-off'" in invoke("resume", "2-old-cut-off", "--state", "state").err
    assert "no such file" in invoke("resume", "7-young-cut-off", "--state", "state").err


def test_links_in_the_place_of_folders_are_left_alone(invoke: Any, past: Past) -> None:
    """Nothing outside the two folders is ever removed."""
    past.write(past.folder / "precious" / "file", "mine")
    (past.state / "staging" / "link").symlink_to(past.folder / "precious")
    past.run("0-linked", days=90, holds=False)
    (past.state / "staging" / "0-linked").symlink_to(past.folder / "precious")
    (past.state / "staging" / "2-old-cut-off" / "link").symlink_to(past.folder / "precious")

    assert invoke(*PRUNE, "--yes").code == 0
    assert (past.folder / "precious" / "file").read_text() == "mine"


def test_a_journal_that_names_other_folders_removes_nothing(invoke: Any, past: Past) -> None:
    """It was changed from outside."""
    past.run("../../out", days=90, holds=False)
    before = past.published()

    assert invoke(*PRUNE, "--yes").code == 6
    assert before == past.published()
    assert "2-old-cut-off" in past.holding()


def test_what_cannot_be_removed_is_said_and_stays_known(invoke: Any, past: Past) -> None:
    """One folder of another user holds up nothing else, and is not forgotten as long as it is there."""
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    words = [sys.executable, "-c", STUCK]
    done = subprocess.run(words, cwd=past.folder, env=environ, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own interpreter

    assert (done.returncode, "Removed" in done.stdout) == (2, False), done
    assert "quarantine/2-old-cut-off: access is denied" in done.stderr
    assert "(1 of 7 not removed; the rest is gone)" in done.stderr
    assert "2-old-cut-off" in listed(invoke)
    assert past.holding() == {"2-old-cut-off", "6-young-complete", "7-young-cut-off"}
    assert invoke(*PRUNE, "--yes").code == 0
    assert "2-old-cut-off" not in listed(invoke)


def test_a_crash_anywhere_is_finished_by_doing_it_again(invoke: Any, tmp_path: Path) -> None:
    """Killed before each step that opens or removes anything, for all steps: files go first, lines last."""
    folders = [tmp_path / f"crash-{number}" for number in range(60)]
    for folder in folders:
        past = Past(folder)
        past.run("1-old", days=90)
        past.run("2-old", days=80, code=3, holds=False)
        past.write(past.state / "staging" / "orphan" / "part", "nobody's")
    published = Past(folders[0]).published()
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    words = [sys.executable, "-c", CRASHES, *map(str, folders)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=80, check=True)  # noqa: S603 - our own interpreter
    crashes = int(done.stdout.splitlines()[-1])
    assert 10 < crashes < 59

    half_way = set()
    for folder in folders[:crashes]:
        past, state = Past(folder), str(folder / "state")
        known = {run["run_id"] for run in json.loads(invoke("runs", "--state", state, "--json").out)}
        assert known or not past.holding(), folder.name
        assert published == past.published()
        half_way.add((len(known), len(past.holding())))
        assert invoke("runs", "--state", state, "--prune", "--yes").code == 0
        assert (invoke("runs", "--state", state, "--json").out, past.holding()) == ("[]\n", set()), folder.name
        assert published == past.published()
    assert half_way >= {(2, 2), (2, 1), (2, 0)}


@pytest.mark.parametrize(("answer", "gone"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
def test_a_person_is_asked(past: Past, answer: bytes, gone: bool) -> None:
    """At a terminal; without an answer nothing goes."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    words = [sys.executable, "-m", "extractor", *PRUNE]
    with subprocess.Popen(  # noqa: S603 - our own program
        words, cwd=past.folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b""
        while b"Remove it? [y/N]: " not in written:
            written += os.read(ours, 4096)
        os.write(ours, answer)
        with suppress(OSError):  # a terminal that has no other end any more
            while more := os.read(ours, 4096):
                written += more
        code = process.wait(timeout=30)
    os.close(ours)

    assert (code, b"Removed: 3 runs" in written, b"Nothing was removed." in written) == (0, gone, not gone), written
    assert ("2-old-cut-off" in past.holding()) is not gone
