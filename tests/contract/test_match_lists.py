"""Section 3.2, MatchCriteria and Values: the values of a file, over the whole way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor.errors import LocalError
from extractor.observe.news import ValuesMatched
from extractor.simulator import FileSegment, Service, SimulatorSettings
from tests.contract.stage import Played, assert_withheld, play, resume

PEOPLE = [("box.0@example.test", 3), ("box.1@example.test", 1), ("box.2@example.test", 1)]
LIST = "Mail\nBOX.0@example.test\nbox.1@EXAMPLE.test\nbox.0@example.test\nnobody@example.test\nbox.2@example.test\n"
SENT = [["BOX.0@example.test", "box.1@EXAMPLE.test"], ["nobody@example.test", "box.2@example.test"]]
ONE = {"exports": 1}  # one after the other, in plan order

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def served(folder: Path, **settings: Any) -> Service:
    """A server with one segment, A, of people who share mailboxes."""
    path = folder / "people.ndjson"
    with path.open("wb") as file:
        for number in range(5):
            box = [box for box, readers in PEOPLE for _ in range(readers)][number]
            file.write(orjson.dumps({"ProfileId": number + 1, "Emails": [{"EmailAddress": box}]}) + b"\n")
    return Service(SimulatorSettings(segments=(FileSegment(name="A", path=path),), **settings))


def listed(folder: Path) -> list[dict[str, Any]]:
    """The one job: a list in batches of two."""
    path = folder / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    return [{"segment": "A", "match": {"criteria": "EmailAddress", "batch": 2, "values": {"file": str(path)}}}]


def reported(played: Played, name: str) -> list[tuple[str, int]]:
    """The values of a report, with the number of profiles."""
    (path,) = played.config.state.glob(f"reports/*/segment=A/{name}")
    return [(each["value"], each["profiles"]) for each in map(orjson.loads, path.read_bytes().splitlines())]


async def test_a_list_is_asked_for_in_batches_and_told_of_value_by_value(memory: Path) -> None:
    """Sent as written, once; counted in the news, named in the state folder only."""
    played = await play(memory, served(memory), listed(memory), limits=ONE)

    assert 0 == played.exit_code
    assert SENT == [body["Values"] for body in played.bodies()]
    assert [1, 2, 3, 4, 5] == [orjson.loads(line)["ProfileId"] for line in played.lines("segment=A")]
    assert [("nobody@example.test", 0)] == reported(played, "unmatched.ndjson")
    assert [("BOX.0@example.test", 3)] == reported(played, "several.ndjson")
    (news,) = [each for each in played.news if isinstance(each, ValuesMatched)]
    assert (4, 1, 1, 0) == (news.values, news.unmatched, news.several, news.strangers)


async def test_no_value_stands_in_journal_manifests_or_messages(memory: Path) -> None:
    """Not in a refusal that repeats it, either; a keyed digest stands for it."""
    server = served(memory, faults="initiate: ok 400")
    played = await play(memory, server, listed(memory), limits=ONE)

    written = played.words().encode()
    for path in [*played.config.state.glob("journal*"), *played.config.state.glob("lists/*/list.json")]:
        written += path.read_bytes()
    for value, _ in [*PEOPLE, ("nobody@example.test", 0)]:
        assert value.casefold().encode() not in written.lower()


async def test_a_run_is_taken_up_without_the_file(memory: Path) -> None:
    """It may have been standard input; what was read then is asked for."""
    first = await play(memory, served(memory, faults="initiate: ok 403"), listed(memory), limits=ONE)
    assert_withheld(first, 3)
    (memory / "list.csv").unlink()

    second = await resume(first)
    assert 0 == second.exit_code
    assert [*SENT, SENT[1]] == [body["Values"] for body in second.bodies()]
    assert [("nobody@example.test", 0)] == reported(second, "unmatched.ndjson")


async def test_a_list_that_was_changed_in_the_state_folder_is_not_asked_for(memory: Path) -> None:
    """Or was removed: then the run cannot go on, and says so before anything is sent."""
    first = await play(memory, served(memory, faults="initiate: ok 403"), listed(memory), limits=ONE)
    (values,) = first.config.state.glob("lists/*/values")
    values.unlink()

    with pytest.raises(LocalError, match="the values of this match list are gone; start a new run"):
        await resume(first)
    assert 2 == len(first.bodies())
