from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import extractor
from extractor.cli import main, schema
from extractor.cli.ending import ended_by_bug, exit_code_of
from extractor.errors import (
    ConfigError,
    ExtractorError,
    Forbidden,
    IntegrityError,
    LocalError,
    LocalUnavailable,
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
)

COMMANDS = [
    "demo", "init", "schema", "plan", "doctor", "run", "backfill", "resume", "verify", "runs", "status", "coverage",
    "simulate", "watermarks",
]  # fmt: skip


def process(*arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the program as users do."""
    command = [sys.executable, "-m", "extractor", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1])}
    return subprocess.run(command, cwd=cwd, env=environ, stderr=subprocess.PIPE, timeout=60, check=False, **options)  # noqa: S603 - our own program


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(invoke: Any, command: str) -> None:
    """The example begins as one would type it."""
    ended = invoke(command, "--help")

    assert ended.code == 0
    assert f"\n    extractor {command}" in ended.out.partition("Examples:")[2]


def test_no_command_is_forgotten_by_these_tests(invoke: Any) -> None:
    """The list above is the list in the help, in its order."""
    listed = invoke("--help").out.partition("Commands:")[2].partition("Examples:")[0]

    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line.strip()] == COMMANDS


def test_the_version_is_printed_alone(invoke: Any) -> None:
    """For scripts."""
    assert (invoke("--version").code, invoke("--version").out) == (0, f"extractor {extractor.__version__}\n")


@pytest.mark.parametrize("arguments", [("nonsense",), ("plan",), ("run", "a", "b"), ("plan", "x.yaml", "--nonsense")])
def test_usage_errors_exit_2_and_leave_stdout_alone(invoke: Any, arguments: tuple[str, ...]) -> None:
    """What is wrong goes to stderr."""
    ended = invoke(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["p"]), 2), (LocalError("l"), 2), (LocalUnavailable("l"), 3),
        (IntegrityError("i"), 6), (Unauthorized("u"), 4),
        (Forbidden("f"), 4), (NotFound("n"), 4), (Rejected("r"), 4), (Unavailable("u"), 5), (Throttled("t"), 5),
        (Malformed("m"), 5),
    ],
)  # fmt: skip
def test_each_error_has_the_exit_code_of_whose_fault_it_is(error: ExtractorError, code: int) -> None:
    """Schedulers branch on these numbers."""
    assert exit_code_of(error) == code


def test_a_bug_exits_1_and_its_traceback_holds_no_value(
    invoke: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither locals nor the exception's text: both may hold a secret."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken(_value: object) -> None:
        hidden = "s3cret"
        try:
            {}[hidden]
        except KeyError as error:
            raise ValueError(hidden) from error

    monkeypatch.setattr(schema, "out_json", broken)
    ended = invoke("schema")

    (written,) = tmp_path.glob("extractor-bug-*.txt")
    kept = written.read_text(encoding="utf-8")
    assert (ended.code, ended.out) == (1, "")
    assert "This is a bug" in ended.err
    assert str(written) in ended.err
    assert "Traceback" not in ended.err
    assert written.stat().st_mode & 0o077 == 0
    assert "in broken" in kept
    assert "builtins.KeyError" in kept
    assert "builtins.ValueError" in kept
    assert "s3cret" not in kept.replace('hidden = "s3cret"', "")


def test_our_errors_in_a_task_group_are_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk that several tasks meet at once is still a full disk."""
    group = ExceptionGroup("tasks", [LocalError("the disk is full"), ExceptionGroup("more", [LocalError("again")])])

    assert ended_by_bug(group) == 2
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_a_reader_that_has_gone_ends_nothing_and_is_not_mentioned(tmp_path: Path) -> None:
    """``extractor schema | head -0`` is quiet."""
    reader, writer = os.pipe()
    os.close(reader)

    done = process("schema", cwd=tmp_path, stdout=writer)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_result_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A full disk under ``> file`` must not look like success."""
    with Path("/dev/full").open("wb") as full:
        done = process("schema", cwd=tmp_path, stdout=full)

    assert (done.returncode, done.stderr) == (2, b"error: standard output cannot be written: No space left on device\n")


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """``extractor --help`` is quick because it loads no more than it shows."""
    program = (
        "import sys; from extractor.cli import main; main(['--help'])\n"
        "heavy = {'aiohttp', 'pydantic', 'anyio', 'rich', 'zstandard', 'yaml', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, check=False)  # noqa: S603 - our own interpreter

    assert (done.returncode, done.stderr) == (0, b"")


def test_main_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script hands its number to the shell."""
    monkeypatch.setattr(sys, "argv", ["extractor", "--version"])

    assert main() == 0


def test_verify_without_anything_published_exits_2(invoke: Any, tmp_path: Path) -> None:
    """Nothing to verify is not the same as intact."""
    ended = invoke("verify", str(tmp_path))

    assert (ended.code, ended.out) == (2, "")
    assert "nothing published" in ended.err
