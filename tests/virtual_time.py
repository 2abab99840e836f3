"""Virtual time that waits for threads.

While a thread works, virtual time must not leap to the next timer: a heartbeat would make an fsync a minute. looptime
does this for the threads of ``loop.run_in_executor``; anyio's are its own, so each is announced.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread

_run_sync = anyio.to_thread.run_sync


async def run_sync_announced(*args: Any, **kwargs: Any) -> Any:
    """Stand in for ``anyio.to_thread.run_sync``; on a loop of real time it is the same."""
    loop = asyncio.get_running_loop()
    threads = getattr(loop, "_LoopTimeEventLoop__sync_futures", None)
    if threads is None:
        return await _run_sync(*args, **kwargs)
    working = loop.create_future()
    threads.add(working)
    try:
        return await _run_sync(*args, **kwargs)
    finally:
        working.set_result(None)
