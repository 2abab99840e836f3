"""Contract, section 6: 503 is temporary, so a server that is down is waited for, calmly and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from extractor.observe.news import Heartbeat, JobEnded, News, OutageBegan, OutageEnded
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.run import extract, history
from extractor.simulator import Entry, Segment, Service, SimulatorSettings
from tests.contract.stage import OAUTH, NightClock, Played, Wire, assert_published, play, truth, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

API = ("initiate", "status", "page", "commit")
NAMES = [f"S{n}" for n in range(20)]
JOBS: list[dict[str, Any]] = [{"segment": name} for name in NAMES]
SLOW = {"requests_per_second": 20.0, "page_size": 10}
Meddle = Callable[[Service], Any]


def twenty(**settings: Any) -> Service:
    """A server with twenty segments, each read in some twenty pages."""
    return Service(SimulatorSettings(segments=tuple(Segment(name=name, count=200) for name in NAMES), **settings))


def storm(service: Service, word: str = "503", calls: tuple[str, ...] = API) -> None:
    """From now on every one of these calls fails like this."""
    service.playbook.add(dict.fromkeys(calls, f"{word}x*"))


def clear(service: Service) -> None:
    """From now on everything is answered again."""
    service.playbook.add(dict.fromkeys((*API, "token"), "ok"))


async def play_through(folder: Path, service: Service, *weather: tuple[float, Meddle], **sections: Any) -> Played:
    """Play the twenty jobs; ``weather`` is what happens to the server, and how many seconds after the start."""

    async def meddle() -> None:
        began = anyio.current_time()
        for at, change in weather:
            await anyio.sleep(began + at - anyio.current_time())
            change(service)

    async with anyio.create_task_group() as beside:
        beside.start_soon(meddle)
        sections.setdefault("limits", SLOW)
        played = await play(folder, service, JOBS, **sections)
        beside.cancel_scope.cancel()
    return played


async def resumed(played: Played) -> Played:
    """Take the run up where its journal ends."""
    config, news, clock = played.config, list[News](), NightClock()
    wire = Wire(service=played.service, clock=clock)
    closed = await extract(
        config,
        make_plan(config),
        listener=news.append,
        interrupts=False,
        clock=clock,
        transport=wire,
        earlier=history.unfinished(config.state, None),
    )
    return replace(played, closed=closed, news=news, wire=wire)


def told(played: Played, kind: type[News]) -> list[Any]:
    """The news of one kind."""
    return [each for each in played.news if isinstance(each, kind)]


def refused_with(played: Played, *statuses: int) -> list[Entry]:
    """The requests that were answered so."""
    return [each for each in played.history if each.status in statuses]


def assert_all_published(played: Played) -> None:
    """Twenty datasets, each with the server's records."""
    assert (0, [Verdict.DONE] * 20) == (played.exit_code, [each.outcome.verdict for each in told(played, JobEnded)])
    for name in NAMES:
        assert truth(played, name) == played.lines(f"segment={name}")


@pytest.mark.parametrize("word", ["503", "500", "reset", "silent"])
async def test_twenty_minutes_of_outage_are_waited_through(tmp_path: Path, word: str) -> None:
    """All twenty jobs end well, far fewer requests leave than each job's own retries, and each minute says why."""
    played = await play_through(
        tmp_path, twenty(), (5.0, lambda service: storm(service, word)), (1205.0, clear), limits=SLOW
    )
    assert_all_published(played)
    (began,), (ended,) = told(played, OutageBegan), told(played, OutageEnded)
    assert began.seconds == pytest.approx(10, abs=90 if word == "silent" else 10)
    assert ended.seconds == pytest.approx(1200, abs=70)
    # Eight jobs that retry by themselves, every thirty seconds on average, would send 8 * (6 + 1200 / 30).
    sent = sum(played.service.playbook.fired.values())
    # (Up to sixteen pages are under way when it begins, and each fails a few times before it is known for one.)
    assert 20 < sent < 130
    beats = [each for each in told(played, Heartbeat) if each.outage_seconds]
    # It is not known for an outage before its failures have lasted ten seconds; silence is a failure after a minute.
    assert (17 if word == "silent" else 19) <= len(beats) <= 20
    assert {60.0} == {round(later.seconds - earlier.seconds, 3) for earlier, later in pairwise(beats)}
    assert 60.0 == beats[-1].calm_seconds
    assert {(20, None if word in {"reset", "silent"} else int(word))} == {(each.jobs, each.status) for each in beats}
    assert {("limits.outage", beats[0].until)} == {(each.bound, each.until) for each in beats}


