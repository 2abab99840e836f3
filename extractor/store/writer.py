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
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from extractor.clock import Clock
from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import Event, ExportSealed, Outcome, PageFetched, PageStored, Verdict
from extractor.store.compression import Codec
from extractor.store.entries import Fact, JobEnd
from extractor.store.failpoints import Failpoint, reached
from extractor.store.frames import Frame
from extractor.store.journal import Journal
from extractor.store.parts import ExportParts
from extractor.store.witness import Witness

Result = TypeVar("Result")

_REWRITTEN = "the disk failed to make a file durable; it was written anew, and is durable now -- check the disk"
_GROUP = 64  # works a transaction: enough to share a sync, few enough to answer soon


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
        self,
        journal: Journal,
        *,
        run_id: str,
        staging: Path,
        quarantine: Path,
        codec: Codec,
        shard_bytes: int,
        record_id: Callable[[int], str],
        clock: Clock,
        notice: Callable[[str], None] = lambda _sentence: None,
        witness: Witness | None = None,
    ) -> None:
        """``quarantine`` is where parts that contradict each other are set aside.

        ``record_id`` gives, for a job's ordinal, the member that tells one record from another.

        ``notice`` is told, on the event loop, what a person should know of the disk; ``witness`` of sealed parts.
        """
        self._journal = journal
        self._run_id = run_id
        self._staging = staging
        self._codec = codec
        self._quarantine = quarantine
        self._shard_bytes = shard_bytes
        self._record_id = record_id
        self._clock = clock
        self._notice = notice
        self._witness = witness
        self._parts: dict[int, ExportParts] = {}
        self._broken: LocalError | IntegrityError | None = None
        self._send, self._receive = anyio.create_memory_object_stream[_Work](_GROUP)
        self._thread = anyio.CapacityLimiter(1)
        self._reading = anyio.CapacityLimiter(1)

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
        """Close the parts of an export. Those that an earlier process wrote are read once more, beside the writing.

        Raises PartDamaged when those are not what was written.
        """
        parts = self._parts.get(ordinal)
        if parts is not None:
            await anyio.to_thread.run_sync(parts.recount, limiter=self._reading)
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
        """Journal how a job ended. What contradicts itself is set aside then, and kept for who wants to look at it."""
        await self._submit(_Work(ordinal=ordinal, export=outcome.exports, end=outcome))

    async def on_thread(self, act: Callable[[], Result]) -> Result:
        """Run ``act`` where the journal is used: between two groups, never beside one."""
        return await anyio.to_thread.run_sync(act, limiter=self._thread)

    async def run(self) -> None:
        """Serve until cancelled. A failed disk operation does not end it: it fails all that is handed in."""
        try:
            async with self._send, self._receive:
                async for first in self._receive:
                    await self._serve(self._group(first))
        finally:
            for parts in self._parts.values():  # of jobs that a halt cut short
                with suppress(LocalError):  # all that counts of them is durable
                    parts.close()

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
                said = await anyio.to_thread.run_sync(self._write, group, limiter=self._thread)
            except (LocalError, IntegrityError) as error:
                self._broken = error
            else:
                for sentence in said:
                    self._notice(sentence)
        for work in group:
            work.done.set()

    async def _submit(self, work: _Work) -> None:
        await self._send.send(work)
        await work.done.wait()
        if self._broken is not None:
            raise type(self._broken)(str(self._broken))

    def _write(self, group: list[_Work]) -> list[str]:
        """Bytes, sync, seals, facts, and last what the facts have made worthless; give what a person should know."""
        said = self._store(group)
        self._seal(group)
        now = self._clock.now()
        facts = [Fact(ordinal=work.ordinal, at=now, event=work.event) for work in group if work.event is not None]
        ends = [JobEnd(ordinal=work.ordinal, outcome=work.end) for work in group if work.end is not None]
        if facts or ends:
            self._journal.record(self._run_id, facts, ends)
            reached(Failpoint.GROUP_JOURNALED)
        for work in group:
            if work.drop:
                reached(Failpoint.LOSS_JOURNALED)
                self._parts_of(work.ordinal, work.export).drop()
                del self._parts[work.ordinal]
            elif work.end is not None:
                said += self._let_go(work, work.end)
        return said

    def _store(self, group: list[_Work]) -> list[str]:
        """Append the pages of a group and sync each part once."""
        dirty: dict[int, ExportParts] = {}
        for work in group:
            if work.page is not None and work.frame is not None:
                parts = self._parts_of(work.ordinal, work.export)
                work.event = _append(parts, work.page, work.frame)
                dirty[work.ordinal] = parts
                reached(Failpoint.PAGE_WRITTEN)
        rewritten = sum(parts.rewritten for parts in dirty.values())
        for parts in dirty.values():
            parts.sync()
            reached(Failpoint.PAGE_SYNCED)
        rewritten = sum(parts.rewritten for parts in dirty.values()) - rewritten
        return [_REWRITTEN] if rewritten else []

    def _seal(self, group: list[_Work]) -> None:
        for work in group:
            if work.seal:
                parts = self._parts_of(work.ordinal, work.export)
                work.event = ExportSealed(parts=parts.seal(), repeated=parts.repeated)
                del self._parts[work.ordinal]
                reached(Failpoint.PARTS_SEALED)

    def _let_go(self, work: _Work, outcome: Outcome) -> list[str]:
        """A job has ended: close its files, and set aside what contradicts itself."""
        parts = self._parts.pop(work.ordinal, None)
        if parts is not None:
            parts.close()
        if outcome.verdict is not Verdict.INTEGRITY:
            return []
        reached(Failpoint.REFUSAL_JOURNALED)
        aside = self._quarantine / f"{work.ordinal:07d}-export-{work.export}"
        parts = parts or self._new_parts(work.ordinal, work.export)
        return [f"what came of a job that contradicts itself is kept in {aside}"] if parts.set_aside(aside) else []

    def _parts_of(self, ordinal: int, export: int) -> ExportParts:
        parts = self._parts.get(ordinal)
        if parts is None:
            parts = self._parts[ordinal] = self._new_parts(ordinal, export)
        return parts

    def _new_parts(self, ordinal: int, export: int) -> ExportParts:
        folder = self._staging / f"{ordinal:07d}" / f"export-{export}"  # ``ordinal_of`` reads it
        return ExportParts(
            folder,
            codec=self._codec,
            shard_bytes=self._shard_bytes,
            root=self._staging,
            record_id=self._record_id(ordinal),
            witness=self._witness,
        )


def ordinal_of(part: str) -> int:
    """Say of which job a part is, by its name relative to the staging folder."""
    return int(part.partition("/")[0])


def _append(parts: ExportParts, page: PageFetched, frame: Frame) -> PageStored:
    mark = parts.append(frame.data, records=frame.lines, uncompressed_bytes=frame.uncompressed_bytes, ids=frame.ids)
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
        part_crc32=mark.part_crc32,
        kept=frame.kept,
    )
