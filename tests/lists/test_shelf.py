"""Where values stand, and how they come back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import lists
from extractor.errors import IntegrityError, LocalError
from extractor.lists.shelf import LISTS, VALUES, Spool, cut
from extractor.plan.job import Dataset, JobSpec, Match, Stream, digest_of
from extractor.plan.planner import MatchList
from tests.lists.conftest import KEY, Lists

PEOPLE = "".join(f"p{number}@example.test\n" for number in range(5))


@given(values=st.lists(st.text(st.characters(categories=["L", "N", "S"]), min_size=1)), batch=st.integers(1, 7))
def test_batches_tile_the_list(values: list[str], batch: int) -> None:
    """Every value in exactly one batch, in order; places are bytes of a file with one value a line."""
    found = cut(values, batch=batch, key=KEY)
    whole = "".join(f"{value}\n" for value in values).encode()
    start, taken = 0, 0
    for part, count, digest in found.batches:
        mine = tuple(whole[part.start : part.start + part.length].decode().split("\n")[:-1])
        assert (start, found.list_id, count, digest) == (
            part.start, part.list_id, len(mine), digest_of(mine, KEY),
        )  # fmt: skip
        assert tuple(values[taken : taken + batch]) == mine
        start, taken = start + part.length, taken + count
    assert (len(whole), len(values), digest_of(values, KEY)) == (start, found.count, found.digest)
    assert taken == found.count


def job_of(found: MatchList, place: int) -> JobSpec:
    """The job of a batch."""
    part, count, digest = found.batches[place]
    return JobSpec(
        ordinal=0,
        job_id="j",
        name="n",
        dataset=Dataset(kind="segment", name="A"),
        stream=Stream(id="s", name="n"),
        since=None,
        last_date_time=None,
        match=Match(criteria="EmailAddress", type=None, part=part, count=count, digest=digest),
    )


def test_a_job_gets_its_values_and_shows_them_to_nobody(shelf: Lists) -> None:
    """Just its own; the plan's job stays without."""
    job = job_of(shelf.read(PEOPLE, "p.txt", batch=2), 1)
    filled = lists.Reader(shelf.state, KEY).fetch(job)
    assert filled.match is not None
    assert ("p2@example.test", "p3@example.test") == filled.match.values
    assert "p2@" not in repr(filled)
    assert job.match is not None
    assert () == job.match.values


def test_small_batches_share_a_read(shelf: Lists) -> None:
    """What follows a batch is at hand for the next ones; what lies before it, and another list, is not."""
    found, other = shelf.read(PEOPLE, "p.txt", batch=2), shelf.read("a@example.test\n", "q.txt")
    values = lists.Reader(shelf.state, KEY)
    assert values.ready(job_of(found, 1)) is None
    fetched = values.fetch(job_of(found, 1))
    (shelf.state / LISTS / found.list_id / VALUES).unlink()
    assert values.ready(job_of(found, 1)) == fetched
    last = values.ready(job_of(found, 2))
    assert last is not None
    assert last.match is not None
    assert ("p4@example.test",) == last.match.values
    assert [values.ready(job_of(found, 0)), values.ready(job_of(other, 0))] == [None, None]
    assert values.ready(fetched) is fetched


def test_no_more_than_a_few_pieces_of_lists_are_in_memory(shelf: Lists) -> None:
    """The list that was not asked for the longest makes room."""
    jobs = [job_of(shelf.read(f"a{number}@example.test\n", f"{number}.txt"), 0) for number in range(17)]
    values = lists.Reader(shelf.state, KEY)
    for job in jobs:
        values.fetch(job)
    assert [place for place, job in enumerate(jobs) if values.ready(job) is None] == [0]


def test_what_is_not_what_was_written_is_never_sent(shelf: Lists) -> None:
    """Changed, cut off, or read with another key: an integrity matter, by the file's name."""
    found = shelf.read(PEOPLE, "p.txt", batch=2)
    path = shelf.state / LISTS / found.list_id / VALUES
    honest = path.read_bytes()
    for content, key in ((honest.replace(b"p3", b"q3"), KEY), (honest[:-1], KEY), (honest, b"x" * 32)):
        path.write_bytes(content)
        job = job_of(found, 2 if content == honest[:-1] else 1)
        with pytest.raises(IntegrityError, match=r"it is not what was written.*start a new run"):
            lists.Reader(shelf.state, key).fetch(job)
        with pytest.raises(IntegrityError, match="it is not what was written"):
            lists.recall(shelf.state, found.list_id, batch=2, key=key)


