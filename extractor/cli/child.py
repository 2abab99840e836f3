"""The simulator as a child process, for the demo.

Decides how it is started, how it is known to be ready, and that it always ends: with the block, with this process (it
watches its standard input, which closes even when this process is killed), and when it never gets ready. What it serves
is the caller's. Called by ``demo``.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from extractor.errors import LocalError

READY = "listening at "
_PATIENCE = 20.0  # seconds until a child that is not ready is given up
_FAREWELL = 5.0  # seconds until a child that does not go is killed


@contextmanager
def simulator_process(options: Sequence[str], *, errors: Path) -> Iterator[str]:
    """Start ``extractor simulate`` on a free port, give its base URL, end it. What it says goes to ``errors``.

    Raises LocalError when it does not get ready.
    """
    command = [sys.executable, "-m", "extractor", "simulate", "--port", "0", "--until-eof", *options]
    with errors.open("wb") as said:
        # A session of its own: Ctrl-C is for the run, which drains against a living server.
        child = subprocess.Popen(  # noqa: S603 - our own program, our own words
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True, text=True
        )
    try:
        yield _await_ready(child, errors)
    finally:
        _end(child)


def _await_ready(child: subprocess.Popen[str], errors: Path) -> str:
    impatience = threading.Timer(_PATIENCE, child.kill)
    impatience.start()
    try:
        for line in child.stdout or ():
            if line.startswith(READY):
                return line.removeprefix(READY).split()[0]
    finally:
        impatience.cancel()
    raise LocalError(f"the simulator did not start; what it said is in {errors}")


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.communicate(timeout=_FAREWELL)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
