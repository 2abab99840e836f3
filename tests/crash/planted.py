"""A dozen and a half planted bugs, each of which the tests must catch: tests of the tests.

Each is one change of the source, and the tests that must fail because of it. The sources and tests are copied into a
folder of their own; there the tests must pass as they are, and fail with each bug. A bug whose place is not found any
more is a failure as well: the list keeps up with the program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_COPIED = ("extractor", "tests", "configs", "docs", "pyproject.toml", "README.md", "CHANGELOG.md", "Makefile")
_FAILED = 1  # pytest's code for "tests failed"; anything else is no proof
_PATIENCE = 600.0  # seconds
_POWER = "tests/crash/test_power_loss.py"
_SWEEP = "tests/crash/test_sweep.py"
_LIES = "tests/reliability/test_lies.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """``old``, which stands once in ``file``, becomes ``new``; ``tests`` must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BUGS = (
    Bug(
        name="a part is not synced",
        file="extractor/store/parts.py",
        old="                self._file.sync()\n            except LocalError:",
        new="                pass\n            except LocalError:",
        tests=(_POWER,),
    ),
    Bug(
        name="the folder of a new part is not synced",
        file="extractor/store/parts.py",
        old="            durable.sync_folder(self._folder)\n            self._new_names = False",
        new="            self._new_names = False",
        tests=(_POWER,),
    ),
    Bug(
        name="a small file is renamed before it is synced",
        file="extractor/store/durable.py",
        old="        file.write(data)\n        file.sync()",
        new="        file.write(data)",
        tests=(_POWER,),
    ),
    Bug(
        name="the folder of a small file is not synced",
        file="extractor/store/durable.py",
        old="    replace(passing, path)\n    sync_folder(path.parent)",
        new="    replace(passing, path)",
        tests=(_POWER,),
    ),
    Bug(
        name="facts before bytes: pages are journaled and synced only at the seal",
        file="extractor/store/writer.py",
        old="            parts.sync()\n",
        new="            pass\n",
        tests=(_POWER,),
    ),
    Bug(
        name="Commit before the seal is journaled",
        file="extractor/store/writer.py",
        old="for work in group if work.event is not None]",
        new="for work in group if work.event is not None and not work.seal]",
        tests=(_SWEEP,),
    ),
    Bug(
        name="the intent of an Initiate is not journaled",
        file="extractor/run/drive.py",
        old="        await self._around.recorder.record(self._job, intent)\n",
        new="",
        tests=("tests/run/test_engine.py", "tests/reliability/test_answer_lost.py"),
    ),
    Bug(
        name="a resumed export goes on one record too far",
        file="extractor/protocol/paging.py",
        old="asked=(), rests=(), frontier=paging.stored_to + 1)",
        new="asked=(), rests=(), frontier=paging.stored_to + 2)",
        tests=(_POWER,),
    ),
    Bug(
        name="the next page begins at offset + limit",
        file="extractor/protocol/paging.py",
        old="        rests, frontier = (), last + 1",
        new="        rests, frontier = (), asked + paging.limit",
        tests=("tests/contract/test_retrieve.py",),
    ),
    Bug(
        name="keepAlive=false",
        file="extractor/remote/questions.py",
        old="keepAlive={quote(dialect.true, safe='')}",
        new="keepAlive={quote(dialect.false, safe='')}",
        tests=("tests/contract/test_retrieve.py",),
    ),
    Bug(
        name="every task logs in for itself",
        file="extractor/remote/oauth.py",
        old="        async with self._one_login:\n"
        "            if self._clock.monotonic() < self._renew_at:\n"
        "                return",
        new="        if True:",
        tests=("tests/remote/test_oauth.py",),
    ),
    Bug(
        name="RowCount is not compared",
        file="extractor/protocol/acts.py",
        old="    if life.policy.row_count_is_total and",
        new="    if False and",
        tests=(_LIES,),
    ),
    Bug(
        name="HasMore=false ends an export early",
        file="extractor/protocol/paging.py",
        old="    if page.has_more != (last < page.total):",
        new="    if page.has_more and last >= page.total:",
        tests=(_LIES,),
    ),
    Bug(
        name="a page may hold fewer records than its Count",
        file="extractor/store/records.py",
        old="    if len(records) != count:",
        new="    if len(records) > count:",
        tests=(_LIES, "tests/store/test_records.py"),
    ),
    Bug(
        name="a record that comes twice is let pass",
        file="extractor/protocol/acts.py",
        old="    if repeated and life.policy.record_id_is_unique:",
        new="    if False:",
        tests=(_LIES,),
    ),
    Bug(
        name="parts are not cut back to the journal when they are taken up",
        file="extractor/store/parts.py",
        old="            durable.truncate(path, mark.part_bytes)\n",
        new="",
        tests=(_SWEEP,),
    ),
    Bug(
        name="a condemned part is synced a second time",
        file="extractor/store/parts.py",
        old="                self._write_anew(path)",
        new="                self._file.sync()",
        tests=("tests/crash/test_failing_disk.py",),
    ),
    Bug(
        name="a sealed part is published unread",
        file="extractor/store/publish.py",
        old="    if digest.hexdigest() != part.sha256:",
        new="    if False:",
        tests=("tests/store/test_publish.py",),
    ),
    Bug(
        name="a dataset is published though a job of it failed",
        file="extractor/run/coordinator.py",
        old="        if failed:\n",
        new="        if False:\n",
        tests=("tests/run/test_engine.py", "tests/contract/test_errors.py"),
    ),
    Bug(
        name="a Retry-After holds nobody",
        file="extractor/remote/limiter.py",
        old="        self._held_until = max(self._held_until, until)",
        new="        pass",
        tests=("tests/remote/test_limiter.py", "tests/reliability/test_foul_weather.py"),
    ),
    Bug(
        name="two runs share a state folder",
        file="extractor/store/lock.py",
        old="fcntl.flock(descriptor, mode | fcntl.LOCK_NB)",
        new="fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        tests=("tests/store/test_lock.py",),
    ),
)


def copy_to(folder: Path) -> None:
    """Copy what the tests need."""
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)


def sound(folder: Path) -> str:
    """Run every test that a bug is meant for on the unchanged copy; give what went wrong, empty if all is well."""
    tests = tuple(dict.fromkeys(test for bug in BUGS for test in bug.tests))
    code, said = _pytest(folder, tests, "-n", "auto")
    return "" if code == 0 else f"without any bug, pytest ended with {code}: {said}"


def caught(bug: Bug, folder: Path) -> str:
    """Plant a bug in the copy, run its tests and take it out again; give why it was not caught, empty if it was."""
    path = folder / bug.file
    text = path.read_text("utf-8")
    if text.count(bug.old) != 1:
        return f"its place is there {text.count(bug.old)} times"
    path.write_text(text.replace(bug.old, bug.new), "utf-8")
    try:
        code, said = _pytest(folder, bug.tests)
    finally:
        path.write_text(text, "utf-8")
    return "" if code == _FAILED else f"pytest ended with {code}: {said}"


def _pytest(folder: Path, tests: tuple[str, ...], *options: str) -> tuple[int, str]:
    # Without byte code: two edits of one second and one length would share it.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=60", *options, *tests]
    try:
        ended = subprocess.run(  # noqa: S603 - our own words
            words, cwd=folder, env=environ, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {_PATIENCE:g} s"
    said = ended.stdout.strip().splitlines()
    told = [line for line in said if line.startswith(("FAILED", "ERROR"))][:3] + said[-1:]
    return ended.returncode, " / ".join(told)
