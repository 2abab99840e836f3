"""A state folder that was brought back from a backup: refused where it is older than what has been published since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.halfdone import TRUTH, HalfDone, picture

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def tmp_path(memory: Path) -> Path:
    """A folder in memory: these tests prove what is said and what is left alone."""
    return memory


def back_up() -> None:
    """Copy the state folder, as a nightly backup would."""
    shutil.copytree("state", "backup")


def restore() -> None:
    """Put the copy in the place of the state folder."""
    shutil.rmtree("state")
    shutil.copytree("backup", "state")


def assert_refused(halfdone: HalfDone, *words: str, path: Path, known: int) -> None:
    """Exit code 6 naming the publication and both remedies; nothing was asked, nothing has changed."""
    before, asked = picture("state", "exports"), halfdone.asked()

    ended = halfdone.invoke(*words, "--quiet")

    number = json.loads(path.read_bytes())["journal"]["publication"]
    assert (6, "") == (ended.code, ended.out)
    (said,) = [line for line in ended.err.splitlines() if not line.startswith("note: ")]
    assert said.startswith("error: ")
    assert said.endswith(
        f"{path}: it is publication {number} of this state folder's journal, which knows of {known} only: the journal "
        "is an old copy -- bring the newest one back, or use another state folder (--state)"
    )
    assert (before, asked) == (picture("state", "exports"), halfdone.asked())


def newest(halfdone: HalfDone, fate: str) -> Path:
    """The manifest that ``latest.json`` names."""
    folder = Path("exports") / f"segment={fate}%20{halfdone.number}"
    return folder / json.loads((folder / "latest.json").read_bytes())["manifest"]


def test_a_run_on_an_old_copy_is_refused_before_anything_is_asked(halfdone: HalfDone) -> None:
    """One publication was made since; with a state folder of its own the run goes on."""
    halfdone.run("Fine")
    back_up()
    halfdone.run("Fine")
    restore()

    assert_refused(halfdone, "run", "night.yaml", path=newest(halfdone, "Fine"), known=1)
    assert 0 == halfdone.invoke("run", "night.yaml", "--state", "other", "--quiet").code
    assert (3, True) == (len(list(Path("exports").glob("*/run=*"))), halfdone.is_intact())


def test_a_resume_on_an_old_copy_is_refused_before_anything_is_asked(halfdone: HalfDone) -> None:
    """The run was finished since: taking it up again would ask again for what is published."""
    assert 5 == halfdone.run("Fine", "Late").code
    back_up()
    assert 0 == halfdone.resume().code
    restore()

    path = newest(halfdone, "Late")
    assert_refused(halfdone, "resume", "--state", "state", path=path, known=1)
    assert_refused(halfdone, "run", "night.yaml", "--new", path=path, known=1)
    assert 0 == halfdone.invoke("run", "night.yaml", "--state", "other", "--quiet").code
    assert ({"Fine": TRUTH, "Late": TRUTH}, True) == (halfdone.published(), halfdone.is_intact())


def test_a_copy_from_before_the_first_publication_is_refused(halfdone: HalfDone) -> None:
    """It knows of none."""
    assert 5 == halfdone.run("Late").code
    back_up()
    assert 0 == halfdone.resume().code
    restore()

    assert_refused(halfdone, "resume", "--state", "state", path=newest(halfdone, "Late"), known=0)


def test_a_copy_that_is_not_older_is_as_good_as_the_original(halfdone: HalfDone) -> None:
    """Whatever it was moved through: nothing has been published since."""
    assert 5 == halfdone.run("Fine", "Cut").code
    back_up()
    restore()

    assert (0, {"Fine": TRUTH, "Cut": TRUTH}) == (halfdone.resume().code, halfdone.published())
    assert 0 == halfdone.run("Fine").code


def test_what_another_state_folder_has_published_says_nothing(halfdone: HalfDone) -> None:
    """Its numbers are its own."""
    path = str(halfdone.write("Fine"))
    for _ in range(2):
        assert 0 == halfdone.invoke("run", path, "--state", "other", "--quiet").code

    assert [0, 0] == [halfdone.invoke("run", path, "--quiet").code for _ in range(2)]
    assert (4, True) == (len(list(Path("exports").glob("*/run=*"))), halfdone.is_intact())


def test_runs_that_were_pruned_are_still_counted(halfdone: HalfDone) -> None:
    """The journal forgets a run, never how many publications there were; an old copy of it stays an old copy."""
    assert 5 == halfdone.run("Fine", "Late").code
    back_up()
    assert [0, 0] == [halfdone.resume().code, halfdone.run("Fine").code]
    pruned = halfdone.invoke("runs", "--state", "state", "--prune", "--older-than", "0s", "--yes", "--json")
    assert 0 == pruned.code, pruned
    assert 0 == halfdone.run("Fine").code
    restore()

    assert_refused(halfdone, "run", "night.yaml", "--new", path=newest(halfdone, "Fine"), known=1)
