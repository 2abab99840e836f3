"""How cost grows: 10 thousand to 10 million records, 10 to 100,000 jobs, and memory with the pages in flight.

    python -m benchmarks.growth [--quick] [--json] [--dir FOLDER]

The real command in a process of its own, against the page server in another; records of about 400 bytes, so that ten
million take minutes. ``--quick`` leaves the last decade out. Says for each size the seconds, the CPU seconds and the
largest resident memory, and what a record or a job adds to them; then compares the memory with the formula

    base + (pages in flight x k + c) x page bytes

whose ``base``, ``k`` and ``c`` (what the one page costs that is worked on) come from some settings and are tried on
others. ``--json`` prints one object for the document
of ``python -m benchmarks``. Loopback only; each run's folder is removed when it is over. Ends with 0 whether goals are
met or not, and with 1 when a run did not publish what it should.

Decided: small records of its own, because what grows with the number of records should be seen, and not the bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Failed, Subject, Task, Usage, run
from benchmarks.page_server import BASE, READY, Exports, PageServer, serving
from benchmarks.pages import Pages

RECORDS = (10_000, 100_000, 1_000_000, 10_000_000)
JOBS = (10, 100, 1_000, 10_000, 100_000)
FITTED = ((4, 250), (16, 250), (4, 4000), (16, 4000))  # pages in flight, records a page
TRIED = ((4, 1000), (8, 1000), (16, 1000), (8, 4000))
OF_A_JOB = 4  # records
FLAT = 1.10  # the largest export may take so much of the memory of one a hundredth of its size
CLOSE = 0.10  # of the measured memory, that the formula may be wrong by
PATIENCE = 3600.0  # seconds until a run is given up
PEOPLE = 1000  # of whom the records are
MB = 1_000_000.0
COLUMNS = ("what grows", "size", "seconds", "CPU s", "CPU of one more", "peak MB", "memory of one more")


class SmallPages(Pages):
    """Pages of records of about 400 bytes."""

    def __init__(self) -> None:
        chance = random.Random(7)  # noqa: S311 - the same people each time are the purpose
        tails = [_person(chance) for _ in range(PEOPLE)]
        self._between = [tail + b',{"ProfileId":' for tail in tails] * 2
        self._last = [tail + b"]}" for tail in tails]
        self._count = len(tails)


def _person(chance: random.Random) -> bytes:
    """A record from behind its id on."""
    name = "".join(chance.choices("abcdefghiklmnoprstu", k=9))
    rest = {
        "CustomerType": chance.choice(["Prospect", "Customer"]),
        "FirstName": name[:4].title(),
        "LastName": name[4:].title(),
        "Emails": [{"EmailAddressType": "Home", "EmailAddress": f"{name}{chance.randrange(10**6)}@mail.example.org"}],
        "PhoneNumbers": [{"PhoneNumberType": "Mobile", "PhoneNumber": f"1212555{chance.randrange(10**4):04}"}],
        "Preferences": [
            {"PreferenceId": chance.randrange(10**6), "Answer": chance.choice(["Yes", "No"])} for _ in range(3)
        ],
        "ModifiedDate": f"2026-10-{chance.randrange(1, 31):02}T08:15:{chance.randrange(60):02}Z",
    }
    return b"," + json.dumps(rest, separators=(",", ":")).encode()[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: ``jobs`` exports of ``records`` each. ``many``: all of one match list, else segments of their own."""

    jobs: int
    records: int
    many: bool = False
    pages: int = 16
    page_size: int = 1000

    def command(self, task: Task) -> list[str | Path]:
        """Write what the run needs into its folder, and say how it is called."""
        dataset, asked = (
            f"people-{self.records}",
            [f"segment: people {number}-{self.records}" for number in range(self.jobs)],
        )
        if self.many:
            with (task.folder / "people.txt").open("w", encoding="ascii") as values:
                values.writelines(f"{number}\n" for number in range(1, 1 + self.jobs * OF_A_JOB))
            match = f"{{criteria: ProfileId, batch: {OF_A_JOB}, values: {{file: people.txt, format: lines}}}}"
            asked = [f"segment: {dataset}, match: {match}"]
        (task.folder / "c.yaml").write_text(
            f"connection: {{base_url: '{task.origin}{BASE}', client_id: BENCH, "
            "auth: {scheme: pnauthinfo3, user_id: bench, secret: '${env:BENCH_SECRET}'}}\n"
            "limits: {requests_per_second: 100000, poll_first: 5ms, poll_max: 50ms, "
            f"exports: {min(self.jobs, 2 * self.pages)}, pages: {self.pages}, page_size: {self.page_size}}}\n"
            f"jobs: [{', '.join(f'{{{each}}}' for each in asked)}]\n"
            "output: {path: out, encoders: 0}\nstate: state\n",
            encoding="utf-8",
        )
        return [sys.executable, "-m", "extractor", "run", "c.yaml", "--new", "--quiet"]

    def count(self, task: Task) -> int:
        """Count what is published, by the manifests: here it is the cost that is measured."""
        found = task.folder.glob("out/*/*/manifest.json")
        return sum(int(json.loads(path.read_bytes())["totals"]["records"]) for path in found)


