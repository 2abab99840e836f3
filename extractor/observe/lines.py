"""Progress for logs: plain lines, when nobody looks at a terminal.

Decides what is worth a line: each thing that a person would want to read tomorrow, and a line of sums at most every ten
seconds. Called by ``run`` through ``listen_to``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from extractor.observe.figures import count, counted, size, span
from extractor.observe.news import (
    ClockCorrected,
    ConnectionHeld,
    DatasetPublished,
    DatasetWithheld,
    JobEnded,
    JobMoved,
    News,
    Noticed,
    RunClosed,
    RunOpened,
)
from extractor.observe.outlet import Outlet
from extractor.observe.speed import Speed
from extractor.observe.tally import Tally
from extractor.protocol.vocabulary import Verdict

_EVERY = 10.0  # seconds between two lines of sums
_ROUTINE = {"Status Processing", "Status Complete"}  # steps of which there is nothing to say
_STOPPED = "stopped"  # the job's end follows, and says why
_DETAILS = 50  # lines of one kind after which only the sums go on: 2,000 failing jobs are not 2,000 lines


class Lines:
    """A Listener. ``monotonic`` gives seconds of a clock that never jumps."""

    def __init__(self, outlet: Outlet, *, monotonic: Callable[[], float]) -> None:
        self._outlet = outlet
        self._monotonic = monotonic
        self._tally = Tally()
        self._speed = Speed()
        self._last_sums: float | None = None
        self._said: dict[str, int] = {}

    def __call__(self, news: News) -> None:
        """Write what ``news`` is worth."""
        self._tally(news)
        kind, text = sentence(news)
        if text:
            self._say(kind, text)
        self._sums()

    def _say(self, kind: str, text: str) -> None:
        said = self._said.get(kind, 0) + 1
        self._said[kind] = said
        if said <= _DETAILS:
            self._outlet.line(text)
        elif said == _DETAILS + 1:
            self._outlet.line(f"({_DETAILS} lines of this kind are enough; the report at the end has the rest)")

    def _sums(self) -> None:
        now, tally = self._monotonic(), self._tally
        self._speed.sample(now, tally.records)
        if self._last_sums is None:
            self._last_sums = now
        if now - self._last_sums < _EVERY or tally.closed is not None:
            return
        self._last_sums = now
        self._outlet.line(sums(tally, self._speed, now))


def sums(tally: Tally, speed: Speed, now: float) -> str:
    """Say in one line how far the run is."""
    parts = [f"{count(tally.done)} of {counted(tally.jobs, 'job')} done"]
    if tally.failed:
        parts.append(f"{count(len(tally.failed))} failed")
    parts.append(counted(tally.records, "record"))
    parts.append(f"{count(round(speed.per_second(now, tally.records)))}/s")
    if tally.retries:
        parts.append(counted(tally.retries, "retry", "retries"))
    if tally.holds:
        parts.append(counted(tally.holds, "hold"))
    left = speed.left(now, tally)
    if left is not None:
        parts.append(f"about {span(math.ceil(left))} left")
    return ", ".join(parts)


def sentence(news: News) -> tuple[str, str]:  # noqa: PLR0911 - a table: one line for each kind of news
    """Give the kind of ``news`` and what to say about it; empty when it is not worth a line."""
    match news:
        case RunOpened():
            limit = f"at most {news.requests_per_second:g} requests/s"
            asked = f"{counted(news.jobs, 'job')} for {counted(news.datasets, 'dataset')}"
            return "run", f"run {news.run_id}: {asked}, {limit}, into {news.output}"
        case JobMoved():
            worth = news.detail and news.what not in _ROUTINE and news.phase != _STOPPED
            return "detail", f"{news.label}: {news.detail}" if worth else ""
        case JobEnded() if news.outcome.verdict is not Verdict.DONE:
            return "failed", f"FAILED {news.label}: {news.outcome.verdict}: {news.outcome.message}"
        case DatasetPublished():
            what = f"{counted(news.records, 'record')}, {counted(news.shards, 'shard')}, {size(news.bytes)}"
            return "published", f"published {news.dataset}: {what}, in {news.path}"
        case DatasetWithheld():
            return "withheld", f"NOT PUBLISHED {news.dataset}: {news.reason}"
        case ConnectionHeld():
            return "held", f"the server asked for quiet (HTTP {news.status}): nothing is sent for {span(news.seconds)}"
        case ClockCorrected():
            return "clock", clock_sentence(news.seconds)
        case Noticed():
            return "notice", f"note: {news.message}"
        case JobEnded() | RunClosed():
            return "", ""


def clock_sentence(seconds: float) -> str:
    """Say how this machine's clock differs from the server's, and that it was allowed for."""
    way = "ahead of" if seconds > 0 else "behind"
    return f"this machine's clock is {span(abs(seconds))} {way} the server's; allowed for (to mend it: NTP)"
