"""Planted bugs, each of which the tests must catch: tests of the tests.

Each is one change of the source, and the tests that must fail because of it. The sources and tests are copied into a
folder of their own; there the tests must pass as they are, and fail with each bug. A bug whose place is not found any
more is a failure as well: the list keeps up with the program.

Caught means: every test that was run passed or failed, at least one of the named failed, and each that failed did so in
an assertion of its own (or in a ``pytest.raises`` to which nothing was raised). An error in a fixture or at collection,
a timeout, an exception that no test had foreseen, or a word of Python's own errors (a name that is not defined ..) in
what the assertion shows is no proof: that is a bug badly planted, or a flake.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_ROOT = Path(__file__).parents[2]
_COPIED = ("extractor", "tests", "configs", "docs", "pyproject.toml", "README.md", "CHANGELOG.md", "Makefile")
_FAILED = 1  # pytest's code for "tests failed"; anything else is no proof
_ASSERTED = re.compile(r"(AssertionError|assert )|Failed: DID NOT RAISE")  # how the message of such a failure begins
_SLIP = re.compile(r"\b(Name|UnboundLocal|Attribute|Type|Import|ModuleNotFound|Syntax|Indentation|Recursion)Error\b")
_PATIENCE = 600.0  # seconds
_ANY_POWER = "tests/crash/test_power_loss.py::test_no_power_loss_costs_a_record"
_POWER = f"{_ANY_POWER}[quiet]"
_PACKED = f"{_ANY_POWER}[packed]"
_OLDER = f"{_ANY_POWER}[older]"
_CONTRADICTED = "tests/crash/test_failpoints.py::test_a_death_in_a_contradiction_makes_nobody_forget_it"
_SWEEP = "tests/crash/test_sweep.py::test_a_death_before_any_operation_changes_nothing[0]"
_TORN = "tests/crash/test_sweep.py::test_a_death_in_the_middle_of_any_write_changes_nothing"
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
        old="            file.write(piece)\n        file.sync()",
        new="            file.write(piece)",
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
        name="a copied shard is not synced",
        file="extractor/store/publish.py",
        old="                feed(part, staging, digest, file)\n            file.sync()\n",
        new="                feed(part, staging, digest, file)\n",
        tests=(_PACKED,),
    ),
    Bug(
        name="the folder of a renamed publication is not synced",
        file="extractor/store/publish.py",
        old="    durable.sync_folder(folder)\n    reached(Failpoint.FOLDER_SYNCED)",
        new="    reached(Failpoint.FOLDER_SYNCED)",
        tests=(_OLDER,),
    ),
    Bug(
        name="of a new state folder only what is in it is synced, not its name",
        file="extractor/store/durable.py",
        old="        sync_folder(each.parent)\n\n\ndef _make_folder",
        new='        sync_folder(each if each.name == "state" else each.parent)\n\n\ndef _make_folder',
        tests=(_OLDER,),
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
        tests=("tests/run/test_engine.py::test_an_intent_is_journaled_before_each_initiate",),
    ),
    Bug(
        name="a resumed export goes on one record too far",
        file="extractor/protocol/paging.py",
        old="asked=(), rests=(), frontier=paging.stored_to + 1,",
        new="asked=(), rests=(), frontier=paging.stored_to + 2,",
        tests=(_POWER,),
    ),
    Bug(
        name="the next page begins at offset + limit",
        file="extractor/protocol/paging.py",
        old="        rests, frontier = (), last + 1",
        new="        rests, frontier = (), asked + paging.limit",
        tests=("tests/contract/test_retrieve.py::test_a_page_that_comes_short_is_no_lie",),
    ),
    Bug(
        name="keepAlive=false",
        file="extractor/remote/questions.py",
        old="keepAlive={quote(dialect.true, safe='')}",
        new="keepAlive={quote(dialect.false, safe='')}",
        tests=("tests/contract/test_retrieve.py::test_every_page_is_asked_for_with_keep_alive",),
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
        old="    if len(cut.records) != count:",
        new="    if len(cut.records) > count:",
        tests=(_LIES, "tests/store/test_records.py"),
    ),
    Bug(
        name="what was sealed is not judged again when it is taken up",
        file="extractor/protocol/acts.py",
        old="    _check_identity(life, life.repeated, life.paging.stored_to)\n    return replace(",
        new="    return replace(",
        tests=(f"{_CONTRADICTED}[job_finished]",),
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
        tests=(_TORN,),
    ),
    Bug(
        name="a condemned part is synced a second time",
        file="extractor/store/parts.py",
        old="                self._write_anew(path)",
        new="                self._file.sync()",
        tests=("tests/crash/test_failing_disk.py::test_a_part_whose_sync_fails_is_written_anew",),
    ),
    Bug(
        name="a sealed part is published unread",
        file="extractor/store/sealed.py",
        old="    if digest.hexdigest() != part.sha256:",
        new="    if False:",
        tests=("tests/store/test_publish.py",),
    ),
    Bug(
        name="a window's shard is not synced",
        file="extractor/store/windowed.py",
        old="                try:\n                    file.sync()\n",
        new="                try:\n                    pass\n",
        tests=("tests/crash/test_power_loss_backfill.py",),
    ),
    Bug(
        name="the name of a window's shard is not synced",
        file="extractor/store/windowed.py",
        old="                durable.sync_folder(self._folder / window.folder)",
        new="                pass",
        tests=("tests/crash/test_power_loss_backfill.py",),
    ),
    Bug(
        name="a record is left out though its state is another",
        file="extractor/store/sieve.py",
        old="known.get(state[0]) == state[1]",
        new="state[0] in known",
        tests=("tests/store/test_remembering.py",),
    ),
    Bug(
        name="records are remembered by what was to be published, across a gap",
        file="extractor/store/remembering.py",
        old="        if since > known:\n",
        new="        if False:\n",
        tests=("tests/store/test_remembering.py",),
    ),
    Bug(
        name="a publication that nobody wrote down is forgotten",
        file="extractor/store/remembering.py",
        old="    if standing.announced not in {standing.publication, publication.number}:",
        new="    if False:",
        tests=("tests/store/test_remembering.py",),
    ),
    Bug(
        name="a run that is published after a later one is remembered as the last",
        file="extractor/store/remembering.py",
        old="    return other.number > number or (until is not None and other.until > until)",
        new="    return False",
        tests=("tests/store/test_late.py",),
    ),
    Bug(
        name="a backfill between two nights is forgotten",
        file="extractor/store/remembering.py",
        old="    if _backfilled(standing, publication, stream):",
        new="    if False:",
        tests=("tests/store/test_remembering.py",),
    ),
    Bug(
        name="a dataset is published though a job of it failed",
        file="extractor/run/coordinator.py",
        old="        if failed:\n",
        new="        if False:\n",
        tests=("tests/contract/test_errors.py::test_an_answer_that_stays_unreadable_is_given_up",),
    ),
    Bug(
        name="a Retry-After holds nobody",
        file="extractor/remote/limiter.py",
        old="        self._held_until = max(self._held_until, until)",
        new="        pass",
        tests=("tests/remote/test_limiter.py",),
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
    report = _pytest(folder, tests, "-n", "auto")
    return "" if report.code == 0 else f"without any bug, pytest ended with {report.code}: {report.said}"


def caught(bug: Bug, folder: Path) -> str:
    """Plant a bug in the copy, run its tests and take it out again; give why it was not caught, empty if it was."""
    path = folder / bug.file
    text = path.read_text("utf-8")
    if text.count(bug.old) != 1:
        return f"its place is there {text.count(bug.old)} times"
    path.write_text(text.replace(bug.old, bug.new), "utf-8")
    try:
        report = _pytest(folder, bug.tests)
    finally:
        path.write_text(text, "utf-8")
    return unproved(report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How pytest ended: its code, its last words, and the messages of tests that failed, and that broke elsewhere."""

    code: int
    said: str
    failures: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def unproved(report: Report) -> str:
    """Why a report does not show that an assertion noticed something; empty if it does."""
    if report.code != _FAILED or report.errors or not report.failures:
        return f"pytest ended with {report.code}: {report.said} {' / '.join(report.errors)}"
    for message in report.failures:
        if _ASSERTED.match(message) is None or _SLIP.search(message) is not None:
            return f"not an assertion of a test, or not of the bug: {message[:1000]}"
    return ""


