"""The extractor itself as a subject: the real command, with everything on.

Decides the configuration that it is measured with: one export of one segment, limits that do not bind, and otherwise
the defaults: journal, fsync, checksums, manifest, counting of ids. Called by ``__main__``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.counting import distinct_records
from benchmarks.measure import PAGE, Subject, Task
from benchmarks.page_server import BASE

_LIMITS = f"{{requests_per_second: 100000, poll_first: 5ms, poll_max: 50ms, page_size: {PAGE}}}"
_ENVIRON = {"BENCH_SECRET": "nobody checks it"}


def configuration(task: Task, *, records: str, compression: str, encoders: str) -> str:
    """Write the whole file."""
    return (
        f"connection: {{base_url: '{task.origin}{BASE}', client_id: BENCH, "
        "auth: {scheme: pnauthinfo3, user_id: bench, secret: '${env:BENCH_SECRET}'}}\n"
        f"limits: {_LIMITS}\n"
        f"jobs: [{{segment: people-{task.records}}}]\n"
        f"output: {{path: out, records: {records}, compression: {compression}, encoders: {encoders}}}\n"
        "state: state\n"
    )


def subject(
    name: str, *, records: str = "canonical", compression: str = "zstd", encoders: str = "0", cores: int = 1
) -> Subject:
    """Give ``extractor run`` as something that can be measured; the words are those of the configuration."""

    def command(task: Task) -> list[str | Path]:
        text = configuration(task, records=records, compression=compression, encoders=encoders)
        (task.folder / "c.yaml").write_text(text, encoding="utf-8")
        return [sys.executable, "-m", "extractor", "run", "c.yaml", "--new", "--quiet"]

    return Subject(name=name, command=command, count=_count, cores=cores, environ=_ENVIRON)


def planning(name: str) -> Subject:
    """Give ``extractor plan`` for such a configuration, which asks no server."""

    def command(task: Task) -> list[str | Path]:
        text = configuration(task, records="canonical", compression="zstd", encoders="0")
        (task.folder / "c.yaml").write_text(text, encoding="utf-8")
        return [sys.executable, "-m", "extractor", "plan", "c.yaml"]

    return Subject(name=name, command=command, count=lambda task: task.records, environ=_ENVIRON)


def _count(task: Task) -> int:
    """Count what is published; 0 if the manifest says anything else."""
    (manifest,) = task.folder.glob("out/*/*/manifest.json")
    found = distinct_records(manifest.parent.glob("part-*"))
    return found if json.loads(manifest.read_bytes())["totals"]["records"] == found else 0