async def test_when_the_server_answers_everybody_goes_on_at_once(tmp_path: Path) -> None:
    """Nobody sleeps on: within a minute (the calm of the one that asks) and twelve seconds all jobs are heard again.

    Pages go before polls, so that the first export that is ready is read first; who waits goes up every five seconds.
    """
    played = await play_through(tmp_path, twenty(), (5.0, storm), (1205.0, clear))
    last = max(each.at for each in refused_with(played, 503))
    after = [each for each in played.history if each.at > last]
    assert after[0].at <= last + 60.5
    assert len({each.dataset for each in after if each.at <= after[0].at + 12.0}) >= 7


async def test_an_outage_that_outlasts_our_patience_halts_the_run(tmp_path: Path) -> None:
    """Exit code 5 at ``limits.outage``, no unfinished job is marked failed, and a resumed run ends complete."""
    service = twenty()
    limits = SLOW | {"outage": 600.0}
    played = await play_through(tmp_path, service, (5.0, storm), limits=limits)
    assert 5 == played.exit_code
    assert {Verdict.DONE} >= set(played.verdicts())
    assert 0 == played.closed.jobs_failed < 20 - played.closed.jobs_done
    assert played.closed.seconds == pytest.approx(605, abs=3)
    for said in ("HTTP 503", "10 min", "limits.outage", "what is done is safe", "extractor resume", "PossibleNOW"):
        assert said in played.closed.reason
    (last,) = told(played, Heartbeat)[-1:]
    assert last.outage_seconds == pytest.approx(600, abs=0.1)

    clear(service)
    again = await resumed(played)
    assert 0 == again.exit_code
    for name in NAMES:
        assert truth(again, name) == again.lines(f"segment={name}")


async def test_the_deadline_ends_an_outage_too(tmp_path: Path) -> None:
    """Exit code 5, and the heartbeat said which of the two bounds it would be."""
    played = await play_through(tmp_path, twenty(), (5.0, storm), limits=SLOW | {"deadline": 400.0})
    assert (5, 0) == (played.exit_code, played.closed.jobs_failed)
    assert "deadline" in played.closed.reason
    assert {"limits.deadline"} == {each.bound for each in told(played, Heartbeat) if each.outage_seconds}


async def test_without_patience_an_outage_halts_as_soon_as_it_is_known_for_one(tmp_path: Path) -> None:
    """``limits.outage: 0``; a blip is none."""
    blip = await play_through(tmp_path / "a", twenty(), (5.0, storm), (8.0, clear), limits=SLOW | {"outage": 0})
    assert_all_published(blip)
    down = await play_through(tmp_path / "b", twenty(), (5.0, storm), limits=SLOW | {"outage": 0})
    assert (5, 0) == (down.exit_code, down.closed.jobs_failed)
    assert down.closed.seconds < 30


async def test_a_server_that_is_down_from_the_beginning_is_waited_for(tmp_path: Path) -> None:
    """Also with a single job, whose own retries would have ended before."""
    service = Service(world())
    storm(service)

    async def repair() -> None:
        await anyio.sleep(1800)
        clear(service)

    async with anyio.create_task_group() as beside:
        beside.start_soon(repair)
        played = await play(tmp_path, service)
    assert_published(played)
    assert played.closed.seconds == pytest.approx(1800, abs=65)
    assert len(refused_with(played, 503)) < 45


async def test_a_token_endpoint_that_is_down_is_an_outage_too(tmp_path: Path) -> None:
    """No bearer, no request: the logins are the ones that are sent calmly, and after them the work goes on."""
    service = twenty(bearer_lifetime=100.0, processing=300.0)
    played = await play_through(
        tmp_path,
        service,
        (50.0, lambda service: storm(service, calls=("token",))),
        (1250.0, clear),
        connection={"auth": OAUTH},
    )
    assert_all_published(played)
    (ended,) = told(played, OutageEnded)
    assert ended.seconds == pytest.approx(1200, abs=110)
    assert len(refused_with(played, 503)) < 100


