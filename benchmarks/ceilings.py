"""The bare loops: how fast a page can become lines when nothing else is done. What the extractor is compared with.

    python -m benchmarks.ceilings LOOP ORIGIN RECORDS FILE

Each loop fetches pages of 1,000 by aiohttp, a few in flight, and does one thing with each; ``sockets`` has no aiohttp
and shows what the page server can do. All have the same tuned allocator (``default`` has not): large bodies are then
not mapped and faulted in anew, page by page. No loop counts or remembers anything, and but for one none checks,
hashes or syncs, so none would be fit for work: they say what the same libraries allow. Does not measure itself:
``rounds`` does, one process for each run.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import platform
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import BinaryIO

import aiohttp
import msgspec
import orjson
import zstandard

from benchmarks.counting import distinct_records
from benchmarks.measure import PAGE, Subject, Task

IN_FLIGHT = 4  # requests; more are not faster on one core, and one alone would wait for the server
LEVEL = 1  # of zstd, as the extractor's own
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of mallopt(3)
_LARGE = 1 << 25  # bytes; the most that mallopt takes as a threshold of mmap

Work = Callable[[bytes], bytes]


class Envelope(msgspec.Struct):
    """A page of which only the records are of interest, each as the bytes that it is written in."""

    records: list[msgspec.Raw] = msgspec.field(name="UserProfilePreferences")


_DECODER = msgspec.json.Decoder(Envelope)


def nothing(body: bytes) -> bytes:
    """Let the page go."""
    del body
    return b""


def as_it_is(body: bytes) -> bytes:
    """Keep the page."""
    return body


def slices(body: bytes) -> bytes:
    """Cut it into records and put each on a line."""
    return b"\n".join([*_DECODER.decode(body).records, b""])


class Checked:
    """Cut it as ``slices`` does, check that it is UTF-8 without line ends, hash it; synced once, at the end.

    No export can do with less.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def __call__(self, body: bytes) -> bytes:
        """Give the lines of a page. Raises ValueError."""
        records = [bytes(raw) for raw in _DECODER.decode(body).records]
        for record in records:
            if not record.isascii():
                str(record, "utf-8")
        if b"\n" in body or b"\r" in body:
            raise ValueError("a record of several lines")
        lines = b"\n".join([*records, b""])
        self._digest.update(lines)
        return lines


def canonical(body: bytes) -> bytes:
    """Cut it, and write each record anew."""
    return b"\n".join([*[orjson.dumps(orjson.loads(memoryview(raw))) for raw in _DECODER.decode(body).records], b""])


def whole_page(body: bytes) -> bytes:
    """Read the page as one object, as one would write it at first."""
    return b"\n".join([*map(orjson.dumps, orjson.loads(body)["UserProfilePreferences"]), b""])


def compressed(work: Work) -> Work:
    """Do ``work``, and compress what it gives: a frame for each page."""
    packer = zstandard.ZstdCompressor(level=LEVEL)
    return lambda body: packer.compress(work(body))


# What each is called, whether it writes zstd, and what it does.
LOOPS: dict[str, tuple[str, bool, Work]] = {
    "sockets": ("download by bare sockets, discarded", False, nothing),
    "default": ("download, discarded; default allocator", False, nothing),
    "discard": ("download, discarded", False, nothing),
    "raw": ("download to disk", False, as_it_is),
    "slices": ("raw slices to disk", False, slices),
    "slices-checked": ("raw slices, UTF-8 checked, SHA-256, fsync, to disk", False, Checked()),
    "slices-zstd": ("raw slices, zstd, to disk", True, compressed(slices)),
    "orjson": ("slices, orjson each, to disk", False, canonical),
    "orjson-zstd": ("slices, orjson each, zstd, to disk", True, compressed(canonical)),
    "orjson-page": ("orjson of the whole page, to disk", False, whole_page),
}


QUICK = ("discard", "slices", "slices-checked", "slices-zstd", "orjson-zstd")  # what the goals are held against


def tune_allocator() -> None:
    """Have the C library keep large blocks for the next page; only glibc knows how."""
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _LARGE)


def drain(origin: str, records: int) -> None:
    """Take every page from two connections and look at nothing: how fast the server is."""
    host, _, port = origin.removeprefix("http://").partition(":")
    last = -(-records // PAGE)

    def take(numbers: range) -> None:
        with socket.create_connection((host, int(port))) as wire:
            room = memoryview(bytearray(1 << 20))
            for number in numbers:
                wire.sendall(b"GET /pages?limit=%d&page=%d&records=%d HTTP/1.1\r\n\r\n" % (PAGE, number, records))
                head, _, body = wire.recv(1 << 16).partition(b"\r\n\r\n")
                left = int(head.rpartition(b" ")[2]) - len(body)
                while left:
                    left -= wire.recv_into(room[:left])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take, (range(1, last + 1, 2), range(2, last + 1, 2))))


async def loop(work: Work, origin: str, records: int, out: BinaryIO) -> None:
    """Fetch every page once, do ``work`` on it, and write what that gives; pages come in any order."""
    numbers = count(1)
    last = -(-records // PAGE)

    async def fetch(session: aiohttp.ClientSession) -> None:
        while (number := next(numbers)) <= last:
            async with session.get(f"{origin}/pages?limit={PAGE}&page={number}&records={records}") as answer:
                out.write(work(await answer.read()))

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(fetch(session))


def subject(key: str) -> Subject:
    """Give a loop as something that can be measured."""
    name, packed, work = LOOPS[key]
    written = "lines.ndjson.zst" if packed else "lines.ndjson"

    def command(task: Task) -> list[str | Path]:
        return [sys.executable, "-m", "benchmarks.ceilings", key, task.origin, str(task.records), task.folder / written]

    def counted(task: Task) -> int:
        return task.records if work is nothing else distinct_records(iter([task.folder / written]))

    scale = 4 if work is nothing else 2 if key.startswith(("raw", "slices")) else 1
    environ = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return Subject(name=name, command=command, count=counted, environ=environ, scale=scale)


def main() -> int:
    """Do one loop."""
    key, origin, records, path = sys.argv[1:]
    if key != "default":
        tune_allocator()
    if key == "sockets":
        drain(origin, int(records))
        return 0
    with Path(path).open("wb", buffering=0) as out:
        work = LOOPS[key][2]
        asyncio.run(loop(work, origin, int(records), out))
        if isinstance(work, Checked):
            os.fsync(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
