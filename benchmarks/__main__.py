"""``make bench``: everything, interleaved, into one document and one plot.

    python -m benchmarks [--quick] [--rounds 5] [--records 400000] [--only loop,extractor,peer,rate] [--dir FOLDER]

Prints the goals and writes docs/benchmarks.md and docs/benchmarks.svg; ``--quick`` takes fewer rounds, leaves the peers
and ``growth`` out, and writes nothing. Ends with 0 whether goals are met or not: it measures, and judging by the clock
of a shared machine is for people.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import ceilings, extraction, goals, peers
from benchmarks.extraction import Setting
from benchmarks.measure import Subject
from benchmarks.page_server import page_server
from benchmarks.plot import svg
from benchmarks.report import Report, Section, document, lines_of_goals
from benchmarks.rounds import Results, measure

ROOT = Path(__file__).parents[1]
DOCUMENT, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
# Modules here that print a section with --json, and what makes each of them quick.
PROGRAMS = {
    "startup": ["--rounds", "3"],
    "latency": ["--quick"],
    "rate": ["--seconds", "2"],
    "scheduling": ["--quick"],
    "growth": ["--quick"],
}
NOT_QUICK = {"peer", "growth"}
PATIENCE, PROGRAM_PATIENCE = 180.0, 1800.0  # seconds
LIBRARIES = ("aiohttp", "msgspec", "orjson", "zstandard", "aiolimiter", "anyio", "isal")


def extractors() -> dict[str, Subject]:
    """Every way of running the extractor that a goal or a reader asks for."""
    canonical, verbatim = Setting(), Setting(records="verbatim")
    chosen = {
        goals.CANONICAL: ("canonical, zstd", canonical, 1),
        "canonical-plain": ("canonical, not compressed", replace(canonical, compression="none"), 1),
        goals.TWO_CORES: ("canonical, zstd, encoders: auto", replace(canonical, encoders="auto"), 2),
        goals.VERBATIM: ("verbatim, not compressed", replace(verbatim, compression="none"), 1),
        goals.VERBATIM_ZSTD: ("verbatim, zstd", verbatim, 1),
    }
    return {
        key: extraction.subject(f"extractor, {name}", setting, cores=cores)
        for key, (name, setting, cores) in chosen.items()
    }


def tell(line: str) -> None:
    """Show how far it is."""
    print(line, file=sys.stderr, flush=True)


def throughput(wanted: set[str], given: argparse.Namespace, folder: Path) -> dict[str, Results]:
    """Measure loops, extractor and peers together, so that every ratio is of the same rounds."""
    subjects = {
        "loop": {key: ceilings.subject(key) for key in (ceilings.QUICK if given.quick else ceilings.LOOPS)},
        "extractor": extractors(),
        "peer": peers.subjects(),
    }
    chosen = {kind: each for kind, each in subjects.items() if kind in wanted}
    if not chosen:
        return {}
    machine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]
    with page_server(core=machine[-1], errors=folder / "page-server") as origin:
        results = measure(
            {key: subject for each in chosen.values() for key, subject in each.items()},
            origin=origin, records=given.records, rounds=given.rounds, folder=folder, machine=machine,
            patience=PATIENCE, tell=tell,
        )  # fmt: skip
    return {kind: {key: results[key] for key in each} for kind, each in chosen.items()}


def section_of(program: str, *, quick: bool) -> Section | None:
    """Have a program of its own measured, with whatever it says of itself; None if there is no such program."""
    if importlib.util.find_spec(f"benchmarks.{program}") is None:
        return None
    tell(f"benchmarks.{program} ...")
    command = [sys.executable, "-m", f"benchmarks.{program}", "--json", *(PROGRAMS[program] if quick else [])]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=PROGRAM_PATIENCE, check=False)
        return Section.read(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError, KeyError) as error:
        tell(f"benchmarks.{program}: {error!r}")
        note = f"`python -m benchmarks.{program} --json` did not end as it should; it says why."
        return Section(title=program.capitalize(), columns=[], rows=[], notes=[note])


def versions() -> dict[str, str]:
    """What was measured, and with what."""
    found = {"extractor": importlib.metadata.version("segment-extractor"), "Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**peers.versions(), **found}


def processor() -> str:
    """Name it, where the system does."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return ""
    named = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return f" ({named[0]})" if named else ""


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--short", action="store_true", help="all of it, but each program of its own in its quick form")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--records", type=int, default=None)
    parser.add_argument("--only", default="", help=f"some of loop,extractor,peer,{','.join(PROGRAMS)}")
    parser.add_argument("--dir", type=Path, default=ROOT, help="where work folders are made: the disk in question")
    parser.add_argument("--no-write", action="store_true")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 5)
    given.records = given.records or (150_000 if given.quick else 400_000)
    everything = {"loop", "extractor", "peer", *PROGRAMS} - (NOT_QUICK if given.quick else set())
    wanted = set(given.only.split(",")) if given.only else everything
    with tempfile.TemporaryDirectory(dir=given.dir, prefix=".bench-work-") as folder:
        groups = throughput(wanted, given, Path(folder))
    sections: list[Section] = []
    lasting = not (given.quick or given.no_write or wanted != everything)
    for program in [None, *(name for name in PROGRAMS if name in wanted)]:
        if program is not None and (section := section_of(program, quick=given.quick or given.short)) is not None:
            sections.append(section)
        report = Report(
            groups=groups,
            sections=sections,
            machine=f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()}, {os.cpu_count()} cores{processor()}",
            command=f"python -m benchmarks --short --rounds {given.rounds}" if given.short else "make bench",
            rounds=given.rounds,
            records=given.records,
            versions=versions(),
        )
        if lasting:  # after each section: the last one takes its time, and what was measured is not lost with it
            write(report, groups)
    if lasting:
        print("\n".join(lines_of_goals(report)))
        print(f"\nwritten: {DOCUMENT.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")
    else:
        print(document(report))
    return 0


def write(report: Report, groups: dict[str, Results]) -> None:
    """Write document and plot."""
    DOCUMENT.write_text(document(report, picture=PICTURE.name), encoding="utf-8")
    subtitle = f"{report.machine}; pages of 1,000 records of 1.6 KB over loopback, one core"
    PICTURE.write_text(svg(groups, subtitle=subtitle), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
