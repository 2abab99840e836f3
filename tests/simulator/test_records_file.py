"""What is refused when a user's file is opened."""

from pathlib import Path

import pytest

from extractor.errors import ConfigError
from extractor.simulator.records_file import RecordsFile


@pytest.mark.parametrize("line", [b"[1]", b"", b"{", b"null", b'{"a":"\xff"}', b'"text"'])
def test_a_line_that_is_no_object_is_refused_by_file_and_line(tmp_path: Path, line: bytes) -> None:
    """At once, not when a client gets there."""
    path = tmp_path / "people.ndjson"
    path.write_bytes(b"{}\n" + line + b"\n{}\n")
    with pytest.raises(ConfigError) as refused:
        RecordsFile(path)
    assert 1 == len(refused.value.problems)
    assert refused.value.problems[0].startswith(f"{path}:2: not a JSON object")


def test_a_refusal_does_not_repeat_the_content(tmp_path: Path) -> None:
    """The file may hold real people."""
    path = tmp_path / "people.ndjson"
    path.write_bytes(b'{"EmailAddress":"someone@example.com"')
    with pytest.raises(ConfigError) as refused:
        RecordsFile(path)
    assert "someone" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match="nowhere"):
        RecordsFile(tmp_path / "nowhere")
