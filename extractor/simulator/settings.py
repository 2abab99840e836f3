"""What a simulator can be told: its world, its credentials, and every switch where the documents are silent.

Decides which settings are legal; one that is not is refused here, with a ConfigError that names all faults. Does not
act on any. Made by the CLI and by tests; read by every module of the simulator. The switches are those of the
contract's section 9, and each default is the likeliest reading there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias

from extractor.errors import ConfigError
from extractor.simulator.playbook import Chaos, Scripts, read
from extractor.simulator.ticks import Zone

_LARGEST_WORLD = 1_000_000_000
OLDEST_CHANGE = datetime(2015, 1, 1, tzinfo=UTC)  # no profile changes before; every other date in a record is older

Seconds: TypeAlias = float | tuple[float, float]  # a fixed time, or the bounds of one drawn from the seed


class Operator(StrEnum):
    """How a group combines its segments, left to right."""

    AND = "AND"
    OR = "OR"
    EXCEPT = "EXCEPT"


class Ending(StrEnum):
    """The Status that an export reaches after Processing (contract, section 3.3)."""

    COMPLETE = "Complete"
    ERROR = "Error"
    FAILED = "Failed"


class Counts(StrEnum):
    """How RowCount and ByteCount look while the export is processing."""

    NULL = "null"
    ZERO = "0"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """``count`` profiles of the common population: those at index ``first``, ``first + step``, ...

    Segments overlap where their indices do. A ``deleted`` one yields only id, date and reason (contract, section 4.8).
    ``forbidden`` answers Initiate with 403; ``ends`` is the Status that every export of it reaches.
    """

    name: str
    count: int
    first: int = 0
    step: int = 1
    deleted: bool = False
    forbidden: bool = False
    ends: Ending = Ending.COMPLETE

    @property
    def indices(self) -> range:
        """The members, in export order."""
        return range(self.first, self.first + self.count * self.step, self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSegment:
    """The records of an NDJSON file, one a line, served as the very bytes of the file. It must not change meanwhile."""

    name: str
    path: Path
    forbidden: bool = False
    ends: Ending = Ending.COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A segment group: two or more segments of the population, combined."""

    name: str
    operator: Operator
    segments: tuple[str, ...]
    forbidden: bool = False
    ends: Ending = Ending.COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule of the legacy API: every preference of the people of a segment, one a row (contract, section 7)."""

    name: str
    segment: str
    forbidden: bool = False
    ends: Ending = Ending.COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Every setting of a simulator. Times are in seconds."""

    # Who may call.
    client_id: str = "DEMO"
    user_id: str = "nightly"
    secret: str = field(default="simulator-secret", repr=False)
    oauth_client_id: str = "simulator-client"
    oauth_client_secret: str = field(default="simulator-secret", repr=False)
    schemes: tuple[Literal["keyed", "unkeyed", "bearer"], ...] = ("keyed", "unkeyed", "bearer")
    unkeyed_message: str = "{clientId}:{userId}:{timestamp}:{secret}"
    authorization_window: float = 900.0
    accepted_skew: float = 0.0  # how far in the future a timestamp may lie
    bearer_lifetime: float = 3600.0
    timestamp_zone: Zone = Zone.EASTERN  # of an Authorization timestamp without Z

    # The world.
    seed: int = 7
    segments: tuple[Segment | FileSegment, ...] = ()
    groups: tuple[Group, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    frozen_at: datetime | None = datetime(2026, 11, 1, tzinfo=UTC)  # the last change of all; None: the world lives on
    change_cycle: float = 400 * 86400.0  # every profile changes once in this time
    burst: int = 1  # how many profiles change at one and the same instant
    lateness: float = 0.0  # the longest time from a change's stamp until an export holds it; each profile has its own
    timeless: float = 0.0  # share of profiles without any time in the record; LastDateTime always keeps them
    last_date_time_zone: Zone = Zone.EASTERN  # of a LastDateTime without Z
    schedule_zone: Zone = Zone.EASTERN  # of the days of startDate and endDate
    schedule_end: Literal["inclusive", "exclusive"] = "inclusive"
    deleted_names: tuple[str, str, str] = ("ProfileID", "DeletedDate", "ReasonCode")

    # An export.
    processing: Seconds = 0.0
    token_lifetime: float = 12 * 3600.0  # from completion; reading does not extend it
    max_exports: int | None = None  # alive at once; more are answered with 429
    counts_while_processing: Counts = Counts.NULL
    default_page_size: int = 1000
    max_page_size: int = 5000
    above_max: Literal["clamp", "refuse"] = "clamp"
    max_values: int | None = None
    require_keep_files: bool = True
    before_ready: int = 400
    gone: int = 404
    unknown_token: int = 404
    past_end: int = 200  # 200 is an empty page
    second_commit: int = 404
    commit_body: Literal["empty", "json"] = "empty"
    extra_fields: bool = False
    callback_on_failure: bool = False
    callback_anywhere: bool = False  # else callbacks go to this machine only

    # Paths, relative to ``base_path``; ``{kind}`` is Segment or SegmentGroup.
    base_path: str = "/Profiles/v4"
    token_path: str = "/oauth/token"  # noqa: S105 - a path
    initiate_path: str = "Async/{clientId}/Export/{kind}/{name}"
    status_path: str = "Async/{clientId}/Export/{accessToken}/Status"
    retrieve_path: str = "Async/{clientId}/Export/{accessToken}"
    commit_path: str = "Async/{clientId}/Export/{accessToken}/Commit"

    # The same of schedules.
    initiate_schedule_path: str = "{clientId}/export/Schedule/{name}"
    schedule_status_path: str = "{clientId}/status/Token/{accessToken}"
    schedule_retrieve_path: str = "{clientId}/export/Schedule/{accessToken}"
    schedule_commit_path: str = "{clientId}/export/Schedule/Commit/{accessToken}"

    # The weather.
    clock_offset: float = 0.0  # how far the server's clock is ahead of this machine's
    latency: Seconds = 0.0
    rate_limit: float | None = None  # requests per second; more are answered with 429 and Retry-After
    rate_burst: int = 10
    compression: bool = False
    faults: Scripts = ""
    chaos: Chaos = field(default_factory=Chaos)
    history_limit: int = 200_000  # the oldest entries are forgotten

    def __post_init__(self) -> None:
        problems = [*self._problems_of_names(), *self._problems_of_groups()]
        problems += [*self._problems_of_sizes(), *self._problems_of_numbers(), *self._problems_of_changes()]
        try:
            read(self.faults)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)

    def _problems_of_names(self) -> Iterator[str]:
        for what, names in (("segment", self.segments), ("group", self.groups), ("schedule", self.schedules)):
            for name, times in Counter(each.name for each in names).items():
                if not name:
                    yield f"a {what} must have a name"
                if times > 1:
                    yield f'{what} "{name}" is there {times} times -- a name stands for one {what}'

    def _problems_of_groups(self) -> Iterator[str]:
        known = {each.name: each for each in self.segments}
        for group in self.groups:
            for name in group.segments:
                member = known.get(name)
                if member is None:
                    yield f'group "{group.name}": there is no segment "{name}"'
                elif isinstance(member, FileSegment) or member.deleted:
                    yield f'group "{group.name}": "{name}" cannot be combined -- only generated, living profiles can'
            if not group.segments:
                yield f'group "{group.name}" must name at least one segment'
        for schedule in self.schedules:
            member = known.get(schedule.segment)
            if not isinstance(member, Segment) or member.deleted:
                where = f'schedule "{schedule.name}"'
                yield f'{where}: there is no segment "{schedule.segment}" of generated, living profiles'

    def _problems_of_sizes(self) -> Iterator[str]:
        for each in self.segments:
            if isinstance(each, Segment) and (each.count < 0 or each.first < 0 or each.step < 1):
                yield f'segment "{each.name}": count and first must be 0 or more, step 1 or more'
            elif isinstance(each, Segment) and each.indices.stop > _LARGEST_WORLD:
                yield f'segment "{each.name}": there are no more than {_LARGEST_WORLD} profiles in a world'

    def _problems_of_numbers(self) -> Iterator[str]:
        for name in ("default_page_size", "max_page_size", "rate_burst", "history_limit", "burst"):
            if getattr(self, name) < 1:
                yield f"{name} must be 1 or more"
        for name in ("authorization_window", "bearer_lifetime", "change_cycle", "token_lifetime"):
            if getattr(self, name) <= 0:
                yield f"{name} must be more than 0 seconds"
        for name in ("processing", "latency"):
            low, high = bounds(getattr(self, name))
            if not 0 <= low <= high:
                yield f"{name} must be 0 seconds or more, and the lower bound first"
        if self.rate_limit is not None and self.rate_limit <= 0:
            yield "rate_limit must be more than 0 requests per second"

    def _problems_of_changes(self) -> Iterator[str]:
        if not 0 <= self.timeless <= 1:
            yield "timeless must be a share from 0 to 1"
        if self.lateness < 0:
            yield "lateness must be 0 seconds or more"
        if self.frozen_at is None:
            return
        if self.lateness > 0:
            yield "lateness has no meaning in a frozen world -- let it live on (frozen_at None, or simulate --live)"
        if self.change_cycle > (self.frozen_at - OLDEST_CHANGE).total_seconds():
            yield (
                f"change_cycle reaches back to before {OLDEST_CHANGE.year} -- make it shorter; what never changes "
                "in a record is older than that"
            )


