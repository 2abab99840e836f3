"""The document: goals first, then figures, then machine, versions and command.

Decides how results read. Measures nothing; every figure is of the results that it is given. Called by ``__main__``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.goals import CANONICAL, VERBATIM, Verdict, verdicts
from benchmarks.measure import PAGE
from benchmarks.rounds import Figure, Results, ratio

_TITLES = {"loop": "What is possible", "extractor": "The extractor", "peer": "Others on the same pages"}
_ABOUT = {
    "loop": "Bare loops that do one thing with each page, and nothing else; one core.",
    "extractor": "The real command with everything on: journal, fsync, SHA-256, manifest, counts checked four ways, "
    "ids checked for repetition.",
    "peer": "Each writes one JSON line a record with its documented fast settings, one core. None of them hashes, "
    "syncs, counts against the server, or can go on inside an export. The last columns compare CPU seconds.",
}
_METHOD = """\
A page server ([`benchmarks/page_server.py`](../benchmarks/page_server.py)) on a core of its own sends pages of {page:,}
invented profiles of 1.6 KB from memory, over loopback, without latency; one record in ten has letters beyond ASCII.
Everything else is a process pinned to one other core, unless it says two (of which the server has its share). A
workload is {records:,} records, less for what is slow, more for what is quick. Each process is also run over one page:
the median of that is its start-up, and what a run takes beyond it is the cost of the records. CPU seconds are the
system's account of the process and its children, memory is that of its largest process. What each wrote is counted in
the first round, by distinct ids; who wrote anything else is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of another program (``rate``, ``scheduling``, ``growth``), with its goals."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    goals: Sequence[Verdict] = ()
    notes: Sequence[str] = ()

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Section:
        """Take it from the JSON object that the program prints with ``--json``."""
        goals = [
            Verdict(what=each["what"], goal=str(each["goal"]), measured=str(each["measured"]), ok=bool(each["ok"]))
            for each in said.get("goals", [])
        ]
        return cls(
            title=said["title"], columns=said["columns"], rows=said["rows"], goals=goals, notes=said.get("notes", [])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one run of the benchmarks found. ``machine`` and ``versions`` are in words already."""

    groups: Mapping[str, Results]
    sections: Sequence[Section] = ()
    machine: str = ""
    command: str = ""
    rounds: int = 0
    records: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Results:
        """Of all groups together."""
        return {key: series for results in self.groups.values() for key, series in results.items()}

    def verdicts(self) -> list[Verdict]:
        """All goals, those of the throughput first."""
        return [*verdicts(self.results), *(verdict for section in self.sections for verdict in section.goals)]


def lines_of_goals(report: Report) -> list[str]:
    """The table of goals, which also goes to the terminal."""
    return table(
        ["what", "goal", "measured", ""],
        [[each.what, each.goal, each.measured, each.word] for each in report.verdicts()],
    )


def document(report: Report, *, picture: str | None = None) -> str:
    """Give the whole document in Markdown; ``picture`` is the plot's file name beside it."""
    about = (
        f"Written by `{report.command}` from one run; {report.machine}. Absolute figures drift from machine to machine"
    )
    parts = ["# Benchmarks", "", f"{about} and from day to day; **ratios within one run are what counts**."]
    parts += ["", "## Goals", "", f"Medians of {report.rounds} interleaved rounds, least and most in brackets.", ""]
    parts += lines_of_goals(report)
    if picture:
        parts += ["", f"![Records per CPU second of the extractor, of bare loops and of others]({picture})"]
    parts += ["", "## How it is measured", "", _METHOD.format(page=PAGE, records=report.records)]
    for kind, results in report.groups.items():
        parts += ["", *_group(kind, results, report.results if kind == "peer" else {})]
    for section in report.sections:
        parts += ["", f"## {section.title}"]
        parts += ["", *table(section.columns, section.rows)] if section.rows else []
        parts += [line for note in section.notes for line in ("", note)]
    if report.versions:
        parts += ["", "## Versions", "", ", ".join(f"{name} {version}" for name, version in report.versions.items())]
    return "\n".join([*parts, ""])


def _group(kind: str, results: Results, all_results: Results) -> Iterator[str]:
    """A section; with ``all_results``, how many times as fast the extractor is by CPU seconds stands in it, too."""
    yield from (f"## {_TITLES[kind]}", "", _ABOUT[kind], "")
    columns = ["what", "k records/s by the clock", "CPU s per million records", "start-up, CPU s", "peak memory, MB"]
    compared = [key for key in (CANONICAL, VERBATIM) if key in all_results and all_results[key].pairs]
    rows = []
    for key, series in results.items():
        if not series.pairs:
            continue
        name = series.name + (f", {series.cores} cores" if series.cores > 1 else "")
        row = [name, _spread(series.per_second, 1e-3), _spread(series.cpu_per_million, 1)]
        row += [f"{series.start.median:.2f}", f"{series.peak.median / 1e6:.0f}"]
        times = (ratio(all_results, above, key, "cpu") for above in compared)
        rows.append([*row, *(f"{found.median:.1f}" for found in times if found)])
    yield from table([*columns, *(f"{key}: times its speed" for key in compared)], rows)
    notes = [f"- {each.name}: {each.note}" for each in results.values() if each.note and each.pairs]
    notes += [f"- {each.name} is not here: {each.failed}." for each in results.values() if each.failed]
    yield from ("", *notes) if notes else ()


def _spread(figure: Figure, unit: float) -> str:
    return f"{_digits(figure.median * unit)} ({_digits(figure.least * unit)}-{_digits(figure.most * unit)})"


def _digits(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - powers of ten


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Give a table's lines in Markdown."""
    return [
        "| " + " | ".join(str(column) for column in columns) + " |",
        "| --- " * len(columns) + "|",
        *("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]
