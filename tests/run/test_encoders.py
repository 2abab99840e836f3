"""Frames made in processes beside this one: the same bytes, whatever happens to the processes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import PageFetched
from extractor.run import encoding_thread
from extractor.run.encoders import SMALL, Encoders
from extractor.store.frames import Form, Frame, make_frame

pytestmark = pytest.mark.asyncio

FORM = Form(records_member="Profiles", record_id="ProfileId")
PATIENCE = 20.0  # seconds: a start takes a fifth of one
PADDING = b'{"ProfileId":99,"Text":"%b"}' % (b"x" * SMALL)

AWKWARD = {
    "plain": b'{"ProfileId":1,"Name":"A"}',
    "pretty-printed": b'{\n  "ProfileId": 1,\r\n\t"Name": "A"\n}',
    "not ASCII": '{"ProfileId":1,"Name":"Zoë \u2028 🙂"}'.encode(),
    "a lone surrogate": b'{"ProfileId":1,"Name":"\\ud83d"}',
    "a number that no double holds": b'{"ProfileId":18446744073709551616,"Score":1.10,"Far":1e400}',
    "a name that is there twice": b'{"ProfileId":1,"Name":"A","Name":"B"}',
    "no id": b'{"Name":"A"}',
}
REFUSED = {
    "not JSON": b'{"ProfileId":1,"Name":"secret"',
    "no object": b'["secret"]',
    "a raw newline in a string": b'{"ProfileId":1,"Name":"secret\nname"}',
    "not UTF-8": b'{"ProfileId":1,"Name":"secret \xff"}',
}


def page(*records: bytes, count: int | None = None) -> PageFetched:
    """A page of these records and one more, that makes it large enough for a process."""
    every = [*records, PADDING]
    body = b'{"Count":%d,"Profiles":[%b]}' % (len(every), b",".join(every))
    return PageFetched(asked=1, offset=1, count=count or len(every), total=9, has_more=False, body=body)


def numbered(number: int) -> PageFetched:
    """A page that no other is like."""
    return page(b'{"ProfileId":%d}' % number)


async def staffed(encoders: Encoders, processes: int = 1) -> tuple[int, ...]:
    """Wait until that many processes encode; give their ids."""
    with anyio.fail_after(PATIENCE):
        while len(encoders.processes) < processes:
            assert make_frame(numbered(0), FORM) == await encoders.frame(numbered(0), FORM)
            await anyio.sleep(0.01)
    return encoders.processes


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def files() -> Iterator[None]:
    """Afterwards as many files are open as before."""
    before = open_files()
    yield
    assert before == open_files()


async def outcome(encoders: Encoders, fetched: PageFetched, form: Form) -> Frame | tuple[type, str]:
    """What becomes of a page, there."""
    try:
        return await encoders.frame(fetched, form)
    except IntegrityError as error:
        return type(error), str(error)


def outcome_here(fetched: PageFetched, form: Form) -> Frame | tuple[type, str]:
    """What becomes of it here."""
    try:
        return make_frame(fetched, form)
    except IntegrityError as error:
        return type(error), str(error)


@pytest.mark.usefixtures("files")
async def test_frames_and_refusals_are_the_same_wherever_they_are_made() -> None:
    """To the byte and to the word; and no word of a refusal is a record's."""
    forms = [FORM, replace(FORM, compression="gzip"), replace(FORM, compression="none", spelling="verbatim")]
    pages = [page(record) for record in (*AWKWARD.values(), *REFUSED.values())]
    pages += [page(*AWKWARD.values()), page(AWKWARD["plain"], count=7), page(*[AWKWARD["plain"]] * 1000)]
    cases = [(each, form) for form in forms for each in pages]
    here = [outcome_here(*case) for case in cases]

    async with Encoders(2) as encoders:
        ids = await staffed(encoders, 2)
        there = [await outcome(encoders, *case) for case in cases]
        assert ids == encoders.processes  # none has died of them

    assert here == there
    refusals = [each for each in there if isinstance(each, tuple)]
    assert len(refusals) >= len(REFUSED)
    assert not [each for each in refusals if "secret" in each[1]]


@pytest.mark.usefixtures("files")
async def test_many_at_once_are_each_given_their_own_frame() -> None:
    """Two processes, forty pages, all asked for at the same moment."""
    made: dict[int, Frame] = {}

    async def make(number: int) -> None:
        made[number] = await encoders.frame(numbered(number), FORM)

    async with Encoders(2) as encoders:
        await staffed(encoders, 2)
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(make, number)

    assert {number: make_frame(numbered(number), FORM) for number in range(40)} == made


async def test_small_pages_and_no_processes_are_encoded_here() -> None:
    """Nothing is started for them."""
    small = PageFetched(asked=1, offset=1, count=1, total=1, has_more=False, body=b'{"Profiles":[{"ProfileId":1}]}')

    async with Encoders(0) as none, Encoders(2) as some:
        assert make_frame(numbered(1), FORM) == await none.frame(numbered(1), FORM)
        assert make_frame(small, FORM) == await some.frame(small, FORM)
        assert ((), ()) == (none.processes, some.processes)
    assert some.started == none.started == 0


