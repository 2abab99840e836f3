"""Contract, section 3.3: waiting for an export, and every word that Status can say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor.observe.news import JobMoved
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Counts, Ending, Segment, SimulatorSettings
from tests.contract.stage import Spoil, assert_published, assert_withheld, play, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def saying(**members: Any) -> Spoil:
    """Change members of every Status answer; ``...`` removes one."""

    def spoil(request: Request, answer: Answer) -> Answer:
        if not request.about.startswith("Status") or answer.status != 200:
            return answer
        told = {name: value for name, value in (orjson.loads(answer.body) | members).items() if value is not ...}
        return replace(answer, body=orjson.dumps(told, default=str))

    return spoil


@pytest.mark.parametrize("counts", list(Counts))
async def test_counts_while_processing_may_be_null_zero_or_absent(tmp_path: Path, counts: Counts) -> None:
    """Before completion a RowCount says nothing; afterwards it is compared with what was read."""
    played = await play(tmp_path, world(processing=30.0, counts_while_processing=counts), limits={"page_size": 100})
    assert_published(played)
    assert len(played.calls("status")) > 5
    assert 250 == played.only().row_count


async def test_pages_are_asked_for_only_after_complete(tmp_path: Path) -> None:
    """``Processing`` is polled on, ever more slowly and never faster than configured."""
    played = await play(tmp_path, world(processing=60.0), limits={"poll_first": 1.0, "poll_max": 4.0})
    assert_published(played)
    polls = [each.at for each in played.calls("status")]
    gaps = [later - earlier for earlier, later in pairwise(polls)]
    assert sorted(gaps) == pytest.approx(gaps, abs=0.05)
    assert max(gaps) == pytest.approx(4.0, abs=0.1)
    assert {200} == {each.status for each in played.calls("page")}


async def test_an_export_that_never_completes_is_given_up(tmp_path: Path) -> None:
    """After ``limits.processing_timeout`` the job ends as unavailable, and says which key to raise."""
    played = await play(tmp_path, world(processing=90_000.0), limits={"processing_timeout": 600.0, "poll_max": 60.0})
    assert_withheld(played, 5)
    assert Verdict.UNAVAILABLE == played.only().verdict
    assert "limits.processing_timeout" in played.only().message
    assert 1 == len(played.calls("initiate"))


@pytest.mark.parametrize("script", ["error", "ok error", "status=Error", "status=Expired", "status=Retrieved"])
async def test_an_export_lost_while_it_is_awaited_is_asked_for_again(tmp_path: Path, script: str) -> None:
    """Error, Expired and Retrieved are not the end: a new Initiate gets the same data."""
    played = await play(tmp_path, world(processing=1.0, faults={"status": script}))
    assert_published(played)
    assert 2 == len(played.calls("initiate"))
    assert 2 == played.only().exports


@pytest.mark.parametrize(
    ("word", "hint"), [("Error", "segment's configuration"), ("Expired", "limits.exports"), ("Retrieved", "token")]
)
async def test_an_export_that_is_always_lost_is_given_up(tmp_path: Path, word: str, hint: str) -> None:
    """New exports are bounded by ``limits.re_exports``; the message says what each word may mean."""
    played = await play(tmp_path, world(faults={"status": f"status={word}x*"}), limits={"re_exports": 2})
    assert_withheld(played, 3)
    assert Verdict.EXPORT_FAILED == played.only().verdict
    assert hint in played.only().message
    assert 3 == len(played.calls("initiate"))


async def test_a_segment_whose_exports_end_in_error_is_given_up(tmp_path: Path) -> None:
    """The server's own Error, not a script's, with a good segment beside it that is published."""
    server = SimulatorSettings(
        segments=(Segment(name="Bad", count=9, ends=Ending.ERROR), Segment(name="A", count=150)), processing=1.0
    )
    played = await play(tmp_path, server, [{"segment": "Bad"}, {"segment": "A"}])
    assert [Verdict.EXPORT_FAILED, Verdict.DONE] == played.verdicts()
    assert (3, ["segment 'A'"]) == (played.exit_code, played.published)
    assert 4 == len(played.calls("initiate", "Bad"))


async def test_failed_means_a_permission_is_missing(tmp_path: Path) -> None:
    """Terminal and not retried: the message says who can grant it."""
    server = SimulatorSettings(segments=(Segment(name="A", count=9, ends=Ending.FAILED),), processing=1.0)
    played = await play(tmp_path, server)
    assert_withheld(played, 4)
    assert Verdict.REFUSED == played.only().verdict
    assert "permission" in played.only().message
    assert 1 == len(played.calls("initiate"))


@pytest.mark.parametrize("word", ["Queued", "Paused", "Halbfertig\u2026"])
async def test_an_unknown_word_is_told_and_polled_on(tmp_path: Path, word: str) -> None:
    """A Status that nobody has documented is data: the run goes on, and people hear of it."""
    played = await play(tmp_path, world(faults={"status": f"status={word}x3"}))
    assert_published(played)
    told = [each.detail for each in played.news if isinstance(each, JobMoved) and "unknown word" in each.what]
    assert [f"Status {word}"] * 3 == told


async def test_an_unknown_word_for_ever_is_given_up(tmp_path: Path) -> None:
    """Bounded, with the word and the key that would explain it."""
    played = await play(tmp_path, world(faults={"status": "status=Pausedx*"}))
    assert_withheld(played, 3)
    assert "'Paused'" in played.only().message
    assert "connection.dialect.statuses" in played.only().message


async def test_a_word_is_given_its_meaning_by_the_dialect(tmp_path: Path) -> None:
    """``statuses`` adds to the documented words: here ``Ready`` and ``Queued``."""
    dialect = {"statuses": {"Ready": "complete", "Queued": "processing"}}
    server = world(processing=2.0, faults={"status": "status=Queuedx40 ok"})
    queued = await play(tmp_path, server, fresh=True, connection={"dialect": dialect})
    assert_published(queued)
    server = world(faults={"status": "status=Readyx*"})
    ready = await play(tmp_path, server, fresh=True, connection={"dialect": dialect})
    assert_published(ready)
    assert 1 == len(ready.calls("status"))


@pytest.mark.parametrize("word", ["COMPLETE", "complete", "CoMpLeTe"])
async def test_a_status_is_read_in_any_case(tmp_path: Path, word: str) -> None:
    """Letter case carries no meaning."""
    played = await play(tmp_path, world(faults={"status": f"status={word}x*"}))
    assert_published(played)
    assert 1 == len(played.calls("status"))


async def test_a_null_status_is_an_unknown_one(tmp_path: Path) -> None:
    """The field is nullable: null is polled on like an unknown word, and bounded like it."""
    played = await play(tmp_path, world(), spoil=saying(Status=None))
    assert_withheld(played, 3)
    assert Verdict.EXPORT_FAILED == played.only().verdict
    assert len(played.calls("status")) < 100


@pytest.mark.parametrize("word", ["rows+1", "rows-1"])
async def test_a_row_count_that_contradicts_the_pages_is_withheld(tmp_path: Path, word: str) -> None:
    """RowCount must equal TotalResults; the message names the switch for an account where it counts something else."""
    played = await play(tmp_path, world(faults={"status": f"{word}x*"}))
    assert_withheld(played, 6)
    assert "row_count_is_total" in played.only().message
    assert [] == played.calls("commit")


async def test_a_row_count_of_something_else_is_a_switch_of_the_dialect(tmp_path: Path) -> None:
    """That it counts profiles is inferred: ``row_count_is_total: false`` stops the comparison."""
    server = world(faults={"status": "rows+1x*"})
    assert_published(await play(tmp_path, server, connection={"dialect": {"row_count_is_total": False}}))


async def test_a_row_count_that_stays_null_is_accepted(tmp_path: Path) -> None:
    """The field is nullable, also when the export is complete."""
    played = await play(tmp_path, world(faults={"status": "rows-nullx*"}))
    assert_published(played)
    assert played.only().row_count is None


@pytest.mark.parametrize(
    "members",
    [
        {"Expires": "2026-11-23T14:00:00Z"},
        {"Expires": ""},
        {"ByteCount": ...},
        {"AccessToken": ...},
        {"RowCount": "250"},
        {"Message": None, "Details": [{"a": 1}]},
    ],
    ids=["v3 expiry", "v3 no expiry", "no ByteCount", "no echo", "number as text", "unknown members"],
)
async def test_members_that_are_not_needed_may_come_and_go(tmp_path: Path, members: dict[str, Any]) -> None:
    """Only Status is needed; what else v3 or a later version adds is ignored."""
    assert_published(await play(tmp_path, world(), spoil=saying(**members)))


async def test_an_answer_about_another_token_is_never_believed(tmp_path: Path) -> None:
    """The echo is checked: a mixed-up answer is malformed, retried a few times and then given up."""
    played = await play(tmp_path, world(), spoil=saying(AccessToken=7))
    assert_withheld(played, 3)
    assert "another AccessToken" in played.only().message
    assert [] == played.calls("page")


async def test_extra_members_everywhere_change_nothing(tmp_path: Path) -> None:
    """A newer server that says more, in every answer and record."""
    played = await play(tmp_path, world(extra_fields=True, commit_body="json"), limits={"page_size": 100})
    assert_published(played)
