"""Which records are published, and in which window: the judgement on each line, without its effect.

Decides, line by line, ``keep in window W`` or ``leave out for reason R``. Does not write (``windowed``), or read parts
(``treat``, which calls this). What is left out is counted by reason, never silently:

- ``before``, ``after``: its time of change is outside the whole backfill; the service rounds the bound that is sent
  down by some milliseconds, and has no upper one.
- ``later``: of fan-out, it belongs to a later window, whose own export holds it.
- ``unchanged``: the readers have it in this state from an earlier publication (``seen``).

``route`` and ``fan-out`` keep the same records in the same windows, if the service selects by the same times: an export
from a window's start on holds every record of that window. A record without a time is in every export, so fan-out keeps
it from those of the first window, which is the widest. Where the service goes by earlier times than the paths lead to,
fan-out would miss records that the first export shows: that is noticed (``Sieves.missed``) and told. It is no error,
because a profile that is deleted between two exports looks the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from extractor.plan.job import JobSpec
from extractor.plan.partitions import Partitions
from extractor.store.moments import Moments, ticks_of
from extractor.store.paths import parsed
from extractor.store.versions import Versions

BEFORE: Final = "before"
AFTER: Final = "after"
LATER: Final = "later"
UNCHANGED: Final = "unchanged"

Verdict = int | str  # the 0-based window that keeps it, or the reason why it is left out


class Sieve(Protocol):
    """Judges lines of one job, some at a time and in order."""

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give a verdict for each line."""
        ...


class Everything:
    """Keeps every line in one window."""

    def __init__(self, window: int = 0) -> None:
        self._window = window

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window for each line."""
        return [self._window] * len(lines)


class Calendar:
    """Finds the window of a line: what all sieves of a backfill have in common, whatever the number of windows."""

    def __init__(self, partitions: Partitions) -> None:
        self.count = len(partitions.windows)
        self._moments = Moments(partitions.change_times)
        self._starts = [ticks_of(window.start) for window in partitions.windows]
        self._end = ticks_of(partitions.end)

    def window_of(self, line: bytes) -> int:
        """The 0-based window of a line: -1 before the first, ``count`` after the last, ``count + 1`` if unknown."""
        moment = self._moments.latest(parsed(line))
        if moment is None:
            return self.count + 1
        return self.count if moment >= self._end else bisect_right(self._starts, moment) - 1


class Router:
    """Puts each record into the window of its time of change, and those of unknown times into number ``count``."""

    def __init__(self, calendar: Calendar) -> None:
        count = calendar.count
        self._calendar = calendar
        self._verdicts: dict[int, Verdict] = {-1: BEFORE, count: AFTER, count + 1: count}

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window of each line, or why it is in none."""
        windows = map(self._calendar.window_of, lines)
        return [self._verdicts.get(window, window) for window in windows]


class Trimmer:
    """Keeps what belongs into one window, of an export from its start on."""

    def __init__(self, calendar: Calendar, window: int) -> None:
        self.later: Counter[int] = Counter()  # how many belong into each later window
        self._calendar = calendar
        self._window = window

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window or the reason for each line."""
        return [self._verdict(self._calendar.window_of(line)) for line in lines]

    def _verdict(self, window: int) -> Verdict:
        if window == self._window:
            return window
        if window < self._window:
            return BEFORE
        count = self._calendar.count
        if window == count:
            return AFTER
        if window > count:
            return LATER if self._window else count
        self.later[window] += 1
        return LATER


class Deduper:
    """Leaves out what the index knows in the same state. Repetitions among the lines are not its business."""

    def __init__(self, versions: Versions, recall: Callable[[Sequence[int]], Mapping[int, bytes]]) -> None:
        """``recall`` gives the known states of keys."""
        self._versions = versions
        self._recall = recall

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give 0, or UNCHANGED, for each line."""
        states = [self._versions.of(line) for line in lines]
        known = self._recall([state[0] for state in states if state is not None])
        return [UNCHANGED if state is not None and known.get(state[0]) == state[1] else 0 for state in states]


class Sieves:
    """Gives each job of a backfill its sieve. The windows of ``partitions`` have no gap between them."""

    def __init__(self, partitions: Partitions) -> None:
        self._numbers = {window: number for number, window in enumerate(partitions.windows)}
        calendar = Calendar(partitions)
        self._router = Router(calendar)
        self._trimmers = [Trimmer(calendar, number) for number in range(calendar.count)]

    def of(self, job: JobSpec) -> Sieve:
        """The sieve of a job. One of another window than the backfill's is a mistake in the plan: KeyError."""
        if job.window is None:
            return self._router
        number = self._numbers[job.window]
        if str(job.dataset.kind) == "schedule":  # its calls have both ends of a window: the server has cut it already
            return Everything(number)
        return self._trimmers[number]

    def missed(self, jobs: Sequence[JobSpec], left_out: Sequence[Mapping[str, int]], records: Sequence[int]) -> int:
        """How many records the first window's exports show that the exports of their own windows did not hold.

        ``left_out`` is of each job, ``records`` of each window, when all is judged. A record that changed meanwhile is
        not missed: it is now after the end, and its window's export shows it there.
        """
        after: Counter[int] = Counter()
        for job, reasons in zip(jobs, left_out, strict=True):
            if job.window is not None:
                after[self._numbers[job.window]] += reasons.get(AFTER, 0)
        shown = self._trimmers[0].later
        return sum(
            max(0, count - records[number] - max(0, after[number] - after[0])) for number, count in shown.items()
        )