def read_report(junit: Path, code: int, said: str) -> Report:
    """Read what pytest wrote (``--junit-xml``), of this interpreter's own making."""
    if not junit.exists():
        return Report(code=code, said=said)
    cases = list(ET.parse(junit).iter("testcase"))  # noqa: S314 - pytest wrote it, a moment ago
    found = {
        kind: tuple(each.get("message", "") for case in cases for each in case.findall(kind))
        for kind in ("failure", "error")
    }
    return Report(code=code, said=said, failures=found["failure"], errors=found["error"])


def _pytest(folder: Path, tests: tuple[str, ...], *options: str) -> Report:
    # Without byte code: two edits of one second and one length would share it.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=60"]
    words += ["-o", "verbosity_assertions=2"]  # whole: nothing is to hide behind "truncated"
    with tempfile.TemporaryDirectory() as place:
        junit = Path(place) / "junit.xml"
        try:
            ended = subprocess.run(  # noqa: S603 - our own words
                [*words, f"--junit-xml={junit}", *options, *tests],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Report(code=-1, said=f"no end after {_PATIENCE:g} s")
        lines = ended.stdout.strip().splitlines()
        told = [line for line in lines if line.startswith(("FAILED", "ERROR"))][:3] + lines[-1:]
        return read_report(junit, ended.returncode, " / ".join(told))
