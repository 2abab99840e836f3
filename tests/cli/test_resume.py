"""Taking up a run from outside: what is resumed, and every reason why not."""

from __future__ import annotations

import errno
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.child import simulator_process
from extractor.store.door import Kind, Operation, guarded

pytestmark = pytest.mark.timeout(60)

TWO = "  - segment: 100% Café/Bar\n  - segment: Nobody Yet\n"
FAST = "limits: {requests_per_second: 500, poll_first: 0.01, retry_for: 0}\n"


@pytest.fixture
def failed(invoke: Any, config: Any, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A run of two jobs of which the first was refused once; gives its configuration and the server's address."""
    with simulator_process(["--fault", "initiate[100% Café/Bar]: 403"], errors=tmp_path / "errors") as base_url:
        path = config(TWO, base_url=base_url, extra=FAST)
        assert invoke("run", str(path), "--quiet").code == 3
        yield path, base_url


@pytest.mark.usefixtures("failed")
def test_resume_asks_only_for_what_failed(invoke: Any) -> None:
    """The job that was done stays done; the dataset that was withheld is published under the same run."""
    ended = invoke("resume", "--state", "state")

    assert (ended.code, ended.out.splitlines()[0].partition(":")[0]) == (0, "All went well"), ended
    assert "1 of 2 jobs are done" in ended.err
    (run,) = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert (run["exit_code"], run["done"], run["failed"]) == (0, 2, 0)
    assert json.loads(invoke("verify", "exports", "--json").out)["runs"] == 2
    assert not list(Path("state/staging").iterdir())


def test_run_says_that_something_is_unfinished_and_takes_it_up_when_told(invoke: Any, failed: tuple[Path, str]) -> None:
    """``--resume`` resumes, a plain run begins anew and mentions it, ``--new`` does not."""
    path, _ = failed
    assert "is unfinished; this is a new one" in invoke("run", str(path)).err
    assert invoke("run", str(path), "--resume", "--new").code == 2
    runs = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert [run["exit_code"] for run in runs] == [0, 3]
    assert "unfinished" not in invoke("run", str(path), "--new", "--quiet").err


@pytest.mark.usefixtures("failed")
def test_a_complete_run_is_not_resumed(invoke: Any) -> None:
    """Nor one that never was."""
    invoke("resume", "--state", "state", "--quiet")

    again = invoke("resume", "--state", "state")
    assert (again.code, "every run is complete -- there is nothing to resume" in again.err) == (2, True)
    unknown = invoke("resume", "20260101T000000Z-0000", "--state", "state")
    assert (unknown.code, "no run '20260101T000000Z-0000'" in unknown.err) == (2, True)
    nowhere = invoke("resume", "--state", "elsewhere")
    assert (nowhere.code, "no journal there" in nowhere.err) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Nobody Yet", "Somebody Yet", "asks for something else than when the run began"),
        ("{path: exports}", "{path: exports, compression: gzip}", "has changed since the run began"),
    ],
)
def test_a_configuration_that_has_changed_is_refused(
    invoke: Any, failed: tuple[Path, str], old: str, new: str, said: str
) -> None:
    """Half of one question and half of another would be no answer to either."""
    path, _ = failed
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    ended = invoke("resume", "--state", "state")

    assert (ended.code, said in ended.err) == (2, True), ended


def test_a_job_that_had_failed_begins_anew_whatever_is_left_of_it(invoke: Any, config: Any, tmp_path: Path) -> None:
    """Two pages were on disk when it was refused; they belong to an export that nobody reads any more."""
    with simulator_process(["--fault", "page: ok ok 400"], errors=tmp_path / "errors") as base_url:
        limits = "limits: {requests_per_second: 500, poll_first: 0.01, page_size: 10, retry_for: 0}\n"
        path = config("  - segment: 100% Café/Bar\n", base_url=base_url, extra=limits)
        assert invoke("run", str(path), "--quiet").code == 4
        for part in Path("state/staging").rglob("part-*"):
            part.unlink()
        assert invoke("resume", "--state", "state", "--quiet").code == 0
        assert json.loads(invoke("verify", "exports", "--json").out)["records"] == 42


def test_a_run_is_not_taken_up_into_another_folder(invoke: Any, failed: tuple[Path, str]) -> None:
    """Half of it here and half of it there would be no run at all; the message names both ways out."""
    path, _ = failed
    ended = invoke("run", str(path), "--resume", "--output", "elsewhere")
    assert (2, True, False) == (ended.code, "but publishes in" in ended.err, Path("elsewhere").exists()), ended


def test_a_job_that_was_added_to_the_file_does_not_keep_a_run_from_being_resumed(
    invoke: Any, failed: tuple[Path, str]
) -> None:
    """The run asks for what it asked for when it began, and nothing more."""
    path, _ = failed
    text = path.read_text("utf-8")
    path.write_text(text.replace("jobs:\n", "jobs:\n  - segment: SMS OptIns\n"), "utf-8")
    ended = invoke("resume", "--state", "state", "--quiet")
    assert (0, True) == (ended.code, "2 of 2 jobs done" in ended.out), ended


def failing(number: int, kind: Kind | None) -> Callable[[Operation], None]:
    """A guard of the door: each operation of this kind, or of every kind, fails with this error."""

    def fail(operation: Operation) -> None:
        if kind in {None, operation.kind}:
            raise OSError(number, os.strerror(number))

    return fail


TROUBLES = [
    (errno.ENOSPC, 3, "the disk is full; free some space, then resume"),
    (errno.EDQUOT, 3, "the disk quota is used up"),
    (errno.EIO, 3, "the disk reports an input/output error"),
    (errno.EROFS, 3, "the file system is read-only"),
    (errno.EMFILE, 3, "too many files are open"),
    (errno.EACCES, 2, "access is denied"),
    (errno.ENOENT, 2, "there is no such file or folder"),
]


def test_a_disk_that_fails_before_the_first_request_is_no_usage_error(invoke: Any, failed: tuple[Path, str]) -> None:
    """A scheduler that gives up at 2 goes on trying at 3; a path that is wrong is still 2. Nothing is asked."""
    path, base_url = failed
    before = requests(base_url)
    for words in (["run", str(path)], ["resume", "--state", "state"]):
        for kind in (None, Kind.TRANSACTION):
            for number, code, said in TROUBLES:
                with guarded(failing(number, kind)):
                    ended = invoke(*words)
                assert (code, "") == (ended.code, ended.out), ended
                assert said in ended.err
    assert before == requests(base_url)
    assert invoke("resume", "--state", "state", "--quiet").code == 0


def requests(base_url: str) -> int:
    """How many requests the server has seen."""
    address = base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - a loopback address of our own
        return sum(1 for _ in answer)
