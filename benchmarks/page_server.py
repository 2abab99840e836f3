"""A page server that is not what is measured: the export API at the speed of the loopback, in a process of its own.

    python -m benchmarks.page_server [--records 100000] [--latency 0.05] [--processing 2:20] [--gzip]

Speaks Initiate, Status, Retrieve and Commit as the default dialect spells them, and checks nothing: no credentials, no
order of calls, no lifetime. A dataset whose name ends in ``-N`` has N records, any other ``--records``. For tools that
know no exports, ``GET /pages`` takes ``limit`` and a 1-based ``offset`` or ``page``, and ``records``. ``GET /arrivals``
tells when requests came, one JSON object a line, so that rates are judged from this side; ``POST /arrivals`` forgets
them. Prints ``listening at URL`` when it is ready, and ends when its standard input does.

Decided: a thread for each connection, which reads, waits and writes with the system's own calls. Writing a page of
1.6 MB with asyncio copies it, and each wait of one connection would be measured on all others. Considered: the
simulator, which enforces the contract and writes each record when asked: right for a rehearsal, and ten times slower.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.pages import Pages

READY = "listening at "
BASE = "/Profiles/v4"
KINDS = ("initiate", "status", "page", "commit", "other")
_READ = 1 << 16  # bytes; heads are far smaller
_LONGEST_ARRIVALS = 5_000_000  # then the list begins anew: it must not grow without bound
_GZIPPED = 1_000  # pages that are kept compressed
_INITIATE = re.compile(rf"{BASE}/Async/[^/]+/Export/(?:Segment|SegmentGroup)/([^/?]+)")
_EXPORT = re.compile(rf"{BASE}/Async/[^/]+/Export/([0-9]+)(/Status|/Commit)?")
_SIZE = re.compile(r"-([0-9]+)$")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Exports:
    """Every export that was asked for: how large it is, and when it is ready. Times are of the monotonic clock."""

    def __init__(self, *, records: int, processing: tuple[float, float], seed: int = 0) -> None:
        """``processing`` are the bounds, in seconds, between which each export's time is drawn from the seed."""
        self._records, self._processing, self._seed = records, processing, seed
        self._numbers = itertools.count(1)
        self._known: dict[int, tuple[int, float]] = {}

    def initiate(self, name: str, now: float) -> int:
        """Begin one and give its AccessToken, from 1 in order."""
        token = next(self._numbers)
        size = _SIZE.search(name)
        takes = random.Random(f"{self._seed}/{token}").uniform(*self._processing)  # noqa: S311 - repeatable on purpose
        self._known[token] = (int(size[1]) if size else self._records, now + takes)
        return token

    def size(self, token: int) -> int:
        """Give its records. Raises KeyError for a token that was never given."""
        return self._known[token][0]

    def is_ready(self, token: int, now: float) -> bool:
        """Tell whether its processing is over."""
        return now >= self._known[token][1]


class Arrivals:
    """When requests came and of which kind: the rate as the server sees it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times, self._kinds = array("d"), bytearray()

    def note(self, kind: str, now: float) -> None:
        """Remember one; ``now`` is of the monotonic clock, which all processes of a machine share."""
        with self._lock:
            if len(self._times) >= _LONGEST_ARRIVALS:
                self._clear()
            self._times.append(now)
            self._kinds.append(KINDS.index(kind))

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._clear()

    def lines(self) -> bytes:
        """Give them in order of their coming, one JSON object a line."""
        with self._lock:
            known = sorted(zip(self._times, self._kinds, strict=True))
        return "".join(f'{{"at":{at!r},"kind":"{KINDS[kind]}"}}\n' for at, kind in known).encode()

    def _clear(self) -> None:
        self._times, self._kinds = array("d"), bytearray()


class Reply(NamedTuple):
    """What a request gets: a body, or the page (offset, limit, total) that is still to be written; neither: a 404."""

    kind: str
    body: bytes | None = None
    page: tuple[int, int, int] | None = None


class PageServer:
    """Answers requests. ``answer`` is of values only; ``attend`` is the life of one connection."""

    def __init__(
        self, exports: Exports, pages: Pages, *, records: int, latency: float = 0.0, gzip: bool = False
    ) -> None:
        """``records`` is the size of ``/pages`` unless the query says otherwise; ``latency`` in seconds a page."""
        self._pages, self._exports, self._records = pages, exports, records
        self._latency, self._gzip = latency, gzip
        self.arrivals = Arrivals()
        self._compressed = functools.lru_cache(maxsize=_GZIPPED)(self._compress)

    def answer(self, method: str, target: str, now: float) -> Reply:
        """Say what a request gets."""
        path, _, query = target.partition("?")
        if found := _EXPORT.fullmatch(path):
            return self._of_export(int(found[1]), found[2], _numbers(query), now)
        if found := _INITIATE.fullmatch(path):
            return Reply("initiate", b'{"AccessToken":%d}' % self._exports.initiate(found[1], now))
        if path == "/pages":
            asked = _numbers(query)
            limit = asked.get("limit", 1000)
            offset = asked.get("offset", 1 + limit * (asked.get("page", 1) - 1))
            return Reply("page", page=(offset, limit, asked.get("records", self._records)))
        if path == "/arrivals":
            if method == "POST":
                self.arrivals.forget()
            return Reply("other", self.arrivals.lines())
        return Reply("other")

    def _of_export(self, token: int, act: str | None, asked: dict[str, int], now: float) -> Reply:
        try:
            size = self._exports.size(token)
        except KeyError:
            return Reply("other")
        if act == "/Commit":
            return Reply("commit", b"{}")
        if act == "/Status":
            ready = self._exports.is_ready(token, now)
            said = b'"Complete","RowCount":%d' % size if ready else b'"Processing","RowCount":null'
            return Reply("status", b'{"AccessToken":%d,"Status":%b}' % (token, said))
        return Reply("page", page=(asked.get("offset", 1), asked.get("limit", 1000), size))

    def attend(self, wire: socket.socket) -> None:
        """Answer one connection's requests, one after the other, until the other side closes it."""
        with closing(wire), suppress(ConnectionResetError, BrokenPipeError):  # a client may go away
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for head in _heads(wire):
                now = time.monotonic()
                method, target, _ = head.split(b" ", 2)
                kind, body, page = self.answer(method.decode(), target.decode(), now)
                if kind != "other":
                    self.arrivals.note(kind, now)
                packed = self._gzip and page is not None and b"gzip" in head
                if page is not None:
                    if self._latency:
                        time.sleep(self._latency)
                    body = self._compressed(*page) if packed else self._pages.page(*page)
                _send(wire, body, packed=packed)

    def _compress(self, offset: int, limit: int, total: int) -> bytes:
        packer = zlib.compressobj(level=1, wbits=31)
        return packer.compress(self._pages.page(offset, limit, total)) + packer.flush()


