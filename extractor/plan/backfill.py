"""From a configuration and a period to the plan of a backfill. Pure.

Decides which exports are made for which windows, and how much they would read. Does not decide where windows begin
(``period``) or how records are put into them (``store``, which obeys ``partitions``). Called by ``cli``.

The service takes a lower bound only, so that every export reaches from there to now. Two strategies live with that.
``route`` asks once, from the start of the period on, and the records are sorted into windows afterwards. ``fan-out``
asks once for each window, from its start on, and what belongs to later windows is left out; its exports are smaller but
the same record is exported for every window up to its own. The older Schedule call takes both bounds, and is asked for
each window in either strategy.

Decided: what the configuration says about *since when* (``since``, ``initial``, ``overlap``) and *not again*
(``dedupe``) is left aside, because the command line says which period is wanted, wholly; a backfill moves no watermark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from extractor.config import Config
from extractor.config.zones import zone_named
from extractor.errors import ConfigError, IntegrityError
from extractor.plan.asked import Asked
from extractor.plan.job import JobSpec, Window, identify
from extractor.plan.partitions import DEFAULT_CHANGE_TIMES, Partitions, Strategy
from extractor.plan.period import Period, Size, cut, read_size
from extractor.plan.planner import (
    Basis,
    Plan,
    dataset_of,
    form_of,
    lists_of,
    matches_of,
    named,
    numbered,
    stream_of,
    wanted_of,
)
from extractor.plan.windows import last_date_time

SCHEDULE = "schedule"  # the kind of dataset whose exports take both bounds
_REQUESTS = 4  # at least, for an export: Initiate, one Status that says Complete, one page, Commit
WASTEFUL = 3.0  # times of what one export reads, above which a person must agree


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """What a backfill is asked for: ``period``, ``strategy`` and the names of ``jobs`` (none: all)."""

    period: Period
    strategy: Strategy
    jobs: tuple[str, ...] = ()

    @property
    def words(self) -> dict[str, Any]:
        """Say it in JSON values, all but the jobs; instants are ISO 8601, UTC."""
        period = self.period
        return {
            "from": _iso(period.start),
            "to": _iso(period.end),
            "window": str(period.size),
            "zone": period.zone,
            "strategy": self.strategy,
        }

    @staticmethod
    def of(words: Mapping[str, Any], jobs: tuple[str, ...]) -> BackfillRequest:
        """Read ``words`` again. Raises IntegrityError for what no version has written."""
        try:
            read = msgspec.convert(dict(words), type=_Words)
            zone_named(read.zone)
            period = Period(
                start=read.start.astimezone(UTC),
                end=read.end.astimezone(UTC),
                size=read_size(read.window),
                zone=read.zone,
            )
        except ValueError:
            raise IntegrityError("the journal holds a backfill that cannot be read -- begin a new one") from None
        return BackfillRequest(period=period, strategy=read.strategy, jobs=jobs)


_Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    start: _Aware = msgspec.field(name="from")
    end: _Aware = msgspec.field(name="to")
    window: str
    zone: str
    strategy: Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What a strategy would cost: ``exports``, ``requests`` at least, and how much it would read.

    ``reads`` is how often the records changed in the period and since are exported, 1.0 where each is exported once.
    It takes changes to be spread evenly over time, which is all that can be known before anything is exported.
    """

    strategy: Strategy
    exports: int
    requests: int
    reads: float


def plan_backfill(config: Config, basis: Basis, request: BackfillRequest) -> Plan:
    """Work out the jobs of a backfill: those of a name in the order of windows, then of batches.

    The same configuration, basis and request give the same plan, now or when the run is taken up. Raises ConfigError
    for a period that cannot be cut, a job that does not exist, and jobs that would ask for the same.
    """
    period = request.period
    partitions = Partitions(
        start=period.start,
        end=period.end,
        size=str(period.size),
        zone=period.zone,
        strategy=request.strategy,
        windows=cut(period),
        change_times=config.backfill.change_times or DEFAULT_CHANGE_TIMES,
    )
    chosen = _chosen(config, request.jobs)
    if period.size.elapsed is not None:
        _refuse_schedules(config, chosen, period.size)
    jobs = tuple(numbered(job for place, name in chosen for job in _jobs_of(config, basis, place, name, partitions)))
    _refuse_the_same(jobs)
    asked = Asked(jobs=request.jobs, lists=lists_of(config, basis), backfill=request.words)
    return Plan(form=form_of(config), jobs=jobs, partitions=partitions, asked=asked)


