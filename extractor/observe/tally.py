"""What the news of a run add up to.

Decides how counts follow from news: a job's records count as they are stored, and as its outcome says once it has
ended; a page that becomes durable after that changes nothing. Does not decide how any of it looks. Every listener for
people keeps one; ``cli`` keeps one for the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from extractor.observe.news import (
    ClockCorrected,
    ConnectionHeld,
    ConnectionNews,
    DatasetPublished,
    DatasetWithheld,
    Heartbeat,
    JobEnded,
    JobMoved,
    Listener,
    News,
    Noticed,
    OutageBegan,
    OutageEnded,
    PaceChanged,
    RunClosed,
    RunOpened,
    ValuesMatched,
)
from extractor.protocol.vocabulary import Verdict


@dataclass(slots=True)
class Tally:
    """The sums so far. A Listener: call it with each news item, in order."""

    opened: RunOpened | None = None
    closed: RunClosed | None = None
    live: dict[int, JobMoved] = field(default_factory=dict)  # by ordinal; the newest move of each job under way
    failed: list[JobEnded] = field(default_factory=list)
    noted: list[JobEnded] = field(default_factory=list)  # done, with something worth knowing
    published: list[DatasetPublished] = field(default_factory=list)
    matched: list[ValuesMatched] = field(default_factory=list)
    withheld: list[DatasetWithheld] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    clock_seconds: float | None = None
    done: int = 0
    holds: int = 0
    outages: int = 0
    outage: float | None = None  # seconds of the one that lasts, as last heard
    _outage_seconds: float = 0.0  # of those that are over
    _over: set[int] = field(default_factory=set)  # ordinals of ended jobs
    _records: int = 0  # of ended jobs
    _retries: int = 0  # of ended jobs

    def __call__(self, news: News) -> None:
        """Take one news item into account."""
        match news:
            case RunOpened():
                self.opened = news
            case JobMoved():
                self._move(news)
            case JobEnded():
                self._end(news)
            case DatasetPublished():
                self.published.append(news)
            case ValuesMatched():
                self.matched.append(news)
            case DatasetWithheld():
                self.withheld.append(news)
            case Noticed():
                self.notices.append(news.message)
            case RunClosed():
                self.closed = news
            case _:
                self._connection(news)

    @property
    def jobs(self) -> int:
        """How many jobs the run has; 0 before it has opened."""
        return 0 if self.opened is None else self.opened.jobs

    @property
    def ended(self) -> int:
        """How many jobs have come to their end, well or not."""
        return self.done + len(self.failed)

    @property
    def records(self) -> int:
        """How many records are durable."""
        return self._records + sum(move.stored for move in self.live.values())

    @property
    def retries(self) -> int:
        """How many requests had to be sent again."""
        return self._retries + sum(move.retries for move in self.live.values())

    @property
    def outage_seconds(self) -> float:
        """How long the server was unavailable, all outages together, as last heard."""
        return self._outage_seconds + (self.outage or 0.0)

    @property
    def records_left(self) -> int | None:
        """How many records are still to come; None as long as some job has not said how many it has."""
        if len(self.live) < self.jobs - self.ended:
            return None
        left = 0
        for move in self.live.values():
            if move.total is None:
                return None
            left += max(move.total - move.stored, 0)
        return left

    def _connection(self, news: ConnectionNews) -> None:
        match news:
            case PaceChanged():
                pass  # of no lasting interest
            case ConnectionHeld():
                self.holds += 1
            case OutageBegan():
                self.outages += 1
                self.outage = news.seconds
            case OutageEnded():
                self.outage = None
                self._outage_seconds += news.seconds
            case Heartbeat():
                self.outage = news.outage_seconds if self.outage is not None else None
            case ClockCorrected():
                self.clock_seconds = news.seconds
            case _:
                assert_never(news)

    def _move(self, news: JobMoved) -> None:
        if news.ordinal not in self._over:
            self.live[news.ordinal] = news

    def _end(self, news: JobEnded) -> None:
        self.live.pop(news.ordinal, None)
        self._over.add(news.ordinal)
        outcome = news.outcome
        self._records += outcome.records
        self._retries += outcome.retries
        if outcome.verdict is not Verdict.DONE:
            self.failed.append(news)
            return
        self.done += 1
        if outcome.note:
            self.noted.append(news)


def listen_to(*listeners: Listener) -> Listener:
    """Make one listener of several; each hears every item, in the order given."""

    def tell(news: News) -> None:
        for listener in listeners:
            listener(news)

    return tell
