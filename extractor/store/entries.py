"""What is written into the journal and read from it, as values. Spelled as rows by ``journal``; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from extractor.plan.cost import Cost
from extractor.plan.job import Stream
from extractor.protocol.vocabulary import Event, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """The head of a run, as it is written when the run begins. ``started_at`` is in Unix seconds.

    ``request`` is what it was asked beyond its configuration (``plan.asked``), as JSON.
    """

    run_id: str
    plan_id: str
    config_hash: str
    config_path: str | None
    output: str
    pid: int
    started_at: float
    request: str = "{}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stride:
    """What a publication adds to a stream: every change from ``since`` (None: from the beginning) to ``until``.

    ``until`` is the server's time at Initiate, or the end of a backfill; None where that is not known, so that
    nothing can be said of what is covered; ``doubt`` says why. ``watermark`` is where it moves to; None: it does not.
    ``cost`` is what its exports cost; None for a backfill, which is not what the next night will be.
    """

    stream: Stream
    since: datetime | None
    until: datetime | None
    watermark: datetime | None
    cost: Cost | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stride as it was noted: which run (and its number in the journal), when, and where its shards are."""

    stream: str
    run: str
    number: int
    publication: int
    since: datetime | None
    until: datetime
    published_at: float
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """A stream that the journal knows: ``kind`` and ``name`` of its dataset, its ``job``, whom it is about."""

    id: str
    kind: str
    name: str
    job: str
    who: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Where a stream's next run begins; None: it was reset, and exports anew.

    ``number`` is how many runs the journal had begun when it came there (that of the run which moved it).
    """

    stream: str
    at: datetime | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkChange:
    """One move of a watermark; ``changed_at`` is in Unix seconds, ``reason`` says by what or whom."""

    stream: str
    was: datetime | None
    at: datetime | None
    changed_at: float
    reason: str
