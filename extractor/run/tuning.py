"""How the process keeps its memory while a run lasts: settings of the interpreter and the C library, no behaviour.

Decides three things, all for the same reason: a page is a block of a megabyte or two that lives for milliseconds, and
thousands follow each other. The C library keeps blocks of that size instead of giving each back to the system, which
would hand out fresh, zeroed memory for the next one; the threads share one heap, so that a page that was freed in one
of them is used again by another; and the garbage collector looks seldom, and never at what the program consists of.
Changes nothing that a user could see but time and memory. Called by ``cli`` around a run, and by nobody else: these are
settings of the whole process, and one that uses this package as a library has its own.

Decided: set here and not by environment variables (MALLOC_...), which would have to be set before the process starts.
The memory that is kept is bounded by what was in use at once, and by ``_KEPT``. Measured from a page's bytes to the
journaled fact, 1.6 MB a page: 6 % less CPU with canonical records in zstd, 12 % with verbatim ones as they are, nearly
all of it by the collector; where pages come from the network the allocator's share is larger. Considered: another
allocator (jemalloc, mimalloc), which is one more thing to install, for the same effect.
"""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # names of mallopt(3)
_LARGE: Final = 32 * 1024 * 1024  # bytes, the most that every glibc takes; larger blocks still go back to the system
_KEPT: Final = 256 * 1024 * 1024  # free bytes at the end of the heap: more is given back
_SELDOM: Final = (50_000, 50, 100)  # of gc.set_threshold; a page of records makes some thousand objects and no cycle


@contextmanager
def tuned() -> Iterator[None]:
    """Tune the process for as long as the block lasts.

    The collector is as it was afterwards. What the C library was told stays, for it cannot be asked what it was
    told before; where it is not glibc, it is told nothing. Not to be nested.
    """
    _tune_allocator()
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _tune_allocator() -> None:
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_ARENA_MAX, 1)
