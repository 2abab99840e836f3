"""Taking up a run that somebody has changed meanwhile: each is told in a sentence, and nothing else comes to harm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from extractor.store.compression import Compression
from tests.cli.background import await_job, background
from tests.cli.halfdone import TRUTH, HalfDone, picture

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def tmp_path(memory: Path) -> Path:
    """A folder in memory: these tests prove what is said and what is left alone."""
    return memory


Damage: TypeAlias = Callable[[Path], None]


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Take the last byte off a file."""
    path.write_bytes(path.read_bytes()[:-1])


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def test_an_unknown_run_is_named_and_the_unfinished_one_left_alone(halfdone: HalfDone) -> None:
    """Exit code 2; the run that there is may be resumed afterwards."""
    halfdone.run("Cut")
    before, asked = picture("state", "exports"), halfdone.asked()

    ended = halfdone.resume("20260101T000000Z-0000")

    assert (2, "") == (ended.code, ended.out)
    assert "no run '20260101T000000Z-0000' in this state folder -- `extractor runs` lists" in ended.err
    assert (before, asked) == (picture("state", "exports"), halfdone.asked())
    assert (0, {"Cut": TRUTH}) == (halfdone.resume().code, halfdone.published())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Cut {}", "Late {}", "asks for something else than when the run began"),
        ("compression: zstd", "compression: gzip", "has changed since the run began"),
        ("page_size: 10", "page_size: 20", "has changed since the run began"),
    ],
)
def test_a_changed_configuration_asks_for_nothing(halfdone: HalfDone, old: str, new: str, said: str) -> None:
    """Exit code 2, all is as it was; with the old configuration the run goes on."""
    halfdone.run("Cut")
    path = Path("night.yaml")
    text = path.read_text("utf-8")
    path.write_text(text.replace(old.format(halfdone.number), new.format(halfdone.number)), "utf-8")
    before, asked = picture("state", "exports"), halfdone.asked()

    ended = halfdone.resume()

    assert (2, "") == (ended.code, ended.out)
    assert said in ended.err
    assert (before, asked) == (picture("state", "exports"), halfdone.asked())
    path.write_text(text, "utf-8")
    assert (0, {"Cut": TRUTH}) == (halfdone.resume().code, halfdone.published())


def test_without_its_staging_folder_a_run_says_what_is_lost_and_publishes_the_rest(halfdone: HalfDone) -> None:
    """Exit code 6 and a sentence for the job in the middle of an export; the next resume asks for it anew."""
    assert 5 == halfdone.run("Cut", "Late").code
    shutil.rmtree("state/staging")

    ended = halfdone.resume()

    assert 6 == ended.code
    assert "Cut job 0 -- integrity: " in ended.out
    assert "part-00000.ndjson.zst: the journal knows " in ended.out
    assert "bytes of it, but there are 0; the disk or another program has changed the staging folder. The" in ended.out
    assert {"Late": TRUTH} == halfdone.published()
    late = halfdone.asked("initiate").count(halfdone.name("Late"))
    assert (0, {"Cut": TRUTH, "Late": TRUTH}) == (halfdone.resume().code, halfdone.published())
    assert (late, True) == (halfdone.asked("initiate").count(halfdone.name("Late")), halfdone.is_intact())


@pytest.mark.parametrize(
    ("damage", "compression"), [(flip, "zstd"), (flip, "gzip"), (flip, "none"), (cut, "zstd"), (remove, "none")]
)
def test_a_damaged_part_in_the_middle_of_an_export_fails_its_job_alone(
    halfdone: HalfDone, damage: Damage, compression: Compression
) -> None:
    """Exit code 6; the damaged bytes are set aside, and the next resume asks for the job anew."""
    assert 5 == halfdone.run("Cut", "Late", compression=compression).code
    (part,) = halfdone.staged(0)
    damage(part)

    ended = halfdone.resume()

    assert (6, {"Late": TRUTH}) == (ended.code, halfdone.published()), ended
    assert "Cut job 0 -- integrity: " in ended.out
    assert part.name in ended.out
    (aside,) = Path("state/quarantine").glob("*/0000000-export-1")
    assert (damage is not remove) == (aside / part.name).exists()
    assert (0, {"Cut": TRUTH, "Late": TRUTH}) == (halfdone.resume().code, halfdone.published())
    assert halfdone.is_intact()


