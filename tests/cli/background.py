"""The program as a process of its own, which tests may interrupt and kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import extractor
from extractor.errors import LocalError
from extractor.run import history


@contextmanager
def background(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start ``extractor ARGUMENTS``; whatever is left of it in the end is killed."""
    # Without the test target's debug mode, which writes to stderr too.
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    words = [sys.executable, "-m", "extractor", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own program
        words, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def await_job(process: subprocess.Popen[str], state: Path, *, records: int, done: int = 0) -> None:
    """Wait until the run has this many records of its first job on disk, and has published this many datasets.

    Asks the journal as ``extractor status`` does: what ``--json`` prints is thinned out.
    """
    for _ in range(400):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        with suppress(LocalError):  # not begun yet
            detail = history.status(state, None)
            published = sum(each.state == "published" for each in detail.datasets)
            if (detail.jobs[0].records, published) == (records, done):
                return
        time.sleep(0.05)
    raise AssertionError("it never came that far")
