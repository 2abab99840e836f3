"""Contract, section 3.5: telling the server that the export may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.simulator import Group, Operator, Segment, SimulatorSettings
from tests.contract.stage import Played, assert_published, assert_withheld, play, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SMALL = {"page_size": 100}


def statuses(played: Played) -> list[int | None]:
    """The answers to the Commits; None is no answer."""
    return [each.status for each in played.calls("commit")]


async def test_commit_comes_once_and_last(tmp_path: Path) -> None:
    """After every page was answered, and all records were in the answers; nothing follows it."""
    played = await play(tmp_path, world(faults={"page": "ok 503 lost ok"}), limits=SMALL)
    assert_published(played)
    assert (["commit"], 1) == (played.kinds()[-1:], len(played.calls("commit")))
    read = {each.offset: each.count for each in played.calls("page") if each.status == 200}
    assert 250 == sum(count or 0 for count in read.values())


async def test_commit_of_each_job_follows_its_own_last_page(tmp_path: Path) -> None:
    """Many jobs at once: no Commit of one before the last page of the same one."""
    server = SimulatorSettings(segments=tuple(Segment(name=f"S{n}", count=150 + 30 * n) for n in range(8)))
    played = await play(tmp_path, server, [{"segment": f"S{n}"} for n in range(8)], limits={"page_size": 40})
    for n in range(8):
        numbers = [each.number for each in played.calls("page", f"S{n}")]
        (commit,) = played.calls("commit", f"S{n}")
        assert max(numbers) < commit.number


@pytest.mark.parametrize("keep", [False, True])
async def test_keep_files_is_said_on_every_commit(tmp_path: Path, keep: bool) -> None:
    """Some pages of the documents call it required: always sent, for segments and groups; its value is dialect data."""
    server = SimulatorSettings(
        segments=(Segment(name="A", count=50), Segment(name="B", count=50, first=20)),
        groups=(Group(name="G", operator=Operator.OR, segments=("A", "B")),),
        faults={"commit": "503"},
    )
    jobs = [{"segment": "A"}, {"group": "G"}]
    played = await play(tmp_path, server, jobs, connection={"dialect": {"keep_files": keep}})
    assert 0 == played.exit_code
    assert [keep, keep] == [each.keep_files for each in played.calls("commit") if each.status == 200]
    commits = [each for each in played.wire.asked if each.about.startswith("Commit")]
    assert [] == [each.url for each in commits if f"keepFiles={str(keep).lower()}" not in each.url]
    assert [None] * 3 == [each.body for each in commits]


@pytest.mark.parametrize("word", ["lost", "silent", "drop@0", "hangup", "head@5", "500"])
async def test_a_commit_whose_answer_is_lost_is_done(tmp_path: Path, word: str) -> None:
    """The second Commit gets 404 because the first arrived: that is success, and no reason to note anything."""
    played = await play(tmp_path, world(faults={"commit": word}), limits=SMALL)
    assert_published(played)
    outcome = played.only()
    assert (Verdict.DONE, "") == (outcome.verdict, outcome.note)
    assert len(statuses(played)) <= 2


@pytest.mark.parametrize("second", [200, 404, 410])
async def test_whatever_a_second_commit_is_answered_is_done(tmp_path: Path, second: int) -> None:
    """The documents do not say: 200, 404 and 410 all mean that the first one arrived."""
    played = await play(tmp_path, world(second_commit=second, faults={"commit": "lost"}))
    assert_published(played)
    assert [None, second] == statuses(played)
    assert "" == played.only().note


@pytest.mark.parametrize("second", [400, 409])
async def test_a_second_commit_that_is_refused_is_done_with_a_note(tmp_path: Path, second: int) -> None:
    """Other refusals are told, but the data is safe and published."""
    played = await play(tmp_path, world(second_commit=second, faults={"commit": "lost"}))
    assert_published(played)
    assert [None, second] == statuses(played)
    assert str(second) in played.only().note


@pytest.mark.parametrize("word", ["400", "401", "403"])
async def test_a_refused_commit_is_a_note_and_no_failure(tmp_path: Path, word: str) -> None:
    """Everything was read: the server keeps its files until they expire."""
    played = await play(tmp_path, world(faults={"commit": f"{word}x*"}))
    assert_published(played)
    assert word in played.only().note
    assert len(statuses(played)) <= 2


@pytest.mark.parametrize("word", ["404", "expire"])
async def test_a_token_that_is_gone_at_commit_is_a_note(tmp_path: Path, word: str) -> None:
    """It expired between the last page and Commit: the data is all there."""
    played = await play(tmp_path, world(faults={"commit": word}))
    assert_published(played)
    assert "not known at Commit" in played.only().note
    assert "connection.dialect.commit" in played.only().note


async def test_a_commit_that_is_never_acknowledged_is_a_note(tmp_path: Path) -> None:
    """The retries end; the dataset is published all the same."""
    played = await play(tmp_path, world(faults={"commit": "503x*"}), limits={"retry_for": 60.0})
    assert_published(played)
    assert "never acknowledged" in played.only().note


@pytest.mark.parametrize("body", ["empty", "json"])
async def test_the_body_of_the_answer_does_not_matter(tmp_path: Path, body: str) -> None:
    """It is unspecified: empty or a Status object, either is an acknowledgement."""
    played = await play(tmp_path, world(commit_body=body))
    assert_published(played)
    assert [200] == statuses(played)


@pytest.mark.parametrize("word", ["text", "lower", "empty"])
async def test_the_type_of_the_answer_does_not_matter(tmp_path: Path, word: str) -> None:
    """200 is what counts."""
    played = await play(tmp_path, world(commit_body="json", faults={"commit": word}))
    assert_published(played)
    assert [200] == statuses(played)


async def test_what_is_not_published_is_not_committed(tmp_path: Path) -> None:
    """A job that fails leaves the export at the server, to expire by itself."""
    played = await play(tmp_path, world(faults={"page": "ok 403"}), limits=SMALL)
    assert_withheld(played, 4)
    assert [] == statuses(played)
