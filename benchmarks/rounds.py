"""Interleaved rounds, their medians and their spread.

Decides the order of runs: every subject once a round, over one page and over its workload, so that a machine that gets
slower for a minute is slow for all of them; a ratio is made within each round, and its median counts. Called by
``__main__``; what it gives is read by ``goals``, ``report`` and ``plot``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.measure import MILLION, PAGE, Failed, Subject, Task, Usage, cores_of, run

By: TypeAlias = Literal["clock", "cpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A median with the least and the most of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Take the median of at least one value."""
        return cls(median=statistics.median(values), least=min(values), most=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One subject in one round: over one page, and over ``records``."""

    records: int
    page: Usage
    whole: Usage


@dataclass(slots=True, kw_only=True)
class Series:
    """All rounds of one subject. ``failed`` says why there are none, if so."""

    name: str
    cores: int = 1
    note: str = ""
    failed: str = ""
    pairs: list[Pair] = field(default_factory=list)

    def speeds(self, by: By) -> list[float]:
        """Records a second beyond start-up, round by round.

        Start-up is the median of all rounds: it is short, and what disturbs it once is no fault of that round's rest.
        Of no run less than a tenth is taken for the records, or a pause in starting would make a subject infinitely
        fast.
        """
        start = statistics.median(_seconds(pair.page, by) for pair in self.pairs)
        wholes = [(pair.records, _seconds(pair.whole, by)) for pair in self.pairs]
        return [(records - PAGE) / max(whole - start, whole / 10) for records, whole in wholes]

    @property
    def per_second(self) -> Figure:
        """Records a second by the clock."""
        return Figure.of(self.speeds("clock"))

    @property
    def cpu_per_million(self) -> Figure:
        """CPU seconds for a million records."""
        return Figure.of([MILLION / speed for speed in self.speeds("cpu")])

    @property
    def start(self) -> Figure:
        """CPU seconds of a run over one page."""
        return Figure.of([pair.page.cpu for pair in self.pairs])

    @property
    def peak(self) -> Figure:
        """Bytes of memory of the largest process."""
        return Figure.of([float(pair.whole.peak) for pair in self.pairs])


def _seconds(usage: Usage, by: By) -> float:
    return usage.seconds if by == "clock" else usage.cpu


Results: TypeAlias = dict[str, Series]


def ratio(results: Results, above: str, below: str, by: By) -> Figure | None:
    """Compare the speed of two subjects round by round; None where one of them was not measured."""
    first, second = results.get(above), results.get(below)
    if first is None or second is None or not first.pairs or not second.pairs:
        return None
    return Figure.of([a / b for a, b in zip(first.speeds(by), second.speeds(by), strict=False)])


def measure(
    subjects: dict[str, Subject],
    *,
    origin: str,
    records: int,
    rounds: int,
    folder: Path,
    machine: Sequence[int],
    patience: float,
    tell: Callable[[str], None],
) -> Results:
    """Run every subject in every round. One that fails is left out from then on, and says so in its series."""
    results = {
        key: Series(name=each.name, cores=each.cores, note=each.note, failed=each.missing)
        for key, each in subjects.items()
    }
    for number in range(rounds):
        for key, subject in subjects.items():
            series = results[key]
            if series.failed:
                continue
            try:
                pair = _pair(
                    subject, origin, records, folder / f"{key}-{number}", machine, patience=patience, check=not number
                )
            except Failed as error:
                series.failed = str(error)
                series.pairs.clear()
                tell(f"round {number + 1}: {subject.name}: {error}\n{error.said}")
                continue
            series.pairs.append(pair)
            tell(
                f"round {number + 1}: {subject.name}: {series.speeds('clock')[-1] / 1000:,.1f} k records/s, "
                f"{MILLION / series.speeds('cpu')[-1]:.2f} CPU s per million, {pair.whole.seconds:.1f} s"
            )
    return results


def _pair(
    subject: Subject, origin: str, records: int, folder: Path, machine: Sequence[int], *, patience: float, check: bool
) -> Pair:
    """Run it over one page and over its share of the workload, rounded to whole pages; at least ten."""
    share = max(round(records * subject.scale / PAGE), 10) * PAGE
    cores = cores_of(machine, subject.cores)
    page, whole = (
        run(subject, Task(origin=origin, records=count, folder=folder), cores, patience=patience, check=check)
        for count in (PAGE, share)
    )
    return Pair(records=share, page=page, whole=whole)