def _numbers(query: str) -> dict[str, int]:
    """Read the numbers of a query; everything else in it does not matter here."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {name: int(value) for name, _, value in pairs if value.isdecimal()}


def _heads(wire: socket.socket) -> Iterator[bytes]:
    """Read request heads; what a body says does not matter here."""
    there = b""
    while True:
        while (end := there.find(b"\r\n\r\n")) < 0:
            more = wire.recv(_READ)
            if not more:
                return
            there += more
        head, there = there[: end + 2], there[end + 4 :]
        length = _LENGTH.search(head)
        left = int(length[1]) if length else 0
        while len(there) < left:
            more = wire.recv(_READ)
            if not more:
                return
            there += more
        there = there[left:]
        yield head


def _send(wire: socket.socket, body: bytes | None, *, packed: bool) -> None:
    status = b"404 Not Found" if body is None else b"200 OK"
    body = b'{"Message":"There is nothing here."}' if body is None else body
    encoding = b"Content-Encoding: gzip\r\n" if packed else b""
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json; charset=utf-8\r\n%bContent-Length: %d\r\n\r\n"
    head %= (status, encoding, len(body))
    sent = wire.sendmsg((head, body))
    if sent < len(head) + len(body):
        wire.sendall(memoryview(body)[sent - len(head) :])


def _listen(server: PageServer, door: socket.socket) -> None:
    """Take connections until the door is shut."""
    while True:
        try:
            wire, _ = door.accept()
        except OSError:
            return
        threading.Thread(target=server.attend, args=(wire,), daemon=True).start()


@contextmanager
def serving(server: PageServer) -> Iterator[str]:
    """Serve on a free port of the loopback, in threads of this process; give the origin, without a final slash."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as door:
        listening = threading.Thread(target=_listen, args=(server, door), daemon=True)
        listening.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            with suppress(OSError):  # not every system shuts a door that nobody came through
                door.shutdown(socket.SHUT_RDWR)  # which ends its accept, as closing alone does not
            listening.join(timeout=1)


@contextmanager
def page_server(*options: str, core: int | None = None, errors: Path = Path(os.devnull)) -> Iterator[str]:
    """Start a server as a process, pinned to a core (0-based) if one is given; give its origin; end it."""
    command = [sys.executable, "-m", "benchmarks.page_server", *options]
    root = Path(__file__).parents[1]
    with errors.open("ab") as said:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, cwd=root)
        try:
            if core is not None and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(child.pid, {core})
            line = child.stdout.readline().decode() if child.stdout else ""
            if not line.startswith(READY):
                raise RuntimeError(f"the page server did not start; what it said is in {errors}")
            yield line.removeprefix(READY).strip()
        finally:
            child.kill()
            child.communicate()


def _bounds(said: str) -> tuple[float, float]:
    low, _, high = said.partition(":")
    return float(low), float(high or low)


def main(words: Sequence[str] | None = None) -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page_server", description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=100_000, help="of a dataset whose name does not say it")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each page")
    parser.add_argument("--processing", type=_bounds, default=(0.0, 0.0), help="seconds of an export, or LEAST:MOST")
    parser.add_argument("--non-ascii", type=float, default=0.1, help="share of the records that are not ASCII")
    parser.add_argument("--gzip", action="store_true", help="compress pages for those who accept it")
    given = parser.parse_args(words)
    exports = Exports(records=given.records, processing=given.processing)
    pages = Pages(non_ascii=given.non_ascii)
    server = PageServer(exports, pages, records=given.records, latency=given.latency, gzip=given.gzip)
    with serving(server) as origin:
        print(READY + origin, flush=True)
        sys.stdin.buffer.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