def burdens(plan: Plan, now: datetime) -> tuple[Burden, ...]:
    """What this backfill would cost by each strategy."""
    partitions = windows_of(plan)
    windows = partitions.windows
    fixed = sum(job.dataset.kind == SCHEDULE for job in plan.jobs)
    batches = len(plan.jobs) - fixed
    if partitions.strategy == "fan-out":
        batches //= len(windows)
    reach = now - partitions.start
    nested = sum((now - window.start) / reach for window in windows)
    found: tuple[tuple[Strategy, int, float], ...] = (
        ("route", batches + fixed, 1.0),
        ("fan-out", batches * len(windows) + fixed, nested if batches else 1.0),
    )
    return tuple(
        Burden(strategy=strategy, exports=exports, requests=exports * _REQUESTS, reads=reads)
        for strategy, exports, reads in found
    )


def windows_of(plan: Plan) -> Partitions:
    """The windows of a plan that is a backfill's. Raises ValueError for another."""
    if plan.partitions is None:
        raise ValueError("the plan of a run has no windows")
    return plan.partitions


def outside(partitions: Partitions, now: datetime) -> float:
    """The share (0 .. 1) of the time from the start of the period to ``now`` that lies at or after its end."""
    return max(0.0, (now - partitions.end) / (now - partitions.start))


def _chosen(config: Config, jobs: Sequence[str]) -> list[tuple[int, str]]:
    there = list(named(config))
    wanted = wanted_of([name for _, name in there], jobs)
    return [(place, name) for place, name in there if not wanted or name in wanted]


def _jobs_of(config: Config, basis: Basis, place: int, name: str, partitions: Partitions) -> Iterator[JobSpec]:
    dataset = dataset_of(config.jobs[place])
    stream = replace(stream_of(config, place, name, basis), overlap=None, dedupe=None)
    matches = matches_of(config, place, basis)
    scheduled = dataset.kind == SCHEDULE
    windows: Sequence[Window | None] = partitions.windows if scheduled or partitions.strategy == "fan-out" else (None,)
    for window in windows:
        since = partitions.start if window is None else window.start
        bound = None if scheduled else last_date_time(since)
        for index, match in enumerate(matches):
            yield JobSpec(
                ordinal=0,
                job_id=identify(
                    base_url=config.connection.base_url,
                    client_id=config.connection.client_id,
                    dataset=dataset,
                    last_date_time=bound,
                    match=match,
                    window=window,
                ),
                name=name,
                dataset=dataset,
                stream=stream,
                since=since,
                last_date_time=bound,
                match=match,
                window=window,
                batch=index + 1,
                batches=len(matches),
            )


def _refuse_schedules(config: Config, chosen: Sequence[tuple[int, str]], size: Size) -> None:
    names = [name for place, name in chosen if dataset_of(config.jobs[place]).kind == SCHEDULE]
    if names:
        remedy = "take a calendar window such as 1d, or leave these jobs out with --job"
        listed = ", ".join(repr(name) for name in names)
        raise ConfigError([f"--window {size}: schedules take whole days only (job {listed}) -- {remedy}"])


def _refuse_the_same(jobs: Sequence[JobSpec]) -> None:
    """Two jobs that differ in ``since`` alone are the same job in a backfill, and would double every record."""
    first: dict[str, str] = {}
    doubled: dict[tuple[str, str], None] = {}
    for job in jobs:
        other = first.setdefault(job.job_id, job.name)
        if other != job.name:
            doubled[other, job.name] = None
    if doubled:
        raise ConfigError(
            [
                f"jobs {one!r} and {two!r} ask for the same once their since is left aside -- choose one with --job"
                for one, two in doubled
            ]
        )


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
