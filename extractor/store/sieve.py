"""Which records are published, and in which window: the judgement on each line, without its effect.

Decides, line by line, ``keep in window W`` or ``leave out for reason R``. Does not write (``windowed``), or read parts
(``treat``, which calls this). What is left out is counted by reason, never silently:

- ``before``, ``after``: its time of change is outside the whole backfill; the service rounds the bound that is sent
  down by some milliseconds, and has no upper one.
- ``later``: of fan-out, it belongs to a later window, whose own export holds it.
- ``unchanged``: the readers have it in this state from an earlier publication (``seen``).

``route`` and ``fan-out`` keep the same records in the same windows, if the service selects by the same times: an export
from a window's start on holds every record of that window. A record without a time is in every export, so fan-out keeps
it from those of the first window, which is the widest.
"""

from __future__ import annotations

from bisect import bisect_right
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


class Router:
    """Puts each record into the window of its time of change; number ``len(windows)`` is that of unknown times."""

    def __init__(self, partitions: Partitions) -> None:
        self._moments = Moments(partitions.change_times)
        self._starts = [ticks_of(window.start) for window in partitions.windows]
        self._start = ticks_of(partitions.start)
        self._end = ticks_of(partitions.end)
        self._unknown = len(partitions.windows)

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window of each line, or why it is in none."""
        return [self._place(self._moments.latest(parsed(line))) for line in lines]

    def _place(self, moment: int | None) -> Verdict:
        if moment is None:
            return self._unknown
        if moment < self._start:
            return BEFORE
        if moment >= self._end:
            return AFTER
        return bisect_right(self._starts, moment) - 1


class Trimmer:
    """Keeps what belongs into one window, of an export from its start on."""

    def __init__(self, partitions: Partitions, window: int) -> None:
        self._moments = Moments(partitions.change_times)
        self._window = window
        self._start = ticks_of(partitions.windows[window].start)
        self._end = ticks_of(partitions.windows[window].end)
        self._last = ticks_of(partitions.end)
        self._unknown: Verdict = len(partitions.windows) if window == 0 else LATER

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window or the reason for each line."""
        return [self._place(self._moments.latest(parsed(line))) for line in lines]

    def _place(self, moment: int | None) -> Verdict:
        if moment is None:
            return self._unknown
        if moment < self._start:
            return BEFORE
        if moment < self._end:
            return self._window
        return LATER if moment < self._last else AFTER


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
        self._partitions = partitions
        self._numbers = {window: number for number, window in enumerate(partitions.windows)}
        self._router = Router(partitions)

    def of(self, job: JobSpec) -> Sieve:
        """The sieve of a job. One of another window than the backfill's is a mistake in the plan: KeyError."""
        if job.window is None:
            return self._router
        number = self._numbers[job.window]
        if str(job.dataset.kind) == "schedule":  # its calls have both ends of a window: the server has cut it already
            return Everything(number)
        return Trimmer(self._partitions, number)
