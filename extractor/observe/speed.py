"""How fast a run goes, and when it will be over.

Decides which past counts (the last half minute) and when an estimate is honest. Does not read a clock: instants are
arguments. Used by ``progress`` and ``lines``.
"""

from __future__ import annotations

from collections import deque

from extractor.observe.tally import Tally

_WINDOW = 30.0  # seconds of the past that the speed is taken from
_STEP = 0.5  # seconds between two samples
_ENOUGH = 10  # ended jobs from which the time per job may be generalised


class Speed:
    """Records a second over a sliding window. ``now`` is in seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def sample(self, now: float, records: int) -> None:
        """Note how many records there are; too frequent samples are passed over."""
        if self._began is None:
            self._began = now
        if self._samples and now - self._samples[-1][0] < _STEP:
            return
        self._samples.append((now, records))
        while len(self._samples) > 1 and now - self._samples[1][0] >= _WINDOW:
            self._samples.popleft()

    def per_second(self, now: float, records: int) -> float:
        """Give the speed at ``now``; 0 when nothing can be said yet."""
        if not self._samples:
            return 0.0
        then, before = self._samples[0]
        return max(records - before, 0) / (now - then) if now - then >= _STEP else 0.0

    def left(self, now: float, tally: Tally) -> float | None:
        """Estimate the seconds until the end, None when it cannot be known.

        By records once every job that is left has said how many it has; before that by jobs, when enough have ended.
        """
        if self._began is None or tally.ended == tally.jobs:
            return None
        missing, speed = tally.records_left, self.per_second(now, tally.records)
        if missing is not None:
            return missing / speed if speed > 0 else None
        if tally.ended < _ENOUGH:
            return None
        return (tally.jobs - tally.ended) * (now - self._began) / tally.ended
