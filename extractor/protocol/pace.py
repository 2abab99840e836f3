"""How often to ask, as functions of what is known.

Polling starts quick, because most exports are small, and slows down, because the large ones take their time whoever
asks. Called by ``lifecycle``.
"""

from __future__ import annotations

from dataclasses import dataclass

_GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """Seconds to the first Status after Initiate, and the longest pause between two."""

    first: float = 0.5
    longest: float = 30.0


def poll_delay(polls: int, policy: PollPolicy) -> float:
    """Give the pause before the next Status when ``polls`` have been answered: ``first * 1.5 ** polls``, bounded."""
    return min(policy.longest, policy.first * _GROWTH ** min(polls, 64))


def re_export_delay(exports: int) -> float:
    """Give the pause before asking again for an export that failed ``exports`` times: 1, 2, 4 .. 60 seconds."""
    return min(60.0, 2.0 ** min(exports - 1, 8))
