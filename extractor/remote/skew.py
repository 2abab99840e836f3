"""What time it is at the server, from the Date headers of its answers.

Signatures and Retry-After dates are read by the server's clock, so this machine's error must be known. Date has whole
seconds and says nothing of when in the exchange it was written, so a difference below ``_TOLERANCE``, or within what
the length of the exchange leaves open, is no difference. Decides what the difference is taken to be; never sets a
clock. Fed by ``client`` with every answer; asked by ``pnauthinfo3`` and ``client``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from extractor.clock import Clock
from extractor.remote.exchange import Answer

_TOLERANCE = 2.0  # seconds; less than the back-dating of signatures


class ServerClock:
    """The server's clock as well as it is known: this machine's until an answer contradicts it.

    ``on_skew`` is told the seconds by which this machine is *ahead*, once for each change of the correction.
    """

    def __init__(self, clock: Clock, *, on_skew: Callable[[float], None] = lambda _seconds: None) -> None:
        self._clock = clock
        self._on_skew = on_skew
        self.correction = 0.0  # seconds: the server's clock minus this machine's
        self.changes = 0

    def now(self) -> float:
        """Unix seconds by the server's clock."""
        return self._clock.now() + self.correction

    def observe(self, answer: Answer, *, elapsed: float) -> float | None:
        """Learn from an answer whose exchange took ``elapsed`` seconds; give its Date as Unix seconds, if it has one.

        The newest contradiction wins: it may be this machine's clock that was just set.
        """
        date = date_of(answer)
        if date is None or answer.header("Age") is not None:  # a cache's copy has the Date of its original
            return date
        received_at = self._clock.now() if answer.received_at is None else answer.received_at
        difference = date + 0.5 - (received_at - elapsed / 2)
        open_ = max(_TOLERANCE, 0.5 + elapsed / 2)
        if abs(difference - self.correction) > open_:
            self.correction = difference if abs(difference) > _TOLERANCE else 0.0
            self.changes += 1
            self._on_skew(-self.correction)
        return date


def date_of(answer: Answer) -> float | None:
    """Read the Date header as Unix seconds; None when there is none or it is not a date.

    It is in GMT by its definition, also where it does not say so.
    """
    written = answer.header("Date")
    return None if written is None else _read(written)


@lru_cache(maxsize=8)  # all answers of a second say the same
def _read(written: str) -> float | None:
    try:
        date = parsedate_to_datetime(written)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
