"""How many at once: exports alive, pages in flight, polls in flight. One value for each, and pure decisions.

Starts low, doubles while throughput grows, then tries a little more now and then; steps back where more in flight did
not mean more answers; halves on a refusal; gives way a little where answers have become slow. Never below ``least``,
never above ``most``, and never more while nobody waits for a place. Decides limits only: who waits, what is sent first
and what a request's own retry is (``retry``) are decided elsewhere. Called by ``run``, which counts what is in flight
and tells of every change by its sentence. ``now`` is an instant of any clock that does not go back, in seconds.

The rule, in words. A *round* is as many answers as the limit, its throughput their number by the time they took. While
doubling, each round is judged: with a quarter of what doubling could bring (25 %) it goes on, and only where four
rounds together brought less, and what they are compared with was no chance of a few answers, it stops, at the limit
that would have given as much. From then on a *window* of eight rounds, and of 32 answers at least, judges. A step up
(an eighth) stands if it brought half of what it could. A step down (an eighth), made where answers take more than twice
as long as at best in the last minutes, stands if it cost less than half of what it could; otherwise it is taken back,
and the slower answers are the new best: they were not of our making. After a step that failed, and after a refusal,
nothing is tried for 5 seconds, 10 the next time, and so on up to a minute. After a refusal doubling then leads to three
quarters of where it was refused, as after an outage it must. But one refusal alone, with none in the half minute before
it and none in the second after it, is taken for chance, and its halving back.

Decided: throughput decides, and latency only asks the question. Considered AIMD (TCP Reno: one more each round, half on
a refusal): it needs refusals to find its place, and this service's are dear, for a Retry-After holds everybody.
Considered a gradient of latency (TCP Vegas, Netflix's concurrency limits): the service's latency follows the size of a
page and its own night work, so the limit would fall for reasons that are none of it; and with jitter the quickest
answer is no measure of the usual one. Considered TCP BBR (greatest throughput times least latency): it finds the knee
in one step where latency is steady, and far too low a one where it is not. From it are the doubling and the 25 %; from
all of them, that a round is the unit. So a knee is found to a factor of two, which costs waiting at the server and no
throughput.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

_ROUNDS = 4  # after which doubling is given up
_WINDOW, _LEAST_WINDOW = 8, 32  # rounds, and answers at least: what judges anything else
_DOUBLING = 0.25  # of what doubling could bring, to go on
_STEPPING = 0.5  # of what a small step could bring, or cost, to stand
_EIGHTH = 8  # of the limit: a small step
_NOTHING = 1.05  # growth below this is none
_SLOW = 2.0  # times the best latency: answers are slow
_SLOW_UNEVEN = 4.0  # the same where each takes as long as it is large
_ENOUGH = 8  # answers whose mean latency says something
_SMOOTH = 4  # one in so many parts: how far a window moves what is known of the latency
_STEADY = 0.9  # of the throughput before: it has not fallen, so a step can be measured by it
_HORIZON, _HORIZON_WINDOWS = 60.0, 16  # seconds, and windows at least: the best latency is of the last one or two of it
_MANY = 100  # a second: no decimals are told
_SILENCE = 5.0  # seconds without an answer, and none under way, that no limit of ours explains
_REST, _LONGEST_REST = 5.0, 60.0  # seconds after what failed
_FEW = 2  # at once
_ALONE = 30.0  # seconds without a refusal before one: it may be chance
_MOMENT = 1.0  # seconds without another after it: then it was
_NEAR = 0.75  # of where it was refused: doubling ends there


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A limit has changed from ``before`` to ``after``; ``why`` is a sentence for people that names both."""

    before: int
    after: int
    why: str


@dataclass(frozen=True, slots=True)
class _Window:
    """Answers since an instant; ``idle`` of them found nobody waiting, ``seconds`` is how long they took together.

    Below zero, so many are let pass first: after a step down they are still of the longer queue before it.
    """

    since: float | None = None
    answers: int = 0
    idle: int = 0
    seconds: float = 0.0
    latest: float = -math.inf  # answer


@dataclass(frozen=True, slots=True)
class _Before:
    """What a change that is not judged yet is compared with."""

    limit: int
    rate: float  # answers a second
    answers: int  # that it was measured by