def bounds(seconds: Seconds) -> tuple[float, float]:
    """Give the bounds between which a time is drawn."""
    return seconds if isinstance(seconds, tuple) else (seconds, seconds)


def demo() -> SimulatorSettings:
    """Give the world that `extractor simulate` serves when told nothing: small, but with one of everything."""
    return SimulatorSettings(
        segments=(
            Segment(name="All Profiles", count=20_000),
            Segment(name="Newsletter OptIns", count=5_000, first=0, step=3),
            Segment(name="VIP Customers", count=250, first=90, step=60),
            Segment(name="SMS OptIns", count=2_000, first=5_000, step=2),
            Segment(name="100% Café/Bar", count=42, first=7, step=11),
            Segment(name="Nobody Yet", count=0),
            Segment(name="Deleted Profiles", count=300, first=20_000, deleted=True),
        ),
        groups=(
            Group(name="Loyal Readers", operator=Operator.AND, segments=("Newsletter OptIns", "VIP Customers")),
            Group(name="Reachable", operator=Operator.OR, segments=("Newsletter OptIns", "SMS OptIns")),
            Group(name="Winback", operator=Operator.EXCEPT, segments=("Newsletter OptIns", "VIP Customers")),
        ),
        schedules=(Schedule(name="Preference Feed", segment="Newsletter OptIns"),),
        processing=(0.2, 1.0),
    )
