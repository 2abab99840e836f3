"""The request rate as the server sees it: never above the limit, and the limit used.

    python -m benchmarks.rate [--seconds 4] [--rates 5,50,2000] [--json]

A server process on loopback notes when each request arrives; a client made by ``open_client`` polls it from many tasks,
far more eagerly than each rate allows. Prints for each rate the share of the limit that arrived, the fullest second and
the fullest tenth of a second over all windows that slide, and the client's CPU time for a whole request. Ends with 1
when a bound is broken: more than 1.1 of the limit in any second, or less than 0.98 of it on the whole.

Each rate has up to three tries, and the table says how many it took: where another program takes a core away, requests
that left evenly are noted in a heap, and what the client lost by it must not be caught up. ``stall`` is the longest
time for which the server, which has next to nothing to do, did not get to run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from multiprocessing.connection import Connection as Pipe
from typing import Any

import anyio

from extractor.clock import SystemClock
from extractor.config.connection import Connection
from extractor.plan.job import Dataset, JobSpec, Stream
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import PollStatus, StatusReported
from extractor.remote import open_client

RATES = (5.0, 20.0, 50.0, 200.0, 500.0, 1000.0, 2000.0)
MOST, LEAST = 1.1, 0.98  # of the limit: in the fullest second, on the whole
TASKS = 64
TRIES = 3
_FEW = 10.0  # requests a second
_NAP = 0.005  # seconds
_TOKEN = 77
_NOTE = (
    "Seen from the server. `stall` is the longest time for which it did not get to run: where another program takes a "
    "core away, requests that left evenly arrive in a heap, and a rate is tried again."
)
_ARRIVALS = b"GET /arrivals "


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One rate. ``worst_second`` and ``worst_tenth`` are requests in the fullest window; ``share`` is of ``limit``.

    ``cpu_ms`` are the client's CPU milliseconds for each request, all that it does included; ``stall_ms`` the longest
    time that the server stood still; ``tries`` counts from 1.
    """

    limit: float
    requests: int
    share: float
    worst_second: int
    worst_tenth: int
    cpu_ms: float
    stall_ms: float
    tries: int = 1

    @property
    def sound(self) -> bool:
        """Whether both bounds were kept."""
        return self.worst_second <= MOST * self.limit and self.share >= LEAST


class _Noting(asyncio.Protocol):
    """Answers every request with a Status that is still processing, and notes the instant at which it came."""

    def __init__(self, arrivals: list[float], stalls: list[float], loop: asyncio.AbstractEventLoop) -> None:
        self._arrivals = arrivals
        self._stalls = stalls
        self._loop = loop
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        """A request is small and comes in one piece over loopback."""
        if self._transport is None:
            return
        if data.startswith(_ARRIVALS):
            body = json.dumps({"arrivals": self._arrivals, "stall": max(self._stalls, default=0.0)}).encode()
            self._arrivals.clear()
            self._stalls.clear()
        else:
            self._arrivals.append(self._loop.time())
            body = b'{"AccessToken":%d,"Status":"Processing"}' % _TOKEN
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nDate: {formatdate(usegmt=True)}\r\n"
        self._transport.write(b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body)


def _serve(pipe: Pipe, core: int | None) -> None:
    """Be the server process: say the port, then answer until the parent ends us."""

    async def serve() -> None:
        loop, arrivals, stalls = asyncio.get_running_loop(), list[float](), list[float]()
        server = await loop.create_server(lambda: _Noting(arrivals, stalls, loop), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            asleep = loop.time()
            await asyncio.sleep(_NAP)
            stalls.append(loop.time() - asleep - _NAP)

    _pin(core)
    asyncio.run(serve())


def _pin(core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})


def _cores() -> tuple[int | None, int | None]:
    """Give the client's core and the server's, where the system lets us choose and there are two."""
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (free[0], free[-1]) if len(free) > 1 else (None, None)


def fullest(instants: Sequence[float], length: float) -> int:
    """Count the instants in the fullest window of ``length`` seconds, its end excluded; ``instants`` are in order."""
    most = start = 0
    for end, instant in enumerate(instants):
        while instants[start] <= instant - length:
            start += 1
        most = max(most, end - start + 1)
    return most


def measured(limit: float, instants: Sequence[float], *, cpu: float, stall: float = 0.0) -> Measured:
    """Sum up what the server noted; ``cpu`` are the client's seconds of CPU, ``stall`` those of the server's rest."""
    span = instants[-1] - instants[0] if instants else 0.0
    return Measured(
        limit=limit,
        requests=len(instants),
        share=(len(instants) - 1) / span / limit if span else 0.0,
        worst_second=fullest(instants, 1.0),
        worst_tenth=fullest(instants, 0.1),
        cpu_ms=cpu / max(1, len(instants)) * 1e3,
        stall_ms=stall * 1e3,
    )


