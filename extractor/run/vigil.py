"""That a run which waits says so, and stops waiting in the end.

Decides when there is a heartbeat (once a minute, whatever happens) and when an outage of the whole connection has
lasted too long: then it asks for a halt, which leaves every unfinished job as it is, to be resumed. What an outage is,
and when the server is asked again, is ``protocol.outage``'s. Started by ``extraction`` beside the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import anyio

from extractor.clock import Clock
from extractor.errors import Exit
from extractor.observe.figures import span
from extractor.observe.news import Heartbeat, Listener, OutageBegan, OutageEnded
from extractor.protocol.outage import Weather, gives_up_at
from extractor.run.halt import Halt

HEARTBEAT = 60.0  # seconds: schedulers that watch for silence rarely kill sooner


class Connected(Protocol):
    """What is read of the connection; a ``remote.Client`` has it."""

    @property
    def weather(self) -> Weather:
        """Whether the whole connection is down, and since when (on the event loop's clock)."""
        ...

    @property
    def calm(self) -> float:
        """Seconds between two requests during an outage."""
        ...

    @property
    def held(self) -> float:
        """Seconds that a Retry-After still holds everybody."""
        ...


class Vigil:
    """One run's. ``patience`` is ``limits.outage``, ``deadline`` an instant of the event loop's clock or None.

    ``done`` counts the jobs that are done out of ``jobs``. ``began`` and ``ended`` are for the connection to call.
    """

    def __init__(
        self,
        *,
        listener: Listener,
        halt: Halt,
        clock: Clock,
        patience: float,
        deadline: float | None,
        jobs: int,
        done: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._halt = halt
        self._clock = clock
        self._patience = patience
        self._deadline = math.inf if deadline is None else deadline
        self._jobs = jobs
        self._done = done
        self._began_at = anyio.current_time()
        self._turned = anyio.Event()

    def began(self, weather: Weather) -> None:
        """Tell that the whole connection is down."""
        seconds = anyio.current_time() - weather.since
        self._listener(OutageBegan(seconds=seconds, status=weather.status, reason=weather.why))
        self._turned.set()

    def ended(self, weather: Weather, seconds: float) -> None:
        """Tell that the server answers again; ``weather`` is what it was."""
        self._listener(OutageEnded(seconds=seconds, status=weather.status, requests=weather.asked))
        self._turned.set()

    async def keep(self, connected: Connected) -> None:
        """Watch over the run until cancelled."""
        beat_at = self._began_at + HEARTBEAT
        while True:
            over_at = math.inf if self._halt.requested.is_set() else gives_up_at(connected.weather, self._patience)
            self._turned = anyio.Event()
            with anyio.move_on_after(max(0.0, min(beat_at, over_at) - anyio.current_time())):
                await self._turned.wait()
            now = anyio.current_time()
            if now >= beat_at:
                beat_at += HEARTBEAT * math.ceil((now - beat_at + 1e-6) / HEARTBEAT)
                self._listener(self._heartbeat(connected))
            if now >= over_at and connected.weather.down and not self._halt.requested.is_set():
                self._listener(self._heartbeat(connected))  # the last word about how long it was
                self._halt.request(_given_up(connected.weather, self._patience, now), int(Exit.UNAVAILABLE))

    def _heartbeat(self, connected: Connected) -> Heartbeat:
        now, weather = anyio.current_time(), connected.weather
        until, bound = "", ""
        if weather.down:
            over_at = gives_up_at(weather, self._patience)
            bound = "limits.outage" if over_at <= self._deadline else "limits.deadline"
            over_at = min(over_at, self._deadline)
            until = f"{datetime.fromtimestamp(self._clock.now() + over_at - now, UTC):%Y-%m-%dT%H:%M:%SZ}"
        return Heartbeat(
            seconds=now - self._began_at,
            jobs_done=self._done(),
            jobs=self._jobs,
            outage_seconds=now - weather.since if weather.down else 0.0,
            status=weather.status if weather.down else None,
            calm_seconds=connected.calm if weather.down else 0.0,
            held_seconds=connected.held,
            until=until,
            bound=bound,
        )


def _given_up(weather: Weather, patience: float, now: float) -> str:
    lasted, bound = span(now - weather.since), f"limits.outage: {span(patience)}"
    return (
        f"nothing but failures for {lasted}, last: {weather.why}; {bound} -- what is done is safe, `extractor resume` "
        "takes the run up later; a 503 is temporary by the vendor's word: notify PossibleNOW support if it lasts"
    )
