"""Every damage is found, named, and not only the first."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extractor.errors import LocalError
from extractor.store.compression import Compression, codec
from extractor.store.manifest import sha256, success
from extractor.store.verify import Report, verify

COMPRESSIONS: list[Compression] = ["zstd", "gzip", "none"]


@pytest.fixture
def folder(stage: Any) -> Path:
    """A published run of three shards."""
    path: Path = stage.publish(stage.small(), shard_bytes=1).folder
    return path


def problems(report: Report) -> list[str]:
    """File name and problem of each finding."""
    return [f"{finding.file.name}: {finding.problem}" for finding in report.findings]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, and its checksum with it: what a careless tool would leave."""
    path = folder / "manifest.json"
    value = json.loads(path.read_bytes())
    change(value)
    text = json.dumps(value).encode()
    path.write_bytes(text)
    (folder / "_SUCCESS").write_bytes(success(text))


def reshard(folder: Path, data: bytes) -> None:
    """Give the first shard another content, with the right bytes and sha256 in the manifest."""
    frame = codec("zstd").frame(data)
    path = folder / "part-00000.ndjson.zst"
    path.unlink()  # a hard link elsewhere keeps its bytes
    path.write_bytes(frame)
    rewrite(folder, lambda value: value["shards"][0].update(bytes=len(frame), sha256=sha256(frame)))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_was_published_is_intact(compression: Compression, stage_of: Callable[[Compression], Any]) -> None:
    """From the run's, the dataset's and the output folder; kept text is no damage."""
    stage = stage_of(compression)
    published = stage.publish(stage.small(), shard_bytes=1)
    read: list[int] = []
    for path in (published.folder, published.folder.parent, stage.output):
        report = verify(path, progress=read.append)
        assert problems(report) == []
        assert report == Report(
            findings=(),
            manifests=1,
            shards=3,
            records=5,
            bytes=published.manifest.totals.bytes,
            uncompressed_bytes=published.manifest.totals.uncompressed_bytes,
        )
    assert sum(read) == 3 * published.manifest.totals.bytes


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_changed_byte_is_found(compression: Compression, stage_of: Callable[[Compression], Any]) -> None:
    """In the shards, the manifest, the success file and the pointer: each byte in turn."""
    stage = stage_of(compression)
    folder = stage.publish(stage.small(), shard_bytes=1).folder
    for path in [*folder.iterdir(), folder.parent / "latest.json"]:
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :])
            assert not verify(stage.output).intact, f"byte {at} of {path.name}"
        path.write_bytes(data)
    assert verify(stage.output).intact


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_cut_and_every_missing_file_is_found(
    compression: Compression, stage_of: Callable[[Compression], Any]
) -> None:
    """A file of any shorter length, or none; and a byte more."""
    stage = stage_of(compression)
    folder = stage.publish(stage.small(), shard_bytes=1).folder
    for path in [*folder.iterdir(), folder.parent / "latest.json"]:
        data = path.read_bytes()
        for length in range(len(data)):
            path.write_bytes(data[:length])
            named = {finding.file.name for finding in verify(stage.output).findings}
            # A manifest that lost its last newline still reads: its checksum file says so.
            assert named & {path.name, "_SUCCESS"}, f"{path.name} cut to {length} bytes"
        path.write_bytes(data + b"\n")
        assert not verify(stage.output).intact
        path.unlink()
        assert path.name in {finding.file.name for finding in verify(stage.output).findings}
        path.write_bytes(data)
    assert verify(stage.output).intact


def test_all_damage_is_reported_at_once(folder: Path) -> None:
    """Each with its file and a remedy."""
    (folder / "part-00000.ndjson.zst").unlink()
    (folder / "part-00001.ndjson.zst").write_bytes(b"")
    (folder / "part-00007.ndjson.zst").write_bytes(b"")
    (folder / "_SUCCESS").unlink()
    report = verify(folder.parent)
    assert {finding.file.name for finding in report.findings} == {
        "_SUCCESS", "part-00000.ndjson.zst", "part-00001.ndjson.zst", "part-00007.ndjson.zst",
    }  # fmt: skip
    assert all(finding.remedy for finding in report.findings)