async def _poll(base_url: str, limit: float, seconds: float) -> None:
    """Ask eagerly from many tasks for ``seconds``."""
    auth = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "bench"}
    connection = Connection.model_validate({"base_url": base_url, "client_id": "ACME", "auth": auth})
    name = "Polled"
    job = JobSpec(
        ordinal=0,
        job_id="0" * 16,
        name=name,
        dataset=Dataset(kind="segment", name=name),
        stream=Stream(id="0" * 16, name=name),
        since=None,
        last_date_time=None,
        match=None,
    )
    async with open_client(
        connection, Dialect(), requests_per_second=limit, connections=TASKS, clock=SystemClock()
    ) as client:

        async def ask() -> None:
            while True:
                event = await client.perform(PollStatus(token=_TOKEN), job)
                if not isinstance(event, StatusReported):
                    raise SystemExit(f"the server was not understood: {event}")

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for _ in range(TASKS):
                    group.start_soon(ask)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(port: int, limit: float, seconds: float) -> Measured:
    """Measure one rate against the server at ``port``, until it is kept or the tries are used up.

    Below ten a second it takes six seconds, so that a window slides over some thirty requests.
    """
    address = f"http://127.0.0.1:{port}"
    for tried in range(1, TRIES + 1):
        before = _cpu()
        asyncio.run(_poll(f"{address}/Profiles/v4", limit, max(seconds, 6.0 if limit < _FEW else 0.0)))
        cpu = _cpu() - before
        with urllib.request.urlopen(f"{address}/arrivals", timeout=10) as answer:
            noted = json.load(answer)
        row = replace(measured(limit, noted["arrivals"], cpu=cpu, stall=noted["stall"]), tries=tried)
        if row.sound:
            break
    return row


def _table(rows: Sequence[Measured]) -> str:
    lines = ["  limit/s   of limit   worst second   worst 0.1 s   CPU ms/request   stall ms   tries"]
    lines += [
        f"{row.limit:9g}{row.share:11.3f}{row.worst_second:9d} ({row.worst_second / row.limit:.2f})"
        f"{row.worst_tenth:7d} ({row.worst_tenth / row.limit * 10:.2f})"
        f"{row.cpu_ms:13.3f}{row.stall_ms:13.1f}{row.tries:7d}"
        + ("" if row.sound else f"   <- not within {LEAST} .. {MOST}")
        for row in rows
    ]
    return "\n".join(lines)


def section(rows: Sequence[Measured]) -> dict[str, Any]:
    """Give the rows, at least one, as a section of the document of ``python -m benchmarks``."""
    above = max(row.worst_second / row.limit for row in rows)
    below = min(row.share for row in rows)
    span = f"{min(row.limit for row in rows):g} to {max(row.limit for row in rows):g} requests a second"
    return {
        "title": "Request rate",
        "columns": [
            "limit/s",
            "of the limit",
            "fullest second",
            "fullest 0.1 s",
            "CPU ms a request",
            "stall ms",
            "tries",
        ],
        "rows": [
            [
                f"{row.limit:g}",
                f"{row.share:.3f}",
                f"{row.worst_second} ({row.worst_second / row.limit:.2f})",
                f"{row.worst_tenth} ({row.worst_tenth / row.limit * 10:.2f})",
                f"{row.cpu_ms:.2f}",
                f"{row.stall_ms:.0f}",
                row.tries,
            ]
            for row in rows
        ],
        "goals": [
            {
                "what": f"the fullest second, of the limit, at {span}",
                "goal": f"at most {MOST:g}",
                "measured": f"{above:.2f}",
                "ok": above <= MOST,
            },
            {
                "what": f"the rate on the whole, of the limit, at {span}",
                "goal": f"at least {LEAST:g}",
                "measured": f"{below:.3f}",
                "ok": below >= LEAST,
            },
        ],
        "notes": [_NOTE],
    }


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether all bounds were kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rate", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds for each rate")
    parser.add_argument("--rates", default=",".join(f"{rate:g}" for rate in RATES), help="requests per second")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args(words)
    ours, theirs = _cores()
    near, far = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(far, theirs), daemon=True)
    server.start()
    _pin(ours)
    try:
        port = near.recv()
        rows = [measure(port, float(rate), asked.seconds) for rate in asked.rates.split(",")]
    finally:
        server.terminate()
        server.join()
    print(json.dumps(section(rows)) if asked.json else _table(rows))
    return 0 if all(row.sound for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
