"""The server did it and the answer never came: every call, every way of losing an answer.

What the server did is looked up at the server. An Initiate whose answer is lost may have made an export that nobody
can read: it must be counted, exactly. Everything else is asked again, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.remote import Request
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store.verify import verify
from tests.contract.stage import OAUTH, Played, assert_published, assert_withheld, play, resume, truth, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

PEOPLE = 25  # in pages of ten: a first, a middle and a last one
SMALL = {"page_size": 10}
LOST = ["lost", "silent", "head@20", "drop@7"]
LAST_SIGN = "hangup"  # the whole answer, and then the connection goes: nothing is lost but the connection


def watching(service: Service, alive: list[int]) -> Callable[[Request, float], None]:
    """Note how many exports live at the server whenever it hears from us."""

    def seen(_request: Request, now: float) -> None:
        alive.append(sum(1 for _ in service.ledger.alive(now)))

    return seen


async def played_with(folder: Path, faults: dict[str, str], orphans: int, **server: Any) -> Played:
    """Play one job and prove: the fault struck, the truth is published once, and no export lives but the orphans."""
    service, alive = Service(world(PEOPLE, faults=faults, commit_body="json", **server)), list[int]()
    connection = {"auth": OAUTH} if "token" in faults else {}
    played = await play(folder, service, lookout=watching(service, alive), limits=SMALL, connection=connection)
    assert sum(len(script.replace("ok", "").split()) for script in faults.values()) == sum(
        service.playbook.fired.values()
    )
    assert_published(played)
    found = verify(played.config.output.path)
    assert (["segment 'A'"], 1, True) == (played.published, found.manifests, found.intact)
    assert orphans == played.closed.possible_orphans == played.only().possible_orphans
    assert 1 + orphans == max(alive)
    assert orphans == sum(1 for _ in service.ledger.alive(played.wire.clock.now()))
    return played


@pytest.mark.parametrize("word", LOST)
@pytest.mark.parametrize("times", [1, 2])
async def test_an_initiate_without_an_answer_is_a_possible_orphan(memory: Path, word: str, times: int) -> None:
    """Each lost answer is one export that nobody knows the token of; the one that is read is another."""
    played = await played_with(memory, {"initiate": " ".join([word] * times)}, orphans=times)
    assert times + 1 == len(played.calls("initiate"))
    assert 1 == len({each.token for each in played.calls("status")})


@pytest.mark.parametrize("word", LOST)
@pytest.mark.parametrize(
    "script", ["{}", "ok {}", "ok ok {}", "{0} ok {0} {0}"], ids=["first", "middle", "last", "all"]
)
async def test_a_page_without_an_answer_is_asked_for_again(memory: Path, script: str, word: str) -> None:
    """The last one above all: with keepAlive it is still there."""
    played = await played_with(memory, {"page": script.format(word)}, orphans=0)
    assert 1 == len(played.calls("initiate"))
    assert [1, 11, 21] == sorted({each.offset or 0 for each in played.calls("page")})


@pytest.mark.parametrize("word", LOST)
async def test_a_status_without_an_answer_is_asked_for_again(memory: Path, word: str) -> None:
    """It changes nothing at the server."""
    played = await played_with(memory, {"status": f"{word} {word}"}, orphans=0)
    assert 3 == len(played.calls("status"))


@pytest.mark.parametrize("word", LOST)
async def test_a_commit_without_an_answer_has_arrived(memory: Path, word: str) -> None:
    """The second one is told that the token is gone: that is the answer to the first."""
    played = await played_with(memory, {"commit": word}, orphans=0)
    assert [404] == [each.status for each in played.calls("commit")][1:]
    assert "" == played.only().note


@pytest.mark.parametrize("word", LOST)
@pytest.mark.parametrize("script", ["{}", "ok {}", "{0} ok {0} {0}"], ids=["login", "refresh", "both"])
async def test_a_login_without_an_answer_is_asked_for_again(memory: Path, script: str, word: str) -> None:
    """The bearer that was lost harms nobody, and whatever waited for it was never sent: no orphan."""
    played = await played_with(
        memory, {"token": script.format(word)}, orphans=0, bearer_lifetime=100.0, processing=150.0
    )
    assert 2 + script.count("{") == len(played.calls("token"))
    assert 401 not in {each.status for each in played.history}


@pytest.mark.parametrize("call", ["token", "initiate", "status", "page", "commit"])
async def test_a_connection_that_ends_after_the_answer_loses_nothing(memory: Path, call: str) -> None:
    """The answer is whole, and that is all that counts."""
    played = await played_with(memory, {call: LAST_SIGN}, orphans=0)
    assert 0 == played.only().retries


async def test_answers_lost_at_every_call_of_one_job_add_up(memory: Path) -> None:
    """One night, everything once: one orphan, from the Initiate."""
    faults = {"token": "lost", "initiate": "silent", "status": "drop@3", "page": "ok head@9 lost", "commit": "lost"}
    await played_with(memory, faults, orphans=1)


async def test_many_jobs_that_share_a_lost_login_leave_no_orphan(memory: Path) -> None:
    """Six jobs wait for one login: its loss is everybody's, and one more serves all."""
    names = [f"S{n}" for n in range(6)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=PEOPLE) for name in names), faults={"token": "lost"}
    )
    jobs = [{"segment": name} for name in names]
    played = await play(memory, server, jobs, limits=SMALL, connection={"auth": OAUTH})
    assert {("token", "lost"): 1} == dict(played.service.playbook.fired)
    assert ([Verdict.DONE] * 6, 0) == (played.verdicts(), played.closed.possible_orphans)
    assert [truth(played, name) for name in names] == [played.lines(f"segment={name}") for name in names]
    assert 6 == len(played.calls("initiate"))


async def test_orphans_stay_counted_when_the_run_is_taken_up(memory: Path) -> None:
    """Three Initiates are lost until the retries end; the resumed run reads one export and still tells of all."""
    # A 429 now and then is a sign of life: this is no outage of the whole connection.
    service, alive = Service(world(PEOPLE, faults={"initiate": "lost 429 lost 429 lost 429x*"})), list[int]()
    limits = SMALL | {"retry_for": 20.0}
    played = await play(memory, service, lookout=watching(service, alive), limits=limits)
    assert_withheld(played, 5)
    lost = service.playbook.fired["initiate", "lost"]
    assert 3 == lost == played.closed.possible_orphans
    service.playbook.add({"initiate": "ok"})
    again = await resume(played)
    assert_published(again)
    assert (lost, lost + 1) == (again.closed.possible_orphans, max(alive))
    assert lost == sum(1 for _ in service.ledger.alive(played.wire.clock.now()))