def test_a_damaged_manifest_does_not_hide_the_other_runs(stage: Any) -> None:
    """Every run of every dataset is looked at."""
    first = stage.publish(stage.small("20261123T020000Z-0000")).folder
    second = stage.publish(stage.small("20261124T020000Z-0000")).folder
    (first / "manifest.json").write_bytes(b"{")
    (second / "part-00000.ndjson.zst").unlink()
    report = verify(stage.output)
    assert {finding.file for finding in report.findings} == {first / "manifest.json", second / "part-00000.ndjson.zst"}
    assert report.manifests == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"a":1}\n\n', "line 2 is blank"),
        (b'{"a":1}\n{"b":2}', "line 2 does not end in a newline"),
        (b'{"a":1}\n[1]\n', "line 2 is not a JSON object"),
        (b'{"a":1}\n1e400\n', "line 2 is not a JSON object"),
        (b'{"a":1}\n{"a":NaN}\n', "line 2 is not JSON: NaN is not JSON"),
        (b'{"a":1}\n{"a":1}{"b":2}\n', "line 2 is not JSON: there is text after the end of the record"),
        (b'{"a":"\xff"}\n{}\n', "line 1 is not JSON: it is not valid UTF-8"),
    ],
)
def test_a_line_that_is_no_record_is_named(data: bytes, problem: str, folder: Path) -> None:
    """1-based; also where the checksum is right, as when the writer was wrong."""
    reshard(folder, data)
    assert f"part-00000.ndjson.zst: {problem}" in problems(verify(folder))


def test_many_bad_lines_are_counted(folder: Path) -> None:
    """Ten of them by number."""
    reshard(folder, b"[]\n" * 25)
    found = [each for each in problems(verify(folder)) if "line" in each and "not a JSON object" in each]
    assert len(found) == 10
    assert "part-00000.ndjson.zst: 15 more lines are no records" in problems(verify(folder))


def test_lines_and_sizes_are_counted(folder: Path) -> None:
    """Against the manifest."""
    reshard(folder, b"{}\n" * 3)
    found = [each for each in problems(verify(folder)) if each.startswith("part-")]
    assert found == [
        "part-00000.ndjson.zst: 3 lines can be read, but the manifest says 2",
        "part-00000.ndjson.zst: its lines have 9 bytes, but the manifest says 46",
    ]


def _set(value: dict[str, Any], path: str, new: object) -> None:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target: Any = value
    for step in way:
        target = target[step]
    target[last] = new


@pytest.mark.parametrize(
    ("path", "new", "problem"),
    [
        ("totals.records", 6, "its total of records is 6, but they add up to 5"),
        ("totals.bytes", 1, "its total of bytes is 1"),
        ("totals.uncompressed_bytes", 1, "its total of uncompressed_bytes is 1"),
        ("totals.requests", 1, "its total of requests is 1, but they add up to 14"),
        ("totals.retries", 1, "its total of retries is 1, but they add up to 4"),
        ("totals.exports", 1, "its total of exports is 1, but they add up to 2"),
        ("totals.possible_orphans", 1, "its total of possible_orphans is 1"),
        ("totals.kept_text", 0, "its total of kept_text is 0, but they add up to 1"),
        ("jobs.0.total_results", 4, "has 3 records, but the server generated 4"),
        ("jobs.0.total_results", None, "no number of the server"),
        ("jobs.0.records", 2, "do not add up to its 2 records"),
        ("jobs.1.kept_text.count", 2, "the reasons for kept text"),
        ("jobs.0.shards.1.first", 1, "begins at line 1 of shard 1, but the lines before end at 0"),
        ("jobs.0.shards.0.records", 1, "the ranges of jobs end at line 1 of shard 0, which has 2"),
        ("jobs.1.shards.0.shard", 1, "begins at line 0 of shard 1, but the lines before end at 1"),
        ("jobs.1.shards.0.shard", 9, "is in shard 9, which there is not"),
        ("jobs.1.shards", [], "the ranges of jobs end at line 0 of shard 2, which has 2"),
        ("run", "20261123T020000Z-0000", "it is the manifest of run 20261123T020000Z-0000"),
        ("dataset.name", "Other", "it is the manifest of segment 'Other'"),
        ("shards.1.name", "part-00000.ndjson.zst", "not those of distinct shards"),
        ("shards.1.name", "../part-00001.ndjson.zst", "not those of distinct shards"),
    ],
)
def test_numbers_that_contradict_each_other_are_found(path: str, new: object, problem: str, folder: Path) -> None:
    """Even in a manifest whose own checksum is right."""
    rewrite(folder, lambda value: _set(value, path, new))
    assert [each for each in problems(verify(folder)) if problem in each], problems(verify(folder))


