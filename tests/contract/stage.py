"""The stage of the contract's tests: a whole run against the simulator on virtual time, with everything that was said.

``play`` has a clock that threads may read, keeps every request as it left (to prove what was said on the wire, and that
nothing of it is repeated elsewhere), and can give answers that the simulator cannot be told to give (``spoil``).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import orjson

from extractor.cli.loading import basis_for
from extractor.clock import Clock, SystemClock
from extractor.config import Config
from extractor.errors import Unavailable
from extractor.observe.news import DatasetWithheld, JobEnded, JobMoved, News, Noticed
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Outcome, Verdict
from extractor.remote import Answer, Request
from extractor.run import extract, history
from extractor.run.history import Unfinished
from extractor.simulator import Delivery, Entry, Segment, Service, SimulatorSettings
from extractor.simulator import Request as Received
from tests.rehearsal import NOW, Rehearsal, config_of

BASE_URL = "http://127.0.0.1:8080/Profiles/v4"
OAUTH = {
    "scheme": "oauth",
    "token_url": "http://127.0.0.1:8080/oauth/token",
    "client_id": "simulator-client",
    "client_secret": "simulator-secret",
    "user_id": "nightly",
}
Spoil = Callable[[Request, Answer], Answer]
Lookout = Callable[[Request, float], None]  # with the server's time
_PATIENCE = 60.0  # seconds of silence that the wire bears


class NightClock(SystemClock):
    """The wall clock of a night that runs with the event loop's virtual time; any thread may read it."""

    def __init__(self, start: float = NOW) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = start - self._loop.time()

    def now(self) -> float:
        """The wall clock."""
        return self._start + self._loop.time()


@dataclass
class Wire:
    """A transport that hands requests to the service and remembers them."""

    service: Service
    clock: Clock
    latency: float = 0.005
    spoil: Spoil = lambda _request, answer: answer  # what the simulator cannot be told to say
    lookout: Lookout = lambda _request, _now: None  # looks on as a request arrives, before it is handled
    asked: list[Request] = field(default_factory=list)
    answered: list[Answer] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        """Carry a request as HTTP would, with the documented ends of a connection."""
        self.asked.append(request)
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        received = Received.of(request.method, target, headers=dict(request.headers), body=request.body or b"")
        await anyio.sleep(self.latency)
        self.lookout(request, self.clock.now() + self.service.settings.clock_offset)
        reply = self.service.handle(received, self.clock.now())
        date = formatdate(self.clock.now() + self.service.settings.clock_offset, usegmt=True)
        await anyio.sleep(reply.delay)
        match reply.delivery:
            case Delivery.NOTHING | Delivery.HEAD:
                raise Unavailable(f"{request.about}: the connection was closed", ambiguous=True)
            case Delivery.SILENCE | Delivery.STALL:
                await anyio.sleep(_PATIENCE)
                raise Unavailable(f"{request.about}: no answer for {_PATIENCE:g} s", ambiguous=True)
            case Delivery.CUT if reply.after < len(reply.body):
                raise Unavailable(f"{request.about}: the answer was cut off", ambiguous=True)
            case Delivery.WHOLE | Delivery.TRICKLE | Delivery.CUT:
                headers = {"Date": date, **reply.headers}
                answer = Answer(
                    status=reply.status, headers=headers, body=reply.body, received_at=self.clock.now() - reply.delay
                )
                answer = self.spoil(request, answer)
                self.answered.append(answer)
                return answer


