"""Heartbeats, and the end of patience, on virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from extractor.observe.news import Heartbeat, News, OutageBegan, OutageEnded
from extractor.protocol.outage import Weather
from extractor.run.halt import Halt
from extractor.run.vigil import Vigil
from tests.contract.stage import NightClock

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


@dataclass
class Connection:
    """A connection whose weather the test makes."""

    weather: Weather = field(default_factory=Weather)
    calm: float = 60.0
    held: float = 0.0


@dataclass
class Watched:
    """A vigil over a connection, with what it said."""

    patience: float = 3600.0
    deadline: float | None = None
    connection: Connection = field(default_factory=Connection)
    halt: Halt = field(default_factory=Halt)
    news: list[News] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vigil = Vigil(
            listener=self.news.append, halt=self.halt, clock=NightClock(), patience=self.patience,
            deadline=self.deadline, jobs=3, done=lambda: 1,
        )  # fmt: skip

    def storm(self) -> None:
        """The connection has just been found down."""
        weather = Weather(failures=5, since=anyio.current_time() - 10.0, status=503, why="HTTP 503", down=True)
        self.connection.weather = weather
        self.vigil.began(weather)

    def clear(self) -> None:
        """It answers again."""
        was, self.connection.weather = self.connection.weather, Weather()
        self.vigil.ended(was, anyio.current_time() - was.since)

    def told(self, kind: Any) -> list[Any]:
        """The news of one kind."""
        return [each for each in self.news if isinstance(each, kind)]


async def test_it_beats_once_a_minute_whatever_happens() -> None:
    """An outage that begins and ends moves no beat."""
    watched = Watched()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watched.vigil.keep, watched.connection)
        await anyio.sleep(90.0)
        watched.storm()
        await anyio.sleep(45.0)
        watched.clear()
        await anyio.sleep(100.0)
        tasks.cancel_scope.cancel()
    beats = watched.told(Heartbeat)
    assert [60.0, 120.0, 180.0] == [each.seconds for each in beats]
    assert [0.0, 40.0, 0.0] == [each.outage_seconds for each in beats]
    assert ("2026-11-23T03:01:20Z", "limits.outage", 503) == (beats[1].until, beats[1].bound, beats[1].status)
    assert [(10.0, 503)] == [(each.seconds, each.status) for each in watched.told(OutageBegan)]
    assert [55.0] == [each.seconds for each in watched.told(OutageEnded)]
    assert not watched.halt.requested.is_set()


async def test_patience_ends_once_with_a_last_word() -> None:
    """At its very second; the drain that follows is not hurried, nor is it busy."""
    watched = Watched(patience=100.0, deadline=anyio.current_time() + 5000.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watched.vigil.keep, watched.connection)
        await anyio.sleep(5.0)
        watched.storm()
        await watched.halt.requested.wait()
        assert 95.0 == anyio.current_time()
        await anyio.sleep(30.0)
        tasks.cancel_scope.cancel()
    assert [60.0, 95.0, 120.0] == [each.seconds for each in watched.told(Heartbeat)]
    assert 5 == watched.halt.exit_code


async def test_the_nearer_bound_is_named() -> None:
    """The run's deadline, when it comes first."""
    watched = Watched(deadline=anyio.current_time() + 600.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watched.vigil.keep, watched.connection)
        watched.storm()
        await anyio.sleep(61.0)
        tasks.cancel_scope.cancel()
    (beat,) = watched.told(Heartbeat)
    assert ("2026-11-23T02:10:00Z", "limits.deadline") == (beat.until, beat.bound)
