"""Whether and when a failed request is sent again, by whose fault it is.

Throttled, unavailable and malformed answers are worth another try, with exponential backoff and full jitter; a refusal
is not. Retry-After is obeyed unclamped: only the run's deadline is stronger. Decides for one request; that a
Retry-After holds everybody on the connection is done by ``remote.limiter``, and how long a whole connection may be down
is ``outage``'s and the run's. A decision is a value; None means no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from extractor.protocol.vocabulary import Failure, Fault

COMMIT_PATIENCE = 60.0  # seconds that a Commit is waited for, waits that the server asks for included
_FOREVER = 1e12  # seconds: any longer wait is the same to every deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Bounds of one request's retries; seconds, but for the counts.

    ``retry_for`` counts from the first failure. A wait that the server asks for within that time is obeyed however long
    it is; it is the last one if it outlasts the bound. An outage of the whole connection does not count: a request that
    fails in it begins anew.
    """

    first: float = 0.5
    longest: float = 60.0
    retry_for: float = 900.0
    unreadable_tries: int = 5  # an answer that stays unreadable is not a passing fault
    deadline: float | None = None  # instant on the run's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """Send again after ``delay`` seconds; ``failing_since`` is what to count ``retry_for`` from next time."""

    delay: float
    failing_since: float


def decide(
    failure: Failure,
    *,
    attempt: int,
    unreadable: int,
    failing_since: float | None,
    now: float,
    draw: float,
    policy: RetryPolicy,
) -> RetryDecision | None:
    """Decide about a request that failed at ``now`` on its 1-based ``attempt``; ``unreadable`` counts this answer too.

    The delay is ``draw * min(longest, first * 2 ** (attempt - 1))``, and never less than a Retry-After, after which
    the jitter is added so that the held requests do not return as one. In an outage it is but that jitter: the wait is
    the connection's, and ends when the server answers anybody.
    """
    if failure.fault not in {Fault.THROTTLED, Fault.UNAVAILABLE, Fault.MALFORMED}:
        return None
    if unreadable >= policy.unreadable_tries:
        return None
    since = now if failing_since is None or failure.outage else failing_since
    jitter = draw * min(policy.longest, policy.first * 2.0 ** min(attempt - 1, 32))
    asked = 0.0
    if failure.retry_after is not None:
        asked = failure.retry_after
    if failure.retry_after is not None or failure.outage:
        jitter = draw * policy.first
    delay = asked + jitter
    if policy.deadline is not None and now + delay > policy.deadline:
        return None
    if now + jitter - since > policy.retry_for:
        return None
    return RetryDecision(delay=delay, failing_since=since)


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """Read a Retry-After in either form (RFC 9110, section 10.2.3): seconds, or an HTTP date.

    ``now`` is the server's own time (Unix seconds) as well as it is known. A date in the past and a negative number
    give 0.0; what cannot be read gives None, as if the header were not there.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return min(max(0.0, float(text)), _FOREVER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - now)


class After401(Enum):
    """What a 401 leads to."""

    RESEND = "send again: somebody has already renewed the credential"
    RENEW = "renew the credential, then send again"
    STOP = "the credential was fresh: it is wrong, not outdated"


def after_401(*, used: int, current: int, renewed_for_401: bool, accepted: bool) -> After401:
    """Decide about a 401 for a request that carried the credential of generation ``used``.

    Generations count up from 1. ``renewed_for_401`` says that the current generation was itself made because its
    predecessor got a 401, ``accepted`` that the server has taken it at least once. Each generation causes one renewal
    at most, however many requests carried it, and a credential that was refused from its first use is not renewed for
    ever.
    """
    if used < current:
        return After401.RESEND
    if renewed_for_401 and not accepted:
        return After401.STOP
    return After401.RENEW
