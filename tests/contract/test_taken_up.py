"""Contract, sections 3.2 and 6: what the server has said to one process holds for the next one, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from extractor.observe.news import ConnectionHeld, News
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.run import extract, history
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store.entries import Hold
from extractor.store.journal import open_journal
from tests.contract.stage import NightClock, Played, assert_published, play, resume, truth
from tests.rehearsal import NOW

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

JOBS: list[dict[str, Any]] = [{"segment": "A"}, {"segment": "B"}]
LIMITS = {"page_size": 10, "deadline": 3.0}
HELD = {"page[A]": "ok 503:60s"}
CONNECTION = "DEMO at http://127.0.0.1:8080/Profiles/v4"


def two(**settings: Any) -> SimulatorSettings:
    """Two segments that have no record in common."""
    segments = (Segment(name="A", count=30), Segment(name="B", count=30, first=1000))
    return SimulatorSettings(segments=segments, **settings)


class Echo:
    """A server that from some moment on gives the first AccessToken for every Initiate."""

    def __init__(self) -> None:
        self.first = b""
        self.on = False

    def __call__(self, request: Request, answer: Answer) -> Answer:
        """Change the answer to an Initiate."""
        if not request.about.startswith("Initiate "):
            return answer
        self.first = self.first or answer.body
        return replace(answer, body=self.first) if self.on else answer


def without_deadline(played: Played, **limits: int) -> Played:
    """The same, with all the time in the world for whoever takes it up."""
    changed = played.config.limits.model_copy(update={"deadline": None, **limits})
    return replace(played, config=played.config.model_copy(update={"limits": changed}))


def holds(played: Played) -> list[float]:
    """The holds that were told, in whole seconds."""
    return [round(each.seconds) for each in played.news if isinstance(each, ConnectionHeld)]


@pytest.mark.parametrize("ended", [False, True], ids=["an export that lives", "an export that is over"])
async def test_an_access_token_that_an_earlier_process_was_given_is_refused(tmp_path: Path, *, ended: bool) -> None:
    """B's job is answered with A's token: it is no answer, and A's records are never published as B's."""
    echo = Echo()
    faults = {"initiate[B]": "403"} if ended else HELD | {"commit[A]": "500x*"}
    played = await play(tmp_path, two(faults=faults), JOBS, spoil=echo, limits=LIMITS | {"exports": 1})
    assert ((3, ["segment 'A'"]) if ended else (5, [])) == (played.exit_code, played.published)
    before = len(played.history)
    echo.on = True
    again = await resume(without_deadline(played, exports=2))

    assert 0 != again.exit_code
    if ended:
        assert {"initiate"} == set(again.kinds()[before:])  # nobody looks at A's export again
    assert "an AccessToken that it has given before" in again.outcome("B").message
    assert Verdict.DONE is not again.outcome("B").verdict
    assert (truth(again), []) == (again.lines("segment=A"), again.lines("segment=B"))


async def test_a_hold_outlives_the_process(tmp_path: Path) -> None:
    """Not one request is sent inside a Retry-After, by whichever process; then the run goes on, and it was said."""
    service = Service(two(faults=HELD))
    played = await play(tmp_path, service, JOBS, limits=LIMITS)
    assert (5, [60]) == (played.exit_code, holds(played))
    (struck,) = [each.at for each in played.history if each.status == 503]
    assert struck == max(each.at for each in played.history)
    before = len(played.history)

    await anyio.sleep(0.5)
    stopped = await resume(played)  # with its deadline of 3 s
    assert (5, before, [57]) == (stopped.exit_code, len(stopped.history), holds(stopped))
    await anyio.sleep(10.0)
    again = await resume(without_deadline(played))

    assert_published(again)
    assert_published(again, "B")
    assert [44] == holds(again)
    assert struck + 60.0 <= again.history[before].at <= struck + 61.0


async def test_a_hold_binds_a_new_run_of_another_plan(tmp_path: Path) -> None:
    """It is the connection that was told to be quiet."""
    played = await play(tmp_path, two(faults=HELD), JOBS[:1], limits=LIMITS)
    before = len(played.history)
    other = await play(tmp_path, played.service, JOBS[1:], limits={"page_size": 10})
    assert_published(other, "B")
    assert [60] == holds(other)
    assert other.history[before].at >= NOW + 60.0  # each act's clock begins anew


async def test_a_hold_that_is_over_holds_nobody(tmp_path: Path) -> None:
    """Nothing is said of it either."""
    played = await play(tmp_path, two(faults=HELD), JOBS, limits=LIMITS)
    await anyio.sleep(60.0)
    again = await resume(without_deadline(played))
    assert_published(again)
    assert ([], True) == (holds(again), again.closed.seconds < 5)


async def test_a_clock_that_was_set_back_holds_no_longer_than_was_asked(tmp_path: Path) -> None:
    """Minutes back: for the minute, once, and not until then, nor again with every resume."""
    played = await play(tmp_path, two(faults=HELD), JOBS, limits=LIMITS)
    back = NightClock(start=played.wire.clock.now() - 200.0)

    stopped = await resumed_by(back, played)
    assert (5, [60]) == (stopped.exit_code, holds(stopped))
    await anyio.sleep(30.0)
    again = await resumed_by(back, without_deadline(played))

    assert_published(again)
    assert [27] == holds(again)


async def resumed_by(clock: NightClock, played: Played) -> Played:
    """Take the run up on a machine with this clock; the server keeps its own."""
    news: list[News] = []
    closed = await extract(
        played.config,
        make_plan(played.config),
        listener=news.append,
        interrupts=False,
        clock=clock,
        transport=played.wire,
        earlier=history.unfinished(played.config.state),
    )
    return replace(played, closed=closed, news=news)


async def test_the_journal_keeps_the_latest_hold_of_each_connection(tmp_path: Path) -> None:
    """One line a connection, however often it is held."""
    with open_journal(tmp_path / "journal.sqlite") as journal:
        assert journal.held(CONNECTION) is None
        for until in (60.0, 90.0):
            journal.hold(CONNECTION, Hold(until=until, seconds=30.0, status=503))
        journal.hold("another", Hold(until=10.0, seconds=1.0, status=429))
        assert Hold(until=90.0, seconds=30.0, status=503) == journal.held(CONNECTION)
