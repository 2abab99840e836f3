"""Backfills for tests: windows of days, and records that changed then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from extractor.plan.job import Window
from extractor.plan.partitions import Partitions, Strategy

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def partitions_of(count: int, strategy: Strategy = "route", size: timedelta = DAY) -> Partitions:
    """So many windows of a day each, from the first of January on."""
    edges = [START + size * number for number in range(count + 1)]
    windows = tuple(Window(name=f"{start:%Y-%m-%dT%H}", start=start, end=end) for start, end in pairwise(edges))
    return Partitions(
        start=START, end=edges[-1], size="1d", zone="UTC", strategy=strategy, windows=windows, change_times=("At",)
    )


def line_of(number: int, at: datetime | None) -> bytes:
    """A record that changed at an instant, or at none."""
    time = b"" if at is None else b',"At":"%s"' % at.isoformat().encode()
    return b'{"ProfileId":%d%s}' % (number, time)


def route(stage: Any, partitions: Partitions, *batches: list[bytes]) -> Any:
    """A publication of one export for each batch, all since the first window's start; two parts each."""
    jobs = [stage.job(number, *_parts(lines)) for number, lines in enumerate(batches)]
    return replace(stage.publication(*jobs), partitions=partitions)


def fan_out(stage: Any, partitions: Partitions, exports: list[list[list[bytes]]]) -> Any:
    """The same with an export for each window and batch: ``exports[window][batch]``."""
    jobs = []
    for window, batches in zip(partitions.windows, exports, strict=True):
        for lines in batches:
            finished = stage.job(len(jobs), *_parts(lines))
            jobs.append(replace(finished, job=replace(finished.job, window=window)))
    return replace(stage.publication(*jobs), partitions=replace(partitions, strategy="fan-out"))


def _parts(lines: list[bytes]) -> list[tuple[bytes, ...]]:
    half = len(lines) // 2
    return [tuple(part) for part in (lines[:half], lines[half:]) if part]
