"""Start-up: what ``--help`` and ``plan`` take beside a bare start of Python, in CPU seconds.

    python -m benchmarks.startup [--rounds 9] [--json]

Interleaved rounds of the installed command. Prints a table, or with ``--json`` a section for the document. Does not
say which imports it goes to: ``python -X importtime -m extractor --help`` does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import extraction
from benchmarks.measure import Subject, Task, run
from benchmarks.report import table

_PATIENCE = 60.0  # seconds
_COLUMNS = ["what", "CPU ms", "ms by the clock", "CPU ms beyond bare Python"]


def subjects() -> dict[str, Subject]:
    """What is started: bare Python, its usual imports of a command line, and the two commands that ask nobody."""
    words = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import asyncio, json, argparse'": ["-c", "import asyncio, json, argparse"],
        "extractor --version": ["-m", "extractor", "--version"],
        "extractor --help": ["-m", "extractor", "--help"],
    }
    fixed = {name: _subject(name, each) for name, each in words.items()}
    return {**fixed, "extractor plan": extraction.planning("extractor plan")}


def _subject(name: str, words: list[str]) -> Subject:
    def command(task: Task) -> list[str | Path]:
        del task
        return [sys.executable, *words]

    return Subject(name=name, command=command, count=lambda task: task.records)


def measured(rounds: int) -> dict[str, tuple[float, float]]:
    """Give the median CPU and clock milliseconds of each."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects()}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, subject in subjects().items():
                task = Task(origin="http://127.0.0.1:9", records=0, folder=Path(folder, f"{number}"))
                usage = run(subject, task, {0}, patience=_PATIENCE, check=False)
                if number:  # the first round fills the caches of the disk
                    found[name].append((usage.cpu * 1000, usage.seconds * 1000))
    return {
        name: (statistics.median(cpu for cpu, _ in each), statistics.median(clock for _, clock in each))
        for name, each in found.items()
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.rounds)
    bare = found["python -c pass"][0]
    rows = [[name, f"{cpu:.0f}", f"{clock:.0f}", f"{cpu - bare:.0f}"] for name, (cpu, clock) in found.items()]
    notes = [f"Medians of {given.rounds} interleaved rounds, on one core, with the bytecode there."]
    section = {"title": "Start-up", "columns": _COLUMNS, "rows": rows, "goals": [], "notes": notes}
    print(json.dumps(section) if given.json else "\n".join(table(_COLUMNS, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