class Bench:
    """Runs cases against one server; on Linux the client has the first core, and the server the last."""

    def __init__(self, origin: str, folder: Path, cores: Sequence[int]) -> None:
        self._origin, self._folder, self._cores = origin, folder, set(cores[:1])

    def usage(self, case: Case) -> Usage:
        """Do a case once. Raises Failed."""
        name, known = f"{case.jobs:,} x {case.records:,} records", {"BENCH_SECRET": "nobody checks it"}
        subject = Subject(name=name, command=case.command, count=case.count, environ=known)
        task = Task(origin=self._origin, records=case.jobs * case.records, folder=self._folder / "case")
        found = run(subject, task, self._cores, patience=PATIENCE, check=True)
        print(
            f"{subject.name}: {found.seconds:.1f} s, CPU {found.cpu:.1f} s, {found.peak / MB:.0f} MB", file=sys.stderr
        )
        return found


Row = list[str]


def grown(what: str, unit: float, name: str, sizes: Sequence[int], usages: Sequence[Usage]) -> list[Row]:
    """Make rows; what one more costs is the difference to the row before, in ``name``, of 1 / ``unit`` s."""
    rows = []
    for place, (size, used) in enumerate(zip(sizes, usages, strict=True)):
        cpu = memory = "-"
        if place:
            more, before = size - sizes[place - 1], usages[place - 1]
            cpu = f"{(used.cpu - before.cpu) / more * unit:.2f} {name}"
            memory = f"{(used.peak - before.peak) / more:,.1f} bytes"
        rows.append([what, f"{size:,}", f"{used.seconds:.1f}", f"{used.cpu:.1f}", cpu, f"{used.peak / MB:.0f}", memory])
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """``base + (pages x k + c) x page bytes``, in bytes."""

    base: float
    k: float
    c: float

    def foretell(self, pages: int, page_bytes: float) -> float:
        """Give the memory with so many pages of this size in flight."""
        return self.base + (pages * self.k + self.c) * page_bytes

    def __str__(self) -> str:
        return f"{self.base / MB:.0f} MB + (pages x {self.k:.1f} + {self.c:.0f}) x bytes"


def fitted(points: Sequence[tuple[int, float, float]]) -> Formula:
    """Give the formula that lies nearest to these (pages, page bytes, peak bytes), by least squares.

    At least three points, of two numbers of pages and two sizes.
    """
    rows = [(1.0, pages * size / MB, size / MB, peak) for pages, size, peak in points]
    sums = [[sum(row[i] * row[j] for row in rows) for j in range(4)] for i in range(3)]
    for i, pivot in enumerate(sums):
        for j, row in enumerate(sums):
            if i != j:
                share = row[i] / pivot[i]
                sums[j] = [x - share * y for x, y in zip(row, pivot, strict=True)]
    base, k, c = (sums[i][3] / sums[i][i] for i in range(3))
    return Formula(base=base, k=k / MB, c=c / MB)


