"""The one writer: what a person is told of the disk, what is set aside, and that no file stays open."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from extractor.clock import SystemClock
from extractor.errors import LocalError
from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import Outcome, PageFetched, PageStored, Verdict
from extractor.store.compression import codec
from extractor.store.door import Kind, Operation, guarded
from extractor.store.entries import RunEntry
from extractor.store.frames import Form, Frame, make_frame
from extractor.store.journal import Journal, open_journal
from extractor.store.parts import PartDamaged
from extractor.store.writer import Writer, ordinal_of
from tests.asking import STREAM

pytestmark = pytest.mark.asyncio

RUN = "20261123T020000Z-7f3a"
REWRITTEN = "the disk failed to make a file durable; it was written anew, and is durable now -- check the disk"


def page(number: int) -> tuple[PageFetched, Frame]:
    """The page of a single record, and its frame."""
    body = b'{"UserProfilePreferences":[{"ProfileId":%d}]}' % number
    fetched = PageFetched(asked=number, offset=number, count=1, total=9, has_more=True, body=body)
    form = Form(records_member="UserProfilePreferences", record_id="ProfileId", compression="none")
    frame = make_frame(fetched, form)
    return fetched, frame


@dataclass(kw_only=True)
class Desk:
    """A writer at work in ``folder``, and what it has said."""

    folder: Path
    writer: Writer
    journal: Journal
    said: list[str] = field(default_factory=list)

    async def store(self, ordinal: int, *numbers: int) -> list[PageStored]:
        """Store these records of a job's first export."""
        return [await self.writer.store(ordinal, 1, *page(number)) for number in numbers]

    def staged(self) -> list[str]:
        """The files in staging."""
        staging = self.folder / "staging"
        return [path.relative_to(staging).as_posix() for path in sorted(staging.rglob("part-*"))]

    def open_files(self) -> int:
        """How many files of staging this process has open, as far as the system tells."""
        links = [path for path in Path("/proc/self/fd").glob("*") if path.is_symlink()]
        return sum(path.readlink().is_relative_to(self.folder / "staging") for path in links)


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """Give a writer that serves three jobs of one run."""
    said: list[str] = []
    with open_journal(folder / "journal.sqlite") as journal:
        if not journal.runs():
            head = RunEntry(
                run_id=RUN, plan_id="p", config_hash="c", config_path=None, output="out", pid=1, started_at=5.0
            )
            journal.add_run(head, [spec(ordinal) for ordinal in range(3)])
        writer = Writer(
            journal,
            run_id=RUN,
            staging=folder / "staging",
            quarantine=folder / "quarantine",
            codec=codec("none"),
            shard_bytes=1_000_000,
            record_id=lambda _ordinal: "ProfileId",
            clock=SystemClock(),
            notice=said.append,
        )
        async with anyio.create_task_group() as around:
            around.start_soon(writer.run)
            yield Desk(folder=folder, writer=writer, journal=journal, said=said)
            around.cancel_scope.cancel()


def spec(ordinal: int) -> JobSpec:
    """A job of a dataset of its own."""
    return JobSpec(
        ordinal=ordinal,
        job_id=f"id{ordinal}",
        name=f"job {ordinal}",
        dataset=Dataset(kind="segment", name=f"S{ordinal}"),
        stream=STREAM,
        since=None,
        last_date_time=None,
        match=None,
    )


def failing_syncs(*which: int) -> Callable[[Operation], None]:
    """A guard that lets these syncs of staged files (1-based) fail."""
    passed = 0

    def guard(operation: Operation) -> None:
        nonlocal passed
        if operation.kind is Kind.SYNC and "staging" in operation.path.parts:
            passed += 1
            if passed in which:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    return guard


async def test_a_part_that_had_to_be_written_anew_is_told_once(memory: Path) -> None:
    """In one sentence with a remedy; nothing else is any different."""
    async with desk(memory) as at:
        with guarded(failing_syncs(2)):
            await at.store(0, 1)
            assert [] == at.said
            await at.store(0, 2)
            await at.store(0, 3)
        sealed = await at.writer.seal(0, 1)
        assert ([REWRITTEN], 3) == (at.said, sealed.parts[0].records)
        assert ["0000000/export-1/part-00000.ndjson"] == at.staged()


