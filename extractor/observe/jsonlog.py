"""The run as JSON lines, for programs: one object a news item.

Decides the keys, which are an outside contract: ``time`` (ISO 8601, UTC), ``news`` (the kind, in snake case), then the
fields of ``news.py`` under their own names, an outcome's flattened. Steps of a job that come by the thousand (a page
stored, a poll) are thinned out to one every five seconds and job; everything else is told. Called by ``run`` through
``listen_to``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from extractor.observe.news import JobEnded, JobMoved, News
from extractor.observe.outlet import Outlet
from extractor.protocol.vocabulary import Outcome

_EVERY = 5.0  # seconds between two moves of one job that say nothing new but how far it is


class JsonLog:
    """A Listener. ``now`` gives Unix seconds, ``monotonic`` seconds of a clock that never jumps."""

    def __init__(self, outlet: Outlet, *, now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._outlet = outlet
        self._now = now
        self._monotonic = monotonic
        self._told: dict[int, tuple[str, str, float]] = {}  # by job: phase and detail last told, and when

    def __call__(self, news: News) -> None:
        """Write ``news`` as one line, unless it is one step of too many."""
        if isinstance(news, JobMoved) and not self._worth_telling(news):
            return
        if isinstance(news, JobEnded):
            self._told.pop(news.ordinal, None)
        self._outlet.line(json.dumps(as_object(news, self._now()), ensure_ascii=False, separators=(",", ":")))

    def _worth_telling(self, move: JobMoved) -> bool:
        phase, detail, when = self._told.get(move.ordinal, ("", "", 0.0))
        now = self._monotonic()
        if move.phase == phase and move.detail == detail and now - when < _EVERY:
            return False
        self._told[move.ordinal] = (move.phase, move.detail, now)
        return True


def as_object(news: News, now: float) -> dict[str, Any]:  # Any: JSON values
    """Give ``news`` as what is written; ``now`` is in Unix seconds."""
    moment = datetime.fromtimestamp(now, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = _fields(news)
    outcome = fields.pop("outcome", None)
    told = {"time": moment, "news": _kind(type(news).__name__), **fields}
    return told if outcome is None else {**told, **_fields(outcome)}


def _fields(value: News | Outcome) -> dict[str, Any]:  # Any: JSON values
    """Not ``asdict``, which copies what nobody changes: there are eight moves to a job, and jobs by the thousand."""
    return {name: getattr(value, name) for name in value.__slots__}


@cache
def _kind(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
