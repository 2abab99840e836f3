"""The body of an Initiate, checked (contract, section 3.2).

Decides what is a legal request for an export; everything else is refused with 400. Called by ``service``.

Decided, where the documents are silent: MatchCriteria without Values, or Values without MatchCriteria, is refused,
because either would export everybody where somebody was meant; considered ignoring the half that is there. Names of
members are read without regard to case and unknown ones ignored, as the vendor's framework does; an empty body is
``{}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

import orjson

from extractor.simulator import ticks
from extractor.simulator.exchange import Refused, Request
from extractor.simulator.matching import Criteria, Match
from extractor.simulator.settings import SimulatorSettings

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """What was asked for. ``after`` is the rounded bound as a tick, exclusive."""

    after: int | None = None
    match: Match | None = field(default=None, repr=False)
    callback_url: str | None = None


def read(body: bytes, settings: SimulatorSettings) -> Initiation:
    """Check a body. Raises Refused (400)."""
    said = _members(body)
    callback = _optional(said, "CallbackURL", str)
    if callback and not callback.startswith(("http://", "https://")):
        _refuse("CallbackURL is not a web address.")
    return Initiation(after=_after(said, settings), match=_match(said, settings), callback_url=callback or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What was asked of a schedule. ``during`` is a half-open period of ticks; None is no restriction."""

    during: tuple[int, int] | None = None
    callback_url: str | None = None


def read_schedule(request: Request, settings: SimulatorSettings) -> Feed:
    """Check the Initiate of a schedule (contract, section 7). Raises Refused (400).

    The dates are in the query, both or neither. Decided: of the body, everything but CallbackURL is ignored, because
    the documents name nothing else.
    """
    callback = read(_only_callback(request.body), settings).callback_url
    start, end = (_day(request, name) for name in ("startDate", "endDate"))
    if start is None or end is None:
        if start is not end:
            _refuse("startDate and endDate must be given together, or not at all.")
        return Feed(callback_url=callback)
    if end < start:
        _refuse("endDate is before startDate.")
    after = end + timedelta(days=1) if settings.schedule_end == "inclusive" else end
    first, stop = (ticks.tick_before(ticks.in_zone(f"{day}T00:00", settings.schedule_zone)) for day in (start, after))
    return Feed(during=(first + 1, stop + 1), callback_url=callback)


def _only_callback(body: bytes) -> bytes:
    return orjson.dumps({"CallbackURL": _members(body).get("callbackurl")})


def _day(request: Request, name: str) -> date | None:
    said = request.argument(name)
    if said is None:
        return None
    try:
        return datetime.strptime(said, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone until it is known whose
    except ValueError:
        _refuse(f"{name} must be a date, YYYY-MM-DD.")


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        _refuse("The request body is not valid JSON.")
    if not isinstance(said, dict):
        _refuse("The request body must be a JSON object.")
    return {name.casefold(): value for name, value in said.items()}


def _after(said: Mapping[str, Any], settings: SimulatorSettings) -> int | None:
    text = _optional(said, "LastDateTime", str)
    if text is None:
        return None
    try:
        sent = ticks.parse_last_date_time(text, settings.last_date_time_zone)
    except ValueError:
        _refuse("LastDateTime must be YYYY-MM-DDTHH:mm:ss.sssZ, or the same without Z.")
    return ticks.tick_at(ticks.rounded_up(sent))


def _match(said: Mapping[str, Any], settings: SimulatorSettings) -> Match | None:
    criteria, kind = _optional(said, "MatchCriteria", str), _optional(said, "MatchType", str)
    values = _optional(said, "Values", list)
    if criteria is None:
        if values:
            _refuse("Values were given without MatchCriteria.")
        return None
    if criteria not in list(Criteria):
        _refuse(f"MatchCriteria must be one of {', '.join(Criteria)}.")
    if criteria == Criteria.ALTERNATE_ID and not kind:
        _refuse("MatchType is required when MatchCriteria is AlternateId.")
    if not values:
        _refuse("MatchCriteria was given without Values.")
    if any(type(value) not in (str, int) for value in values):
        _refuse("Values must be texts or whole numbers.")
    if settings.max_values is not None and len(values) > settings.max_values:
        _refuse(f"Values must not be more than {settings.max_values}.")
    return Match.of(criteria, match_type=kind or None, values=tuple(values))


def _optional(said: Mapping[str, Any], name: str, kind: type[_T]) -> _T | None:
    """Give a member, None if it is absent or null."""
    value = said.get(name.casefold())
    if value is not None and not isinstance(value, kind):
        _refuse(f"{name} has the wrong type.")
    return value


def _refuse(message: str) -> NoReturn:
    raise Refused(HTTPStatus.BAD_REQUEST, message)
