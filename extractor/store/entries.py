"""What is written into the journal and read from it, as values. Spelled as rows by ``journal``; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.protocol.vocabulary import Event, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """The head of a run, as it is written when the run begins. ``started_at`` is in Unix seconds."""

    run_id: str
    plan_id: str
    config_hash: str
    config_path: str | None
    output: str
    pid: int
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A durable event of one job; ``at`` is in Unix seconds."""

    ordinal: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which journal this is, and the number of its newest publication (1-based; 0: none yet)."""

    id: str
    publications: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A Retry-After that holds a connection: until when (Unix seconds), for how long from when it was written down."""

    until: float
    seconds: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """How a job ended."""

    ordinal: int
    outcome: Outcome
