"""Stopping a run: politely, then at once."""

import os
import signal

import anyio
import pytest

from extractor.run.halt import Halt, enforce_grace, watch_deadline, watch_signals

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_a_pause_ends_when_a_halt_is_requested() -> None:
    """A job that waits an hour to retry does not hold up the drain."""
    halt = Halt()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_deadline, halt, 5.0, 5)
        began = anyio.current_time()
        assert not await halt.pause(3600.0)
        assert 5.0 == anyio.current_time() - began
    assert (5, "the deadline of 5 s was reached") == (halt.exit_code, halt.reason)


async def test_a_pause_without_a_halt_lasts_its_time() -> None:
    """And says that the run goes on."""
    began = anyio.current_time()
    assert await Halt().pause(60.0)
    assert 60.0 == anyio.current_time() - began


async def test_only_the_first_reason_counts() -> None:
    """A deadline during a drain does not change why it began."""
    halt = Halt()
    halt.request("first", 130)
    halt.request("second", 5)
    assert ("first", 130) == (halt.reason, halt.exit_code)
    assert not await halt.pause(0.0)


async def test_a_drain_is_given_its_grace_and_no_more() -> None:
    """Then everything is cancelled."""
    halt, cancelled = Halt(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enforce_grace, halt, cancelled.set, 12.0)
        await anyio.sleep(1000.0)
        assert not cancelled.is_set()
        halt.request("stop", 130)
        began = anyio.current_time()
        await cancelled.wait()
        assert 12.0 == anyio.current_time() - began


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_the_first_signal_drains_and_the_second_cancels(number: signal.Signals, code: int) -> None:
    """Both leave a state that can be taken up again; only the second is impatient."""
    halt, cancelled = Halt(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_signals, halt, cancelled.set)
        await anyio.sleep(0.01)
        os.kill(os.getpid(), number)
        await halt.requested.wait()
        assert (code, f"interrupted by {number.name}") == (halt.exit_code, halt.reason)
        assert not cancelled.is_set()
        os.kill(os.getpid(), number)
        await cancelled.wait()
        tasks.cancel_scope.cancel()
