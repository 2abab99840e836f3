"""The server's own rate limit: a bucket of requests that fills with time.

Decides whether a request is one too many and when it would not be. Called by ``service`` for every request.
"""

from __future__ import annotations


class Bucket:
    """``burst`` requests at once, then ``rate`` a second. A rate of None is no limit."""

    def __init__(self, rate: float | None, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at = float("-inf")

    def take(self, now: float) -> float:
        """Take one request out: 0.0, or the seconds after which there will be one."""
        if self._rate is None:
            return 0.0
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._rate
