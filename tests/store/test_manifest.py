"""A manifest reads back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import KeptText
from extractor.store.manifest import (
    Latest,
    encode,
    load_latest,
    load_manifest,
    success,
    summarize_kept,
)

SHA = "0" * 64


@pytest.fixture
def written(stage: Any) -> dict[str, Any]:
    """The JSON of a published manifest."""
    folder = stage.publish(stage.small()).folder
    value: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return value


def test_a_manifest_reads_back_as_it_was_written(stage: Any) -> None:
    """Every member of it; what the publication gives has all but the jobs."""
    published = stage.publish(stage.small())
    read = load_manifest(published.folder / "manifest.json")
    assert encode(read) == (published.folder / "manifest.json").read_bytes()
    assert msgspec.structs.replace(read, jobs=()) == published.manifest


def test_the_members_are_those_of_format_1(written: dict[str, Any]) -> None:
    """A released format never changes; a new one gets a new number."""
    assert list(written) == [
        "format", "run", "journal", "extractor", "dataset", "config_hash", "since", "streams", "windows",
        "compression",        "started", "finished", "totals", "shards", "jobs",
    ]  # fmt: skip
    assert list(written["shards"][0]) == ["name", "records", "bytes", "uncompressed_bytes", "sha256"]
    assert list(written["jobs"][0]) == [
        "job_id", "name", "stream", "batch", "batches", "match", "last_date_time", "records", "total_results",
        "row_count", "exports", "requests", "retries", "possible_orphans", "note", "kept_text", "repeated_ids",
        "left_out", "shards",
    ]  # fmt: skip
    assert written["since"] == [None, "2026-11-22T00:00:00.000Z"]
    assert written["jobs"][1]["match"] == "EmailAddress/Home x 1"
    assert written["jobs"][1]["kept_text"] == {
        "count": 1,
        "reasons": {"duplicate key": 1},
        "first": [{"record": 2, "reason": "duplicate key"}],
    }


def test_no_match_value_is_in_a_manifest(stage: Any) -> None:
    """Design, section 6, rule 10."""
    folder = stage.publish(stage.small()).folder
    assert b"ada" not in (folder / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "its format is 2, this version of extractor reads 1"),
        ({"format": "1"}, "Expected `int`, got `str`"),
        ({"format": None}, "Expected `int`, got `null`"),
        ({"run": 7}, "Expected `str`, got `int`"),
        ({"surplus": 1}, "unknown field `surplus`"),
        ({"jobs": {}}, "Expected `array`, got `object`"),
        ({"shards": [{}]}, "missing required field `name`"),
        ({"compression": "lzma"}, "Invalid enum value"),
        ({"started": "yesterday"}, "matching regex"),
        ({"totals": {"records": -1}}, "`int` >= 0"),
        ({"since": "x"}, "Expected `array`"),
    ],
)
def test_a_manifest_of_another_form_is_refused(
    change: dict[str, Any], reason: str, written: dict[str, Any], tmp_path: Path
) -> None:
    """With what is wrong and where."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(written | change))
    with pytest.raises(IntegrityError) as error:
        load_manifest(path)
    assert reason in str(error.value)
    assert str(path) in str(error.value)


def test_a_manifest_without_one_of_its_members_is_refused(written: dict[str, Any], tmp_path: Path) -> None:
    """Any of them."""
    path = tmp_path / "manifest.json"
    for name in written:
        path.write_text(json.dumps({key: value for key, value in written.items() if key != name}))
        with pytest.raises(IntegrityError, match=f"missing required field `{name}`"):
            load_manifest(path)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b'{"format":1}', b"[" * 5000])
def test_what_is_no_manifest_is_refused(text: bytes, tmp_path: Path) -> None:
    """Cut off, damaged, something else."""
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(IntegrityError, match="not what extractor writes"):
        load_manifest(tmp_path / "manifest.json")


def test_a_missing_manifest_is_this_machine_s_fault(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(LocalError, match="no such file"):
        load_manifest(tmp_path / "manifest.json")


def test_a_pointer_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """And is as strict."""
    latest = Latest(run="r", manifest="run=r/manifest.json", sha256=SHA)
    (tmp_path / "latest.json").write_bytes(encode(latest))
    assert load_latest(tmp_path / "latest.json") == latest
    with pytest.raises(ValueError, match="regex"):
        encode(Latest(run="r", manifest="x", sha256="short"))


def test_the_success_file_is_what_sha256sum_reads() -> None:
    """Readers check the manifest without this tool."""
    assert success(b"abc") == b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  manifest.json\n"


def test_kept_records_are_counted_and_the_first_twenty_named() -> None:
    """A manifest stays small whatever the server sends."""
    summary = summarize_kept(KeptText(record=index, reason="ba"[index % 2]) for index in range(1, 31))
    assert (summary.count, dict(summary.reasons)) == (30, {"a": 15, "b": 15})
    assert [each.record for each in summary.first] == list(range(1, 21))
