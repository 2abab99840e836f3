"""One page of an export: the envelope, truthful or not (contract, section 3.4).

Decides offset, limit, Count and HasMore, and how each lie of ``faults`` changes them. Does not know whether the export
may be read. Called by ``service``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson

from extractor.simulator.exchange import Refused, Request, lowered
from extractor.simulator.settings import SimulatorSettings
from extractor.simulator.world import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a Retrieve asks for. ``offset`` is 1-based; ``limit`` is the one in force."""

    offset: int
    limit: int
    keep_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page before it is written: records ``start`` (0-based) to before ``stop``, and what the envelope says."""

    start: int
    stop: int
    count: int
    has_more: bool
    limit: int
    offset: int
    total: int
    encore: bool = False  # the last record once more
    swapped: bool = False  # the first record in place of the last
    lower: bool = False
    spaced: bool = False


def asked(request: Request, settings: SimulatorSettings) -> Asked:
    """Read the query. Raises Refused (400)."""
    limit = _whole(request, "limit", settings.default_page_size)
    offset = _whole(request, "offset", 1)
    if limit > settings.max_page_size:
        if settings.above_max == "refuse":
            raise Refused(HTTPStatus.BAD_REQUEST, f"limit must not be more than {settings.max_page_size}.")
        limit = settings.max_page_size
    return Asked(offset=offset, limit=limit, keep_alive=flag(request, "keepAlive") or False)


def flag(request: Request, name: str) -> bool | None:
    """Read a boolean of the query as frameworks spell it; None if it is absent. Raises Refused (400)."""
    said = (request.argument(name) or "").strip().lower()
    if said not in ("", "true", "1", "false", "0"):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} must be true or false.")
    return said in ("true", "1") if said else None


def _whole(request: Request, name: str, default: int) -> int:
    said = request.argument(name)
    if not said:
        return default
    if not (said.isascii() and said.isdecimal() and len(said) < len(str(1 << 63)) and int(said) > 0):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number from 1.")
    return int(said)


def page(wanted: Asked, total: int) -> Page:
    """Give the truth: past the end there is an empty page."""
    start = min(wanted.offset - 1, total)
    stop = min(start + wanted.limit, total)
    return Page(
        start=start,
        stop=stop,
        count=stop - start,
        has_more=stop < total,
        limit=wanted.limit,
        offset=wanted.offset,
        total=total,
    )


def told(truth: Page, lie: str) -> Page:
    """Change a page as a word of ``faults`` says; a page that it cannot change is given back as it is."""
    return _LIES[lie](truth) if lie in _LIES else truth


def _overlap(truth: Page) -> Page:
    if truth.start == 0 or truth.offset - 1 != truth.start:
        return truth
    stop = truth.stop - (truth.stop - truth.start == truth.limit)
    return replace(
        truth,
        start=truth.start - 1,
        stop=stop,
        offset=truth.offset - 1,
        count=stop - truth.start + 1,
        has_more=stop < truth.total,
    )


def _twice(truth: Page) -> Page:
    return replace(truth, encore=True, count=truth.count + 1) if truth.count else truth


def _swap(truth: Page) -> Page:
    return replace(truth, swapped=True) if truth.count > 1 else truth


def _short(truth: Page) -> Page:
    stop = truth.start + (truth.stop - truth.start + 1) // 2
    return replace(truth, stop=stop, count=stop - truth.start, has_more=stop < truth.total)


_LIES: dict[str, Callable[[Page], Page]] = {
    "count+1": lambda truth: replace(truth, count=truth.count + 1),
    "count-1": lambda truth: replace(truth, count=max(0, truth.count - 1)),
    "total+1": lambda truth: replace(truth, total=truth.total + 1),
    "total-1": lambda truth: replace(truth, total=max(0, truth.total - 1)),
    "shift": lambda truth: replace(truth, offset=truth.offset + 1),
    "overlap": _overlap,
    "twice": _twice,
    "swap": _swap,
    "hasmore": lambda truth: replace(truth, has_more=True),
    "nomore": lambda truth: replace(truth, has_more=False),
    "zero": lambda truth: replace(truth, stop=truth.start, count=0, has_more=True),
    "short": _short,
    "spaced": lambda truth: replace(truth, spaced=True),
    "lower": lambda truth: replace(truth, lower=True),
}


def written(
    shown: Page, selection: Selection, *, extra_fields: bool = False, member: str = "UserProfilePreferences"
) -> bytes:
    """Write a page, its records under ``member``. They are spliced in as they are, byte for byte."""
    records = selection.records(shown.start, shown.stop)
    if shown.encore:
        records.append(records[-1])
    if shown.swapped:
        records[-1] = records[0]
    if shown.spaced:
        records = [b"\n{\r\n\t%b\n} " % record.strip()[1:-1] for record in records]
    head: dict[str, object] = {
        "Count": shown.count,
        "HasMore": shown.has_more,
        "Limit": shown.limit,
        "Offset": shown.offset,
        "TotalResults": shown.total,
    }
    if extra_fields:
        head["Generation"] = {"Shard": None, "Took": 0.25}
    if shown.lower:
        head, member = lowered(head), member[:1].lower() + member[1:]
    return b'%b,"%b":[%b]}' % (orjson.dumps(head)[:-1], member.encode(), b",".join(records))