def test_a_list_that_is_gone_is_said_to_be_gone(shelf: Lists) -> None:
    """With the remedy."""
    found = shelf.read(PEOPLE, "p.txt")
    shutil.rmtree(shelf.state / LISTS)
    for look in (
        lambda: lists.Reader(shelf.state, KEY).fetch(job_of(found, 0)),
        lambda: lists.recall(shelf.state, found.list_id, batch=2, key=KEY),
        lambda: lists.source_changed(shelf.state, found.list_id),
    ):
        with pytest.raises(LocalError, match=r"match list (are|is) gone; start a new run"):
            look()


@pytest.mark.parametrize("name", ["..", "x" * 32, "../" + "0" * 29])
def test_no_other_folder_is_read_for_a_list(shelf: Lists, name: str) -> None:
    """The id comes out of a journal that somebody may have changed."""
    with pytest.raises(IntegrityError, match="impossible name"):
        lists.recall(shelf.state, name, batch=1, key=KEY)


def test_a_list_is_recalled_without_its_source_in_batches_of_any_size(shelf: Lists) -> None:
    """As it was cut, or otherwise; that the source is gone is said."""
    found = shelf.read(PEOPLE, "p.txt", batch=2)
    assert "" == lists.source_changed(shelf.state, found.list_id)
    Path("p.txt").unlink()
    assert found == lists.recall(shelf.state, found.list_id, batch=2, key=KEY)
    assert 5 == len(lists.recall(shelf.state, found.list_id, batch=1, key=KEY).batches)
    assert lists.source_changed(shelf.state, found.list_id).endswith(
        "p.txt has changed or gone since the run began: the values that were read then are used"
    )


def test_one_list_is_kept_once_and_its_rejects_are_those_of_the_last_file(shelf: Lists) -> None:
    """Whatever files it came of, in whatever order of bad rows."""
    first = shelf.read("a@example.test\nx\n", "p.txt", max_rejects=1)
    second = shelf.read("x\ny\na@example.test\n", "p.txt", max_rejects=2)
    assert first == second
    assert [first.list_id] == [path.name for path in (shelf.state / LISTS).iterdir()]
    assert [1, 2] == [each["line"] for each in shelf.rejects(second)]


@pytest.mark.parametrize("wrong", [b"p0@example.test\n", None])
def test_reading_a_list_anew_heals_the_values_that_were_kept(shelf: Lists, wrong: bytes | None) -> None:
    """Which is what the message about them says; whether they were damaged or are gone."""
    found = shelf.read(PEOPLE, "p.txt")
    path = shelf.state / LISTS / found.list_id / VALUES
    path.unlink()
    if wrong is not None:
        path.write_bytes(wrong)
    assert found == shelf.read(PEOPLE, "p.txt")
    assert [tuple(PEOPLE.split())] == shelf.values(found)
    assert [path.parent] == list((shelf.state / LISTS).iterdir())


def test_nobody_else_may_read_them(shelf: Lists) -> None:
    """Whatever the umask."""
    before = os.umask(0)
    try:
        shelf.read("a@example.test\nx\n", "p.txt", max_rejects=1)
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in shelf.state.rglob("*")}
    assert {0o700 if path.is_dir() else 0o600 for path in modes} == set(modes.values())
    assert all((mode == 0o700) == path.is_dir() for path, mode in modes.items())


def test_what_a_dead_process_left_is_of_no_use_and_what_a_living_one_writes_is(shelf: Lists) -> None:
    """Told by the lock; lists of runs stay, and so do those that may be of a run to come."""
    kept, other = shelf.read("a@example.test\n", "p.txt"), shelf.read("b@example.test\n", "p.txt")
    folder = shelf.state / LISTS
    (folder / ".reading-dead").mkdir()
    (folder / ".reading-dead" / VALUES).write_bytes(b"a@example")
    alive = Spool(folder)
    late, early = 4e9, 0.0
    try:
        unused = lists.unused(shelf.state, {kept.list_id}, before=late)
        assert [folder / other.list_id, folder / ".reading-dead"] == unused
        assert [folder / ".reading-dead"] == lists.unused(shelf.state, set(), before=early)
    finally:
        alive.discard()
    assert [] == lists.unused(Path("nowhere"), set(), before=late)
