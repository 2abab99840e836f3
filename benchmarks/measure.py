"""One process, measured from outside: time by the clock, CPU, memory, and whether it did what it should.

Decides how a program is run (pinned to cores, output kept, bounded in time) and what is counted: the operating
system's own account of the process and of every child that it waited for. Does not repeat: ``rounds`` does. Called by
``rounds``.

Decided: programs are told how many records to fetch, and each is run over one page as well. The difference of the two
is the cost of the records; the run over one page, which is start-up, gets a column of its own. Otherwise the figures
of slow starters would depend on how long they are allowed to run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MILLION = 1_000_000
PAGE = 1_000  # records
_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process took. Seconds; ``peak`` is the largest memory of one of its processes, in bytes."""

    seconds: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a subject is to do: fetch ``records`` from the server at ``origin`` into ``folder``, which is empty."""

    origin: str
    records: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something that is measured.

    ``command`` gives the words of a program, and may prepare its folder; ``count`` tells from the folder how many
    records came out, each once. ``scale`` is the share of the workload that it is given: slow ones get less, so that
    all take some seconds. ``cores`` is how many it may use; ``missing`` says why it cannot run here, if it cannot.
    """

    name: str
    command: Callable[[Task], Sequence[str | Path]]
    count: Callable[[Task], int]
    environ: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    cores: int = 1
    note: str = ""
    missing: str = ""


class Failed(Exception):  # noqa: N818 - it is the subject that failed
    """A subject ended badly, or did not write what it should; ``said`` is what it printed last, for the terminal."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


def cores_of(machine: Sequence[int], count: int) -> set[int]:
    """Give the cores of a subject: from the front, while the server has the last one."""
    return set(machine[:count])


def run(subject: Subject, task: Task, cores: set[int], *, patience: float, check: bool) -> Usage:
    """Run it once in its folder, which is made before and removed afterwards; ``patience`` in seconds.

    Counts what came out if ``check``. Raises Failed.
    """
    task.folder.mkdir(parents=True)
    said = task.folder.with_suffix(".said")
    try:
        usage, code = _account(subject, task, cores, said, patience)
        if code:
            raise Failed(f"it ended with {code}", _end_of(said))
        if check and (found := subject.count(task)) != task.records:
            raise Failed(f"it wrote {found:,} records of {task.records:,}", _end_of(said))
    finally:
        shutil.rmtree(task.folder)
        said.unlink(missing_ok=True)
    return usage


def _account(subject: Subject, task: Task, cores: set[int], said: Path, patience: float) -> tuple[Usage, int]:
    """Have the launcher run it; whatever is left of its group when time is over, is killed."""
    account = task.folder.with_suffix(".account")
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), ",".join(map(str, sorted(cores))), str(account)]
    with said.open("wb") as out:
        child = subprocess.Popen(
            [*launcher, *map(str, subject.command(task))],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=task.folder,
            env={**os.environ, **subject.environ},
            start_new_session=True,
        )
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failed(f"it was not done after {patience:.0f} s") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    told = json.loads(account.read_bytes())
    account.unlink()
    return Usage(seconds=told["seconds"], cpu=told["cpu"], peak=told["peak"]), told["code"]


def _end_of(said: Path) -> str:
    return said.read_text("utf-8", "replace").strip()[-2000:] or "nothing"