@dataclass(frozen=True, slots=True)
class _Latency:
    """How long answers take, smoothed over windows, and the least of that in this horizon and in the one before."""

    seconds: float = math.inf
    this: float = math.inf
    last: float = math.inf
    since: float = -math.inf  # of this horizon

    @property
    def best(self) -> float:
        return min(self.this, self.last)

    def seen(self, mean: float, now: float, horizon: float) -> _Latency:
        seconds = mean if self.seconds == math.inf else self.seconds + (mean - self.seconds) / _SMOOTH
        if now - self.since > horizon:
            return _Latency(seconds=seconds, this=seconds, last=self.this, since=now)
        return replace(self, seconds=seconds, this=min(self.this, seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """How many of a kind may be in flight now: ``limit``, at least ``least`` and at most ``most``.

    ``what`` names them in sentences. ``uneven``: each takes as long as it is large, as exports do, so that how long
    they take says little. The rest is bookkeeping.
    """

    what: str
    limit: int
    most: int
    least: int = 1
    uneven: bool = False
    doubling: bool = True
    window: _Window = field(default_factory=_Window)
    sure: bool = False  # doubling waits for a whole window first
    trial: _Before | None = None
    rate: float = math.inf  # of the last window that was judged
    latency: _Latency = field(default_factory=_Latency)
    rest: float = _REST  # the next one
    rests_until: float = -math.inf
    refused_at: int = 0  # the limit at the last refusal
    refused_on: float = -math.inf  # when it was last
    comeback: int = 0  # the limit before a refusal that may be the only one
    deaf: int = 0  # outcomes that are still of requests sent before the last halving
    deaf_until: float = -math.inf  # at the latest
    begun: int = 0  # since the limit changed
    owed: int = 0  # that must be admitted before it may double again


def begin(most: int, *, what: str = "requests", first: int = 4, least: int = 1, uneven: bool = False) -> Pressure:
    """Begin low. ``most`` is the hard cap; ``first`` is where it begins, brought between ``least`` and ``most``."""
    limit = max(least, min(first, most))
    most = max(limit, most)
    return Pressure(what=what, limit=limit, most=most, least=least, uneven=uneven, owed=limit)


def answered(
    pressure: Pressure, *, now: float, seconds: float, in_flight: int, wanted: bool
) -> tuple[Pressure, Change | None]:
    """A request was answered well at ``now``, ``seconds`` after it was sent; waits of our own do not count.

    ``in_flight`` are those at that time, this one included. ``wanted``: somebody waited for a place, so the limit was
    what bound. For exports ``seconds`` is how long the server processed one, and it only ever shrinks here.
    """
    if wanted and (back := _back(pressure, now)) is not None:
        return back
    window, deaf = pressure.window, max(0, pressure.deaf - 1)
    if window.answers < 0:
        return replace(pressure, deaf=deaf, window=_Window(since=now, answers=window.answers + 1)), None
    silence = 0.0 if pressure.uneven or not window.answers else now - window.latest - seconds
    if in_flight > pressure.limit or (not wanted and not window.answers) or silence > _SILENCE:
        # Sent under another limit, not held up by it, or after an outage or a hold.
        return replace(pressure, deaf=deaf, window=_Window(since=now)), None
    window = _Window(
        since=now - seconds if window.since is None else window.since,
        answers=window.answers + 1,
        idle=window.idle + (not wanted),
        seconds=window.seconds + seconds,
        latest=now,
    )
    pressure = replace(pressure, deaf=deaf, window=window)
    quick = pressure.doubling and not (pressure.sure or pressure.uneven) and now >= pressure.rests_until
    if window.answers % pressure.limit or (not quick and window.answers < _full(pressure)):
        return pressure, None
    if window.idle * _EIGHTH > window.answers:
        return replace(pressure, window=_Window(since=now)), None
    return _judged(pressure, now)


def admitted(pressure: Pressure, *, now: float, in_flight: int, wanted: bool) -> tuple[Pressure, Change | None]:
    """A thing that lasts was begun well at ``now``: an Initiate was answered with its token. ``in_flight`` are alive.

    Doubles when every place is taken by one that was begun well: so it takes a few requests, and not a few exports.
    Beyond three quarters of where it was refused it is an eighth more, for each limit's worth of them.
    """
    if wanted and (back := _back(pressure, now)) is not None:
        return back
    begun = pressure.begun + 1
    pressure = replace(pressure, deaf=max(0, pressure.deaf - 1), begun=begun)
    free = in_flight < pressure.limit or pressure.limit == pressure.most
    if free or not wanted or begun < pressure.owed or now < pressure.rests_until:
        return pressure, None
    return _to(pressure, _more(pressure), now, f"{begun} more were begun well, and others wait for a place")


def refused(pressure: Pressure, *, now: float, status: int | None) -> tuple[Pressure, Change | None]:
    """A request was refused at ``now`` with 429 or 503, or was not answered (None): half, once for all of a round."""
    alone = now - pressure.refused_on > _ALONE
    before = pressure.comeback or pressure.limit
    if before <= _FEW:
        before = pressure.refused_at or before  # so few say nothing of how many would be too many
    pressure = replace(pressure, refused_on=now)
    if pressure.deaf and now < pressure.deaf_until:
        if pressure.comeback:  # not the only one after all
            pressure = replace(_resting(pressure, now), comeback=0, refused_at=before, doubling=True)
        return replace(pressure, deaf=pressure.deaf - 1, rests_until=max(pressure.rests_until, now + _REST)), None
    if alone:
        pressure = replace(pressure, comeback=pressure.limit, rests_until=max(pressure.rests_until, now + _MOMENT))
    elif now >= pressure.rests_until:  # otherwise it is the same trouble still
        pressure = replace(_resting(pressure, now), comeback=0, refused_at=before, doubling=True)
    else:
        pressure = replace(pressure, comeback=0, doubling=True, rests_until=max(pressure.rests_until, now + _REST))
    beside = pressure.limit - 1  # that were sent when it was
    pressure = replace(pressure, trial=None, rate=math.inf, deaf=beside, deaf_until=now + _REST)
    why = "the server did not answer" if status is None else f"the server answered {status}"
    return _to(pressure, pressure.limit // 2, now, why)


def _back(pressure: Pressure, now: float) -> tuple[Pressure, Change | None] | None:
    """Take a halving back that one refusal alone was the reason of, when that is clear; None otherwise."""
    if not pressure.comeback or now < pressure.rests_until:
        return None
    after = replace(pressure, comeback=0, deaf=0)
    return _to(after, pressure.comeback, now, "it was one refusal alone, and answers come well")


def _judged(pressure: Pressure, now: float) -> tuple[Pressure, Change | None]:
    """Judge a full window in which the limit was what bound."""
    window = pressure.window
    elapsed = now - (now if window.since is None else window.since)
    if elapsed <= 0.0:
        return pressure, None  # all at one instant: more must come
    rate = window.answers / elapsed
    if window.answers >= _ENOUGH:
        horizon = max(_HORIZON, _HORIZON_WINDOWS * elapsed)
        pressure = replace(pressure, latency=pressure.latency.seen(window.seconds / window.answers, now, horizon))
    if pressure.trial is not None and pressure.trial.limit > pressure.limit:
        return _shrunk(pressure, pressure.trial, now, rate)
    if pressure.trial is not None:
        return _grown(pressure, pressure.trial, now, rate)
    known, pressure = pressure.rate, replace(pressure, rate=rate)
    slow, latency = _SLOW_UNEVEN if pressure.uneven else _SLOW, pressure.latency
    steady = known * _STEADY < rate < known * _NOTHING
    if window.answers >= _ENOUGH and steady and latency.seconds > slow * latency.best:
        why = f"answers take {_time(latency.seconds)}, at best {_time(latency.best)}, and are not more ({_rate(rate)})"
        less = pressure.limit - max(1, pressure.limit // _EIGHTH)
        return _try(_resting(pressure, now), less, now, max(rate, known), why)  # not measured by a poor window
    if now >= pressure.rests_until and not pressure.uneven:
        why = "answers come well" if pressure.doubling else "tried, as answers come well"
        return _try(pressure, _more(pressure), now, rate, f"{why} ({_rate(rate)}) and more are wanted")
    return replace(pressure, window=_Window(since=now)), None


def _grown(pressure: Pressure, before: _Before, now: float, rate: float) -> tuple[Pressure, Change | None]:
    """Judge a step up."""
    window, growth = pressure.window, rate / before.rate
    share = _DOUBLING if pressure.doubling else _STEPPING
    if growth >= 1 + share * (pressure.limit / before.limit - 1):
        why = f"throughput grew by {_percent(growth)} ({_rate(before.rate, rate)})"
        rest = _REST if pressure.limit > pressure.refused_at else pressure.rest
        known = rate if window.answers >= _full(pressure) else math.inf  # one round says little
        pressure = replace(pressure, rest=rest, rate=known)
        return _try(pressure, _more(pressure), now, rate, why)
    if window.answers < _ROUNDS * pressure.limit:
        return pressure, None  # not yet: it may be chance
    if pressure.doubling and before.answers < _LEAST_WINDOW:
        pressure = replace(pressure, trial=None, sure=True)
        why = f"throughput grew too little ({_rate(before.rate, rate)}), of which a closer look must be taken"
        return _to(pressure, before.limit, now, why)
    pressure = _resting(replace(pressure, doubling=False, trial=None, rate=min(rate, before.rate)), now)
    if growth < _NOTHING:
        return _to(pressure, before.limit, now, f"throughput did not grow with it ({_rate(before.rate, rate)})")
    why = f"throughput grew by {_percent(growth)} only ({_rate(before.rate, rate)})"
    return _to(pressure, min(pressure.limit, math.ceil(before.limit * growth)), now, why)


def _shrunk(pressure: Pressure, before: _Before, now: float, rate: float) -> tuple[Pressure, Change | None]:
    """Judge a step down: whether the slow answers were of our making."""
    pressure = replace(pressure, trial=None, rate=rate)
    if rate >= before.rate * (1 - _STEPPING * (1 - pressure.limit / before.limit)):
        return replace(pressure, window=_Window(since=now)), None
    seconds = pressure.latency.seconds
    pressure = replace(pressure, latency=_Latency(seconds=seconds, this=seconds, since=now))
    return _to(pressure, before.limit, now, f"throughput fell with it ({_rate(before.rate, rate)}), answers stay slow")


def _try(pressure: Pressure, after: int, now: float, rate: float, why: str) -> tuple[Pressure, Change | None]:
    """Change the limit, to be judged by the next window."""
    before = _Before(pressure.limit, rate, pressure.window.answers)
    return _to(replace(pressure, trial=before, sure=False), after, now, why)


def _to(pressure: Pressure, after: int, now: float, why: str) -> tuple[Pressure, Change | None]:
    """Change the limit and begin a new window; no Change where there is no room for one."""
    before, after = pressure.limit, max(pressure.least, min(after, pressure.most))
    owed = after - before if pressure.doubling and after > before else after
    window = _Window(since=now, answers=-after if after < before else 0)
    pressure = replace(pressure, limit=after, window=window, begun=0, owed=owed)
    if after == before:
        pressure = replace(pressure, trial=None)
        if pressure.doubling and now >= pressure.rests_until:  # as far as doubling leads
            pressure = replace(pressure if after == pressure.most else _resting(pressure, now), doubling=False)
        return pressure, None
    return pressure, Change(before=before, after=after, why=f"{pressure.what} {before} -> {after}: {why}")


def _resting(pressure: Pressure, now: float) -> Pressure:
    """Try nothing for a while, and for longer the next time."""
    return replace(pressure, rests_until=now + pressure.rest, rest=min(_LONGEST_REST, 2 * pressure.rest))


def _full(pressure: Pressure) -> int:
    """How many answers a window has."""
    return max(_WINDOW * pressure.limit, _LEAST_WINDOW)


def _more(pressure: Pressure) -> int:
    """The next limit upward."""
    if pressure.doubling:
        end = math.ceil(_NEAR * pressure.refused_at) or pressure.most
        return max(pressure.limit, min(2 * pressure.limit, end))
    return pressure.limit + max(1, pressure.limit // _EIGHTH)


def _percent(growth: float) -> str:
    return f"{100 * (growth - 1):.0f} %"


def _rate(*rates: float) -> str:
    return " -> ".join(f"{rate:,.0f}" if rate >= _MANY else f"{rate:.3g}" for rate in rates) + "/s"


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
