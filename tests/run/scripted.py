"""A scripted service and a whole run's surroundings, in memory and on virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import orjson

from extractor.config import Config
from extractor.plan.job import JobSpec
from extractor.protocol.dialect import dialect_of
from extractor.protocol.vocabulary import (
    Commit,
    Committed,
    Event,
    Failure,
    Fault,
    FetchPage,
    Initiate,
    Meaning,
    PageFetched,
    PollStatus,
    RequestFailed,
    StatusReported,
    TokenIssued,
)
from extractor.run.engine import RemoteRequest, Settings

Answer = Callable[[RemoteRequest, JobSpec], Event | None]


def record(segment: str, index: int) -> dict[str, object]:
    """An invented profile; ``index`` is 1-based."""
    return {"ProfileId": index, "Segment": segment, "Name": f"Zoë {index}", "Emails": [f"p{index}@example.test"]}


@dataclass
class Service:
    """Answers commands from ``sizes``; ``script`` may answer first, and ``log`` remembers what was asked."""

    sizes: dict[str, int]
    latency: float = 0.01
    queue: float = 0.0
    script: Answer = field(default=lambda _command, _job: None)
    log: list[tuple[str, str, int]] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    alive: dict[int, str] = field(default_factory=dict)
    tokens: int = 100
    requests: int = 0

    async def perform(self, command: RemoteRequest, job: JobSpec, *, leaving: Callable[[], Awaitable[None]]) -> Event:
        """Answer after the latency, and after the queue that a limiter would be."""
        await anyio.sleep(self.queue)
        await leaving()
        kind = type(command).__name__
        self.requests += 1
        self.log.append((job.name, kind, getattr(command, "offset", 0)))
        self.in_flight[kind] += 1
        self.most[kind] = max(self.most[kind], self.in_flight[kind])
        try:
            await anyio.sleep(self.latency)
        finally:
            self.in_flight[kind] -= 1
        scripted = self.script(command, job)
        return self._honest(command, job) if scripted is None else scripted

    def _honest(self, command: RemoteRequest, job: JobSpec) -> Event:
        total = self.sizes[job.name]
        match command:
            case Initiate():
                self.tokens += 1
                self.alive[self.tokens] = job.name
                self.most["alive"] = max(self.most["alive"], len(self.alive))
                return TokenIssued(token=self.tokens)
            case PollStatus():
                return StatusReported(meaning=Meaning.COMPLETE, spelled="Complete", row_count=total)
            case FetchPage():
                return page(job.name, command.offset, command.limit, total)
            case Commit():
                del self.alive[command.token]
                return Committed()


def page(segment: str, offset: int, limit: int, total: int) -> PageFetched:
    """An honest page."""
    last = min(total, offset + limit - 1)
    records = [record(segment, index) for index in range(offset, last + 1)]
    body = orjson.dumps({"Count": len(records), "TotalResults": total, "UserProfilePreferences": records})
    return PageFetched(asked=offset, offset=offset, count=len(records), total=total, has_more=last < total, body=body)


def failing(command: RemoteRequest, fault: Fault, message: str = "scripted", retry_after: float | None = None) -> Event:
    """A failure of this command."""
    failure = Failure(fault=fault, message=message, retry_after=retry_after)
    return RequestFailed(command=command, failure=failure, draw=0.5)


def config_for(folder: Path, jobs: list[dict[str, object]], **sections: object) -> Config:
    """A configuration that works in ``folder``."""
    output = {"path": str(folder / "exports"), "compression": "none"}
    given = dict(sections)
    if isinstance(given.get("output"), dict):
        output |= given.pop("output")  # type: ignore[arg-type]  # checked in the line above
    return Config.model_validate(
        {
            "connection": {
                "base_url": "http://127.0.0.1:1/Profiles/v4",
                "client_id": "DEMO",
                "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
            },
            "jobs": jobs,
            "output": output,
            "state": str(folder / "state"),
            **given,
        }
    )


def settings_for(config: Config) -> Settings:
    """What an engine is told."""
    return Settings(
        connection=config.connection,
        limits=config.limits,
        dialect=dialect_of(config),
        compression=config.output.compression,
    )
