"""Published is all or nothing, whatever happened in between."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import Dataset
from extractor.store.compression import Compression, codec
from extractor.store.manifest import load_latest
from extractor.store.sealed import PartLost
from extractor.store.verify import verify

RUN = "20261123T020000Z-7f3a"
OPERATIONS = ("write", "fsync", "replace", "link", "mkdir", "open", "unlink", "rmdir")  # what changes a disk


class Killed(BaseException):
    """The process ends here."""


def kill_at(number: int, patch: pytest.MonkeyPatch) -> list[str]:
    """End the process before its ``number``-th operation on the disk (1-based); gives the operations so far."""
    done: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        act: Callable[..., Any] = getattr(os, name)

        def operation(*arguments: Any, **named: Any) -> Any:
            done.append(name)
            if len(done) == number:
                raise Killed
            return act(*arguments, **named)

        return operation

    for name in OPERATIONS:
        patch.setattr(os, name, counted(name))
    return done


def files(folder: Path) -> dict[str, bytes]:
    """Every file below, with its content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
@pytest.mark.parametrize(("shard_bytes", "shards"), [(1, 3), (1_000_000, 1)])
def test_the_lines_are_published_in_plan_order(
    compression: Compression, shard_bytes: int, shards: int, stage_of: Callable[[Compression], Any]
) -> None:
    """Linked or copied, in shards that the manifest describes."""
    stage = stage_of(compression)
    published = stage.publish(stage.small(), shard_bytes=shard_bytes)
    assert published.folder == stage.output / "segment=Newsletter%20OptIns" / f"run={RUN}"
    extension = codec(compression).extension
    names = [f"part-{index:05d}{extension}" for index in range(shards)]
    assert sorted(path.name for path in published.folder.iterdir()) == sorted(["_SUCCESS", "manifest.json", *names])
    lines = b""
    for entry in published.manifest.shards:
        with codec(compression).reader(published.folder / entry.name) as stream:
            lines += stream.read()
        assert entry.sha256 == hashlib.sha256((published.folder / entry.name).read_bytes()).hexdigest()
    assert lines == (
        b'{"ProfileId":1}\n{"ProfileId":2,"Name":"Zo\xc3\xab"}\n{"ProfileId":3}\n{"ProfileId":4}\n{"a":1,"a":2}\n'
    )
    assert verify(stage.output).intact


def test_a_dataset_without_a_record_is_published_too(stage: Any) -> None:
    """Zero shards say "nobody", which is not the same as no manifest."""
    published = stage.publish(stage.publication(stage.job(0), stage.job(1)))
    assert sorted(path.name for path in published.folder.iterdir()) == ["_SUCCESS", "manifest.json"]
    assert published.manifest.totals.records == 0
    assert verify(published.folder).intact


def test_the_parts_are_gone_afterwards(stage: Any) -> None:
    """And their folders; the staging folder itself is the run's."""
    stage.publish(stage.small())
    assert files(stage.staging) == {}
    assert list(stage.staging.iterdir()) == []


