"""What the exports of this run have taught of their streams: when to begin to ask for the next one.

The first batches of a long list are polled without knowing anything; those that follow take about as long. Keeps how
long the last exports of each stream took, and says how the next one is polled; the rule is ``pace``'s, and they are
summed up much as a whole night is (``plan.cost``): by one of the quick exports, and by the median. Where half of the
last eight were found ready by their first question, it came too late. Bounded: 32 exports a stream. Written and asked
by ``run.drive``, on the loop.

Decided: a quick export and not the usual one sets when asking begins, because batches differ, and none shall be late by
what another one took. Considered teaching exports that are already alive: they are polled by a policy that their
journal's replay needs to be the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from statistics import median

from extractor.protocol.pace import PollPolicy, Sighting, learned

_LAST = 32  # exports of a stream that are remembered: a service that slows down under load is believed soon
_ENOUGH = 3  # that say something
_QUICK = 10  # one in so many is quicker than a quick one
_RECENT = 8  # that say whether asking begins too late


class Tonight:
    """How long this run's exports took, by stream id."""

    def __init__(self) -> None:
        self._heard: defaultdict[str, deque[tuple[float, float | None]]] = defaultdict(lambda: deque(maxlen=_LAST))

    def heard(self, stream: str, *, waited: float, unready: float | None) -> None:
        """An export was seen ready ``waited`` seconds after Initiate and last seen processing after ``unready``.

        None: the first question found it ready. These are the times of a ``StatusReported`` that says Complete.
        """
        self._heard[stream].append((waited, unready))

    def policy(self, stream: str, base: PollPolicy) -> PollPolicy:
        """How the stream's next export is polled; ``base`` (what earlier nights teach) until three are known."""
        heard = self._heard.get(stream, ())
        if len(heard) < _ENOUGH:
            return base
        ready = sorted(waited for waited, _ in heard)
        quick = ready[len(ready) // _QUICK]
        last = [unready for _, unready in heard][-_RECENT:]
        early = [unready for _, unready in heard if unready is not None and unready < quick]
        unready = None if 2 * last.count(None) >= len(last) else max(early, default=None)
        sighting = Sighting(ready=quick, unready=unready, usual=median(ready))
        return learned(replace(base, expected=0.0, step=0.0), [sighting])
