"""In which order jobs are begun. Pure.

Decides that no stream waits for another's ten thousand batches (streams take turns), and that small exports do not wait
until the huge ones are through (one lane takes the smallest first). Has no say in the order of what is published: that
is the plan's. Called by ``run.coordinator`` and the engine.

Decided: turns, and one express lane. Considered the smallest first for all, which begins the longest last and so ends
late; the longest first, which lets a small dataset wait for hours; and shares of the request rate by weight, which
helps nobody whose export has not begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from extractor.plan.job import JobSpec


def fair_order(jobs: Iterable[JobSpec]) -> list[JobSpec]:
    """Let streams take turns, in the order of their first jobs; the jobs of each keep their own order."""
    waiting: dict[str, deque[JobSpec]] = {}
    for job in jobs:
        waiting.setdefault(job.stream.id, deque()).append(job)
    ordered: list[JobSpec] = []
    turns = deque(waiting.values())
    while turns:
        mine = turns.popleft()
        ordered.append(mine.popleft())
        if mine:
            turns.append(mine)
    return ordered


class Turns:
    """Hands out jobs, each once: in the order given, or the smallest of those that are left.

    The first ``begun`` of them go in the order given whoever asks: their exports may be alive already.

    ``records`` are those that the exports of a stream are expected to have, by stream id. One that asks for certain
    people has hardly more than they are; of any other that is not among them nothing is known, and it is not small.
    """

    def __init__(self, jobs: Iterable[JobSpec], records: Mapping[str, float], *, begun: int = 0) -> None:
        self._jobs = list(jobs)
        self._smallest = sorted(range(len(self._jobs)), key=lambda index: _size(self._jobs[index], records))
        self._begun = begun
        self._taken = bytearray(len(self._jobs))
        self._given = 0
        self._next = 0
        self._next_smallest = 0

    def take(self, *, express: bool = False) -> JobSpec | None:
        """Give the next job, or the smallest that is left; None when none is."""
        if express and self._next >= self._begun:
            while self._next_smallest < len(self._smallest):
                index = self._smallest[self._next_smallest]
                self._next_smallest += 1
                if not self._taken[index]:
                    return self._take(index)
            return None
        while self._next < len(self._jobs):
            index = self._next
            self._next += 1
            if not self._taken[index]:
                return self._take(index)
        return None

    @property
    def left(self) -> int:
        """How many have not been taken."""
        return len(self._jobs) - self._given

    def _take(self, index: int) -> JobSpec:
        self._taken[index] = 1
        self._given += 1
        return self._jobs[index]


def _size(job: JobSpec, records: Mapping[str, float]) -> float:
    known = records.get(job.stream.id, float("inf"))
    return known if job.match is None else min(known, float(job.match.count))