def measured(bench: Bench, *, quick: bool) -> dict[str, object]:
    """Do everything, and give the object for the document."""
    records, jobs = (RECORDS[:-1], JOBS[:-1]) if quick else (RECORDS, JOBS)
    by_records = [bench.usage(Case(jobs=1, records=size)) for size in records]
    by_jobs = [bench.usage(Case(jobs=size, records=OF_A_JOB, many=True)) for size in jobs]
    rows = grown("records of one export", 1e6, "us", records, by_records)
    rows += grown(f"jobs of {OF_A_JOB} records", 1e3, "ms", jobs, by_jobs)
    size = len(SmallPages().page(1, 1000, 10**9)) / 1000
    flights = {
        (pages, limit): bench.usage(Case(jobs=2 * pages, records=12 * limit, pages=pages, page_size=limit))
        for pages, limit in (*FITTED, *TRIED)
    }
    formula = fitted([(pages, limit * size, flights[pages, limit].peak) for pages, limit in FITTED])
    worst = 0.0
    for (pages, limit), used in flights.items():
        foretold = formula.foretell(pages, limit * size)
        worst = max(worst, abs(foretold / used.peak - 1)) if (pages, limit) in TRIED else worst
        what = f"{pages} pages of {limit * size / MB:.1f} MB in flight" + (
            "" if (pages, limit) in TRIED else " (fitted)"
        )
        peak = f"{used.peak / MB:.0f}"
        rows.append(
            [what, "-", f"{used.seconds:.1f}", f"{used.cpu:.1f}", "-", peak, f"foretold: {foretold / MB:.0f} MB"]
        )
    flat = by_records[-1].peak / by_records[1].peak
    last = (by_jobs[-1].peak - by_jobs[1].peak) / (jobs[-1] - jobs[1])
    ratio = f"memory of {records[-1]:,} records, of that of {records[1]:,}"
    return {
        "title": "How cost grows",
        "columns": COLUMNS,
        "rows": rows,
        "goals": [
            {"what": ratio, "goal": f"at most {FLAT:.2f}", "measured": f"{flat:.2f}", "ok": flat <= FLAT},
            {
                "what": "memory foretold as base + (pages in flight x k + c) x page bytes",
                "goal": f"within {CLOSE:.0%}",
                "measured": f"within {worst:.0%}: {formula}",
                "ok": worst <= CLOSE,
            },
            {
                "what": f"{jobs[-1]:,} small jobs in bounded memory",
                "goal": "at most 3,000 bytes a job",
                "measured": f"{by_jobs[-1].peak / MB:.0f} MB, {last:,.0f} bytes a job",
                "ok": last <= 3000,  # noqa: PLR2004 - the goal
            },
        ],
        "notes": [
            f"Records of {size:.0f} bytes, one run each, zstd; client and server pinned to a core each.",
            "What one more costs is the difference to the row before.",
        ],
    }


@contextmanager
def small_server(core: int) -> Iterator[str]:
    """Start the server of small records as a process; give its origin; end it."""
    command = [sys.executable, "-m", "benchmarks.growth", "--serve"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(child.pid, {core})
        line = child.stdout.readline().decode() if child.stdout else ""
        if not line.startswith(READY):
            raise RuntimeError("the page server did not start")
        yield line.removeprefix(READY).strip()
    finally:
        child.kill()
        child.communicate()


def serve() -> int:
    """Be the server, until standard input ends."""
    with serving(PageServer(Exports(records=1000, processing=(0.0, 0.0)), SmallPages(), records=1000)) as origin:
        print(READY + origin, flush=True)
        sys.stdin.buffer.read()
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="leave out the last decade of each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--dir", type=Path, default=Path.cwd(), help="where the work folder is made, and removed")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.serve:
        return serve()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="growth-") as name, small_server(cores[-1]) as origin:
        try:
            found = measured(Bench(origin, Path(name), cores), quick=given.quick)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    if given.json:
        print(json.dumps(found))
        return 0
    for row in (COLUMNS, ["---"] * len(COLUMNS), *found["rows"]):  # type: ignore[misc] # it was made above
        print(f"| {' | '.join(row)} |")
    for goal in found["goals"]:  # type: ignore[attr-defined] # as above
        print(f"{'met' if goal['ok'] else 'MISSED'}: {goal['what']}: {goal['measured']} (goal: {goal['goal']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
