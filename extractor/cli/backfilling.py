"""From the words of ``extractor backfill`` to a plan, to what it would cost, and to what is said of that.

Decides what is refused as wasteful, and what ``--dry-run`` shows. Windows and jobs are ``plan``'s. Called by
``running``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from extractor.cli.console import out, out_json, table
from extractor.config.jobs import OVERLAP
from extractor.errors import ConfigError
from extractor.observe.figures import count, counted, short, span
from extractor.plan.backfill import (
    SCHEDULE,
    WASTEFUL,
    BackfillRequest,
    Burden,
    burdens,
    outside,
    plan_backfill,
    windows_of,
)
from extractor.plan.period import Period, cut, read_period
from extractor.protocol.dialect import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor.config import Config
    from extractor.plan import Plan
    from extractor.plan.partitions import Partitions
    from extractor.plan.planner import Basis

_LATE = timedelta(seconds=OVERLAP)  # as much as two nights overlap, and for the same reason
_ROWS = 20
_WIDTH = 48  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A backfill as it stands on the command line, unread; ``yes`` agrees to waste. ``zone`` None: as configured."""

    start: str
    end: str
    window: str
    zone: str | None
    strategy: Literal["route", "fan-out"]
    yes: bool = False


def period_of(config: Config, wish: Wish, now: datetime) -> Period:
    """Read the period. ``now`` is aware. Raises ConfigError for one that cannot be read, or cut into windows."""
    zone = wish.zone or config.backfill.zone
    period = read_period(start=wish.start, end=wish.end, size=wish.window, zone=zone, now=now)
    cut(period)
    return period


def planned(config: Config, basis: Basis, wish: Wish, period: Period, jobs: tuple[str, ...]) -> Plan:
    """Plan the backfill. Raises ConfigError for what cannot be asked for."""
    plan = plan_backfill(config, basis, BackfillRequest(period=period, strategy=wish.strategy, jobs=jobs))
    _refuse_other_days(config, plan)
    return plan


def _refuse_other_days(config: Config, plan: Plan) -> None:
    """Schedules are asked by the service's days: what lies between those and another zone's would be in no window."""
    zone, days = windows_of(plan).zone, dialect_of(config).schedule_zone
    names = dict.fromkeys(repr(job.name) for job in plan.jobs if job.dataset.kind == SCHEDULE)
    if names and zone != days:
        wrong = f"the days of schedules (job {', '.join(names)}) are those of {days}"
        remedy = f"give --zone {days}, or leave these jobs out with --job"
        also = "if your account has other days, set connection.dialect.schedule_zone"
        raise ConfigError([f"--zone {zone}: {wrong}, and rows between would be in no window -- {remedy}; {also}"])


def waste_of(plan: Plan, now: datetime) -> str:
    """Say with numbers why a backfill should not be done as it is; empty, where nothing speaks against it."""
    windows = windows_of(plan)
    chosen = next(burden for burden in burdens(plan, now) if burden.strategy == windows.strategy)
    if chosen.reads <= WASTEFUL:
        return ""
    return (
        f"--strategy fan-out: each of {counted(len(windows.windows), 'window')} is exported from its start to now, so "
        f"{counted(chosen.exports, 'export')} together read about {chosen.reads:,.1f} times what one export would"
    )


def refuse_waste(plan: Plan, wish: Wish, now: datetime) -> None:
    """Raise ConfigError for a backfill that is plainly wasteful, unless the person has agreed to it."""
    waste = waste_of(plan, now)
    if waste and not wish.yes:
        raise ConfigError([f"{waste} -- take --strategy route or longer windows, or agree with --yes"])


def notices(plan: Plan, now: datetime) -> Iterator[str]:
    """What is worth knowing before a backfill begins, one sentence each."""
    windows = windows_of(plan)
    yield f"{described(windows)}: {counted(len(windows.windows), 'window')}, {counted(len(plan.jobs), 'export')}"
    share = outside(windows, now)
    open_ended = any(job.dataset.kind != SCHEDULE for job in plan.jobs)  # schedules are asked for both ends
    if open_ended and share >= 0.01:  # noqa: PLR2004 - less rounds to nothing
        yield (
            f"exports reach from their start to now, and {share:.0%} of the time since FROM is at or after TO: records "
            "that changed then are read, counted and left out"
        )
    if now - windows.end < _LATE:
        yield (
            f"TO is less than {span(_LATE.total_seconds())} ago: a change of just before it may show in exports only "
            "later, and would be missed -- do it again then, or choose an earlier TO"
        )