def test_what_is_published_is_private(stage: Any) -> None:
    """Design, section 6, rule 10; shards are personal data."""
    folder = stage.publish(stage.small()).folder
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent, stage.output)} == {0o700}
    written = [folder / "manifest.json", folder / "_SUCCESS", folder / "part-00000.ndjson.zst"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


@pytest.mark.parametrize("shard_bytes", [1, 1_000_000], ids=["linked", "copied"])
def test_a_kill_before_any_operation_ends_in_the_same_folder(
    shard_bytes: int, tmp_path: Path, stage_of: Callable[[Compression], Any]
) -> None:
    """Every operation in turn: nothing half-done under the final name, and publishing again completes it."""
    stage = stage_of("zstd")
    stage.publish(stage.small(), shard_bytes=shard_bytes)
    expected = files(stage.output)
    number = 0
    untouched = False
    while not untouched:
        number += 1
        stage.staging = tmp_path / f"{number}" / "staging"
        stage.output = tmp_path / f"{number}" / "exports"
        publication = stage.small()
        with pytest.MonkeyPatch.context() as patch:
            done = kill_at(number, patch)
            with contextlib.suppress(Killed):
                stage.publish(publication, shard_bytes=shard_bytes)
        untouched = len(done) < number
        final = stage.output / "segment=Newsletter%20OptIns" / f"run={RUN}"
        assert not final.exists() or verify(final).intact
        stage.publish(publication, shard_bytes=shard_bytes)
        assert files(stage.output) == expected
        assert files(stage.staging) == {}
    assert number > 30


def test_publishing_again_changes_nothing(stage: Any) -> None:
    """Not even without the parts."""
    publication = stage.small()
    first = stage.publish(publication)
    before = files(stage.output)
    assert stage.publish(publication) == first
    assert files(stage.output) == before


def test_the_rename_is_synced_before_parts_are_removed(stage: Any) -> None:
    """Also when another process made it and was killed before its sync: a power loss would undo it."""
    publication = stage.small()
    synced: list[bool] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.append(any(stage.staging.rglob("part-*")))
        fsync(fd)

    stage.publish(publication)
    stage.small()  # the parts as they were when the process was killed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", noted)
        stage.publish(publication)
    assert synced[0] is True


@pytest.mark.parametrize("shard_bytes", [1, 1_000_000], ids=["linked", "copied"])
def test_a_part_that_is_not_what_was_sealed_stops_everything(shard_bytes: int, stage: Any) -> None:
    """Nothing stands under the final name, and nothing of the parts is lost."""
    publication = stage.small()
    path = stage.staging / publication.jobs[1].parts[0].name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="not those that were sealed"):
        stage.publish(publication, shard_bytes=shard_bytes)
    assert list(stage.output.rglob("run=*")) == []
    assert len(files(stage.staging)) == 3


def test_a_missing_part_stops_everything(stage: Any) -> None:
    """With its name."""
    publication = stage.small()
    (stage.staging / publication.jobs[0].parts[1].name).unlink()
    with pytest.raises(PartLost, match="part-00001") as raised:
        stage.publish(publication)
    assert (publication.jobs[0].parts[1].name, []) == (raised.value.part, list(stage.output.rglob("run=*")))


def test_without_hard_links_parts_are_copied(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Staging may be on another disk than the output."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    published = stage.publish(stage.small(), shard_bytes=1)
    assert len(published.manifest.shards) == 3
    assert verify(stage.output).intact


def test_a_full_disk_leaves_the_parts(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free some space, publish again."""
    publication = stage.small()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(LocalError, match="the disk is full"):
            stage.publish(publication)
    stage.publish(publication)
    assert verify(stage.output).intact


def test_the_pointer_names_the_newest_run(stage: Any) -> None:
    """An older run that is published late (a resume) does not take it back."""
    newer = stage.publish(stage.small("20261124T020000Z-0000"))
    older = stage.publish(stage.small("20261123T020000Z-ffff"))
    latest = load_latest(older.folder.parent / "latest.json")
    assert latest.manifest == f"{newer.folder.name}/manifest.json"
    newest = stage.publish(stage.small("20261125T020000Z-0000"))
    assert load_latest(older.folder.parent / "latest.json").run == newest.manifest.run
    assert verify(stage.output).intact


def test_an_unreadable_pointer_is_written_anew(stage: Any) -> None:
    """There is nothing in it to keep."""
    folder = stage.publish(stage.small("20261123T020000Z-0000")).folder.parent
    (folder / "latest.json").write_bytes(b"damaged")
    stage.publish(stage.small("20261124T020000Z-0000"))
    assert load_latest(folder / "latest.json").run == "20261124T020000Z-0000"


@pytest.mark.parametrize("damage", ["manifest", "success", "other jobs"])
def test_a_folder_that_is_not_this_publication_is_never_taken_for_it(damage: str, stage: Any) -> None:
    """Its parts are kept."""
    folder = stage.publish(stage.small()).folder
    publication = stage.small()
    if damage == "manifest":
        (folder / "manifest.json").write_bytes(b"{}")
    elif damage == "success":
        (folder / "_SUCCESS").write_bytes(b"")
    else:
        publication = stage.publication(stage.job(3, (b"{}",)))
    before = files(stage.staging)
    with pytest.raises(IntegrityError):
        stage.publish(publication)
    assert files(stage.staging) == before


def test_names_are_encoded_in_the_folder(stage: Any) -> None:
    """A segment may be called anything, also a path."""
    stage.dataset = Dataset(kind="group", name="../a/b=c%")
    published = stage.publish(stage.small())
    assert published.folder.parent.parent == stage.output
    assert published.folder.parent.name == "group=..%2Fa%2Fb%3Dc%25"
    assert verify(stage.output).intact
