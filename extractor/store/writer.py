"""The one writer of a run: parts and journal, in groups, bytes before facts.

Any number of jobs hand in pages and events; one task takes whatever has come in, writes it, syncs each part once, then
journals all of it in one transaction, and only then lets the jobs go on. A disk that is slow therefore makes the groups
larger and the network wait, and safety costs one sync a group and not one a page. Decides the order of durable
operations (design, section 6, rules 1-3 and 7); not what is stored. Called by ``run``.

Decided: one thread for all of it, because SQLite and the order of facts want one writer; considered one writer a job,
which multiplies the syncs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from extractor.clock import Clock
from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import Event, ExportSealed, KeptText, Outcome, PageFetched, PageStored
from extractor.store.compression import Codec
from extractor.store.journal import Fact, JobEnd, Journal
from extractor.store.parts import ExportParts
from extractor.store.records import encode_page

Result = TypeVar("Result")

_GROUP = 64  # works a transaction: enough to share a sync, few enough to answer soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A page, encoded and compressed: ``data`` is one self-contained frame of ``lines`` lines."""

    data: bytes = field(repr=False)
    lines: int
    uncompressed_bytes: int
    kept: tuple[KeptText, ...]


def make_frame(page: PageFetched, *, records_member: str, codec: Codec) -> Frame:
    """Encode a page into a frame: a pure function of bytes, fit for any thread or process.

    Raises IntegrityError when a record cannot be a line or the page's Count is not the number of its records.
    """
    encoded = encode_page(page.body, records_member=records_member, count=page.count, first=page.offset)
    return Frame(
        data=codec.frame(encoded.lines),
        lines=encoded.records,
        uncompressed_bytes=len(encoded.lines),
        kept=encoded.kept,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """Something to be made durable; ``event`` is the fact that it becomes."""

    ordinal: int
    event: Event | None = None
    page: PageFetched | None = None
    frame: Frame | None = None
    export: int = 0
    seal: bool = False
    drop: bool = False
    end: Outcome | None = None
    done: anyio.Event = field(default_factory=anyio.Event)


class Writer:
    """Makes durable what jobs hand in. ``run`` must be running (as a task) for anything to return.

    Every method returns when its effect is durable. After a failed operation every one of them raises the same error
    (LocalError; IntegrityError if the journal is damaged): a run that cannot write has nothing left to do.
    """

    def __init__(
        self, journal: Journal, *, run_id: str, staging: Path, codec: Codec, shard_bytes: int, clock: Clock
    ) -> None:
        self._journal = journal
        self._run_id = run_id
        self._staging = staging
        self._codec = codec
        self._shard_bytes = shard_bytes
        self._clock = clock
        self._parts: dict[int, ExportParts] = {}
        self._broken: LocalError | IntegrityError | None = None
        self._send, self._receive = anyio.create_memory_object_stream[_Work](_GROUP)
        self._thread = anyio.CapacityLimiter(1)

    async def record(self, ordinal: int, event: Event) -> None:
        """Journal a durable event of a job."""
        await self._submit(_Work(ordinal=ordinal, event=event))

    async def store(self, ordinal: int, export: int, page: PageFetched, frame: Frame) -> PageStored:
        """Append a page to the parts of an export. The caller hands in the pages of an export in offset order."""
        work = _Work(ordinal=ordinal, export=export, page=page, frame=frame)
        await self._submit(work)
        if not isinstance(work.event, PageStored):
            raise TypeError("a stored page became another event")
        return work.event

    async def seal(self, ordinal: int, export: int) -> ExportSealed:
        """Close the parts of an export."""
        work = _Work(ordinal=ordinal, export=export, seal=True)
        await self._submit(work)
        if not isinstance(work.event, ExportSealed):
            raise TypeError("a seal became another event")
        return work.event

    async def drop(self, ordinal: int, export: int) -> None:
        """Remove what is staged of an export. The fact that made it worthless is already journaled."""
        await self._submit(_Work(ordinal=ordinal, export=export, drop=True))

    async def reopen(self, ordinal: int, export: int, marks: Sequence[PageStored]) -> None:
        """Take up the parts of an export that an earlier process began: cut them back to the last journaled page.

        Raises IntegrityError when they are not there, or shorter than the journal says.
        """
        parts = self._new_parts(ordinal, export)
        await self.on_thread(lambda: parts.reopen(marks))
        self._parts[ordinal] = parts

    async def end(self, ordinal: int, outcome: Outcome) -> None:
        """Journal how a job ended."""
        await self._submit(_Work(ordinal=ordinal, end=outcome))

    async def on_thread(self, act: Callable[[], Result]) -> Result:
        """Run ``act`` where the journal is used: between two groups, never beside one."""
        return await anyio.to_thread.run_sync(act, limiter=self._thread)

    async def run(self) -> None:
        """Serve until cancelled. A failed disk operation does not end it: it fails all that is handed in."""
        async with self._send, self._receive:
            async for first in self._receive:
                await self._serve(self._group(first))

    def _group(self, first: _Work) -> list[_Work]:
        group = [first]
        while len(group) < _GROUP:
            try:
                group.append(self._receive.receive_nowait())
            except anyio.WouldBlock:
                break
        return group

    async def _serve(self, group: list[_Work]) -> None:
        if self._broken is None:
            try:
                await anyio.to_thread.run_sync(self._write, group, limiter=self._thread)
            except (LocalError, IntegrityError) as error:
                self._broken = error
        for work in group:
            work.done.set()

    async def _submit(self, work: _Work) -> None:
        await self._send.send(work)
        await work.done.wait()
        if self._broken is not None:
            raise type(self._broken)(str(self._broken))

    def _write(self, group: list[_Work]) -> None:
        """Bytes, sync, seals, facts, and last what the facts have made worthless."""
        dirty: dict[int, ExportParts] = {}
        for work in group:
            if work.page is not None and work.frame is not None:
                parts = self._parts_of(work.ordinal, work.export)
                work.event = _append(parts, work.page, work.frame)
                dirty[work.ordinal] = parts
        for parts in dirty.values():
            parts.sync()
        for work in group:
            if work.seal:
                parts = self._parts_of(work.ordinal, work.export)
                work.event = ExportSealed(parts=parts.seal())
                del self._parts[work.ordinal]
        now = self._clock.now()
        facts = [Fact(ordinal=work.ordinal, at=now, event=work.event) for work in group if work.event is not None]
        ends = [JobEnd(ordinal=work.ordinal, outcome=work.end) for work in group if work.end is not None]
        if facts or ends:
            self._journal.record(self._run_id, facts, ends)
        for work in group:
            if work.drop:
                self._parts_of(work.ordinal, work.export).drop()
                del self._parts[work.ordinal]

    def _parts_of(self, ordinal: int, export: int) -> ExportParts:
        parts = self._parts.get(ordinal)
        if parts is None:
            parts = self._parts[ordinal] = self._new_parts(ordinal, export)
        return parts

    def _new_parts(self, ordinal: int, export: int) -> ExportParts:
        folder = self._staging / f"{ordinal:07d}" / f"export-{export}"
        return ExportParts(folder, codec=self._codec, shard_bytes=self._shard_bytes, root=self._staging)


def _append(parts: ExportParts, page: PageFetched, frame: Frame) -> PageStored:
    mark = parts.append(frame.data, records=frame.lines, uncompressed_bytes=frame.uncompressed_bytes)
    return PageStored(
        offset=page.offset,
        count=page.count,
        total=page.total,
        has_more=page.has_more,
        lines=frame.lines,
        part=mark.part,
        part_bytes=mark.part_bytes,
        part_records=mark.part_records,
        part_uncompressed_bytes=mark.part_uncompressed_bytes,
        kept=frame.kept,
    )