async def test_after_a_disk_has_failed_twice_everything_is_refused_with_its_reason(memory: Path) -> None:
    """What was journaled before stands; nothing more is, and no file stays open."""
    async with desk(memory) as at:
        await at.store(0, 1)
        with guarded(failing_syncs(1, 2)):
            for act in (at.store(0, 2), at.store(1, 1), at.writer.seal(0, 1)):
                with pytest.raises(LocalError, match=r"part-00000.*the disk reports an input/output error"):
                    await act
        assert [1, 0] == [len(at.journal.events(RUN, ordinal)) for ordinal in (0, 1)]
        assert ([], 0) == (at.said, at.open_files())


async def test_what_contradicts_itself_is_set_aside_and_named(memory: Path) -> None:
    """By job and export, so that no other is overwritten; the parts of other jobs are not touched."""
    async with desk(memory) as at:
        await at.store(0, 1, 2)
        await at.store(1, 1)
        await at.writer.end(0, Outcome(verdict=Verdict.INTEGRITY, message="why", exports=1))

        aside = memory / "quarantine" / "0000000-export-1"
        assert [f"what came of a job that contradicts itself is kept in {aside}"] == at.said
        assert b'{"ProfileId":1}\n{"ProfileId":2}\n' == (aside / "part-00000.ndjson").read_bytes()
        assert (["0000001/export-1/part-00000.ndjson"], 1) == (at.staged(), at.open_files())
        assert ["integrity", None, None] == [job["verdict"] for job in at.journal.jobs(RUN)]


async def test_a_contradiction_in_what_is_sealed_is_set_aside_as_well(memory: Path) -> None:
    """Its files were closed long ago. Of an export without a record there is nothing to say."""
    async with desk(memory) as at:
        await at.store(0, 1)
        await at.writer.seal(0, 1)
        for ordinal in (0, 1):
            await at.writer.end(ordinal, Outcome(verdict=Verdict.INTEGRITY, message="why", exports=1))
        assert ([], 1) == (at.staged(), len(at.said))
        assert ["0000000-export-1"] == [path.name for path in (memory / "quarantine").iterdir()]


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.INTEGRITY])
async def test_every_other_end_closes_the_files_and_leaves_them(memory: Path, verdict: Verdict) -> None:
    """Whoever takes the run up decides what they are good for."""
    async with desk(memory) as at:
        await at.store(0, 1)
        assert 1 == at.open_files()
        await at.writer.end(0, Outcome(verdict=verdict, exports=1))
        assert (0, [], ["0000000/export-1/part-00000.ndjson"]) == (at.open_files(), at.said, at.staged())


async def test_a_writer_that_is_stopped_in_the_middle_leaves_no_file_open(memory: Path) -> None:
    """Jobs that a halt cuts short have no end."""
    async with desk(memory) as at:
        await at.store(0, 1)
        await at.store(1, 1)
        assert 2 == at.open_files()
    assert (0, 2) == (at.open_files(), len(at.staged()))


async def test_a_damaged_part_fails_its_seal_and_nothing_else(memory: Path) -> None:
    """The writer goes on serving the other jobs, and may drop the damaged one."""
    async with desk(memory) as at:
        stored = [*await at.store(0, 1), *await at.store(0, 2)]
    (memory / "staging/0000000/export-1/part-00000.ndjson").write_bytes(b'{"ProfileId":1}\n{"ProfileId":7}\n')
    async with desk(memory) as at:
        await at.writer.reopen(0, 1, stored)
        with pytest.raises(PartDamaged, match="its bytes are not those that were written"):
            await at.writer.seal(0, 1)
        await at.store(1, 1)
        assert 1 == (await at.writer.seal(1, 1)).parts[0].records
        await at.writer.drop(0, 1)
        assert ["0000001/export-1/part-00000.ndjson"] == at.staged()
        assert 1 == ordinal_of(at.staged()[0])