@pytest.mark.parametrize("damage", [cut, flip, remove])
def test_a_part_that_is_damaged_after_its_seal_is_found_before_it_is_published(
    halfdone: HalfDone, damage: Damage
) -> None:
    """Exit code 6; its job, which was done, is done no longer, and only that one is asked for anew."""
    assert 5 == halfdone.run("Pair", "Pair").code
    ((part,),) = [found for found in map(halfdone.staged, (0, 1)) if found]
    damage(part)

    ended = halfdone.resume()

    assert (6, {}) == (ended.code, halfdone.published()), ended
    assert f"{part}: it" in ended.out
    assert "the disk or another program has changed the staging folder, and the dataset cannot" in ended.out
    asked = len(halfdone.asked("initiate"))
    assert (0, {"Pair": TRUTH * 2}) == (halfdone.resume().code, halfdone.published())
    assert (asked + 1, True) == (len(halfdone.asked("initiate")), halfdone.is_intact())


def garbage(path: Path) -> None:
    """No database at all."""
    path.write_bytes(b"not a database, not even for long\n" * 300)


def half(path: Path) -> None:
    """The first half of a journal."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def stranger(path: Path) -> None:
    """A database of another program."""
    path.unlink()
    executed(path, "CREATE TABLE mine (x)")


def of_tomorrow(path: Path) -> None:
    """A journal of a format that does not exist yet."""
    executed(path, "PRAGMA user_version = 99")


def executed(path: Path, statement: str) -> None:
    """Do this to a database."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (garbage, "the journal is damaged -- restore it from a backup, or use another state folder"),
        (half, "the journal is damaged -- restore it from a backup, or use another state folder"),
        (stranger, "not a journal of extractor -- choose another state folder"),
        (of_tomorrow, "journal format 99, this version reads up to 3 -- use the extractor that wrote it"),
    ],
)
def test_a_journal_that_cannot_be_trusted_is_not_touched(halfdone: HalfDone, damage: Damage, said: str) -> None:
    """Exit code 6 from every command that needs it, before anything is asked; staging and output stay as they are."""
    halfdone.run("Cut")
    journal = Path("state/journal.sqlite")
    damage(journal)
    before, asked = picture("state", "exports"), halfdone.asked()

    for words in (["resume"], ["run", "night.yaml", "--new"], ["run", "night.yaml"], ["runs"], ["status"]):
        ended = halfdone.invoke(*words, "--state", "state")
        assert (6, "", f"error: {journal}: ") == (ended.code, ended.out, ended.err[: len(f"error: {journal}: ")]), words
        assert said in ended.err
        assert 1 == ended.err.count("\n")

    assert (before, asked) == (picture("state", "exports"), halfdone.asked())


@contextmanager
def anybody(folder: Path) -> Iterator[None]:
    """Be a user whom file modes bind, which the superuser is not, but who may do anything in ``folder``."""
    superuser = os.geteuid() == 0
    folder.chmod(0o777)
    try:
        if superuser:
            os.seteuid(65534)
        yield
    finally:
        if superuser:
            os.seteuid(0)


@pytest.mark.parametrize("words", [["resume"], ["run", "night.yaml", "--new"]])
def test_a_journal_that_is_read_only_stops_before_anything_is_asked(
    halfdone: HalfDone, words: list[str], tmp_path: Path
) -> None:
    """Exit code 2, naming what to check; the run can be taken up when the rights are right again."""
    halfdone.run("Cut")
    before, asked = picture("state", "exports"), halfdone.asked()
    paths = {Path("exports"): 0o777, Path("night.yaml"): 0o444, Path("state"): 0o555}
    paths |= dict.fromkeys(Path("state").glob("*.*"), 0o444) | {Path("state/lock"): 0o666}
    modes = {path: path.stat().st_mode for path in paths}
    for path, mode in paths.items():
        path.chmod(mode)

    with anybody(tmp_path):
        ended = halfdone.invoke(*words, "--state", "state")
    for path, mode in modes.items():
        path.chmod(mode)

    assert (2, "") == (ended.code, ended.out)
    assert ended.err.startswith("error: state")
    assert "check the" in ended.err
    assert (before, asked) == (picture("state", "exports"), halfdone.asked())
    assert (0, {"Cut": TRUTH}) == (halfdone.resume().code, halfdone.published())


