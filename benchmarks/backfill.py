"""A year by day: that ``route`` and ``fan-out`` are the same, also after kill -9, and what each costs.

    python -m benchmarks.backfill [--people 20000] [--dir FOLDER]

The real command against the real simulator. ``route`` is done once undisturbed and once killed twice; ``fan-out`` is
killed twice. All three must end in the same bytes, and these must be what the simulated world holds: each record that
the server has since FROM is in exactly one window, in order, or counted as outside. Prints a table; ends with 1 when
anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from extractor.cli.child import simulator_process
from extractor.cli.serving import Rehearsal, settings_of
from extractor.errors import LocalError
from extractor.run import history
from tests.crash.windows import Contents, published, truth

SEGMENT = "All Profiles"
PERIOD = ["--from", "2025-10-01", "--to", "2026-10-01", "--window", "1d"]
START, END, WINDOWS = datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), 365
BURST, TIMELESS = 3, 0.03  # people who change at one instant; share of those whose record does not say when
KILLED = -9


@dataclass(slots=True, kw_only=True)
class Effort:
    """What one backfill took; ``read`` and ``bytes`` are of its exports' records, each export once.

    ``rss`` is the largest of its processes, in bytes.
    """

    exports: int = 0
    requests: int = 0
    page_requests: int = 0
    bytes: int = 0
    read: int = 0
    seconds: float = 0.0
    rss: int = 0
    kills: list[str] = field(default_factory=list)


class Backfill:
    """One backfill in a folder of its own, done by as many processes as are killed."""

    def __init__(self, folder: Path, base_url: str, *words: str) -> None:
        folder.mkdir()
        self.state, self.output = folder / "state", folder / "out"
        self.effort = Effort()
        self._base_url, self._said = base_url, folder / "said"
        config = folder / "c.yaml"
        config.write_text(
            f"connection: {{base_url: '{base_url}', client_id: DEMO, "
            "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
            "limits: {requests_per_second: 5000, poll_first: 10ms}\n"
            f"jobs: [{{segment: {SEGMENT}}}]\noutput: {{path: '{self.output}'}}\nstate: '{self.state}'\n",
            encoding="utf-8",
        )
        self._begin = ["backfill", str(config), *PERIOD, *words]

    def do(self, expected: Contents, *kills: Callable[[history.RunDetail], str]) -> None:
        """Do it; each of ``kills`` says of a standing whether, and where, the process that goes on is to die."""
        before, began = self._asked(), time.monotonic()
        words = self._begin
        for kill in kills:
            self.effort.kills.append(self._run(words, kill))
            words = ["resume", "--state", str(self.state)]
        self._run(words, None)
        self.effort.seconds = time.monotonic() - began
        after = self._asked()
        for name in ("exports", "requests", "page_requests"):
            setattr(self.effort, name, after[name] - before[name])
        (folder,) = self.output.glob("*/backfill=*")
        jobs = json.loads((folder / "manifest.json").read_bytes())["jobs"]
        self.effort.read = sum(job["records"] for job in jobs)
        bounds = [datetime.fromisoformat(job["last_date_time"]) for job in jobs]
        self.effort.bytes = sum(expected.bytes_since(bound) for bound in bounds)

    def shards(self) -> dict[str, str]:
        """Every data file by its window, as its checksum."""
        found = sorted(self.output.glob("*/backfill=*/window=*/part-*"))
        return {f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def _run(self, words: list[str], kill: Callable[[history.RunDetail], str] | None) -> str:
        with self._said.open("ab") as said:
            process = subprocess.Popen([sys.executable, "-m", "extractor", *words, "--quiet"], stdout=said, stderr=said)
        where = ""
        while not (ended := os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            if kill is not None and not where:
                where = self._place(kill)
                if where:
                    process.kill()
            time.sleep(0.02)
        del ended
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.effort.rss = max(self.effort.rss, usage.ru_maxrss * 1024)
        if process.returncode != (KILLED if kill else 0):
            raise SystemExit(f"it ended with {process.returncode}; what it said is in {self._said}")
        return where

    def _place(self, kill: Callable[[history.RunDetail], str]) -> str:
        try:
            return kill(history.status(self.state, None))
        except LocalError:  # not begun yet
            return ""

    def _asked(self) -> dict[str, int]:
        """What the server was asked until now."""
        address = self._base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
        with urllib.request.urlopen(address, timeout=60) as answer:
            entries = [json.loads(line) for line in answer]
        return {
            "requests": len(entries),
            "exports": sum(each["kind"] == "initiate" for each in entries),
            "page_requests": sum(each["kind"] == "page" for each in entries),
        }


def after_records(number: int) -> Callable[[history.RunDetail], str]:
    """Die once so many records are on disk."""

    def judge(detail: history.RunDetail) -> str:
        there = sum(job.records for job in detail.jobs)
        return f"{there:,} records on disk" if there >= number else ""

    return judge


def after_jobs(number: int) -> Callable[[history.RunDetail], str]:
    """Die once so many exports are done."""

    def judge(detail: history.RunDetail) -> str:
        done = detail.run.done
        return f"{done} exports done" if done >= number else ""

    return judge


def while_publishing(output: Path) -> Callable[[history.RunDetail], str]:
    """Die while the publication is being built."""

    def judge(detail: history.RunDetail) -> str:
        del detail
        built = len(list(output.glob("*/.backfill=*/window=*")))
        return f"{built} windows written, not published" if built > WINDOWS // 3 else ""

    return judge


def compare(expected: Contents, quiet: Backfill, others: dict[str, Backfill]) -> list[str]:
    """Everything that is not as it should be."""
    found = [
        f"{name} has other bytes than the undisturbed route"
        for name, each in others.items()
        if each.shards() != quiet.shards()
    ]
    for name, each in {"route": quiet, **others}.items():
        there = published(each.output)
        if there.windows != expected.windows:
            wrong = {
                window
                for window in {*there.windows, *expected.windows}
                if there.windows[window] != expected.windows[window]
            }
            found.append(f"{name}: {len(wrong)} windows do not hold what the server has, such as {sorted(wrong)[:3]}")
        if there.outside != expected.outside:
            found.append(f"{name}: {there.outside} records counted as outside, but {expected.outside} are")
    return found


def table(rows: dict[str, Effort]) -> list[str]:
    """For people."""
    lines = [
        "| | exports | requests | of these pages | bytes of records | records read | time | memory |",
        "| --- " * 8 + "|",
    ]
    for name, each in rows.items():
        lines.append(
            f"| {name} | {each.exports:,} | {each.requests:,} | {each.page_requests:,} | {each.bytes / 1e6:,.1f} MB | "
            f"{each.read:,} | {each.seconds:.1f} s | {each.rss / 1e6:.0f} MB |"
        )
    return lines


def main() -> int:
    """Do it all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--dir", type=Path, default=None)
    given = parser.parse_args()
    words = ["--processing", "0", "--profiles", f"{given.people}", "--burst", f"{BURST}", "--timeless", f"{TIMELESS}"]
    rehearsal = Rehearsal(
        host="", port=0, seed=7, segments={}, profiles=given.people, latency=0, processing=0, faults=(), chaos=0,
        rate_limit=None, until_eof=True, burst=BURST, timeless=TIMELESS,
    )  # fmt: skip
    expected = truth(settings_of(rehearsal), SEGMENT, START, END, "%Y-%m-%d")
    since = expected.records + expected.outside
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        root = Path(folder)
        with simulator_process(words, errors=root / "simulator") as base_url:
            quiet = Backfill(root / "quiet", base_url)
            quiet.do(expected)
            route = Backfill(root / "route", base_url)
            route.do(expected, after_records(since // 3), while_publishing(route.output))
            fan_out = Backfill(root / "fan-out", base_url, "--strategy", "fan-out", "--yes")
            fan_out.do(expected, after_jobs(WINDOWS // 3), after_jobs(2 * WINDOWS // 3))
            killed = {"route, killed twice": route, "fan-out, killed twice": fan_out}
            wrong = compare(expected, quiet, killed)
    days = sum(window[:2] == "20" for window in expected.windows)
    print(
        f"{given.people:,} people; {since:,} have changed since FROM: {expected.records:,} in {days} of {WINDOWS} days "
        f"and __unknown__ ({len(expected.windows['__unknown__']):,}), {expected.outside:,} outside."
    )
    for name, each in killed.items():
        print(f"{name}: {'; '.join(each.effort.kills)}")
    print("\n".join(table({"route": quiet.effort, **{name: each.effort for name, each in killed.items()}})))
    print("\n".join(wrong) or "All three are the same bytes, and what the server has.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
