"""From an instant to the ``LastDateTime`` that cannot miss it (contract, section 3.2).

The server rounds the last digit of the milliseconds *up*, onto the next SQL Server tick (``...3``, ``...7`` or the next
``...0``), even from an exact 3 or 7, and then very likely selects what changed strictly *after* the rounded bound. So
the text that is sent must round to an instant before the first one that is wanted. Called by the planner.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def rounded_by_server(milliseconds: int) -> int:
    """Where the server moves a bound: 0-2 -> 3, 3-6 -> 7, 7-9 -> 10. Always later than what was sent.

    Milliseconds since the epoch, in and out.
    """
    tens, digit = divmod(milliseconds, 10)
    tick = 3 if digit < 3 else 7 if digit < 7 else 10  # noqa: PLR2004 - the digits are the contract's rule
    return tens * 10 + tick


def last_date_time(since: datetime) -> str:
    """Give the latest bound that cannot skip a change at ``since`` or later.

    The answer rounds to an instant before ``since``, so an exclusive bound (the likely reading) and an inclusive one
    both select everything from ``since`` on, and at most 8 ms of older changes with it. Fractions below a millisecond
    count as the millisecond that they are in.
    """
    wanted = (since.astimezone(UTC) - _EPOCH) // _MILLISECOND
    bound = wanted - 1
    while rounded_by_server(bound) >= wanted:
        bound -= 1
    moment = _EPOCH + bound * _MILLISECOND
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
