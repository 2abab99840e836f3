from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extractor.config import load
from extractor.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from extractor.config import Check, Config

# Lines 1 to 4 of every file that ``with_jobs`` makes.
CONNECTION = """\
connection:
  base_url: https://preferences.example/Profiles/v4
  client_id: ACME
  auth: {scheme: pnauthinfo3, user_id: nightly, secret: "${env:EXTRACTOR_SECRET}"}
"""
# A whole legal file of six lines.
WHOLE = CONNECTION + "jobs:\n  - segment: Newsletter OptIns\n"
ENVIRON = {"EXTRACTOR_SECRET": "open-sesame"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which messages and relative paths are relative to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def loads(folder: Path) -> Callable[..., Config]:
    """Load a file called nightly.yaml that holds the given text."""

    def loaded(text: str | bytes, environ: Mapping[str, str] = ENVIRON, checks: Sequence[Check] = ()) -> Config:
        path = folder / "nightly.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path.relative_to(folder), environ=environ, checks=checks)

    return loaded


@pytest.fixture
def refuses(loads: Callable[..., Config]) -> Callable[..., list[str]]:
    """The problems of a file called nightly.yaml that holds the given text; fails if there are none."""

    def problems(text: str | bytes, environ: Mapping[str, str] = ENVIRON, checks: Sequence[Check] = ()) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loads(text, environ, checks)
        return caught.value.problems

    return problems


@pytest.fixture
def whole() -> str:
    """A legal file of six lines; the job begins in line 6."""
    return WHOLE


@pytest.fixture
def connection() -> str:
    """The legal connection, lines 1 to 4 of a file."""
    return CONNECTION
