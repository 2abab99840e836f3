"""What a plan will cost: at least, and likely.

The service does not say how large a segment is before it is exported. So there is a floor (each job answers one page)
with the price of each further million records; and, for streams that have been exported before, what their last nights
say, as a range. Pure: ``now``, the nights and the polling are arguments. Called by ``cli plan``.

The rule, in words. A stream's next export is like its last published ones of the same kind (everything, or what had
changed; at most 20). Records of what had changed are in proportion to the time since the watermark. Likely is the
median of those nights; the range is from the lowest to the highest of them, widened on both sides by the (n + 1)-th
part of the likely value where there were n nights, and by two standard deviations of counting chance, 2 * sqrt(likely
+ 1). A plan's range is the sum of its streams' ranges, which is wider than chance makes it: streams that grow together
are the usual case. Where one of the streams has no history of its kind, the sums have no upper end.

The time is the longest of three: all requests at the permitted rate; the lives of all exports (waiting for the server,
and its answers) with ``limits.exports`` of them side by side; the life of the longest. Its upper end is that of any
order of beginning: the second plus the third.

Decided: ranges of what was seen, and no distribution fitted to it: five nights do not tell one from another, and a
range that can be checked against ``extractor runs`` is believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import add
from statistics import median

from extractor.plan.cost import Cost, of_kind, window_of
from extractor.plan.job import JobSpec
from extractor.plan.planner import Plan

_FIXED = 3  # Initiate, one Status that says Complete, Commit
_POSTS = 2  # Initiate, Commit
_LATE = 1.5  # how much later than it was ready an export may have been found so, in the nights of any version
_RECORD = 4096  # bytes that a record has at most, where none was ever seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A quantity that is not known yet; ``high`` is None where nothing says how large it may be."""

    low: float
    likely: float
    high: float | None

    def __add__(self, other: Range) -> Range:
        """The sum, as if all were low or high together."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(low=self.low + other.low, likely=self.likely + other.likely, high=high)


_NOTHING = Range(low=0, likely=0, high=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What earlier nights say of a stream: their costs, newest first, of either kind; and how it is polled.

    ``polls`` says how many Status requests an export needs that is ready after so many seconds, ``most_polls`` how many
    if no other export is alive with which it would have to share the rate.
    """

    costs: Sequence[Cost] = ()
    polls: Callable[[float], int] = field(default=lambda _seconds: 1)
    most_polls: Callable[[float], int] = field(default=lambda _seconds: 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a stream's next exports will cost, from ``nights`` earlier ones; 0: nothing is known, and this is the floor.

    ``seconds`` are those of all its exports one after the other, ``longest`` those of one.
    """

    name: str
    nights: int
    exports: Range
    requests: Range
    records: Range
    bytes: Range
    seconds: Range
    longest: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What one run will cost, at least and likely.

    ``exports``, ``requests``, ``seconds`` are lower bounds, ``*_per_million`` what every further million records adds.
    ``outlook`` has the ranges of all together: its ``seconds`` are the run's, its ``nights`` the fewest that a stream
    with history has. ``streams`` are in plan order.
    """

    exports: int
    requests: int
    seconds: float
    requests_per_million: int
    seconds_per_million: float
    outlook: Outlook
    streams: tuple[Outlook, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of the streams without history of their kind."""
        return tuple(stream.name for stream in self.streams if stream.nights == 0)


def forecast(
    plan: Plan,
    *,
    requests_per_second: float,
    page_size: int,
    exports: int = 1,
    now: datetime | None = None,
    lessons: Mapping[str, Lesson] | None = None,
) -> Forecast:
    """Foresee what ``plan`` costs.

    ``exports`` are those at once, ``now`` (aware) is when it would begin, ``lessons`` what is known, by stream id;
    without them there is nothing but the floor.
    """
    requests = len(plan.jobs) * (_FIXED + 1)
    pages = math.ceil(1_000_000 / page_size)
    streams = tuple(
        _outlook(jobs, (lessons or {}).get(stream, Lesson()), page_size=page_size, now=now)
        for stream, jobs in _by_stream(plan.jobs).items()
    )
    return Forecast(
        exports=len(plan.jobs),
        requests=requests,
        seconds=requests / requests_per_second,
        requests_per_million=pages,
        seconds_per_million=pages / requests_per_second,
        outlook=_together(streams, jobs=len(plan.jobs), rate=requests_per_second, lanes=exports),
        streams=streams,
    )


def expected_records(jobs: Sequence[JobSpec], lesson: Lesson, now: datetime) -> float | None:
    """How many records each export of a stream is likely to have; None where nothing is known. ``jobs`` are all its."""
    costs = of_kind(lesson.costs, window_of(jobs[0], now))
    if not costs:
        return None
    return median(cost.records * _stretch(jobs, cost, now) for cost in costs) / len(jobs)


def spread(values: Sequence[float], *, counted: bool = True) -> Range:
    """The range of the next value, by the rule above; ``counted`` values have the chance of counting. At least one."""
    likely = median(values)
    margin = likely / (len(values) + 1) + (2 * math.sqrt(likely + 1) if counted else 0.0)
    return Range(low=max(0.0, min(values) - margin), likely=likely, high=max(values) + margin)


def _by_stream(jobs: Iterable[JobSpec]) -> dict[str, list[JobSpec]]:
    found: dict[str, list[JobSpec]] = {}
    for stream, group in groupby(jobs, key=lambda job: job.stream.id):
        found.setdefault(stream, []).extend(group)
    return found


def _stretch(jobs: Sequence[JobSpec], cost: Cost, now: datetime) -> float:
    """How many times what changed in an earlier night's window changes in those of tonight."""
    if not cost.window:
        return 1.0
    return sum((window_of(job, now) or 0.0) / job.batches for job in jobs) / cost.window


def _outlook(jobs: Sequence[JobSpec], lesson: Lesson, *, page_size: int, now: datetime | None) -> Outlook:
    name, many = jobs[0].stream.name, len(jobs)
    costs = [] if now is None else of_kind(lesson.costs, window_of(jobs[0], now))
    if now is None or not costs:
        return Outlook(
            name=name,
            nights=0,
            exports=_at_least(many),
            requests=_at_least(many * (_FIXED + 1)),
            records=_at_least(0),
            bytes=_at_least(0),
            seconds=_at_least(0),
            longest=_at_least(0),
        )
    stretches = [_stretch(jobs, cost, now) for cost in costs]
    records = spread([cost.records * stretch for cost, stretch in zip(costs, stretches, strict=True)])
    pages = _pages(records, costs, many, page_size)
    ready = _ready(costs, stretches)
    exports = _times(_ratios(costs, "exports"), many)
    retries = _times(_ratios(costs, "retries"), many)
    requests = Range(
        low=many * _FIXED + pages.low,
        likely=many * (_POSTS + lesson.polls(ready.likely)) + pages.likely + retries.likely,
        high=None
        if ready.high is None
        else _end(exports) * (_POSTS + lesson.most_polls(ready.high) + 1) + _end(pages) + _end(retries),
    )
    seconds = _seconds(costs, _waits(costs, stretches), requests, many)
    return Outlook(
        name=name,
        nights=len(costs),
        exports=exports,
        requests=requests,
        records=records,
        bytes=_bytes(records, costs),
        seconds=seconds,
        longest=_longest(costs, ready, seconds, many),
    )


def _at_least(number: float) -> Range:
    return Range(low=number, likely=number, high=None)


def _end(known: Range) -> float:
    """The upper end of a range that has one."""
    return math.inf if known.high is None else known.high


def _times(each: Range, many: int) -> Range:
    return Range(low=each.low * many, likely=each.likely * many, high=_end(each) * many)


def _ratios(costs: Sequence[Cost], what: str) -> Range:
    """A count for each job, as the nights had it."""
    values = [float(getattr(cost, what)) / cost.jobs for cost in costs]
    return Range(low=min(values), likely=median(values), high=max(values))


def _bytes(records: Range, costs: Sequence[Cost]) -> Range:
    each = [cost.bytes / cost.records for cost in costs if cost.records]
    if not each:
        return Range(low=0, likely=0, high=_end(records) * _RECORD)
    return Range(low=records.low * min(each), likely=records.likely * median(each), high=_end(records) * max(each))


def _pages(records: Range, costs: Sequence[Cost], many: int, page_size: int) -> Range:
    """Pages of all exports; the server may give smaller ones than it is asked for, as earlier nights show."""
    seen = max((cost.page for cost in costs if cost.pages > cost.jobs), default=page_size)
    size = min(page_size, seen)
    return Range(
        low=max(many, math.ceil(records.low / page_size)),
        likely=max(many, math.ceil(records.likely / size)),
        high=max(many, many - 1 + math.ceil(_end(records) / size)),
    )


def _ready(costs: Sequence[Cost], stretches: Sequence[float]) -> Range:
    """When an export is ready, in seconds after Initiate; a longer window may take longer.

    Likely it is between the last question that found it processing and the one that found it ready.
    """
    timed = [(cost, stretch) for cost, stretch in zip(costs, stretches, strict=True) if cost.usual is not None]
    if not timed:
        return _at_least(0)
    wider = 1 + 1 / (len(timed) + 1)
    return Range(
        low=min((cost.unready or 0.0) * min(1.0, stretch) for cost, stretch in timed) / wider,
        likely=median(((cost.unready or 0.0) + (cost.usual or 0.0)) / 2 for cost, _ in timed),
        high=max((cost.slow or 0.0) * max(1.0, stretch) for cost, stretch in timed) * wider,
    )


def _waits(costs: Sequence[Cost], stretches: Sequence[float]) -> Range:
    """When an export is ready as a mean of all of a night; it may have been asked for late, by half at most."""
    timed = [(cost, stretch) for cost, stretch in zip(costs, stretches, strict=True) if cost.timed]
    if not timed:
        return _at_least(0)
    wider = 1 + 1 / (len(timed) + 1)
    means = [cost.waited / cost.timed for cost, _ in timed]
    surely = min((cost.unready or 0.0) * min(1.0, stretch) for cost, stretch in timed)
    least = min(mean * min(1.0, stretch) for mean, (_, stretch) in zip(means, timed, strict=True)) / _LATE
    return Range(
        low=max(surely, least) / wider,
        likely=median(means),
        high=max(mean * max(1.0, stretch) for mean, (_, stretch) in zip(means, timed, strict=True)) * wider,
    )


def _seconds(costs: Sequence[Cost], ready: Range, requests: Range, many: int) -> Range:
    """The lives of all exports, one after the other: they wait to be ready, and for each answer."""
    answers = [(cost.seconds - cost.waited) / cost.requests for cost in costs if cost.requests]
    if not answers or ready.high is None:
        return _at_least(many * ready.low)
    each = spread(answers, counted=False)
    return Range(
        low=many * ready.low + each.low * requests.low,
        likely=many * ready.likely + each.likely * requests.likely,
        high=many * ready.high + _end(each) * _end(requests),
    )


def _longest(costs: Sequence[Cost], ready: Range, seconds: Range, many: int) -> Range:
    """The life of the longest export: where there are many, in proportion to their mean."""
    if many == 1 or seconds.high is None:
        return seconds if many == 1 else Range(low=ready.low, likely=ready.likely, high=None)
    share = [cost.longest / (cost.seconds / cost.timed) for cost in costs if cost.seconds and cost.timed]
    return Range(
        low=max(ready.low, seconds.low / many * min(share)),
        likely=seconds.likely / many * median(share),
        high=min(seconds.high, seconds.high / many * max(share)),
    )


def _together(streams: Sequence[Outlook], *, jobs: int, rate: float, lanes: int) -> Outlook:
    def total(what: str) -> Range:
        return reduce(add, (getattr(stream, what) for stream in streams), _NOTHING)

    requests, lives = total("requests"), total("seconds")
    longest = Range(
        low=max((stream.longest.low for stream in streams), default=0.0),
        likely=max((stream.longest.likely for stream in streams), default=0.0),
        high=max((_end(stream.longest) for stream in streams), default=0.0),
    )
    high = None
    if requests.high is not None and lives.high is not None:
        beside = _end(longest) if jobs <= lanes else min(lives.high, lives.high / lanes + _end(longest))
        high = max(requests.high / rate, beside)
    burst = max(1.0, rate / 20)  # that may leave at once
    return Outlook(
        name="",
        nights=min((stream.nights for stream in streams if stream.nights), default=0),
        exports=total("exports"),
        requests=requests,
        records=total("records"),
        bytes=total("bytes"),
        seconds=Range(
            low=max((requests.low - burst) / rate, lives.low / lanes, longest.low, 0.0),
            likely=max(requests.likely / rate, lives.likely / lanes, longest.likely),
            high=high,
        ),
        longest=longest,
    )
