"""One run at a time in a state folder.

An advisory lock of the operating system on ``<state>/lock``: it falls with the process that holds it, however that
ends, so a crashed run never leaves a lock behind. The file's text only says who holds it. Called by ``run``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extractor.errors import LocalError


@contextmanager
def hold_lock(state: Path) -> Iterator[None]:
    """Hold the lock of ``state`` (an existing folder). Raises LocalError when a living process holds it."""
    path = state / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LocalError(
            f"{path}: cannot be opened ({error.strerror}) -- check the rights of the state folder"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise LocalError(
                f"{state}: another run (process {holder}) is using this state folder -- wait for it, or give this run "
                "another one (--state)"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
