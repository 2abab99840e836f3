"""Which records are published, and in which window: the judgement on each line, without its effect.

Decides, line by line, ``keep in window W`` or ``leave out for reason R``. Does not write (``windowed``), or read parts
(``treat``, which calls this). What is left out is counted by reason, never silently:

- ``before``, ``after``: its time of change is outside the whole backfill; the service rounds the bound that is sent
  down by some milliseconds, and has no upper one.
- ``later``: of fan-out, it belongs to a later window, and that window's own export held it, too, in whatever state.
- ``unchanged``: the readers have it in this state from an earlier publication (``seen``).

``route`` and ``fan-out`` keep the same records in the same windows. An export from a window's start on should hold
every record of that window. One that it does not hold is kept from the next wider export that does (``met``): the
service may go by earlier times than the paths lead to, and a record may leave the segment between two exports. A record
without a time is in every export, so fan-out keeps it from those of the first window, which is the widest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from extractor.plan.job import JobSpec
from extractor.plan.partitions import Partitions
from extractor.store.met import Met
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
    """Finds the window of a record: what all sieves of a backfill have in common, whatever the number of windows."""

    def __init__(self, partitions: Partitions) -> None:
        self.count = len(partitions.windows)
        self._moments = Moments(partitions.change_times)
        self._starts = [ticks_of(window.start) for window in partitions.windows]
        self._end = ticks_of(partitions.end)

    def window_of(self, record: object) -> int:
        """The 0-based window of a parsed record.

        -1 is before the first, ``count`` after the last, ``count + 1`` unknown.
        """
        moment = self._moments.latest(record)
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
        windows = map(self._calendar.window_of, map(parsed, lines))
        return [self._verdicts.get(window, window) for window in windows]


class Trimmer:
    """Keeps what belongs into one window, of an export from its start on, and what a later window's export lacked."""

    def __init__(self, calendar: Calendar, window: int, met: Met) -> None:
        """``met`` knows whom the exports of later windows held."""
        self._calendar = calendar
        self._window = window
        self._met = met

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window or the reason for each line."""
        return [self._verdict(parsed(line)) for line in lines]

    def _verdict(self, record: object) -> Verdict:
        window, known = self._calendar.window_of(record), self._met.before(record)
        if window == self._window:
            return window
        if window < self._window:
            return BEFORE
        count = self._calendar.count
        if window == count:
            return AFTER
        if window > count:
            return LATER if self._window else count
        return LATER if known else window


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
    """Gives each job of a backfill its sieve. The windows of ``partitions`` have no gap between them.

    Sieves are asked for in ``order``, one a job, and each has judged its job before the next is asked for.
    ``record_id`` is the member that tells one record from another.
    """

    def __init__(self, partitions: Partitions, record_id: str = "ProfileId") -> None:
        self._record_id = record_id
        self._numbers = {window: number for number, window in enumerate(partitions.windows)}
        self._calendar = Calendar(partitions)
        self._router = Router(self._calendar)
        self._met: dict[tuple[str, int], Met] = {}

    def order(self, jobs: Sequence[JobSpec]) -> list[int]:
        """In which order to judge jobs, as places in ``jobs``: the last windows first, in each as they stand."""
        windows = [len(self._numbers) if job.window is None else self._numbers[job.window] for job in jobs]
        return sorted(range(len(jobs)), key=lambda place: -windows[place])

    def of(self, job: JobSpec) -> Sieve:
        """The sieve of a job. One of another window than the backfill's is a mistake in the plan: KeyError."""
        if job.window is None:
            return self._router
        number = self._numbers[job.window]
        if str(job.dataset.kind) == "schedule":  # its calls have both ends of a window: the server has cut it already
            return Everything(number)
        # By batch: values of another batch may be the same person's, who is then in both, as in a run.
        met = self._met.setdefault((job.stream.id, job.batch), Met(self._record_id))
        met.next_export()
        return Trimmer(self._calendar, number, met)
