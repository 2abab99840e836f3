"""Manifests piece by piece."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import KeptText
from extractor.store import roll
from extractor.store.manifest import (
    DatasetEntry,
    JobEntry,
    JournalEntry,
    Manifest,
    RangeEntry,
    Totals,
    decode_manifest,
    encode,
    summarize_kept,
)

PATH = Path("manifest.json")
MANY = 1500  # jobs: more than are read or written at once


TOTALS = dict.fromkeys(
    ["records", "bytes", "uncompressed_bytes", "exports", "requests", "retries", "possible_orphans", "kept_text"], 7
)


def entry(number: int) -> JobEntry:
    """The entry of a job; no two are alike."""
    return JobEntry(
        job_id=f"{number:016x}",
        name='odd },\n    {\n name "jobs": [' if number % 7 == 1 else "é\u2028",
        stream="s",
        batch=number + 1,
        batches=MANY,
        match="ProfileId x 4" if number % 2 else None,
        last_date_time=None,
        records=number,
        total_results=number,
        row_count=None,
        exports=1,
        requests=4,
        retries=0,
        possible_orphans=0,
        note="",
        kept_text=summarize_kept([KeptText(record=number, reason="duplicate key")] if number % 3 == 1 else []),
        repeated_ids=0,
        left_out={"unchanged": 1} if number % 5 == 0 else {},
        shards=tuple(RangeEntry(shard=each, first=number, records=1) for each in range(number % 3)),
    )


def manifest_of(jobs: int) -> Manifest:
    """A manifest with so many jobs."""
    return Manifest(
        run="20261123T020000Z-7f3a",
        journal=JournalEntry(id="0123456789abcdef", run=1, publication=1),
        extractor="1",
        dataset=DatasetEntry(kind="segment", name='"jobs": ['),
        config_hash="0" * 16,
        since=(None,),
        streams=(),
        windows=None,
        compression="zstd",
        started="2026-11-23T02:00:00Z",
        finished="2026-11-23T02:00:09Z",
        totals=Totals(**TOTALS, repeated_ids=0, left_out={}),
        shards=(),
        jobs=tuple(map(entry, range(jobs))),
    )


def headless(value: Manifest) -> Manifest:
    """All but the jobs."""
    return msgspec.structs.replace(value, jobs=())


@pytest.mark.parametrize("jobs", [0, 1, 2, MANY])
def test_a_manifest_in_pieces_is_the_one_that_is_written_whole(tmp_path: Path, jobs: int) -> None:
    """Byte for byte; and it reads back in pieces as it does whole."""
    value = manifest_of(jobs)
    pieces = list(roll.spell(headless(value), value.jobs))
    text = b"".join(pieces)
    assert text == encode(value)
    assert (len(pieces) > 1) == (jobs == MANY)
    assert decode_manifest(text, PATH) == value
    path, read = tmp_path / "manifest.json", list[JobEntry]()
    path.write_bytes(text)
    assert roll.walk(path, read.append) == (headless(value), hashlib.sha256(text).hexdigest())
    assert tuple(read) == value.jobs
    assert roll.head_of(path) == headless(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    return tmp_path_factory.mktemp("roll")


@given(data=st.data())
def test_whatever_is_read_in_pieces_is_read_whole(data: st.DataObject, folder: Path) -> None:
    """A changed manifest is refused, or is what the strict reader of the whole takes it for."""
    text = bytearray(encode(manifest_of(data.draw(st.integers(0, 3)))))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 12, len(text))))
    text[start:end] = data.draw(
        st.sampled_from([b"", b"}", b"]", b"{", b",", b"\n", b" ", b"0", b'"', b"[]", b"\n    },\n"])
    )
    path, read = folder / "manifest.json", list[JobEntry]()
    path.write_bytes(text)
    try:
        head, _ = roll.walk(path, read.append)
    except IntegrityError:
        return
    assert msgspec.structs.replace(head, jobs=tuple(read)) == decode_manifest(bytes(text), path)


def test_another_layout_is_not_what_was_written(tmp_path: Path) -> None:
    """Whoever spells it anew changes its checksum, too; its head can still be read."""
    path, whole = tmp_path / "manifest.json", manifest_of(3)
    path.write_bytes(msgspec.json.encode(whole))
    with pytest.raises(IntegrityError, match="spelled anew by another program"):
        roll.walk(path, lambda _entry: None)
    assert roll.head_of(path) == headless(whole)


def test_a_file_that_is_not_there_is_this_machine_s_fault(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(LocalError):
        roll.walk(tmp_path / "manifest.json", lambda _entry: None)
    with pytest.raises(LocalError):
        roll.head_of(tmp_path / "manifest.json")


def test_a_head_has_no_jobs() -> None:
    """They would stand there twice."""
    whole = manifest_of(1)
    with pytest.raises(ValueError, match="has no jobs"):
        list(roll.spell(whole, whole.jobs))
