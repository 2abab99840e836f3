"""Progress for logs: plain lines, when nobody looks at a terminal.

Decides how often something is said (``sentences`` has the words): each thing that a person would want to read tomorrow,
a line of sums at most every ten seconds, and every minute one that says what is waited for. Called by ``run`` through
``listen_to``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from extractor.observe.figures import count, counted, span
from extractor.observe.news import News
from extractor.observe.outlet import Outlet
from extractor.observe.sentences import WAITING, sentence
from extractor.observe.speed import Speed
from extractor.observe.tally import Tally

_EVERY = 10.0  # seconds between two lines of sums
_DETAILS = 50  # lines of one kind after which only the sums go on: 2,000 failing jobs are not 2,000 lines
_ENDLESS = {WAITING}  # said each minute however long it lasts: silence gets a process killed


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
        if kind != WAITING or not text:  # what is waited for says more than sums that stand still
            self._sums()

    def _say(self, kind: str, text: str) -> None:
        said = self._said.get(kind, 0) + 1
        self._said[kind] = said
        if said <= _DETAILS or kind in _ENDLESS:
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
    if tally.outage is not None:
        parts.append("the server is unavailable")
    left = speed.left(now, tally)
    if left is not None:
        parts.append(f"about {span(math.ceil(left))} left")
    return ", ".join(parts)
