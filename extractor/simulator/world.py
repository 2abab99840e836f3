"""The server's data: segments and groups by name, and what an export of one selects.

Decides membership: a segment is a range of the population or a file, a group combines segments, a selection is that,
less who did not change and who does not match, in export order. Does not know tokens or pages. Called by ``service``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from extractor.simulator import ticks
from extractor.simulator.changes import Change
from extractor.simulator.matching import Match
from extractor.simulator.population import Population
from extractor.simulator.preferences import PreferenceRows
from extractor.simulator.records_file import RecordsFile
from extractor.simulator.settings import Ending, FileSegment, Group, Operator, Schedule, Segment, SimulatorSettings

_CHUNK = 500

Named: TypeAlias = Segment | FileSegment | Group | Schedule


class Kindred(StrEnum):
    """The kinds of datasets, as paths spell them; the last one is of the legacy API."""

    SEGMENT = "Segment"
    GROUP = "SegmentGroup"
    SCHEDULE = "Schedule"


class _Records(Protocol):
    """Where records come from; instants are ticks."""

    @property
    def average_bytes(self) -> int: ...
    def records(self, numbers: Sequence[int], at: int) -> list[bytes]: ...
    def changed(self, among: Sequence[int], after: int, at: int) -> Sequence[int]: ...
    def changes(self, among: Sequence[int], start: int, end: int) -> Iterator[Change]: ...
    def matching(self, among: Sequence[int], match: Match) -> Sequence[int]: ...


class _Unmoving:
    """A file among the populations: it is the same at every instant."""

    def __init__(self, file: RecordsFile) -> None:
        self._file = file
        self.average_bytes = file.average_bytes

    def records(self, numbers: Sequence[int], at: int) -> list[bytes]:
        del at
        return self._file.records(numbers)

    def changed(self, among: Sequence[int], after: int, at: int) -> Sequence[int]:
        del at
        return self._file.changed(among, after)

    def changes(self, among: Sequence[int], start: int, end: int) -> Iterator[Change]:
        del among, start, end
        return iter(())

    def matching(self, among: Sequence[int], match: Match) -> Sequence[int]:
        return self._file.matching(among, match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one export holds: a snapshot, in export order. Records are written when they are asked for."""

    source: _Records
    positions: Sequence[int]
    at: int

    def __len__(self) -> int:
        return len(self.positions)

    def records(self, start: int, stop: int) -> list[bytes]:
        """Give the records from ``start`` (0-based) to before ``stop``."""
        return self.source.records(self.positions[start:stop], self.at)

    def every_record(self) -> Iterator[bytes]:
        """Give all of them, a few at a time in memory."""
        for start in range(0, len(self.positions), _CHUNK):
            yield from self.records(start, start + _CHUNK)

    @property
    def average_bytes(self) -> int:
        """A record's length, roughly."""
        return self.source.average_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A segment or group: its settings, where its records come from, and its members."""

    kindred: Kindred
    settings: Named
    source: _Records
    members: Sequence[int]

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    @property
    def forbidden(self) -> bool:
        """Whether Initiate is refused."""
        return self.settings.forbidden

    @property
    def ends(self) -> Ending:
        """The Status that its exports reach."""
        return self.settings.ends


class World:
    """Every segment and group. Opening it checks the users' files (ConfigError)."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._frozen_at = None if settings.frozen_at is None else ticks.milliseconds_of(settings.frozen_at)
        generated = [each for each in settings.segments if isinstance(each, Segment)]
        size = max((each.first + each.count * each.step for each in generated), default=1)
        self.people = Population(settings, size=size)
        self._deleted = Population(settings, size=size, deleted=True)
        self._sets: dict[tuple[Kindred, str], Dataset] = {}
        for segment in settings.segments:
            self._sets[Kindred.SEGMENT, segment.name] = self._segment(segment)
        for group in settings.groups:
            self._sets[Kindred.GROUP, group.name] = self._group(group)
        self._rows = PreferenceRows(settings, self.people) if settings.schedules else None
        for schedule in settings.schedules:
            self._sets[Kindred.SCHEDULE, schedule.name] = self._schedule(schedule)

    def find(self, kindred: Kindred, name: str) -> Dataset | None:
        """Find a dataset by its exact name."""
        return self._sets.get((kindred, name))

    def datasets(self) -> list[Dataset]:
        """List every dataset, segments first."""
        return list(self._sets.values())

    def select(
        self,
        dataset: Dataset,
        *,
        now: float,
        after: int | None = None,
        match: Match | None = None,
        during: tuple[int, int] | None = None,
    ) -> Selection:
        """Take a snapshot at ``now`` (seconds): who changed after a bound (a tick) and matches. O(1) without either.

        ``during`` keeps, of a schedule, the rows of a half-open period of ticks.
        """
        at = ticks.tick_of(now) if self._frozen_at is None else ticks.tick_at(self._frozen_at)
        positions = dataset.members
        if match is not None:
            positions = dataset.source.matching(positions, match)
        if after is not None:
            positions = dataset.source.changed(positions, after, at)
        if during is not None and self._rows is not None:
            positions = self._rows.during(positions, *during, at)
        return Selection(source=dataset.source, positions=positions, at=at)

    def changes(self, dataset: Dataset, start: datetime, end: datetime) -> Iterator[Change]:
        """List every change of the dataset's people stamped at ``start`` or later and before ``end``, by person.

        It is worked out forwards from when people change, and not by what exports do; a user's file never changes.
        """
        if self._frozen_at is not None:
            end = min(end, ticks.moment_at(ticks.tick_at(self._frozen_at) + 1))
        return dataset.source.changes(dataset.members, ticks.tick_before(start) + 1, ticks.tick_before(end) + 1)

    def _segment(self, segment: Segment | FileSegment) -> Dataset:
        if isinstance(segment, FileSegment):
            file = RecordsFile(segment.path)
            source: _Records = _Unmoving(file)
            return Dataset(kindred=Kindred.SEGMENT, settings=segment, source=source, members=range(len(file)))
        source = self._deleted if segment.deleted else self.people
        return Dataset(kindred=Kindred.SEGMENT, settings=segment, source=source, members=segment.indices)

    def _group(self, group: Group) -> Dataset:
        first, *others = [self._sets[Kindred.SEGMENT, name].members for name in group.segments]
        return Dataset(
            kindred=Kindred.GROUP,
            settings=group,
            source=self.people,
            members=_combined(group.operator, first, others),
        )

    def _schedule(self, schedule: Schedule) -> Dataset:
        if self._rows is None:
            raise TypeError("there are schedules, and so there are rows")
        members = self._rows.places(self._sets[Kindred.SEGMENT, schedule.segment].members)
        return Dataset(kindred=Kindred.SCHEDULE, settings=schedule, source=self._rows, members=members)


def _combined(operator: Operator, first: Sequence[int], others: list[Sequence[int]]) -> Sequence[int]:
    """Combine segments, all of them ranges, into ascending indices; EXCEPT takes every other one from the first."""
    match operator:
        case Operator.OR:
            return array("Q", sorted(set(first).union(*others)))
        case Operator.AND:
            return array("Q", (index for index in first if all(index in other for other in others)))
        case Operator.EXCEPT:
            return array("Q", (index for index in first if not any(index in other for other in others)))
