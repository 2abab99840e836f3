"""What safety costs: a run with and without fsync, and how soon a large run that was killed is going again.

    python benchmarks/safety.py [--rounds 5] [--dir FOLDER] [--no-write]

The same run over the same data, the real command against the real simulator, rounds interleaved; "without" has fsync
and fdatasync replaced by nothing in that process alone, SQLite's included (a shim of two lines, built here by ``cc``).
FOLDER must be on the disk in question: in memory, nothing is learned. Prints the medians and writes them to
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from extractor.cli.child import simulator_process

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"
PEOPLE = 300_000
HALF = 1_000_000_000  # bytes in staging, at which the large run is killed
SHIM = "int fsync(int f) { return 0; }\nint fdatasync(int f) { return 0; }\n"
PATIENCE = 600.0  # seconds


def configuration(folder: Path, base_url: str, *, compression: str) -> Path:
    """Write a configuration whose rate does not bind."""
    folder.mkdir(parents=True)
    path = folder / "c.yaml"
    path.write_text(
        f"connection: {{base_url: '{base_url}', client_id: DEMO, "
        "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
        "limits: {requests_per_second: 5000, poll_first: 10ms, exports: 4}\n"
        "jobs:\n  - segment: All Profiles\n  - {segment: All Profiles, name: again, since: 1970-01-01T00:00:00Z}\n"
        f"output: {{path: '{folder / 'out'}', compression: {compression}}}\nstate: '{folder / 'state'}'\n",
        encoding="utf-8",
    )
    return path


def command(*words: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "extractor", *words, "--quiet"]


def seconds_of_a_run(config: Path, environ: dict[str, str]) -> float:
    """Run it to its good end and remove what it made."""
    began = time.monotonic()
    subprocess.run(command("run", str(config)), env=environ, check=True, capture_output=True, timeout=PATIENCE)
    took = time.monotonic() - began
    shutil.rmtree(config.parent)
    return took


@contextmanager
def shimmed() -> Iterator[dict[str, str]]:
    """Give an environment in which fsync does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "shim.c"), Path(folder, "shim.so")
        source.write_text(SHIM, encoding="ascii")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        yield {**os.environ, "LD_PRELOAD": str(library)}


def cost(base_url: str, root: Path, rounds: int) -> list[str]:
    """Compare the two, and give lines for the document."""
    times: dict[str, list[float]] = {"with": [], "without": []}
    with shimmed() as without:
        environs = {"with": dict(os.environ), "without": without}
        for number in range(rounds + 1):
            for name in ("with", "without") if number % 2 else ("without", "with"):
                config = configuration(root / f"{name}-{number}", base_url, compression="zstd")
                took = seconds_of_a_run(config, environs[name])
                if number:  # the first round warms the simulator up
                    times[name].append(took)
                    print(f"{name} fsync: {took:.2f} s", flush=True)
    ratios = sorted(a / b for a, b in zip(times["without"], times["with"], strict=True))
    records = 2 * PEOPLE
    lines = [
        f"| {name} fsync | {statistics.median(each):.2f} s ({min(each):.2f}-{max(each):.2f}) "
        f"| {records / statistics.median(each) / 1000:.0f} k records/s |"
        for name, each in times.items()
    ]
    ratio = statistics.median(ratios)
    lines.append(
        f"| throughput with fsync, of that without | **{ratio:.2f}** ({ratios[0]:.2f}-{ratios[-1]:.2f}) "
        f"| {rounds} interleaved pairs of {records:,} records |"
    )
    return lines


def size_of(folder: Path) -> int:
    """The bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pages(base_url: str) -> list[float]:
    """When the simulator was asked for pages, in Unix seconds."""
    address = base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
    with urllib.request.urlopen(address, timeout=60) as answer:
        return [entry["at"] for line in answer if (entry := json.loads(line))["kind"] == "page"]


def resumption(base_url: str, root: Path) -> list[str]:
    """Kill a run that holds a gigabyte, resume it, and see when the next page is asked for."""
    config = configuration(root / "large", base_url, compression="none")
    staging = config.parent / "state" / "staging"
    run = subprocess.Popen(command("run", str(config)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while size_of(staging) < HALF:
        if run.poll() is not None:
            raise SystemExit("the large run ended before it held a gigabyte")
        time.sleep(0.1)
    run.kill()
    run.wait()
    held = size_of(staging)
    before = len(pages(base_url))
    began = time.time()
    taken_up = subprocess.Popen(
        command("resume", "--state", str(config.parent / "state")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while len(asked := pages(base_url)) == before:
            time.sleep(0.05)
        first = asked[before] - began
        code = taken_up.wait(timeout=PATIENCE)
    finally:
        if taken_up.poll() is None:
            taken_up.send_signal(signal.SIGKILL)
    if code:
        raise SystemExit(f"the resumed run ended with {code}")
    return [f"| from `extractor resume` to its first page | **{first:.2f} s** | {held / 1e9:.2f} GB in staging |"]


def main() -> None:
    """Measure both and write them down."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--dir", type=Path, default=Path.cwd())
    words.add_argument("--no-write", action="store_true")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="safety-") as folder:
        root = Path(folder)
        options = ["--processing", "0", "--profiles", str(PEOPLE)]
        with simulator_process(options, errors=root / "simulator") as base_url:
            rows = [*cost(base_url, root, given.rounds), *resumption(base_url, root)]
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    table = "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}, {machine}: `make bench-safety`.",
            "",
            "| what | seconds | of what |",
            "| --- | --- | --- |",
            *rows,
        ]
    )
    print(table)
    if not given.no_write:
        page = DOCUMENT.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
