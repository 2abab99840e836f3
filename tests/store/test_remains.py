"""What runs hold beside the journal, looked at while it may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store.remains import held, measure, owners, stands


def test_a_state_folder_without_data_holds_nothing(tmp_path: Path) -> None:
    """Nor does one that is not there."""
    assert ([], 0) == (owners(tmp_path), held(tmp_path / "none", "a"))


def test_every_file_of_a_run_counts_wherever_it_lies(tmp_path: Path) -> None:
    """Staging and quarantine, at any depth; a neighbour's does not."""
    for name, content in (
        ("staging/a/0000000/export-1/part-00000", b"12345"),
        ("staging/a/0000001/export-1/part-00000", b"123"),
        ("quarantine/a/deep/page", b"1"),
        ("quarantine/b/page", b"1234567"),
        ("staging/notes.txt", b"not a run's"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    assert ["a", "b"] == owners(tmp_path)
    assert (9, 7, 0) == (held(tmp_path, "a"), held(tmp_path, "b"), held(tmp_path, "c"))


def test_no_symbolic_link_is_followed(tmp_path: Path) -> None:
    """What lies elsewhere is not this run's."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "big").write_bytes(b"x" * 5000)
    (tmp_path / "staging" / "a").mkdir(parents=True)
    (tmp_path / "staging" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "staging" / "a" / "link").symlink_to(tmp_path / "elsewhere")

    assert ["a"] == owners(tmp_path)
    assert (False, 0) == (stands(tmp_path / "staging" / "b"), held(tmp_path, "b"))
    assert measure(tmp_path / "staging" / "a") < 5000


def test_what_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    """Not counted as nothing."""
    (tmp_path / "staging").write_text("a file")
    with pytest.raises(LocalError, match="it is a file where a folder is needed"):
        owners(tmp_path)
    with pytest.raises(LocalError, match="too long"):
        stands(tmp_path / ("n" * 300))
