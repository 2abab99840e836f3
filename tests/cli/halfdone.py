"""An unfinished run, made by a server that fails once, and what the command, the server and the disk say of it.

Every segment of the server holds the same few people, written out in ``TRUTH``; the names say what befalls a job of
it, once: its third page fails (``Cut``), its first Initiate fails (``Late``), its second Initiate fails (``Pair``: of
two jobs the first is done then), its second page comes late (``Slow``), nothing (``Fine``). Each test has segments of
its own, told apart by a number.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor.cli.child import simulator_process
from extractor.store.compression import Compression, codec

TRUTH = [b'{"ProfileId":%d,"Name":"Person %d"}' % (number, number) for number in range(1, 26)]
LIMITS = "limits: {requests_per_second: 500, poll_first: 0.01, page_size: 10, retry_for: 0, exports: 1}\n"
_NUMBERS = 32  # tests that one server serves
_FATES = {
    "Cut": "page[{}]: ok ok 503",
    "Late": "initiate[{}]: 503",
    "Pair": "initiate[{}]: ok 503",
    "Slow": "page[{}]: ok slow:1s",
    "Fine": None,
}


@contextmanager
def failing_server(folder: Path) -> Iterator[str]:
    """Start such a server; give its address."""
    people = folder / "people.ndjson"
    people.write_bytes(b"".join(line + b"\n" for line in TRUTH))
    words = ["--processing", "0"]
    for name, fate in _FATES.items():
        for number in range(_NUMBERS):
            words += ["--segment", f"{name} {number}={people}"]
            words += [] if fate is None else ["--fault", fate.format(f"{name} {number}")]
    with simulator_process(words, errors=folder / "log") as base_url:
        yield base_url


@dataclass(frozen=True, kw_only=True)
class HalfDone:
    """One test's runs; ``number`` is that of its segments. Everything lies in the present folder."""

    invoke: Callable[..., Any]
    config: Callable[..., Path]
    base_url: str
    number: int

    def write(self, *names: str, compression: Compression = "zstd", output: str = "exports") -> Path:
        """Write the configuration: a job of each name, since some day where the name comes again."""
        jobs = "".join(
            f"  - {{segment: {self.name(name)}, name: {name} job {index}"
            f"{', since: 2026-06-01T00:00:00Z' if name in names[:index] else ''}}}\n"
            for index, name in enumerate(names)
        )
        path = self.config(jobs, base_url=self.base_url, extra=LIMITS)
        text = path.read_text("utf-8")
        path.write_text(text.replace("{path: exports}", f"{{path: {output}, compression: {compression}}}"), "utf-8")
        return path

    def run(self, *names: str, compression: Compression = "zstd") -> Any:
        """Begin a run of these."""
        return self.invoke("run", str(self.write(*names, compression=compression)), "--new", "--quiet")

    def resume(self, *words: str) -> Any:
        """Take the newest unfinished run up."""
        return self.invoke("resume", *words, "--state", "state", "--quiet")

    def asked(self, kind: str | None = None) -> list[str]:
        """Which segment each request of the kind was about."""
        address = self.base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - a loopback address of our own
            entries = [json.loads(line) for line in answer]
        return [str(each["dataset"]) for each in entries if kind in (None, each["kind"])]

    def name(self, fate: str) -> str:
        """The name of the segment."""
        return f"{fate} {self.number}"

    def staged(self, ordinal: int) -> list[Path]:
        """The parts of a job."""
        return sorted(Path("state/staging").glob(f"*/{ordinal:07d}/export-*/part-*"))

    def published(self) -> dict[str, list[bytes]]:
        """The lines of each run folder, by dataset; the newest run's where there are several."""
        found: dict[str, list[bytes]] = {}
        for folder in sorted(Path("exports").glob("segment=*/run=*")):
            found[folder.parent.name.removeprefix("segment=").partition("%20")[0]] = lines_of(folder)
        return found

    def published_of(self, fate: str) -> list[bytes]:
        """The lines of one dataset, whatever the others look like."""
        (run,) = Path("exports").glob(f"segment={fate}%20*/run=*")
        return lines_of(run)

    def is_intact(self) -> bool:
        """What ``verify`` says of everything that is published."""
        return bool(json.loads(self.invoke("verify", "exports", "--json").out)["intact"])


def lines_of(folder: Path) -> list[bytes]:
    """What stands in the shards of a run's folder."""
    compression = json.loads((folder / "manifest.json").read_bytes())["compression"]
    lines: list[bytes] = []
    for shard in sorted(folder.glob("part-*")):
        with codec(compression).reader(shard) as stream:
            lines += stream.read().splitlines()
    return lines


def picture(*folders: str) -> dict[str, bytes]:
    """Every file below, with its content; the lock's text and what SQLite keeps beside the journal left out."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not path.name.endswith(("lock", "-wal", "-shm"))
    }