def described(windows: Partitions) -> str:
    """Name a backfill: ``2026-01-01T00:00:00Z to 2026-04-01T00:00:00Z by 1mo (UTC), route``."""
    return f"{_iso(windows.start)} to {_iso(windows.end)} by {windows.size} ({windows.zone}), {windows.strategy}"


def show_plan(plan: Plan, *, now: datetime, as_json: bool) -> None:
    """Write windows, jobs and cost to stdout."""
    if as_json:
        out_json(_as_object(plan, now))
        return
    windows = windows_of(plan)
    out(f"{counted(len(windows.windows), 'window')}, {counted(len(plan.jobs), 'export')}, plan {plan.plan_id}")
    out(described(windows))
    for line in [*_windows(windows), *_jobs(plan), *_costs(plan, now)]:
        out(line)


def _windows(windows: Partitions) -> list[str]:
    rows = [
        (window.name, _iso(window.start), _iso(window.end), f"{(window.end - window.start).total_seconds() / 3600:g}")
        for window in windows.windows[:_ROWS]
    ]
    more = len(windows.windows) - _ROWS
    return [
        "",
        *table(("WINDOW", "FROM", "TO", "HOURS"), rows, right=frozenset({3})),
        *([f"… and {counted(more, 'window')} more (--json has all)"] if more > 0 else []),
    ]


def _jobs(plan: Plan) -> list[str]:
    exports = Counter(job.name for job in plan.jobs)
    first = {job.name: job for job in reversed(plan.jobs)}
    rows = [
        (
            short(name, _WIDTH),
            short(str(job.dataset), _WIDTH),
            job.stream.who,
            count(exports[name]),
            job.last_date_time or f"{_iso(job.since or windows_of(plan).start)}, both bounds",
        )
        for name, job in sorted(first.items(), key=lambda each: each[1].ordinal)
    ]
    more = len(rows) - _ROWS
    return [
        "",
        *table(("JOB", "DATASET", "WHO", "EXPORTS", "SINCE"), rows[:_ROWS], right=frozenset({3})),
        *([f"… and {counted(more, 'job')} more (--json has all)"] if more > 0 else []),
    ]


def _costs(plan: Plan, now: datetime) -> list[str]:
    rows = [
        (
            f"{burden.strategy}{' (chosen)' if burden.strategy == windows_of(plan).strategy else ''}",
            count(burden.exports),
            f"{count(burden.requests)}",
            f"{burden.reads:,.1f} times",
        )
        for burden in burdens(plan, now)
    ]
    waste = waste_of(plan, now)
    return [
        "",
        *table(("STRATEGY", "EXPORTS", "REQUESTS, AT LEAST", "RECORDS READ"), rows, right=frozenset({1, 2, 3})),
        "RECORDS READ is against one export since FROM, and takes changes to be spread evenly over time.",
        *(
            f"note: {notice}"
            for notice in [*list(notices(plan, now))[1:], *([f"{waste}: needs --yes"] if waste else [])]
        ),
    ]


def _as_object(plan: Plan, now: datetime) -> dict[str, Any]:  # Any: JSON values
    windows = windows_of(plan)
    return {
        "plan_id": plan.plan_id,
        "from": _iso(windows.start),
        "to": _iso(windows.end),
        "window": windows.size,
        "zone": windows.zone,
        "strategy": windows.strategy,
        "change_times": list(windows.change_times),
        "windows": [{"name": each.name, "from": _iso(each.start), "to": _iso(each.end)} for each in windows.windows],
        "jobs": [
            {
                "ordinal": job.ordinal,
                "job_id": job.job_id,
                "name": job.name,
                "label": job.label,
                "dataset": job.dataset.folder,
                "since": job.last_date_time,
                "window": None if job.window is None else job.window.name,
                "batch": job.batch,
                "batches": job.batches,
            }
            for job in plan.jobs
        ],
        "costs": [_cost(burden) for burden in burdens(plan, now)],
        "outside": round(outside(windows, now), 4),
        "wasteful": waste_of(plan, now) or None,
    }


def _cost(burden: Burden) -> dict[str, Any]:
    return {
        "strategy": burden.strategy,
        "exports": burden.exports,
        "requests": burden.requests,
        "reads": round(burden.reads, 2),
    }


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
