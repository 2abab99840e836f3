"""A whole run against the simulator's service, without sockets and on virtual time.

``rehearse`` gives everything a test may ask about: how the run closed, what was told, what the server saw (its history)
and what is published. The service knows the truth; nothing here believes the extractor's own counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from extractor.clock import Clock, SystemClock
from extractor.config import Config
from extractor.errors import Malformed, Unavailable
from extractor.observe.news import DatasetPublished, JobEnded, News, RunClosed
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Outcome
from extractor.remote import Answer, Request
from extractor.run import extract
from extractor.simulator import Delivery, Entry, Service, SimulatorSettings
from extractor.simulator import Request as Received
from extractor.store.compression import codec

NOW = 1_795_399_200.0  # 2026-11-23T02:00:00Z


class NightClock(SystemClock):
    """The wall clock of a night that begins at ``start`` and runs with the event loop's virtual time."""

    def __init__(self, start: float = NOW) -> None:
        self._start = start
        self._zero: float | None = None

    def now(self) -> float:
        """The wall clock."""
        current = anyio.current_time()
        self._zero = current if self._zero is None else self._zero
        return self._start + current - self._zero


@dataclass
class Wire:
    """A transport that hands requests to the service."""

    service: Service
    clock: Clock
    latency: float = 0.005

    async def send(self, request: Request) -> Answer:
        """Carry a request as HTTP would, with the documented ends of a connection."""
        parts = urlsplit(request.url)
        received = Received.of(
            request.method,
            parts.path + (f"?{parts.query}" if parts.query else ""),
            headers=dict(request.headers),
            body=request.body or b"",
        )
        await anyio.sleep(self.latency)
        reply = self.service.handle(received, self.clock.now())
        await anyio.sleep(reply.delay)
        match reply.delivery:
            case Delivery.NOTHING:
                raise Unavailable(f"{request.about}: the connection was closed", ambiguous=True)
            case Delivery.SILENCE | Delivery.STALL:
                await anyio.sleep(60.0)
                raise Unavailable(f"{request.about}: no answer for 60 s", ambiguous=True)
            case Delivery.CUT:
                raise Malformed(f"{request.about}: the answer was cut off", ambiguous=True)
            case Delivery.WHOLE | Delivery.TRICKLE:
                server_now = self.clock.now() + self.service.settings.clock_offset
                headers = {"Date": formatdate(server_now, usegmt=True), **reply.headers}
                return Answer(status=reply.status, headers=headers, body=reply.body, received_at=self.clock.now())


@dataclass
class Rehearsal:
    """What a run left behind, here and at the server."""

    folder: Path
    config: Config
    service: Service
    closed: RunClosed
    news: list[News] = field(repr=False)

    @property
    def history(self) -> tuple[Entry, ...]:
        """Every request that the server saw."""
        return self.service.history

    def outcome(self, label: str) -> Outcome:
        """How a job ended."""
        return next(each.outcome for each in self.news if isinstance(each, JobEnded) and each.label == label)

    def lines(self, dataset: str) -> list[bytes]:
        """The published lines of the one run of ``segment=NAME`` or ``group=NAME`` (encoded), in order."""
        runs = sorted((self.config.output.path / dataset).glob("run=*"))
        reader = codec(self.config.output.compression)
        found: list[bytes] = []
        for run in runs:
            for shard in sorted(run.glob("part-*")):
                with reader.reader(shard) as stream:
                    found += stream.read().splitlines()
        return found

    @property
    def published(self) -> list[str]:
        """The datasets that are published, as the news named them."""
        return sorted(each.dataset for each in self.news if isinstance(each, DatasetPublished))


def config_of(folder: Path, jobs: list[dict[str, Any]], **sections: Any) -> Config:
    """A configuration for the simulator, with quick polling; ``sections`` are merged over it."""
    base: dict[str, Any] = {
        "connection": {
            "base_url": "http://127.0.0.1:8080/Profiles/v4",
            "client_id": "DEMO",
            "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
        },
        "limits": {"requests_per_second": 1000.0, "poll_first": 0.05, "poll_max": 5.0},
        "jobs": jobs,
        "output": {"path": str(folder / "exports"), "compression": "none"},
        "state": str(folder / "state"),
    }
    for name, section in sections.items():
        base[name] = {**base[name], **section} if isinstance(section, dict) else section
    return Config.model_validate(base)


async def rehearse(
    folder: Path, settings: SimulatorSettings | Service, jobs: list[dict[str, Any]], **sections: Any
) -> Rehearsal:
    """Run ``jobs`` against a service with ``settings``; ``sections`` change the configuration."""
    service = settings if isinstance(settings, Service) else Service(settings)
    config, news, clock = config_of(folder, jobs, **sections), list[News](), NightClock()
    closed = await extract(
        config,
        make_plan(config),
        listener=news.append,
        interrupts=False,
        clock=clock,
        transport=Wire(service=service, clock=clock),
    )
    return Rehearsal(folder=folder, config=config, service=service, closed=closed, news=news)
