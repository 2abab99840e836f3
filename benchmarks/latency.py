"""A server that takes 50 ms for each page: how many pages in flight hide it, in real time over real HTTP.

    python -m benchmarks.latency [--quick] [--json]

One export of 1,000 pages with few records in each, so that processors hardly matter, by pages in flight; beside it the
least that is possible, which is as many rounds of 50 ms as the pages need, and a serial client. Then pages of 1,000
records, where the latency must be hidden behind the work on the records: with it and without it. ``scheduling`` does
more such cases in virtual time; this is the same promise with everything real. Start-up, as a run over one page, is
subtracted. Prints a table, or with ``--json`` a section for the document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.extraction import Setting, subject
from benchmarks.measure import Task, run
from benchmarks.page_server import page_server
from benchmarks.report import table

LATENCY = 0.05  # seconds
COLUMNS = [
    "pages in flight",
    "pages",
    "records a page",
    "least, s",
    "extractor, s",
    "times the least",
    "serial client, s",
]
MOST = 1.15  # times the least, with 32 in flight
_NOTE = (
    "Of pages with 1,000 records the least is the time without latency: one core is busy with the records all the "
    "time. A serial client waits for one page after the other; its own work is not counted."
)
_PATIENCE = 180.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An export, and how it is fetched."""

    in_flight: int
    pages: int
    page_size: int

    @property
    def least(self) -> float:
        """Seconds that no client can go below: all pages but the first, which start-up has, in rounds of latency."""
        return (self.pages - 1) / self.in_flight * LATENCY

    def seconds(self, origin: str, folder: Path, cores: set[int]) -> float:
        """Fetch it, and give the seconds beyond start-up."""
        setting = Setting(compression="none", pages=self.in_flight, page_size=self.page_size)
        measured = subject(f"{self.in_flight} in flight", setting)
        one, everything = (
            run(measured, Task(origin=origin, records=count, folder=folder), cores, patience=_PATIENCE, check=True)
            for count in (self.page_size, self.page_size * self.pages)
        )
        return everything.seconds - one.seconds


SMALL = tuple(Case(in_flight=count, pages=1000, page_size=10) for count in (4, 8, 16, 32))
LARGE = Case(in_flight=32, pages=200, page_size=1000)


def section(*, quick: bool, folder: Path) -> dict[str, Any]:
    """Measure, in interleaved rounds."""
    machine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]
    cases = SMALL[-1:] if quick else SMALL
    found: dict[tuple[Case, bool], list[float]] = {}
    with ExitStack() as stack:
        slow, fast = (
            stack.enter_context(page_server("--latency", str(latency), core=machine[-1])) for latency in (LATENCY, 0.0)
        )
        for _ in range(1 if quick else 3):
            for case, late in [*((case, True) for case in cases), (LARGE, True), (LARGE, False)]:
                took = case.seconds(slow if late else fast, folder / "run", {machine[0]})
                found.setdefault((case, late), []).append(took)
    medians = {key: statistics.median(each) for key, each in found.items()}
    return told(medians)


def told(medians: dict[tuple[Case, bool], float]) -> dict[str, Any]:
    """Give the section; seconds by case, with latency or without."""
    rows = []
    for (case, late), took in medians.items():
        size = [f"{case.pages:,}", f"{case.page_size:,}"]
        if not late:
            rows.append([f"{case.in_flight}, without latency", *size, "", f"{took:.2f}", "", ""])
            continue
        least = medians.get((case, False), case.least)
        serial = (case.pages - 1) * LATENCY
        rows.append([f"{case.in_flight}", *size, f"{least:.2f}", f"{took:.2f}", f"{took / least:.2f}", f"{serial:.0f}"])
    what = f"{LATENCY * 1000:.0f} ms a page, {LARGE.in_flight} in flight, over real HTTP"
    judged = {
        f"{what}, 1,000 pages / the least": medians[SMALL[-1], True] / SMALL[-1].least,
        f"{what}, pages of 1,000 records / without latency": medians[LARGE, True] / medians[LARGE, False],
    }
    goals = [
        {"what": each, "goal": f"at most {MOST}", "measured": f"{found:.2f}", "ok": found <= MOST}
        for each, found in judged.items()
    ]
    return {"title": "Latency", "columns": COLUMNS, "rows": rows, "goals": goals, "notes": [_NOTE]}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, 32 in flight only")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path(__file__).parents[1], prefix=".bench-work-") as folder:
        found = section(quick=given.quick, folder=Path(folder))
    print(json.dumps(found) if given.json else "\n".join(table(found["columns"], found["rows"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
