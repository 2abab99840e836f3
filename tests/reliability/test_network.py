"""A network that breaks, over real HTTP on this machine: whole runs, each ending in exactly the truth.

One segment for each way of breaking, all in one run, so that the waits between tries pass together. The transport is
the real one, with short patience; which fault struck is looked up at the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from extractor.observe.news import JobEnded, News
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Verdict
from extractor.run import extract
from extractor.simulator import Running, Segment, SimulatorSettings, serve
from tests.rehearsal import Rehearsal, config_of

pytestmark = pytest.mark.asyncio

PEOPLE = 25  # in pages of ten
PATIENCE = {"connect": 5.0, "first_byte": 0.5, "between_bytes": 0.5}
BROKEN = {
    "nothing was done, reset": "reset",
    "done, then reset": "lost",
    "inside the status line": "head@9",
    "inside the headers": "head@60",
    "before the empty line": "head@-2",
    "before the body": "drop@0",
    "in mid-JSON": "drop@5",
    "before the last byte": "drop@-1",
    "silence": "silent",
    "silence in the headers' wake": "stall@0",
    "silence in mid-answer": "stall@-3",
}
ODD = {"one byte at a time": "trickle@-1", "closed while idle": "hangup"}
# Where compressed answers end: ten bytes of gzip header first, a trailer of eight (checksum, size) last.
COMPRESSED = {
    "inside the gzip header": "drop@6",
    "inside the gzip data": "drop@-20",
    "before the gzip trailer": "drop@-8",
    "inside the gzip trailer": "drop@-3",
    "silence in the gzip trailer": "stall@-4",
}


def scripts(call: str, words: dict[str, str], before: str) -> dict[str, str]:
    """A script for one call of each segment, which is named after what breaks."""
    return {f"{call}[{name}]": f"{before} {word}" for name, word in words.items()}


def weather(words: dict[str, str], faults: dict[str, str], **settings: Any) -> SimulatorSettings:
    """One segment for each word; no two hold the same people."""
    segments = tuple(Segment(name=name, count=PEOPLE, first=100 * n) for n, name in enumerate(words))
    return SimulatorSettings(segments=segments, faults=faults, commit_body="json", **settings)


async def run(folder: Path, running: Running, names: list[str], base_url: str | None = None) -> Rehearsal:
    """Extract these segments over HTTP."""
    config = config_of(
        folder,
        [{"segment": name} for name in names],
        connection={"base_url": base_url or running.base_url, "timeouts": PATIENCE},
        limits={"page_size": 10, "exports": 16, "pages": 16},
    )
    news: list[News] = []
    closed = await extract(config, make_plan(config), listener=news.append, interrupts=False)
    return Rehearsal(folder=folder, config=config, service=running.service, closed=closed, news=news)


def assert_true(run: Rehearsal, names: list[str]) -> None:
    """Every job is done, and each segment is published as the server has it."""
    ended = {each.label: each.outcome.verdict for each in run.news if isinstance(each, JobEnded)}
    assert (0, dict.fromkeys(names, Verdict.DONE)) == (run.closed.exit_code, ended)
    untrue = [name for name in names if list(run.service.truth(name)) != run.lines(f"segment={quote(name, safe='')}")]
    assert [] == untrue


def assert_all_fired(run: Rehearsal, call: str, words: dict[str, str]) -> None:
    """Each word struck, once."""
    assert dict.fromkeys(words.values(), 1) == {
        word: times for (kind, word), times in run.service.playbook.fired.items() if kind == call
    }


@pytest.mark.parametrize(
    ("call", "before"),
    [("initiate", ""), ("status", ""), ("page", ""), ("page", "ok"), ("page", "ok ok"), ("commit", "")],
    ids=["initiate", "status", "first page", "middle page", "last page", "commit"],
)
async def test_a_connection_that_breaks_anywhere_costs_time_only(memory: Path, call: str, before: str) -> None:
    """At each call, at each place of the answer; only an Initiate can leave something behind, and it is counted."""
    words = BROKEN | ODD
    async with serve(weather(words, scripts(call, words, before))) as running:
        ended = await run(memory, running, list(words))
    assert_true(ended, list(words))
    assert_all_fired(ended, call, words)
    asked_again = len([each for each in ended.history if each.kind == "initiate"]) - len(words)
    assert asked_again == ended.closed.possible_orphans
    assert asked_again >= (len(BROKEN) if call == "initiate" else 0)


@pytest.mark.parametrize("before", ["", "ok", "ok ok"], ids=["first page", "middle page", "last page"])
async def test_a_compressed_answer_is_taken_whole_or_not_at_all(memory: Path, before: str) -> None:
    """Cut in header, data or trailer: what could be unpacked of it is never data."""
    words = BROKEN | ODD | COMPRESSED
    async with serve(weather(words, scripts("page", words, before), compression=True)) as running:
        ended = await run(memory, running, list(words))
    assert_true(ended, list(words))
    assert_all_fired(ended, "page", words)


async def test_a_page_cut_between_two_records_is_not_taken_for_a_smaller_one(memory: Path) -> None:
    """After a record's brace and after the comma behind it, with a length that agrees and with one that tells."""
    words = {"brace, cut": "drop@{0}", "comma, cut": "drop@{1}", "brace": "truncate@{0}", "comma": "truncate@{1}"}
    names = list(words)
    async with serve(weather(words, {})) as running:
        service = running.service
        head = b'{"Count":10,"HasMore":true,"Limit":10,"Offset":1,"TotalResults":25,"UserProfilePreferences":['
        for name in names:
            brace = len(head + b",".join(list(service.truth(name))[:2]))
            service.playbook.add(scripts("page", {name: words[name].format(brace, brace + 1)}, ""))
        ended = await run(memory, running, names)
    assert_true(ended, names)
    assert 4 == sum(service.playbook.fired.values())
    struck = [each for each in ended.history if each.fault is not None]
    assert {(1, 10)} == {(each.offset, each.count) for each in struck}


@dataclass
class Relay:
    """Stands before a server and ends each kept connection just as it is used for the second time."""

    target: int
    ended: int = 0
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Listen; gives the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            server.close()
            await asyncio.gather(*self.connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self.connections.add(task)
        upstream, onward = await asyncio.open_connection("127.0.0.1", self.target)
        onward.write(await _message(reader))
        writer.write(await _message(upstream))
        onward.close()
        with contextlib.suppress(asyncio.IncompleteReadError):
            await _message(reader)
            self.ended += 1
        writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer, by its Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(sizes[0].partition(b":")[2]) if sizes else 0)


async def test_a_kept_connection_that_ends_as_it_is_used_again_loses_nothing(memory: Path) -> None:
    """Nobody can know whether the request was taken in: pages are asked for again, and so is the Commit."""
    async with serve(weather({"A": ""}, {})) as running:
        relay = Relay(target=running.port)
        async with relay.open() as port:
            base_url = f"http://127.0.0.1:{port}{urlsplit(running.base_url).path}"
            ended = await run(memory, running, ["A"], base_url)
    assert_true(ended, ["A"])
    assert relay.ended >= 2
    assert [1, 11, 21] == [each.offset for each in ended.history if each.kind == "page"]
    assert 1 == len([each for each in ended.history if each.kind == "commit"])
