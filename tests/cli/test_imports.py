"""What a command need not import, it does not: asking for help is as quick as Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WATCHED = """
import sys
from extractor.cli import main
code = main(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
CLIENT = {"aiohttp", "aiolimiter", "anyio", "asyncio", "multidict", "yarl"}
SCREEN = {"rich"}
DATA = {"orjson", "phonenumbers", "pyroaring", "zstandard"}
CONFIG = {"msgspec", "pydantic", "pydantic_core", "sqlite3", "typer", "tzdata", "yaml"}


def imported(*arguments: str) -> set[str]:
    """The packages that a process has imported when it has done this."""
    root = Path(__file__).parents[2]
    # Measured, it would import what measures it; and the debug mode of asyncio is the test target's.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHONASYNCIO"))}
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_need_nothing_but_python(word: str) -> None:
    """They come in the time in which Python starts."""
    assert not imported(word) & {
        *CLIENT,
        *SCREEN,
        *DATA,
        *CONFIG,
        "json",
        "logging",
        "pathlib",
        "re",
        "shutil",
        "tempfile",
    }


def test_the_help_of_a_command_needs_the_command_line_only() -> None:
    """No configuration is read for it; that typer reads parameters with pydantic is its own affair."""
    assert not imported("run", "--help") & {*CLIENT, *SCREEN, *DATA, *CONFIG - {"typer", "pydantic", "pydantic_core"}}


def test_a_plan_needs_no_client_no_screen_and_no_records(nightly: Path) -> None:
    """It reads a file and a journal."""
    assert not imported("plan", str(nightly)) & {*CLIENT, *SCREEN, *DATA}


@pytest.fixture
def nightly(tmp_path: Path, invoke: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A first configuration."""
    path = tmp_path / "nightly.yaml"
    invoke("init", str(path))
    monkeypatch.setenv("EXTRACTOR_SECRET", "invented")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return path