async def test_by_itself_it_starts_processes_only_for_what_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page, one encoder is enough; a crowd of large ones is worth a process."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1}, raising=False)
    large = page(*[b'{"Text":"%b"}' % (b"y" * 1024 * 1024)] * 4)

    async with Encoders(None) as encoders:
        for _ in range(6):
            await encoders.frame(large, FORM)
        assert encoders.started == 0
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(encoders.frame, large, FORM)
        assert encoders.started >= 1


@pytest.mark.usefixtures("files")
async def test_a_process_that_is_killed_at_work_loses_nothing() -> None:
    """Its page is encoded here, one sentence says so, and another takes its place; but not for ever."""
    said: list[str] = []
    made: list[Frame] = []

    async def make() -> None:
        made.append(await encoders.frame(numbered(7), FORM))

    async with Encoders(1, notice=said.append) as encoders:
        for death in range(1, 4):
            (process,) = await staffed(encoders)
            os.kill(process, signal.SIGSTOP)  # so that it dies at work, not after it
            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(make)
                    await anyio.sleep(0.05)
                    os.kill(process, signal.SIGKILL)
            assert len(said) == death
        made.append(await encoders.frame(numbered(7), FORM))
        assert ((), 3) == (encoders.processes, encoders.started)

    assert [make_frame(numbered(7), FORM)] * 4 == made
    assert {"an encoder process was ended by signal 9: its page was encoded without it, nothing is lost"} == set(said)


@pytest.mark.usefixtures("files")
async def test_a_process_that_cannot_be_started_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory, no process slots, no interpreter: the run goes on with one core."""
    said: list[str] = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async with Encoders(1, notice=said.append) as encoders:
        with anyio.fail_after(PATIENCE):
            while len(said) < 3:
                assert make_frame(numbered(1), FORM) == await encoders.frame(numbered(1), FORM)
                await anyio.sleep(0.001)
        assert make_frame(numbered(1), FORM) == await encoders.frame(numbered(1), FORM)

    why = "could not be started (No such file or directory)"
    assert [f"an encoder process {why}: the run goes on without it, nothing is lost"] * 3 == said


async def test_what_a_terminal_sends_to_everybody_does_not_end_a_process() -> None:
    """The run drains after Ctrl-C, and its last pages are encoded like the others."""
    said: list[str] = []

    async with Encoders(1, notice=said.append) as encoders:
        ids = await staffed(encoders)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(ids[0], number)
        assert make_frame(numbered(1), FORM) == await encoders.frame(numbered(1), FORM)
        assert (ids, []) == (encoders.processes, said)
        assert os.getpgid(ids[0]) != os.getpgid(0)  # nor does it come that far


@pytest.mark.usefixtures("files")
async def test_what_was_made_for_nobody_is_never_given_to_somebody() -> None:
    """A page that is cancelled takes its process with it, if it had one; the next page is made by another."""
    async with Encoders(1) as encoders:
        await staffed(encoders)
        for number in range(1, 9):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(encoders.frame, numbered(1000 + number), FORM)
                    for _ in range(number):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
            assert make_frame(numbered(number), FORM) == await encoders.frame(numbered(number), FORM)


ORPHANING = """
import anyio
from extractor.run.encoders import Encoders
from tests.run.test_encoders import staffed

async def main():
    async with Encoders(2) as encoders:
        print(*await staffed(encoders, 2), flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


async def test_processes_end_when_theirs_is_killed() -> None:
    """By kill -9, which leaves it no time to say good-bye."""
    parent = subprocess.Popen(  # noqa: ASYNC220, S603 - it is what is tested
        [sys.executable, "-c", ORPHANING], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    with parent:
        assert parent.stdout is not None
        watched = [os.pidfd_open(int(each)) for each in parent.stdout.readline().split()]
        parent.kill()

    assert len(watched) == 2
    for each in watched:
        ended, _, _ = select.select([each], [], [], PATIENCE)
        os.close(each)
        assert [each] == ended


async def test_the_only_encoder_dies_and_another_comes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is served: by this process while there is no other, by the new one afterwards."""

    def slow(page: PageFetched, form: Form) -> Frame:
        time.sleep(0.7)  # longer than a process takes to start
        return make_frame(page, form)

    async with Encoders(1) as encoders:
        (pid,) = await staffed(encoders)
        monkeypatch.setattr(encoding_thread, "make_frame", slow)
        os.kill(pid, signal.SIGKILL)
        made: list[int] = []

        async def make(number: int) -> None:
            await encoders.frame(numbered(number), FORM)
            made.append(number)

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for number in range(1, 8):
                    tasks.start_soon(make, number)
                    await anyio.sleep(0.15)
    assert list(range(1, 8)) == sorted(made)


async def test_a_process_that_hangs_does_not_hold_up_who_is_cut_off() -> None:
    """It is given up."""
    async with Encoders(1) as encoders:
        (pid,) = await staffed(encoders)
        os.kill(pid, signal.SIGSTOP)
        with anyio.move_on_after(0.3) as scope:
            await encoders.frame(numbered(1), FORM)
        assert scope.cancelled_caught
        assert encoders.processes == ()
