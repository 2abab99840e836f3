from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractor.cli.front import HELP
from extractor.cli.reference import (
    command_reference,
    config_reference,
    dialect_reference,
    embedded,
    program_help,
)

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_holds_the_reference_as_the_program_knows_it() -> None:
    """After a change of commands, keys or dialect: ``python -m extractor.cli.reference``."""
    page = README.read_text("utf-8")

    assert page == embedded(page)


def test_the_help_that_is_ready_is_the_programs_own(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the terminal is too narrow for it, and it has to be made."""
    monkeypatch.setenv("COLUMNS", "200")
    wide = invoke("--help")
    monkeypatch.setenv("COLUMNS", "60")
    narrow = invoke("-h")

    assert Path(HELP).read_text("utf-8") == program_help() == wide.out
    assert max(map(len, narrow.out.splitlines())) <= 60 < max(map(len, wide.out.splitlines()))
    assert "watermarks" in narrow.out


def test_the_reference_has_every_spelling_with_its_default() -> None:
    """What the vendor's pages leave open can be looked up."""
    text = dialect_reference()

    assert "| `retrieve` | `Async/{clientId}/Export/{accessToken}` |" in text
    assert "Complete: complete" in text


def test_the_reference_has_every_command_option_and_exit_code() -> None:
    """What the README shows is what the program knows."""
    text = command_reference()

    assert "#### `extractor run CONFIG [OPTIONS]`" in text
    assert "| `--job NAME` |  | Only the jobs of this name; may be given several times. |" in text
    assert "| `--state DIR` | `.extractor` | The state folder (state of the configuration). |" in text
    assert "extractor init nightly.yaml --force" in text
    assert "| `130` | interrupted (SIGINT)" in text


def test_the_reference_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal makes no other README."""
    wide = command_reference()
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERMINAL_WIDTH", "20")

    assert command_reference() == wide


def test_the_configuration_reference_has_every_key_with_type_and_default() -> None:
    """Nested keys by their path, list entries with brackets, secrets as references."""
    rows = {line.split("|")[1].strip(): line for line in config_reference().splitlines()}

    assert "| integer | `8` |" in rows["`limits.exports`"]
    assert "| text | required |" in rows["`connection.base_url`"]
    assert "| `${env:NAME}` or `${file:PATH}` | required |" in rows["`connection.auth.secret`"]
    assert "| list of text or integer or section | required |" in rows["`jobs[].match.values`"]
    assert "| `0` |" in rows["`jobs[].match.values.max_rejects`"]
    assert "| `256MiB` |" in rows["`output.shard_bytes`"]
    assert "`connection.auth.token_url`" in rows


def test_no_cell_breaks_its_table() -> None:
    """Every row has as many cells as the header."""
    for line in config_reference().splitlines():
        assert line.replace("\\|", "").count("|") == 5, line