def test_a_pointer_to_nothing_or_to_the_past_is_found(stage: Any) -> None:
    """Readers follow it."""
    older = stage.publish(stage.small("20261123T020000Z-0000")).folder
    pointer = older.parent / "latest.json"
    old = pointer.read_bytes()
    newer = stage.publish(stage.small("20261124T020000Z-0000")).folder
    new = pointer.read_bytes()
    pointer.write_bytes(old)
    assert problems(verify(stage.output)) == [
        f"latest.json: it points to {older.name}, but there is {newer.name}",
    ]
    pointer.write_bytes(new)
    shutil.rmtree(newer)
    assert problems(verify(stage.output)) == [
        f"latest.json: it points to {newer.name}/manifest.json, which is not there",
    ]


def test_a_damage_does_not_hide_the_checksum_of_a_large_shard(stage: Any) -> None:
    """The rest of the file is read, too: its size is right, its checksum is not."""
    lines = tuple(b'{"ProfileId":%d}' % number for number in range(40_000))
    stage.compression = "gzip"
    path = stage.publish(stage.publication(stage.job(0, lines))).folder / "part-00000.ndjson.gz"
    data = path.read_bytes()
    path.write_bytes(b"damaged!" + data[8:])
    assert len(data) > 1024 * 1024
    assert [each for each in problems(verify(stage.output)) if "bytes, but" in each and "lines" not in each] == []
    assert "part-00000.ndjson.gz: its sha256 is not the manifest's" in "".join(problems(verify(stage.output)))


