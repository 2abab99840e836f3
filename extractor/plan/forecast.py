"""What a plan will cost at least: exports, requests, seconds.

The service does not say how large a segment is before it is exported, so the forecast is a floor, plus the price of
each further million records; a guess dressed as a number would be worse. Called by ``cli plan``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from extractor.plan.planner import Plan

_FIXED = 3  # Initiate, one Status that says Complete, Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Lower bounds for one run. ``*_per_million`` is what every further million records adds."""

    exports: int
    requests: int
    seconds: float
    requests_per_million: int
    seconds_per_million: float


def forecast(plan: Plan, *, requests_per_second: float, page_size: int) -> Forecast:
    """Count the requests that ``plan`` cannot do without, each job answering at most one page."""
    requests = len(plan.jobs) * (_FIXED + 1)
    pages = math.ceil(1_000_000 / page_size)
    return Forecast(
        exports=len(plan.jobs),
        requests=requests,
        seconds=requests / requests_per_second,
        requests_per_million=pages,
        seconds_per_million=pages / requests_per_second,
    )
