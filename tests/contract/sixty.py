"""Sixty jobs and the weather that they meet: what the tests of many faults at once have in common."""

from __future__ import annotations

from typing import Any

from extractor.simulator import Group, Kindred, Operator, Segment, SimulatorSettings
from tests.contract.stage import Played, truth

NAMES = [f"S{n}" for n in range(50)]
GROUPS = [f"G{n}" for n in range(10)]
JOBS: list[dict[str, Any]] = [{"segment": name} for name in NAMES] + [{"group": name} for name in GROUPS]
PASSING = (
    "500 502 503 504 503:1s 429 429:1s 503:date+2s page503 reset lost silent drop@20 stall@20 head@9 hangup trickle@5 "
    "slow:2s short lower expire error status=Queued"
)
# An answer that stays unreadable is given up after five tries, so these come more seldom than five in a row.
UNREADABLE = "truncate@15 text html empty truncate@40"
LIES = "count+1 count-1 total+1 total-1 shift overlap hasmore nomore zero rows+1 rows-1"
LIMITS = {"page_size": 25, "re_exports": 50, "exports": 12, "pages": 12, "poll_max": 2.0}


def weather(**settings: Any) -> SimulatorSettings:
    """Fifty segments and ten groups of a few pages each."""
    return SimulatorSettings(
        segments=tuple(Segment(name=name, count=7 * n % 90, first=n, step=1 + n % 3) for n, name in enumerate(NAMES)),
        groups=tuple(
            Group(name=name, operator=list(Operator)[n % 3], segments=(NAMES[n + 20], NAMES[n + 21]))
            for n, name in enumerate(GROUPS)
        ),
        processing=(0.0, 2.0),
        max_page_size=20,
        **settings,
    )


def expected(played: Played, job: dict[str, Any]) -> list[bytes]:
    """The truth about a job's dataset."""
    if "group" in job:
        return truth(played, job["group"], kind=Kindred.GROUP)
    return truth(played, job["segment"])


def lines(played: Played, job: dict[str, Any]) -> list[bytes]:
    """What is published of a job's dataset."""
    ((kind, name),) = job.items()
    return played.lines(f"{kind}={name}")
