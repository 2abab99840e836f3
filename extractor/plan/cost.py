"""What exports have cost: one job's, and those of a stream in one published run. Pure.

Decides how the costs of many batches become one line that is kept. Does not decide what follows for a next night
(``forecast``, ``protocol.pace``). Gathered by ``run.publication`` from the journal, kept by ``store.experience``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from extractor.plan.job import JobSpec

_QUICK = 10  # one in so many exports is quicker than a quick one


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCost:
    """What one finished job took. ``page`` is the number of records of its largest page, ``bytes`` as published.

    ``seconds`` is from its beginning to its end and ``requests`` how many it sent, both None when it was taken up by a
    second process. Its last export was ready ``waited`` seconds after Initiate and still processing after ``unready``;
    each None if that was not seen.
    """

    records: int
    bytes: int
    pages: int
    page: int
    exports: int
    retries: int
    requests: int | None
    seconds: float | None
    waited: float | None
    unready: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the exports of a stream cost in one run that was published; counts are of all its jobs together.

    ``window`` is the seconds from its watermark (or since) to the server's time at Initiate, None for an export of
    everything. ``timed`` of the ``jobs`` were done by one process: ``requests``, ``seconds`` (of their lives, one after
    the other), ``longest`` (of one) and ``waited`` (for the server) are theirs. ``quick`` is when one of the quick
    exports was ready, ``unready`` when it was last seen processing, ``usual`` and ``slow`` are the median and the
    latest; seconds after Initiate, None where none was seen. ``started_at`` and ``published_at`` are Unix seconds.
    """

    run: str
    window: float | None
    jobs: int
    records: int
    bytes: int
    pages: int
    page: int
    exports: int
    retries: int
    timed: int = 0
    requests: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    waited: float = 0.0
    quick: float | None = None
    unready: float | None = None
    usual: float | None = None
    slow: float | None = None
    started_at: float
    published_at: float = 0.0


def total(jobs: Iterable[JobCost], *, run: str, window: float | None, started_at: float) -> Cost:
    """Add the costs of a stream's jobs up."""
    every = list(jobs)
    timed = [job for job in every if job.seconds is not None and job.requests is not None and job.waited is not None]
    waits = ((job.waited, job.unready) for job in timed if job.waited is not None)
    ready = sorted(waits, key=lambda wait: wait[0])
    quick, unready = ready[len(ready) // _QUICK] if ready else (None, None)
    return Cost(
        run=run,
        window=window,
        jobs=len(every),
        records=sum(job.records for job in every),
        bytes=sum(job.bytes for job in every),
        pages=sum(job.pages for job in every),
        page=max((job.page for job in every), default=0),
        exports=sum(job.exports for job in every),
        retries=sum(job.retries for job in every),
        timed=len(timed),
        requests=sum(job.requests or 0 for job in timed),
        seconds=sum(job.seconds or 0.0 for job in timed),
        longest=max((job.seconds or 0.0 for job in timed), default=0.0),
        waited=sum(job.waited or 0.0 for job in timed),
        quick=quick,
        unready=unready,
        usual=median(waited for waited, _ in ready) if ready else None,
        slow=ready[-1][0] if ready else None,
        started_at=started_at,
    )


def window_of(job: JobSpec, now: datetime) -> float | None:
    """The seconds that a job's export looks back from ``now`` (aware), None if it asks for everything."""
    return None if job.since is None else max(0.0, (now - job.since).total_seconds())


def of_kind(costs: Iterable[Cost], window: float | None) -> list[Cost]:
    """Keep the nights of the same kind: exports of everything, or of what had changed."""
    return [cost for cost in costs if (cost.window is None) == (window is None)]


def alike(costs: Iterable[Cost], window: float | None) -> list[Cost]:
    """Keep the nights of the same kind that looked back about as far: half as long to twice as long."""
    kind = of_kind(costs, window)
    if window is None:
        return kind
    return [cost for cost in kind if cost.window is not None and window / 2 <= cost.window <= window * 2]
