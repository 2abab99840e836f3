"""Starts the real command as a child process, again and again, without paying for the interpreter's start each time.

Run as a program it imports everything once and then forks a child for each order; the child calls the command line's
``main`` with the words of the order and ends. It may carry a saboteur, which ends it at a chosen moment. ``Launcher``
is the other end: orders go in, process ids and ends come out. One child at a time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import extractor
from tests.crash.saboteur import Sabotage, sabotaged

_ROOT = str(Path(extractor.__file__).parents[1])
_UNWANTED = ("PYTHONASYNCIODEBUG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")  # they only make it slow
KILLED = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a child is to do: the command's words, where its output goes, and how it is to be ended."""

    words: tuple[str, ...]
    said: str
    sabotage: Sabotage


class Launcher:
    """Use as a context manager."""

    def __enter__(self) -> Self:
        environ = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            cwd=Path(__file__).parents[2],
            env={**environ, "PYTHONPATH": _ROOT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)  # closes its stdin: it ends when its child has ended

    def run(self, words: list[str], said: Path, sabotage: Sabotage | None = None, kill_after: float = 0.0) -> int:
        """Have a child do ``words``; give its exit code, or minus its signal. SIGKILL comes after ``kill_after``."""
        order = Order(words=tuple(words), said=str(said), sabotage=sabotage or Sabotage())
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        pid = self._answer()
        timer = threading.Timer(kill_after, os.kill, (pid, signal.SIGKILL)) if kill_after else None
        if timer is not None:
            timer.start()
        assert pid == self._answer()  # it has ended; until it is waited for, the number belongs to nobody else
        if timer is not None:
            timer.cancel()
            timer.join()
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the launcher has died"
        return int(line)


def serve() -> None:
    """Take orders until stdin ends."""
    from extractor.cli import main, running  # noqa: F401, PLC0415 - what children would import

    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_the_command(order, main)
        print(pid, flush=True)  # noqa: T201 - it is the answer
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie: its number is not given to another
        print(pid, flush=True)  # noqa: T201 - as above
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - it is the answer


def _be_the_command(order: dict, main: object) -> None:  # type: ignore[type-arg] # as JSON gives it
    code = 1
    try:
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        random.seed()
        with sabotaged(Sabotage(**order["sabotage"])):
            code = main(order["words"])  # type: ignore[operator] # the command line's
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
