"""``watermarks``: what is listed, what moving one by hand says and does, and when it is refused."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import extractor
from extractor.store.lock import hold_lock
from tests.cli.nights import OVERLAP, Nights, job_of, night
from tests.store.test_journal_formats import lay_out

pytestmark = pytest.mark.timeout(90)

A, B = job_of("A", dataset="All Profiles"), job_of("B")
LIST, SET = ("watermarks", "--state", "state"), ("watermarks", "set", "--state", "state", "--yes")
RESET = ("watermarks", "reset", "--state", "state", "--yes")
FIRST = "2020-11-20T02:00:00Z"


@pytest.fixture
def two(nights: Nights) -> Nights:
    """Two streams after two nights; the second one of B failed, and a third stream has never been published."""
    nights.publish("1", A, None, night(20))
    nights.publish("2", B, None, night(20))
    nights.publish("3", A, night(20) - OVERLAP, night(21))
    nights.begin("4", job_of("C"))
    return nights


def listed(invoke: Any) -> dict[str, dict[str, Any]]:
    """The streams by job, as a program reads them."""
    return {each["job"]: each for each in json.loads(invoke(*LIST, "--json").out)}


@pytest.mark.usefixtures("two")
def test_the_list_says_where_and_since_when_and_by_which_run(invoke: Any) -> None:
    """One row a stream; one that has never been published has no watermark."""
    ended = invoke(*LIST)
    rows = ended.out.splitlines()

    assert (0, 4) == (ended.code, len(rows))
    assert [
        "segment 'All Profiles'", "A", "everybody",
        "2020-11-21T01:45:00Z", "82 h 15 min", "2020-11-21T02:00:00Z", "run 3", "a" * 16,
    ] == re.split("  +", rows[1])  # fmt: skip
    assert ["none", "-", "-", "-", "c" * 16] == rows[3].split()[-5:]


@pytest.mark.usefixtures("two")
def test_a_program_reads_the_same(invoke: Any) -> None:
    """Every member is there, whether it is known or not."""
    found = listed(invoke)
    assert {
        "stream": "a" * 16,
        "kind": "segment",
        "name": "All Profiles",
        "job": "A",
        "who": "everybody",
        "connection": "",
        "watermark": "2020-11-21T01:45:00Z",
        "age_seconds": 82.25 * 3600,
        "moved_at": "2020-11-21T02:00:00Z",
        "moved_by": "run 3",
    } == found["A"]
    assert (None, None, None) == tuple(found["C"][key] for key in ("watermark", "age_seconds", "moved_by"))


@pytest.mark.parametrize("name", ["A", "All Profiles", "segment=All%20Profiles", "a" * 16, "aa"])
def test_a_stream_is_found_by_its_job_its_dataset_its_id_or_the_beginning_of_it(
    two: Nights, invoke: Any, name: str
) -> None:
    """Set back by hand, and the history says so, newest first."""
    ended = invoke(*SET, name, "2020-11-20T03:00:00.5+01:00")

    assert (0, night(20).replace(microsecond=500_000)) == (ended.code, two.mark(A))
    assert "2020-11-21T01:45:00Z -> 2020-11-20T02:00:00.5Z\n" in ended.out
    assert "It exports again what changed in 24 h 00 min" in ended.out
    moves = json.loads(invoke(*LIST, "--history", "--json").out)
    assert [("A", "set by hand"), ("A", "run 3"), ("B", "run 2"), ("A", "run 1")] == [
        (each["job"], each["moved_by"]) for each in moves
    ]
    assert ("2020-11-21T01:45:00Z", "2020-11-20T02:00:00.5Z") == (moves[0]["from"], moves[0]["to"])
    text = invoke(*LIST, "--history").out.splitlines()
    assert "2020-11-24T12:00:00Z  A    2020-11-21T01:45:00Z  2020-11-20T02:00:00.5Z  set by hand" in text[1]


def test_a_reset_stream_begins_anew(two: Nights, invoke: Any) -> None:
    """It has no watermark then, and the list says why."""
    ended = invoke(*RESET, "A")

    assert (0, None) == (ended.code, two.mark(A))
    assert "2020-11-21T01:45:00Z -> none\nThe next run exports everything" in ended.out
    assert "reset" in invoke(*LIST).out
    assert (None, "reset by hand") == (listed(invoke)["A"]["watermark"], listed(invoke)["A"]["moved_by"])


def test_set_forward_names_the_hole(two: Nights, invoke: Any) -> None:
    """What was not exported up to there never will be."""
    ended = invoke(*SET, "A", "2020-11-22T02:00:00Z")

    assert (0, night(22)) == (ended.code, two.mark(A))
    skipped = "What changed from 2020-11-21T02:00:00Z to 2020-11-22T02:00:00Z and was not exported is skipped"
    assert f"{skipped}: that is a hole.\n" in ended.out


def test_set_into_the_overlap_says_what_it_was_there_for(two: Nights, invoke: Any) -> None:
    """No hole, but late changes of that piece are not asked for again."""
    ended = invoke(*SET, "A", "2020-11-21T02:00:00Z")

    assert (0, night(21)) == (ended.code, two.mark(A))
    assert "between 2020-11-21T01:45:00Z and 2020-11-21T02:00:00Z but shows only later is skipped" in ended.out
    assert "that is a hole" not in ended.out


def test_set_before_a_hole_names_none(two: Nights, invoke: Any) -> None:
    """The next run closes it."""
    two.publish("5", A, night(22), night(23))
    assert "that is a hole" in invoke(*SET, "A", "2020-11-22T12:00:00Z").out
    assert "that is a hole" not in invoke(*SET, "A", "2020-11-21T02:00:00Z").out


@pytest.mark.usefixtures("two")
def test_a_stream_of_which_nothing_is_published_begins_where_it_is_set(invoke: Any) -> None:
    """There is nothing to be skipped between."""
    ended = invoke(*SET, "C", FIRST)
    assert "Nothing of this stream is known to be published" in ended.out
    assert FIRST == listed(invoke)["C"]["watermark"]


@pytest.mark.usefixtures("two")
def test_where_it_is_already_nothing_is_changed(invoke: Any) -> None:
    """And nothing is written into the history."""
    before = invoke(*LIST, "--history").out
    assert "already: nothing was changed" in invoke(*SET, "A", "2020-11-21T01:45:00Z").out
    assert "already: nothing was changed" in invoke(*RESET, "C").out
    assert before == invoke(*LIST, "--history").out


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("set", "Nobody", FIRST),
            "'Nobody': no such job, dataset or stream -- there are:\n  aaaaaaaaaaaaaaaa  job 'A'",
        ),
        (("set", "", FIRST), "'': no such job, dataset or stream"),
        (("set", "A", "2020-11-24T12:00:01Z"), "INSTANT 2020-11-24T12:00:01Z is still to come (it is 2020-11-24T12:00"),
        (("set", "A", "1969-12-31T23:59:59Z"), "is before 1970 -- reset the watermark"),
        (("set", "A", "2020-11-20T02:00:00"), "has no time zone -- add Z for UTC"),
        (("set", "A", "2020-11-20"), "is not a date with time and zone"),
        (("set", "A", "2020-02-30T00:00:00Z"), "does not exist"),
        (("set", "A"), "INSTANT"),
        (("reset",), "NAME"),
        (("move", "A"), "move"),
    ],
)
def test_what_cannot_be_meant_is_refused(invoke: Any, words: tuple[str, ...], message: str) -> None:
    """With what would have been right, and nothing moves."""
    before = listed(invoke)
    options = () if words[0] == "move" else ("--yes",)
    ended = invoke("watermarks", *words, *options, *(("--state", "state") if options else ()))
    flat = " ".join(ended.err.split())
    assert (2, before) == (ended.code, listed(invoke))
    assert " ".join(message.split()) in flat


def test_a_name_of_several_streams_is_refused_with_their_ids(nights: Nights, invoke: Any) -> None:
    """A job's name goes before a dataset's, so that each has a name of its own."""
    for name, stream in (("all", "1234a"), ("some", "1234b"), ("few", "99")):
        who = "everybody" if name == "all" else "EmailAddress x 3"
        nights.begin(name, job_of(name, dataset="All", who=who, stream=stream))
    for name, number in (("All", 3), ("1234", 2)):
        ended = invoke(*SET, name, FIRST)
        assert 2 == ended.code
        assert f"{name!r} may be any of {number} streams -- give one's id:\n  1234a  job 'all'" in ended.err
        assert "1234b  job 'some', segment 'All', EmailAddress x 3" in ended.err
    assert 0 == invoke(*SET, "some", FIRST).code
    assert 0 == invoke(*SET, "1234b", "2020-11-21T02:00:00Z").code


def test_nothing_moves_while_a_run_is_alive(two: Nights, invoke: Any) -> None:
    """The run would find another watermark than it was planned with."""
    with hold_lock(two.state):
        for words in ((*SET, "A", FIRST), (*RESET, "A")):
            ended = invoke(*words)
            assert (2, "") == (ended.code, ended.out)
            assert "is using this state folder" in ended.err
        assert 0 == invoke(*LIST).code


def test_without_a_terminal_nothing_moves_unless_it_is_agreed(two: Nights, invoke: Any) -> None:
    """What would follow is said all the same."""
    before = two.mark(A)
    ended = invoke("watermarks", "set", "A", FIRST, "--state", "state")
    assert (2, before) == (ended.code, two.mark(A))
    assert "nothing was changed -- add --yes to do it" in ended.err
    assert "The next run asks for what changed since" in ended.out


@pytest.mark.parametrize(("answer", "moved"), [(b"y\n", True), (b"\n", False)])
def test_a_person_is_asked(two: Nights, answer: bytes, moved: bool) -> None:
    """And no answer is no."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1]), "PYTHONASYNCIODEBUG": ""}
    words = [sys.executable, "-m", "extractor", "watermarks", "set", "A", FIRST, "--state", "state"]
    with subprocess.Popen(  # noqa: S603 - our own program
        words, cwd=two.folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b""
        while b"Move it? [y/N]: " not in written:
            written += os.read(ours, 4096)
        os.write(ours, answer)
        with suppress(OSError):  # a terminal that has no other end any more
            while more := os.read(ours, 4096):
                written += more
        code = process.wait(timeout=30)
    os.close(ours)

    assert (0, b"Nothing was changed." in written) == (code, not moved), written
    assert (two.mark(A) == night(20)) is moved


def test_a_state_folder_without_a_journal_is_not_made(invoke: Any, tmp_path: Path) -> None:
    """A misspelt folder is told, not filled."""
    for words in (LIST, (*SET, "A", FIRST), (*RESET, "A")):
        ended = invoke(*words)
        assert (2, "") == (ended.code, ended.out)
        assert "no journal there" in ended.err
    assert [] == sorted(tmp_path.iterdir())


def test_a_journal_that_is_older_than_streams_has_none(invoke: Any, tmp_path: Path) -> None:
    """It is read as it is, and not brought up to date for a name that it cannot know."""
    path = lay_out(tmp_path / "state")
    before = path.read_bytes()

    assert (0, "No streams in state yet: a run makes its streams known.\n") == (
        invoke(*LIST).code,
        invoke(*LIST).out,
    )
    assert "[]\n" == invoke(*LIST, "--json").out
    assert "No watermark has moved yet.\n" == invoke(*LIST, "--history").out
    ended = invoke(*SET, "A", FIRST)
    assert (2, before) == (ended.code, path.read_bytes())
    assert "no stream is known here yet" in ended.err


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("option", [("--state", "state"), ("--json",), ("--history",)])
def test_options_before_the_word_are_not_passed_over(invoke: Any, option: tuple[str, ...]) -> None:
    """Another state folder would be changed than the one that was named."""
    ended = invoke("watermarks", *option, "set", "A", FIRST, "--yes")
    assert 2 == ended.code
    assert "options stand behind the word set" in ended.err


@pytest.mark.parametrize("word", ["set", "reset"])
def test_every_word_has_help_with_an_example(invoke: Any, word: str) -> None:
    """The example begins as one would type it."""
    ended = invoke("watermarks", word, "--help")
    assert 0 == ended.code
    assert f"\n    extractor watermarks {word} 'All Profiles'" in ended.out.partition("Examples:")[2]
