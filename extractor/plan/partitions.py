"""Into which windows the records of a backfill are put. Values only; made by ``backfill``, obeyed by ``store``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from extractor.plan.job import Window

UNKNOWN = "__unknown__"  # the window of records without a time of change

Strategy = Literal["route", "fan-out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """The windows of a backfill, in order and without gaps from ``start`` to ``end`` (aware, UTC, half-open).

    A record's time of change is the latest instant found at ``change_times``, which are paths of members: dots lead
    into objects, lists are walked, ``*`` is any member. ``route``: each export holds records of all windows.
    ``fan-out``: each is of its job's window, and records of later windows in it are left out. ``size`` is the window
    as it was asked for (``1d``), ``zone`` the named zone of calendar windows.
    """

    start: datetime
    end: datetime
    size: str
    zone: str
    strategy: Strategy
    windows: tuple[Window, ...]
    change_times: tuple[str, ...]
