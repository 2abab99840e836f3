"""What every test stands on."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import anyio.to_thread
import pytest
from hypothesis import settings

from tests.virtual_time import run_sync_announced

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one; its files are made by tempfile

settings.register_profile("house", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("house")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, for what proves what is said and published: fsync would take most of the time."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="stage-") as folder:
        yield Path(folder)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Keep looptime's plugin from making an event loop for tests that need none: unclosed, it fails a later test.

    The plugin asks the policy for its loop wherever pytest-asyncio's fixture of that name is present, and the policy
    makes one on being asked.
    """
    if pyfuncitem.get_closest_marker("asyncio") is None:
        pyfuncitem.funcargs.pop("event_loop_policy", None)
    return (yield)


@pytest.fixture(autouse=True)
def _virtual_time_waits_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """See ``tests.virtual_time``."""
    monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync_announced)
