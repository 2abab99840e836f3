from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_the_file_that_init_writes_can_be_planned(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, once the secret is in the environment."""
    written = invoke("init")
    monkeypatch.setenv("EXTRACTOR_SECRET", "s3cret")
    planned = invoke("plan", "extractor.yaml")

    assert (written.code, planned.code) == (0, 0)
    assert "s3cret" not in planned.out + planned.err


def test_a_file_that_is_there_is_kept(invoke: Any, tmp_path: Path) -> None:
    """Unless one says --force."""
    (tmp_path / "night.yaml").write_text("mine", encoding="utf-8")

    refused = invoke("init", "night.yaml")
    kept = (tmp_path / "night.yaml").read_text(encoding="utf-8")
    forced = invoke("init", "night.yaml", "--force")

    assert (refused.code, kept, forced.code) == (2, "mine", 0)
    assert refused.err == "error: night.yaml is already there -- give another name, or --force to overwrite it\n"
    assert (tmp_path / "night.yaml").read_text(encoding="utf-8") != "mine"


def test_a_place_that_cannot_be_written_is_named(invoke: Any, tmp_path: Path) -> None:
    """No traceback for a file in the way."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    ended = invoke("init", "file/night.yaml")

    assert (ended.code, ended.err.startswith("error: file/night.yaml cannot be written: ")) == (2, True)
