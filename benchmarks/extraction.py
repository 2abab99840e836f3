"""The extractor itself as a subject: the real command, with everything on.

Decides the configuration that it is measured with: one export of one segment, limits that do not bind, and otherwise
the defaults: journal, fsync, checksums, manifest, counting of ids. Called by ``__main__``,
``latency`` and ``startup``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.counting import distinct_records
from benchmarks.measure import PAGE, Subject, Task
from benchmarks.page_server import BASE

_ENVIRON = {"BENCH_SECRET": "nobody checks it"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a measurement chooses of the configuration, under the configuration's own names."""

    records: str = "canonical"
    compression: str = "zstd"
    encoders: str = "0"
    pages: int = 16
    page_size: int = PAGE

    def write(self, task: Task) -> None:
        """Write ``c.yaml`` into the task's folder: one export of so many records."""
        limits = f"poll_first: 5ms, poll_max: 50ms, pages: {self.pages}, page_size: {self.page_size}"
        text = (
            f"connection: {{base_url: '{task.origin}{BASE}', client_id: BENCH, "
            "auth: {scheme: pnauthinfo3, user_id: bench, secret: '${env:BENCH_SECRET}'}}\n"
            f"limits: {{requests_per_second: 100000, {limits}}}\n"
            f"jobs: [{{segment: people-{task.records}}}]\n"
            f"output: {{path: out, records: {self.records}, compression: {self.compression}, "
            f"encoders: {self.encoders}}}\n"
            "state: state\n"
        )
        (task.folder / "c.yaml").write_text(text, encoding="utf-8")


def subject(name: str, setting: Setting, *, cores: int = 1) -> Subject:
    """Give ``extractor run`` as something that can be measured."""
    return Subject(
        name=name, command=_command(setting, "run", "--new", "--quiet"), count=_count, cores=cores, environ=_ENVIRON
    )


def planning(name: str) -> Subject:
    """Give ``extractor plan`` for such a configuration, which asks no server."""
    return Subject(name=name, command=_command(Setting(), "plan"), count=lambda task: task.records, environ=_ENVIRON)


def _command(setting: Setting, verb: str, *words: str) -> Callable[[Task], list[str | Path]]:
    def command(task: Task) -> list[str | Path]:
        setting.write(task)
        return [sys.executable, "-m", "extractor", verb, "c.yaml", *words]

    return command


def _count(task: Task) -> int:
    """Count what is published; 0 if the manifest says anything else."""
    (manifest,) = task.folder.glob("out/*/*/manifest.json")
    found = distinct_records(manifest.parent.glob("part-*"))
    return found if json.loads(manifest.read_bytes())["totals"]["records"] == found else 0
