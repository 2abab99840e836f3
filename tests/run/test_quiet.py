"""When a hold is written down, and what is taken up of it."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from extractor.observe.news import ConnectionHeld, News
from extractor.run.quiet import Quiet
from extractor.store.compression import codec
from extractor.store.door import Kind, Operation, guarded
from extractor.store.journal import Journal, open_journal
from extractor.store.writer import Writer
from tests.contract.stage import NightClock

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NAME = "DEMO at https://service.example"


class Connection:
    """Something that can be held."""

    def __init__(self) -> None:
        self.until = 0.0

    @property
    def held(self) -> float:
        """Seconds that it still is."""
        return max(0.0, self.until - anyio.current_time())

    def hold(self, seconds: float) -> None:
        """Hold it; never for less."""
        self.until = max(self.until, anyio.current_time() + seconds)


@pytest.fixture
def journal(memory: Path) -> Iterator[Journal]:
    """An empty one."""
    with open_journal(memory / "journal.sqlite") as journal:
        yield journal


@asynccontextmanager
async def quiet_of(journal: Journal, folder: Path, news: list[News]) -> AsyncIterator[Quiet]:
    """A run's, that tells ``news``."""
    clock = NightClock(start=1000.0)
    writer = Writer(
        journal,
        run_id="r",
        staging=folder,
        quarantine=folder,
        codec=codec("none"),
        shard_bytes=1,
        record_id=lambda _ordinal: "ProfileId",
        clock=clock,
    )
    async with anyio.create_task_group() as beside:
        beside.start_soon(writer.run)
        yield Quiet(journal, writer, connection=NAME, clock=clock, listener=news.append)
        beside.cancel_scope.cancel()


async def test_a_hold_is_written_down_when_it_is_heard_of_and_exactly_in_the_end(
    journal: Journal, memory: Path
) -> None:
    """Answers that come late make it longer by less than is news: what is left at the end is what counts."""
    connection, seen = Connection(), list[Operation]()
    with guarded(seen.append):
        async with quiet_of(journal, memory, []) as quiet, anyio.create_task_group() as beside:
            beside.start_soon(quiet.keep, connection)
            await anyio.sleep(1.0)
            connection.hold(60.0)
            quiet.heard(60.0, 503)
            await anyio.sleep(0.9)
            first = journal.held(NAME)
            connection.hold(60.0)
            await anyio.sleep(5.0)
            beside.cancel_scope.cancel()
    last = journal.held(NAME)
    assert first is not None
    assert last is not None
    assert (1061.0, 60.0, 503) == (pytest.approx(first.until), pytest.approx(first.seconds), first.status)
    assert (1061.9, 55.0, 503) == (pytest.approx(last.until), pytest.approx(last.seconds), last.status)
    assert [Kind.TRANSACTION] * 2 == [each.kind for each in seen]


async def test_a_hold_that_cannot_be_written_down_ends_nothing(journal: Journal, memory: Path) -> None:
    """It is obeyed all the same; nothing that was asked for depends on the journal's line."""
    connection, news = Connection(), list[News]()

    def full(_operation: Operation) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with quiet_of(journal, memory, news) as quiet, anyio.create_task_group() as beside:
        beside.start_soon(quiet.keep, connection)
        with guarded(full):
            connection.hold(60.0)
            quiet.heard(60.0, 429)
            await anyio.sleep(1.0)
        assert journal.held(NAME) is None
        beside.cancel_scope.cancel()
    assert [ConnectionHeld(seconds=60.0, status=429)] == news
    assert journal.held(NAME) is not None  # written in the end, when the disk had room again