def test_what_a_cut_publication_left_is_no_damage(folder: Path) -> None:
    """Resume removes it."""
    leftover = folder.parent / ".run=20261130T020000Z-0000.publishing"
    leftover.mkdir()
    (leftover / "part-00000.ndjson.zst").write_bytes(b"half")
    assert verify(folder.parent).intact


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing was published."""
    path = tmp_path / "empty"
    (path / "segment=A").mkdir(parents=True)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("name", ["", "segment=A", "missing"])
def test_a_place_where_nothing_is_published_is_not_called_intact(name: str, empty: Path) -> None:
    """A typing error in the path must not look like success."""
    with pytest.raises(LocalError, match="give a run's, a dataset's or the output folder"):
        verify(empty / name)


def test_a_run_folder_without_a_manifest_is_damage(folder: Path) -> None:
    """Not an empty place."""
    (folder / "manifest.json").unlink()
    assert [finding.file.name for finding in verify(folder).findings] == ["manifest.json"]


def test_a_shard_that_cannot_be_read_is_a_finding(folder: Path) -> None:
    """The others are still looked at."""
    (folder / "part-00000.ndjson.zst").unlink()
    (folder / "part-00000.ndjson.zst").mkdir()
    (folder / "part-00001.ndjson.zst").unlink()
    assert [finding.file.name for finding in verify(folder).findings] == [
        "part-00000.ndjson.zst",
        "part-00001.ndjson.zst",
    ]


def special(kind: str, path: Path, outside: Path) -> None:
    """Put something in the place of a file that must not be opened, or that leads elsewhere."""
    outside.write_bytes(path.read_bytes())
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link to a pipe":
            os.mkfifo(path.with_name("pipe"))
            path.symlink_to("pipe")
        case "link out":
            path.symlink_to(outside)
        case "link to itself":
            path.symlink_to(path.name)
        case _:
            path.symlink_to("/dev/zero")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link out", "link to itself", "link to a device"])
@pytest.mark.parametrize("name", ["part-00001.ndjson.zst", "manifest.json", "_SUCCESS", "../latest.json"])
def test_only_regular_files_of_the_folder_are_opened(kind: str, name: str, folder: Path, tmp_path: Path) -> None:
    """A pipe would wait for ever, a device never end; even the right bytes elsewhere are not what was published."""
    path = (folder / name).resolve()
    special(kind, path, tmp_path / "elsewhere")
    found = [each for each in verify(folder.parent).findings if each.file == path]
    assert len(found) == 1
    assert "opened" in found[0].problem or "symbolic link" in found[0].problem
    assert not found[0].problem.startswith(str(path))


@pytest.mark.parametrize("name", ["../part-00001.ndjson.zst", "/dev/zero", "part-\0"])
def test_a_shards_name_cannot_lead_out_of_the_folder(name: str, folder: Path) -> None:
    """Whatever the manifest says."""
    rewrite(folder, lambda value: _set(value, "shards.1.name", name))
    (folder.parent / "part-00001.ndjson.zst").write_bytes((folder / "part-00001.ndjson.zst").read_bytes())
    assert [each.problem for each in verify(folder).findings if each.file == folder / name and "opened" in each.problem]


def test_a_link_within_the_folder_is_read(folder: Path) -> None:
    """Its bytes are there."""
    (folder / "part-00001.ndjson.zst").rename(folder / "moved")
    (folder / "part-00001.ndjson.zst").symlink_to("moved")
    assert verify(folder).intact


def test_a_finding_does_not_name_its_file_a_second_time(folder: Path) -> None:
    """Who prints it names it."""
    (folder / "part-00000.ndjson.zst").write_bytes(b"damaged")
    (folder / "part-00001.ndjson.zst").unlink()
    (folder / "_SUCCESS").unlink()
    (folder.parent / "latest.json").write_bytes(b"{")
    findings = list(verify(folder.parent).findings)
    (folder / "manifest.json").write_bytes(b"{")
    findings += verify(folder.parent).findings
    assert {each.file.name for each in findings} == {
        "part-00000.ndjson.zst", "part-00001.ndjson.zst", "_SUCCESS", "latest.json", "manifest.json",
    }  # fmt: skip
    assert not [each for each in findings if str(folder.parent) in each.problem]


def test_a_pointed_to_manifest_that_cannot_be_read_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the run and of the pointer; nothing is raised."""
    read = Path.read_bytes

    def fail(path: Path) -> bytes:
        if path.name == "manifest.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    report = verify(folder.parent)
    assert {each.file.name for each in report.findings} == {"manifest.json", "latest.json"}
    assert all("the disk reports an input/output error" in each.problem for each in report.findings)


def test_the_copy_of_a_run_folder_is_intact_anywhere(folder: Path, tmp_path: Path) -> None:
    """Offline, from the manifest alone."""
    shutil.copytree(folder, tmp_path / "copied here")
    report = verify(tmp_path / "copied here")
    assert replace(report, findings=()) == verify(folder)
    assert report.intact


@pytest.mark.parametrize("dataset", [True, False])
def test_folders_that_are_shut_are_not_taken_for_empty(dataset: bool, stage: Any, own_folder: Path) -> None:
    """An output or a dataset that may not be looked at is neither intact nor a bug."""
    mine = replace(stage, staging=own_folder / "staging", output=own_folder / "exports")
    folder = mine.publish(mine.small()).folder
    shut = folder.parent if dataset else mine.output
    shut.chmod(0o000)
    with pytest.raises(LocalError, match="access is denied; check the owner and the mode"):
        verify(mine.output)
    shut.chmod(0o700)
    assert verify(mine.output).intact


@pytest.mark.parametrize(("mode", "found"), [(0o000, 2), (0o300, 1), (0o400, 2)])
def test_a_run_that_is_shut_is_a_finding(mode: int, found: int, stage: Any, own_folder: Path) -> None:
    """Beside those of the other runs."""
    mine = replace(stage, staging=own_folder / "staging", output=own_folder / "exports")
    folder = mine.publish(mine.small()).folder
    folder.chmod(mode)
    findings = verify(own_folder / "exports").findings
    folder.chmod(0o700)
    assert found == len(findings)
    assert all("access is denied" in finding.problem for finding in findings)
