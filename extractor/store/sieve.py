"""Which records are published, and in which window: the judgement on each line, without its effect.

Decides, line by line, ``keep in window W`` or ``leave out for reason R``. Does not write (``windowed``), or read parts
(``treat``, which calls this). What is left out is counted by reason, never silently:

- ``before``, ``after``: its time of change is outside the whole backfill; the service rounds the bound that is sent
  down by some milliseconds, and has no upper one.
- ``later``: of fan-out, it belongs to a later window, and that window's own export held it, too, in whatever state.
- ``unchanged``: the readers have it in this state from an earlier publication (``seen``).

``route`` and ``fan-out`` keep the same records in the same windows. An export from a window's start on should hold
every record of that window; one that it does not hold (``met``) is kept from the next wider export that does. A record
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
        return [self.place(parsed(line)) for line in lines]

    def place(self, record: object) -> Verdict:
        """Give the window of a parsed record, or why it is in none."""
        moment = self._moments.latest(record)
        if moment is None:
            return self._unknown
        if moment < self._start:
            return BEFORE
        if moment >= self._end:
            return AFTER
        return bisect_right(self._starts, moment) - 1


class Trimmer:
    """Keeps what belongs into one window, of an export from its start on; and what a later window's export lacked."""

    def __init__(self, router: Router, window: int, *, unknown: int, met: Met) -> None:
        """``met`` knows whom the exports of later windows held; ``unknown`` is the window of unknown times."""
        self._router = router
        self._window = window
        self._unknown = unknown
        self._met = met

    def judge(self, lines: Sequence[bytes]) -> list[Verdict]:
        """Give the window or the reason for each line."""
        return [self._verdict(parsed(line)) for line in lines]

    def _verdict(self, record: object) -> Verdict:
        place, known = self._router.place(record), self._met.before(record)
        if place == self._unknown:
            return place if self._window == 0 else LATER
        if not isinstance(place, int) or place == self._window:
            return place
        if place < self._window:
            return BEFORE
        return LATER if known else place


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

    The jobs are asked for in the order of ``order``, each once, and judged before the next.
    """

    def __init__(self, partitions: Partitions, record_id: str = "ProfileId") -> None:
        self._partitions = partitions
        self._record_id = record_id
        self._numbers = {window: number for number, window in enumerate(partitions.windows)}
        self._router = Router(partitions)
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
        return Trimmer(self._router, number, unknown=len(self._numbers), met=met)
