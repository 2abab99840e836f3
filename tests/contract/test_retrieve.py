"""Contract, section 3.4: reading an export in pages, and pages that lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Segment, SimulatorSettings
from tests.contract.stage import Played, assert_published, assert_withheld, play, truth, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SMALL = {"page_size": 100}
SERIAL = {"dialect": {"random_access": "no"}}  # one page after the other; ``test_parallel_pages`` has the others


def offsets(played: Played) -> list[int | None]:
    """The offsets that were asked for, in order."""
    return [each.offset for each in played.calls("page")]


async def test_every_page_is_asked_for_with_keep_alive(tmp_path: Path) -> None:
    """Also the last one: only so can a lost answer be fetched again."""
    played = await play(tmp_path, world(faults={"page": "ok 503 lost"}), limits=SMALL)
    assert_published(played)
    assert {True} == {each.keep_alive for each in played.calls("page") if each.keep_alive is not None}
    pages = [each.url for each in played.wire.asked if each.about.startswith("Page")]
    assert [] == [url for url in pages if not url.endswith("&keepAlive=true")]


@pytest.mark.parametrize("literal", ["True", "1"])
async def test_the_spelling_of_true_is_dialect_data(tmp_path: Path, literal: str) -> None:
    """Which literals ``keepAlive`` accepts is unknown."""
    played = await play(tmp_path, world(), connection={"dialect": {"true": literal}}, limits=SMALL)
    assert_published(played)
    assert {True} == {each.keep_alive for each in played.calls("page")}


async def test_limit_and_offset_are_always_said(tmp_path: Path) -> None:
    """The limit is the configured one (by default the service's own 1000), the offset begins at 1."""
    small = await play(tmp_path, world(), fresh=True, limits=SMALL)
    assert ([1, 101, 201], {100}) == (offsets(small), {each.limit for each in small.calls("page")})
    plain = await play(tmp_path, world(2500), fresh=True)
    assert ([1, 1001, 2001], {1000}) == (offsets(plain), {each.limit for each in plain.calls("page")})
    assert_published(plain)


@pytest.mark.parametrize("granted", [1, 7, 70, 99, 100])
async def test_a_clamped_limit_is_followed_by_offset_plus_count(tmp_path: Path, granted: int) -> None:
    """The server grants fewer than were asked for: the next page begins after those that came."""
    played = await play(tmp_path, world(130, max_page_size=granted), limits=SMALL, connection=SERIAL)
    assert_published(played)
    assert list(range(1, 131, granted)) == offsets(played)


async def test_a_limit_that_the_server_refuses_is_told(tmp_path: Path) -> None:
    """400 for the page: the job is refused, and the message names the key to lower."""
    played = await play(tmp_path, world(max_page_size=50, above_max="refuse"), limits=SMALL)
    assert_withheld(played, 4)
    assert "limits.page_size" in played.only().message


async def test_a_page_that_comes_short_is_no_lie(tmp_path: Path) -> None:
    """Half a page, honestly counted: the rest is asked for."""
    played = await play(tmp_path, world(faults={"page": "short ok short short"}), limits=SMALL, connection=SERIAL)
    assert_published(played)
    pages = played.calls("page")
    assert [1, *((each.offset or 0) + (each.count or 0) for each in pages[:-1])] == offsets(played)


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)])
async def test_reading_stops_when_has_more_is_false(tmp_path: Path, count: int, pages: int) -> None:
    """No page too many, also at exact multiples; nobody at all is one empty page and an empty dataset."""
    played = await play(tmp_path, world(count), limits=SMALL)
    assert_published(played)
    assert pages == len(played.calls("page"))
    assert ["segment 'A'"] == played.published
    assert count == played.only().total_results


async def test_the_answers_limit_member_is_not_needed(tmp_path: Path) -> None:
    """``Count`` says what came; a server without ``Limit``, or with another one, is read all the same."""

    def without_limit(request: Request, answer: Answer) -> Answer:
        if request.about.startswith("Page"):
            return replace(answer, body=answer.body.replace(b'"Limit":100,', b""))
        return answer

    assert_published(await play(tmp_path, world(), limits=SMALL, spoil=without_limit))


@pytest.mark.parametrize("word", ["lost", "silent", "drop@40", "stall@40", "head@10", "hangup", "trickle@9", "reset"])
@pytest.mark.parametrize("page", [1, 2, 3])
async def test_a_page_that_was_lost_is_fetched_again(tmp_path: Path, page: int, word: str) -> None:
    """Any page, the last one above all: no new export, no record lost or doubled."""
    played = await play(tmp_path, world(faults={"page": "ok " * (page - 1) + word}), limits=SMALL)
    assert_published(played)
    assert 1 == len(played.calls("initiate"))
    assert 1 == sum(played.service.playbook.fired.values())


@pytest.mark.parametrize("gone", [400, 404, 410])
async def test_a_token_that_ends_while_it_is_read_leads_to_a_new_export(tmp_path: Path, gone: int) -> None:
    """What was read of the lost export is dropped; the new one is read from its beginning."""
    server = world(gone=gone, faults={"page": "ok ok expire"})
    dialect = {"dialect": {"token_gone": [gone]}}
    played = await play(tmp_path, server, limits=SMALL, connection=dialect)
    assert_published(played)
    assert [1, 101, 201, 1, 101, 201] == offsets(played)
    assert 2 == played.only().exports


async def test_a_token_whose_lifetime_ends_is_replaced_within_the_bound(tmp_path: Path) -> None:
    """A server that forgets exports faster than they can be read: bounded, told, and nothing is published."""
    server = world(2000, token_lifetime=0.2, latency=0.05)
    played = await play(tmp_path, server, limits=SMALL | {"re_exports": 2})
    assert_withheld(played, 3)
    assert 3 == len(played.calls("initiate"))