async def test_new_bearers_do_not_end_an_outage_of_the_service(tmp_path: Path) -> None:
    """The token endpoint is another machine: that it answers proves nothing, and our patience still ends."""
    limits = SLOW | {"outage": 1200.0}
    played = await play_through(
        tmp_path, twenty(bearer_lifetime=100.0), (5.0, storm), connection={"auth": OAUTH}, limits=limits
    )
    assert (5, 1, 0) == (played.exit_code, len(told(played, OutageBegan)), len(told(played, OutageEnded)))
    assert len(refused_with(played, 503)) < 130
    assert 8 <= len(played.calls("token")) < 60


@pytest.mark.parametrize("word", ["500", "503"])
async def test_a_poisoned_page_fails_its_job_alone(tmp_path: Path, word: str) -> None:
    """While others are answered, and after they are done: there is no outage, and the others are published."""
    names = [f"S{n}" for n in range(6)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=40 if name == "S2" else 160) for name in names),
        processing=15.0,
        faults={"page[S2]": f"ok {word}x*"},
    )
    # The others take longer than the ten seconds that an outage has to last.
    limits = {"page_size": 10, "requests_per_second": 2.0, "retry_for": 300.0}
    played = await play(tmp_path, server, [{"segment": name} for name in names], limits=limits)
    assert [] == told(played, OutageBegan)
    expected = [Verdict.UNAVAILABLE if name == "S2" else Verdict.DONE for name in names]
    assert (5, expected) == (played.exit_code, played.verdicts())
    assert "given up after" in played.outcome("S2").message
    assert [f"segment '{name}'" for name in names if name != "S2"] == played.published


async def test_a_retry_after_within_an_outage_is_obeyed(tmp_path: Path) -> None:
    """Nobody asks before its end, however short the calm would be; the heartbeats tell of it."""
    played = await play_through(
        tmp_path,
        twenty(),
        (5.0, storm),
        (65.0, lambda service: service.playbook.add(dict.fromkeys(API, "503:600s 503x*"))),
        (1500.0, clear),
    )
    assert_all_published(played)
    struck = [each.at for each in refused_with(played, 503) if each.at > played.history[0].at + 65]
    # One of each call may have been told to wait; after the last of them there is silence.
    assert [] == [at for at in struck if struck[0] + 1 < at < struck[0] + 599]
    held = [each.held_seconds for each in told(played, Heartbeat) if each.held_seconds]
    assert 8 <= len(held) <= 31
    assert sorted(held[:9], reverse=True) == held[:9]


async def test_a_halt_during_an_outage_ends_at_once(tmp_path: Path) -> None:
    """Those that wait have not left: nothing is waited for but the one request that may be on its way."""
    for deadline in (100.0, 500.0, 1000.0):
        folder = tmp_path / str(deadline)
        played = await play_through(folder, twenty(), (5.0, storm), limits=SLOW | {"deadline": deadline})
        assert 5 == played.exit_code
        assert played.closed.seconds == pytest.approx(deadline, abs=0.1)


async def test_a_commit_waits_a_minute_of_an_outage_and_no_more(tmp_path: Path) -> None:
    """What is on disk is published: the dataset of a job that was read to the end does not wait for the server."""
    service = Service(world(30))

    def last_page(request: Request, answer: Answer) -> Answer:
        if request.about.startswith("Page"):
            storm(service)
        return answer

    played = await play(tmp_path, service, limits={"page_size": 100}, spoil=last_page)
    assert_published(played)
    assert "never acknowledged" in played.only().note
    assert played.closed.seconds < 100


async def test_waiting_is_no_busy_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of outage with twenty jobs is slept through."""
    pauses = 0
    real = anyio.move_on_after

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal pauses
        pauses += 1
        return real(*args, **kwargs)

    monkeypatch.setattr(anyio, "move_on_after", counted)
    played = await play_through(tmp_path, twenty(), (5.0, storm), limits=SLOW)
    assert (5, True) == (played.exit_code, played.closed.seconds > 3600)
    assert pauses < 2000


async def test_a_run_that_works_has_a_heartbeat_too(tmp_path: Path) -> None:
    """Once a minute, with nothing to wait for."""
    played = await play(tmp_path, world(processing=200.0))
    assert_published(played)
    beats = told(played, Heartbeat)
    assert [60.0, 120.0, 180.0] == [round(each.seconds, 3) for each in beats]
    assert {(0.0, 0.0, "", 1)} == {(each.outage_seconds, each.held_seconds, each.until, each.jobs) for each in beats}
