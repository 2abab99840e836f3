"""One factory per noun: news with everything that a test does not care about filled in."""

from __future__ import annotations

import io
from typing import Any

import pytest

from extractor.observe.news import DatasetPublished, JobEnded, JobMoved, RunClosed, RunOpened, ValuesMatched
from extractor.protocol.vocabulary import Outcome, Verdict


class Ticking:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Read it."""
        return self.seconds


class GonePipe(io.StringIO):
    """A stream whose reader has left."""

    def write(self, _text: str) -> int:
        """Fail as a pipe does."""
        raise BrokenPipeError

    def flush(self) -> None:
        """Fail as a pipe does."""
        raise BrokenPipeError


class NewsDesk:
    """Makes news; every fact that a test does not give is a harmless one."""

    def opened(self, **changes: Any) -> RunOpened:
        """A run of three jobs."""
        facts = {"run_id": "R", "jobs": 3, "datasets": 2, "output": "exports", "requests_per_second": 20.0}
        return RunOpened(**{**facts, **changes})

    def moved(self, ordinal: int = 0, **changes: Any) -> JobMoved:
        """A job that is being read."""
        facts = {
            "label": f"job {ordinal}",
            "dataset": "segment 'A'",
            "phase": "retrieving",
            "what": "PageStored",
            "stored": 10,
            "total": 100,
            "retries": 0,
        }
        return JobMoved(ordinal=ordinal, **{**facts, **changes})

    def ended(self, ordinal: int = 0, *, label: str = "", **outcome: Any) -> JobEnded:
        """A job that is done."""
        outcome.setdefault("verdict", Verdict.DONE)
        name = label or f"job {ordinal}"
        return JobEnded(ordinal=ordinal, label=name, dataset="segment 'A'", outcome=Outcome(**outcome))

    def published(self, **changes: Any) -> DatasetPublished:
        """A dataset of a hundred records."""
        facts = {
            "dataset": "segment 'A'",
            "path": "exports/segment=A/run=R",
            "records": 100,
            "shards": 1,
            "bytes": 2048,
            "kept_text": 0,
            "timeless": 0,
            "left_out": {},
        }
        return DatasetPublished(**{**facts, **changes})

    def matched(self, **changes: Any) -> ValuesMatched:
        """A dataset whose values were looked for."""
        counts = {"values": 1000, "unmatched": 12, "several": 1, "strangers": 0}
        return ValuesMatched(dataset="segment 'A'", path="state/reports/R/segment=A", **{**counts, **changes})

    def closed(self, **changes: Any) -> RunClosed:
        """A run that went well."""
        facts = {
            "run_id": "R",
            "exit_code": 0,
            "seconds": 12.0,
            "requests": 40,
            "records": 100,
            "bytes": 2048,
            "jobs_done": 3,
            "jobs_failed": 0,
            "possible_orphans": 0,
        }
        return RunClosed(**{**facts, **changes})


@pytest.fixture
def make() -> NewsDesk:
    """Give the factory of news."""
    return NewsDesk()


@pytest.fixture
def clock() -> Ticking:
    """Give a clock that the test moves."""
    return Ticking()


@pytest.fixture
def gone_pipe() -> GonePipe:
    """Give a stream whose reader has left."""
    return GonePipe()