@pytest.mark.parametrize("place", ["state", "output"])
def test_a_folder_that_may_not_be_entered_is_no_bug(halfdone: HalfDone, place: str, tmp_path: Path) -> None:
    """Exit code 2, naming it and what to check."""
    path = halfdone.write("Fine")
    Path("closed").mkdir(mode=0o000)
    path.chmod(0o644)
    asked = halfdone.asked()

    with anybody(tmp_path):
        ended = halfdone.invoke("run", str(path), f"--{place}", "closed/deeper", "--quiet")

    assert (2, "") == (ended.code, ended.out)
    assert ended.err.startswith("error: closed/deeper")
    assert "access is denied; check the owner and the mode" in ended.err
    assert asked == halfdone.asked()


def edit_records(folder: Path) -> None:
    """A count that somebody has put right."""
    path = folder / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"records": 25', '"records": 26'), "utf-8")


def edit_run(folder: Path) -> None:
    """A run that was never there."""
    path = folder / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"run": "2', '"run": "1'), "utf-8")


def scribble(folder: Path) -> None:
    """No manifest any more."""
    (folder / "manifest.json").write_text("see the other one", "utf-8")


def take_away(folder: Path) -> None:
    """Nor here."""
    (folder / "manifest.json").unlink()


def unsign(folder: Path) -> None:
    """The manifest without its word of honour."""
    (folder / "_SUCCESS").unlink()


@pytest.mark.parametrize("edit", [edit_records, edit_run, scribble, take_away, unsign])
def test_a_published_folder_that_was_edited_is_told_and_never_overwritten(halfdone: HalfDone, edit: Damage) -> None:
    """Exit code 6, naming the folder; the other datasets are published. What was moved away is not published again."""
    assert 5 == halfdone.run("Fine", "Cut").code
    (folder,) = Path("exports").glob("segment=Fine*/run=*")
    edit(folder)
    before = picture(str(folder.parent))

    ended = halfdone.resume()

    assert 6 == ended.code, ended
    assert str(folder) in ended.out
    assert before == picture(str(folder.parent))
    assert TRUTH == halfdone.published_of("Cut")
    folder.rename(folder.parent / "moved-away")
    ended = halfdone.resume()
    assert (0, True) == (ended.code, "is not there any more: it is not published again" in ended.out + ended.err), ended
    shutil.rmtree(folder.parent / "moved-away")
    assert {"Cut": TRUTH} == {name: lines for name, lines in halfdone.published().items() if lines}


@pytest.mark.parametrize(
    "text",
    [
        "see the other one",
        '{"format": 99}',
        '{"format": 1, "run": "2", "manifest": "../../../elsewhere", "sha256": "%s"}' % ("0" * 64),
        '{"format": 1, "run": "9", "manifest": "run=9/manifest.json", "sha256": "%s"}' % ("0" * 64),
    ],
    ids=["scribble", "a format of tomorrow", "an older run elsewhere", "a newer run that is nowhere"],
)
def test_a_pointer_that_was_edited_is_put_right(halfdone: HalfDone, text: str) -> None:
    """There is nothing in ``latest.json`` that the manifests do not say."""
    assert 5 == halfdone.run("Fine", "Cut").code
    pointers = [Path("exports") / f"segment={name}%20{halfdone.number}" / "latest.json" for name in ("Fine", "Cut")]
    for path in pointers:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")

    assert (0, {"Fine": TRUTH, "Cut": TRUTH}) == (halfdone.resume().code, halfdone.published())
    for path in pointers:
        (run,) = path.parent.glob("run=*")
        assert f"{run.name}/manifest.json" == json.loads(path.read_bytes())["manifest"]
    assert halfdone.is_intact()


def test_a_second_run_is_refused_and_does_the_first_no_harm(halfdone: HalfDone, tmp_path: Path) -> None:
    """Exit code 2, whether it is new or would take the first one up; nothing is asked in its name."""
    path = halfdone.write("Slow")
    with background("run", str(path), "--quiet", cwd=tmp_path) as first:
        await_job(first, tmp_path / "state", records=10)
        first.send_signal(signal.SIGSTOP)
        before = halfdone.asked("initiate")
        for words in (["resume"], ["run", str(path), "--new"]):
            second = halfdone.invoke(*words, "--state", "state", "--quiet")
            assert (2, "") == (second.code, second.out)
            assert f"another run (process {first.pid}, run 2" in second.err
            assert "is using this state folder -- wait for it, or give this run another one" in second.err
        assert before == halfdone.asked("initiate")
        first.send_signal(signal.SIGCONT)
        assert 0 == first.wait(timeout=30)

    assert ({"Slow": TRUTH}, True) == (halfdone.published(), halfdone.is_intact())
    assert 1 == len(json.loads(halfdone.invoke("runs", "--state", "state", "--json").out))