async def test_a_tokens_lifetime_is_enough_for_quick_reading(tmp_path: Path) -> None:
    """An unknown lifetime is no reason to wait: reading begins as soon as the export is complete."""
    played = await play(tmp_path, world(2000, token_lifetime=2.0, processing=5.0), limits=SMALL | {"poll_max": 1.0})
    assert_published(played)
    assert 1 == len(played.calls("initiate"))


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_nothing_is_asked_for_past_the_end(tmp_path: Path, status: int) -> None:
    """What a server answers there is unknown and does not matter."""
    played = await play(tmp_path, world(200, past_end=status), limits=SMALL)
    assert_published(played)
    assert [1, 101] == offsets(played)


@pytest.mark.parametrize("window", [1, 4, 16])
async def test_records_keep_the_servers_order(tmp_path: Path, window: int) -> None:
    """Whatever is read at once, each dataset has the order of its export."""
    server = SimulatorSettings(segments=tuple(Segment(name=f"S{n}", count=230, first=n, step=3) for n in range(5)))
    jobs = [{"segment": f"S{n}"} for n in range(5)]
    played = await play(tmp_path, server, jobs, limits={"page_size": 20, "pages": window, "exports": window})
    for n in range(5):
        assert truth(played, f"S{n}") == played.lines(f"segment=S{n}")


@pytest.mark.parametrize(
    ("script", "where"),
    [
        *((word, "first") for word in ("count+1", "total+1", "total-1", "shift", "nomore", "zero")),
        *((f"ok {word}", "middle") for word in ("count+1", "total+1", "total-1", "shift", "nomore")),
        *((f"ok {word}", "middle") for word in ("overlap", "twice", "zero")),
        *((f"ok ok {word}", "last") for word in ("count+1", "count-1", "total+1", "total-1", "shift", "hasmore")),
        *((f"ok ok {word}", "last") for word in ("overlap", "twice", "zero")),
        ("twice", "first"),
    ],
    ids=lambda each: each.removeprefix("ok ").removeprefix("ok ") if isinstance(each, str) else each,
)
async def test_a_page_that_lies_is_an_integrity_failure(tmp_path: Path, script: str, where: str) -> None:
    """Counts, offsets and records that contradict each other: exit code 6, nothing published, nothing committed."""
    played = await play(tmp_path, world(faults={"page": script}), limits=SMALL)
    assert 1 == sum(played.service.playbook.fired.values()), where
    assert_withheld(played, 6)
    assert Verdict.INTEGRITY == played.only().verdict
    assert [] == played.calls("commit")


@pytest.mark.parametrize("script", ["count-1", "ok count-1"])
async def test_a_count_that_is_not_the_number_of_the_records_is_asked_for_again(tmp_path: Path, script: str) -> None:
    """Nothing of such a page is kept; one that is right may come."""
    played = await play(tmp_path, world(faults={"page": script}), limits=SMALL, connection=SERIAL)
    assert_published(played)
    assert sum(played.service.playbook.fired.values()) == played.only().retries > 0


@pytest.mark.parametrize("script", ["count-1x*", "ok count-1x*"])
async def test_and_is_an_integrity_failure_when_none_comes(tmp_path: Path, script: str) -> None:
    """Bounded: exit code 6, nothing published, nothing committed."""
    played = await play(tmp_path, world(faults={"page": script}), limits=SMALL)
    assert_withheld(played, 6)
    assert Verdict.INTEGRITY == played.only().verdict
    assert [] == played.calls("commit")


@pytest.mark.parametrize("word", ["hasmore", "total+1", "count+1", "zero"])
async def test_a_lie_about_nobody_is_an_integrity_failure_too(tmp_path: Path, word: str) -> None:
    """An export without records has nothing to hide behind."""
    played = await play(tmp_path, world(0, faults={"page": word}), limits=SMALL)
    assert_withheld(played, 6)


async def test_a_lie_withholds_its_own_dataset_only(tmp_path: Path) -> None:
    """The good segment beside it is published; the exit code tells of the bad one."""
    server = SimulatorSettings(
        segments=(Segment(name="Bad", count=250), Segment(name="A", count=250)), faults={"page[Bad]": "ok total+1"}
    )
    played = await play(tmp_path, server, [{"segment": "Bad"}, {"segment": "A"}], limits=SMALL)
    assert (6, ["segment 'A'"]) == (played.exit_code, played.published)
    assert truth(played) == played.lines("segment=A")
    assert [] == played.lines("segment=Bad")


@pytest.mark.parametrize("word", ["lower", "lowerx*"])
async def test_lower_case_member_names_are_read(tmp_path: Path, word: str) -> None:
    """One sample of the documents slips into lower case: every answer may."""
    faults = dict.fromkeys(("initiate", "status", "page"), word)
    played = await play(tmp_path, world(faults=faults), limits=SMALL)
    assert_published(played)
    assert 3 <= sum(played.service.playbook.fired.values())


async def test_the_name_of_the_records_member_is_dialect_data(tmp_path: Path) -> None:
    """v3 called it ``Preferences``."""

    def renamed(request: Request, answer: Answer) -> Answer:
        if request.about.startswith("Page"):
            return replace(answer, body=answer.body.replace(b'"UserProfilePreferences":', b'"Preferences":'))
        return answer

    connection = {"dialect": {"records": "Preferences"}}
    assert_published(await play(tmp_path, world(), limits=SMALL, connection=connection, spoil=renamed))