@dataclass
class Played(Rehearsal):
    """What a run left behind, with every request as it left and every answer as it came."""

    wire: Wire = field(repr=False, kw_only=True)

    @property
    def exit_code(self) -> int:
        """That of the process."""
        return self.closed.exit_code

    def calls(self, kind: str, dataset: str | None = None) -> list[Entry]:
        """The requests of a kind that the server saw, perhaps of one dataset only."""
        return [each for each in self.history if each.kind == kind and dataset in (None, each.dataset)]

    def kinds(self) -> list[str]:
        """The kind of each request that the server saw, in order."""
        return [each.kind for each in self.history]

    def only(self) -> Outcome:
        """How the one job ended."""
        (outcome,) = [each.outcome for each in self.news if isinstance(each, JobEnded)]
        return outcome

    def verdicts(self) -> list[Verdict]:
        """How each job ended, in plan order."""
        ended = sorted((each.ordinal, each.outcome.verdict) for each in self.news if isinstance(each, JobEnded))
        return [verdict for _, verdict in ended]

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the Initiates, in order."""
        return [orjson.loads(each.body or b"{}") for each in self.wire.asked if each.about.startswith("Initiate ")]

    def tokens(self) -> list[int]:
        """The AccessTokens that the server issued and was asked about."""
        return sorted({each.token for each in self.history if each.token is not None})

    def shards(self) -> dict[str, bytes]:
        """Every published data file, by dataset folder and file name."""
        found = sorted(self.config.output.path.glob("*/run=*/part-*"))
        return {f"{shard.parent.parent.name}/{shard.name}": shard.read_bytes() for shard in found}

    def words(self) -> str:
        """Everything that people are told or may read afterwards: news, manifests, and every outcome's sentence."""
        told = [repr(each) for each in self.news]
        told += [f"{each.outcome.message} {each.outcome.note}" for each in self.news if isinstance(each, JobEnded)]
        told += [each.detail for each in self.news if isinstance(each, JobMoved)]
        told += [each.reason for each in self.news if isinstance(each, DatasetWithheld)]
        told += [each.message for each in self.news if isinstance(each, Noticed)]
        for pattern in ("*/run=*/manifest.json", "*/run=*/_SUCCESS", "*/latest.json"):
            told += [path.read_text() for path in sorted(self.config.output.path.glob(pattern))]
        return "\n".join(told)


_FOLDERS = itertools.count(1)


async def play(
    folder: Path,
    settings: SimulatorSettings | Service,
    jobs: list[dict[str, Any]] | None = None,
    *,
    fresh: bool = False,
    spoil: Spoil | None = None,
    lookout: Lookout = lambda _request, _now: None,
    start: float = NOW,
    latency: float = 0.005,
    way: Callable[[Wire], None] = lambda _wire: None,
    **sections: Any,
) -> Played:
    """Run ``jobs`` (one of segment A when left out) to the end; ``fresh`` gives the run a folder of its own.

    ``spoil`` changes answers on their way, ``lookout`` looks at requests as they arrive; ``resume`` goes on. It begins
    at ``start`` of the wall clock, and each request needs ``latency`` seconds to the server; ``way`` may change that.
    """
    service = settings if isinstance(settings, Service) else Service(settings)
    if fresh:
        folder = folder / f"play-{next(_FOLDERS)}"
        folder.mkdir()
    config = config_of(folder, jobs or [{"segment": "A"}], **sections)
    wire = Wire(service=service, clock=NightClock(start), latency=latency, lookout=lookout)
    if spoil is not None:
        wire.spoil = spoil
    way(wire)
    return await _act(folder, config, wire)


async def resume(played: Played) -> Played:
    """Take the run up where its journal ends: the same configuration, server and night; the news are of this act."""
    earlier = history.unfinished(played.config.state)
    return await _act(played.folder, played.config, played.wire, earlier=earlier)


async def _act(folder: Path, config: Config, wire: Wire, *, earlier: Unfinished | None = None) -> Played:
    news: list[News] = []
    asked = None if earlier is None else earlier.asked
    closed = await extract(
        config,
        make_plan(config, basis_for(config, asked=asked, lasting=True)),
        listener=news.append,
        interrupts=False,
        clock=wire.clock,
        transport=wire,
        earlier=earlier,
    )
    return Played(folder=folder, config=config, service=wire.service, closed=closed, news=news, wire=wire)


def world(count: int = 250, **settings: Any) -> SimulatorSettings:
    """A server with one segment, A, of ``count`` people."""
    return SimulatorSettings(segments=(Segment(name="A", count=count),), **settings)


def truth(played: Rehearsal, name: str = "A", **asked: Any) -> list[bytes]:
    """What the server would give for a segment: the ground truth."""
    return list(played.service.truth(name, **asked))


def assert_published(played: Played, name: str = "A", **asked: Any) -> None:
    """The run went well, and the segment's lines are exactly the server's records, in its order."""
    assert (0, truth(played, name, **asked)) == (played.exit_code, played.lines(f"segment={name}"))


def assert_withheld(played: Played, exit_code: int) -> None:
    """The run ended with this code, and no reader can see anything."""
    assert (exit_code, [], {}) == (played.exit_code, played.published, played.shards())
    assert [] == sorted(played.config.output.path.rglob("_SUCCESS"))
