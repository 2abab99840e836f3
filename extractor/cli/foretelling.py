"""The words of ``extractor plan`` for what a run will cost, and for what is asked otherwise than last time.

Decides wording and the keys of the JSON, which are an outside contract; the numbers are ``plan.forecast``'s, what
differs is ``plan.difference``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from extractor.cli.console import table
from extractor.observe.figures import count, counted, short, size, span

if TYPE_CHECKING:
    from extractor.plan import Forecast
    from extractor.plan.difference import Difference, Entry
    from extractor.plan.forecast import Outlook, Range

_NAMES = 5
_ROWS = 20
_WIDTH = 32  # characters of a name
_SIGNS = {"new": "+", "gone": "-", "changed": "~"}


def cost_lines(cost: Forecast, rate: float) -> list[str]:
    """Say what a plan costs: the likely, where there is history; the floor."""
    exports, requests = counted(cost.exports, "export"), counted(cost.requests, "request")
    million = counted(cost.requests_per_million, "request")
    return [
        "",
        *_likely(cost),
        f"At least {exports}, {requests}, {span(cost.seconds)} at {rate:g} requests/s;",
        f"each further million records adds {million}, {span(cost.seconds_per_million)}.",
    ]


def _likely(cost: Forecast) -> list[str]:
    whole = cost.outlook
    unknown = cost.unknown
    if not whole.nights:
        return ["No history: this state folder knows of no published run of these jobs."]
    records, stored = _range(whole.records, _number), _range(whole.bytes, _size)
    exports, requests = _range(whole.exports, _number), _range(whole.requests, _number)
    noun = "export" if exports == "1" else "exports"
    nights = counted(whole.nights, "earlier run") + (" or more of each job" if len(cost.streams) > 1 else "")
    noun = "export" if exports == "1" else "exports"
    lines = [
        f"Likely {records} records, {stored}, {exports} {noun}, {requests} requests,",
        f"done in {_range(whole.seconds, span)}, from {nights}.",
    ]
    if unknown:
        named = ", ".join(short(name, _WIDTH) for name in unknown[:_NAMES])
        more = f" and {count(len(unknown) - _NAMES)} more" if len(unknown) > _NAMES else ""
        lines.append(f"No history of their kind, so that only the least is counted for them: {named}{more}.")
    return lines


def _range(known: Range, spell: Callable[[float], str]) -> str:
    """Write a range: ``1,240 (1,100 - 1,400)``; one number where it is certain, ``(1,100 or more)`` without an end."""
    likely, low = spell(known.likely), spell(known.low)
    if known.high is None:
        return f"{likely} ({low} or more)"
    high = spell(known.high)
    return likely if low == high else f"{likely} ({low} - {high})"


def _number(number: float) -> str:
    return count(round(number))


def _size(number: float) -> str:
    return size(round(number))


def cost_object(cost: Forecast) -> dict[str, Any]:  # Any: JSON values
    """Spell a forecast for programs."""
    return {
        "exports": cost.exports,
        "requests": cost.requests,
        "seconds": cost.seconds,
        "requests_per_million": cost.requests_per_million,
        "seconds_per_million": cost.seconds_per_million,
        "likely": _outlook(cost.outlook),
        "without_history": list(cost.unknown),
        "jobs": [{"name": stream.name, **_outlook(stream)} for stream in cost.streams],
    }


def _outlook(outlook: Outlook) -> dict[str, Any]:
    named = {
        "exports": outlook.exports,
        "requests": outlook.requests,
        "records": outlook.records,
        "bytes": outlook.bytes,
        "seconds": outlook.seconds,
    }
    ranges = {
        name: {"low": _plain(known.low), "likely": _plain(known.likely), "high": _plain(known.high)}
        for name, known in named.items()
    }
    return {"runs": outlook.nights, **ranges}


def _plain(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def difference_lines(difference: Difference | None, state: str) -> list[str]:
    """Say what is asked otherwise than last time, entry by entry; one sentence when nothing is."""
    if difference is None:
        return [f"There is nothing to compare with: {state} knows of no run of these jobs."]
    when = datetime.fromtimestamp(difference.run.started_at, UTC)
    run = f"run {difference.run.run_id} (begun {when:%Y-%m-%d %H:%M} UTC)"
    moved = [entry for entry in difference.entries if entry.moved]
    on = f"{counted(len(moved), 'watermark')} {'has' if len(moved) == 1 else 'have'} moved on"
    if difference.nothing:
        asks = f"The plan asks for what {run} asked for, in the same form"
        return [f"{asks}; only {on}." if moved else f"{asks}: nothing differs."]
    listed = [entry for entry in difference.entries if str(entry.change) != "unchanged"]
    rows = [_row(entry) for entry in listed[:_ROWS]]
    same = len(difference.entries) - len(listed)
    return [
        f"Against {run}:",
        *(["", *table(("", "JOB", "DATASET", "JOBS", "WHAT"), rows)] if rows else []),
        *([f"… and {count(len(listed) - _ROWS)} more (--json has all)"] if len(listed) > _ROWS else []),
        "",
        *([_FORM] if difference.form else []),
        f"{counted(same, 'entry', 'entries')} unchanged{f'; {on}' if moved else ''}.",
    ]


_FORM = (
    "The form of the output has changed: output.compression, output.records, output.shard_bytes, limits.page_size "
    "or a job's dedupe."
)


def _row(entry: Entry) -> tuple[str, ...]:
    jobs = count(entry.jobs) if entry.jobs == entry.jobs_before else f"{entry.jobs_before:,} -> {entry.jobs:,}"
    said = "; ".join(filter(None, (entry.why, f"watermark {entry.moved}" if entry.moved else "")))
    what = f"{entry.change}: {said}" if said else str(entry.change)
    return (_SIGNS[str(entry.change)], short(entry.name, _WIDTH), short(str(entry.dataset), _WIDTH), jobs, what)


def difference_object(difference: Difference | None) -> dict[str, Any] | None:
    """Spell a difference for programs; None where there is no run to compare with."""
    if difference is None:
        return None
    return {
        "run": difference.run.run_id,
        "differs": not difference.nothing,
        "form_changed": difference.form,
        "entries": [
            {
                "change": str(entry.change),
                "name": entry.name,
                "dataset": entry.dataset.folder,
                "jobs": entry.jobs,
                "jobs_before": entry.jobs_before,
                "jobs_same": entry.same,
                "why": entry.why,
                "watermark_moved": entry.moved,
            }
            for entry in difference.entries
        ],
    }
