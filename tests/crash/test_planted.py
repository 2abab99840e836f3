"""What counts as caught: an assertion of a test that noticed the bug, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.planted import BUGS, Bug, read_report, unproved

_ROOT = Path(__file__).parents[2]


def judged(tmp_path: Path, cases: str, code: int = 1) -> str:
    """What is said of a run of pytest with these test cases."""
    junit = tmp_path / "junit.xml"
    junit.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", "utf-8")
    return unproved(read_report(junit, code, "its last words"))


def failed(message: str) -> str:
    """A test that failed."""
    return f'<testcase name="test_it"><failure message="{message}">more</failure></testcase>'


@pytest.mark.parametrize(
    "message", ["assert 1 == 2", "AssertionError: lost", "Failed: DID NOT RAISE &lt;class 'X'&gt;"]
)
def test_an_assertion_of_a_test_is_a_proof(tmp_path: Path, message: str) -> None:
    """Beside tests that pass."""
    assert judged(tmp_path, '<testcase name="test_other" />' + failed(message)) == ""


@pytest.mark.parametrize(
    "message",
    [
        "NameError: name 'nowhere' is not defined",
        "Failed: Timeout (&gt;60.0s) from pytest-timeout.",
        "OSError: [Errno 98] Address already in use",
        "AssertionError: Traceback .. NameError: name 'nowhere' is not defined",
    ],
)
def test_anything_else_that_fails_is_none(tmp_path: Path, message: str) -> None:
    """Not even beside a proof."""
    assert "not an assertion" in judged(tmp_path, failed(message))
    assert judged(tmp_path, failed("assert 1 == 2") + failed(message))


def test_an_error_outside_of_a_test_is_none(tmp_path: Path) -> None:
    """A fixture, or a module that cannot be imported."""
    error = '<testcase name="test_it"><error message="collection failure">more</error></testcase>'
    assert "collection failure" in judged(tmp_path, failed("assert 1 == 2") + error)


@pytest.mark.parametrize("code", [-1, 0, 2, 3, 4, 5])
def test_another_exit_code_is_none(tmp_path: Path, code: int) -> None:
    """Interrupted, an internal error, wrong words, nothing collected, no end."""
    assert judged(tmp_path, failed("assert 1 == 2"), code)
    assert unproved(read_report(tmp_path / "missing.xml", code, "its last words"))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_place_of_each_bug_and_its_tests_are_there(bug: Bug) -> None:
    """The list keeps up with the program, also between two ``make crash``."""
    assert 1 == (_ROOT / bug.file).read_text("utf-8").count(bug.old)
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (_ROOT / file).read_text("utf-8")
