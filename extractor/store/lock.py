"""One run at a time in a state folder, and who it is.

An advisory lock of the operating system on ``<state>/lock``: it falls with the process that holds it, however that
ends, so a crashed run never leaves a lock behind, and the next one takes it over without a word. The file's text says
who holds it, and means nothing while nobody does. Called by ``run``, for every command that writes to a state folder
and for those that tell whether a run is alive.

Decided: the lock and not the process id says whether a run is alive, because ids are used again, and mean nothing to
another container or machine that sees the same folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extractor.errors import LocalError
from extractor.store.durable import kind_of, local_error

_TRIES: Final = 25
_BETWEEN: Final = 0.02  # seconds; with _TRIES half a second, in which a ``holder`` that looks has long gone
_TEXT = re.compile(r"([0-9]{1,10})(?: (\S+))?\n")
_LONGEST: Final = 256  # bytes of the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock. ``pid`` is None when the text cannot be read, ``run_id`` also before a run has its name."""

    pid: int | None = None
    run_id: str | None = None

    def __str__(self) -> str:
        process = "an unknown process" if self.pid is None else f"process {self.pid}"
        return process if self.run_id is None else f"{process}, run {self.run_id}"


class Lock:
    """A lock that is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def name(self, run_id: str | None = None) -> None:
        """Write down that this process holds the lock, for the run of this id. Raises LocalError."""
        words = [str(os.getpid())] if run_id is None else [str(os.getpid()), run_id]
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{' '.join(words)}\n".encode("ascii"), 0)
        except OSError as error:
            raise local_error(error, self._path) from None


@contextmanager
def hold_lock(state: Path) -> Iterator[Lock]:
    """Hold the lock of ``state`` (an existing folder). Raises LocalError when a living process holds it.

    Before it refuses it tries for half a second, blocking.
    """
    path = state / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise kind_of(error)(
            f"{path}: cannot be opened ({error.strerror}) -- check the rights of the state folder"
        ) from None
    try:
        for left in reversed(range(_TRIES)):
            if _locked(path, descriptor, fcntl.LOCK_EX):
                break
            if not left:
                raise in_use(state, _read(descriptor))
            time.sleep(_BETWEEN)
        lock = Lock(path, descriptor)
        lock.name()
        yield lock
    finally:
        os.close(descriptor)


def holder(state: Path) -> Holder | None:
    """Say who holds the lock of ``state``; None when nobody does, or no run has ever been there.

    Writes nothing; whoever wants the lock at this moment is delayed, not refused. Raises LocalError when the lock
    cannot be looked at.
    """
    path = state / "lock"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise local_error(error, path) from None
    try:
        return None if _locked(path, descriptor, fcntl.LOCK_SH) else _read(descriptor)
    finally:
        os.close(descriptor)  # gives back what was locked only to see whether it can be


def in_use(state: Path, by: Holder) -> LocalError:
    """Give the error of two at once."""
    return LocalError(
        f"{state}: another run ({by}) is using this state folder -- wait for it, or give this run another one (--state)"
    )


def _locked(path: Path, descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise LocalError(
            f"{path}: cannot be locked ({error.strerror}) -- give the run a state folder on a file system with locks"
        ) from None
    return True


def _read(descriptor: int) -> Holder:
    """Read the text; between taking the lock and writing it there is none."""
    try:
        written = _TEXT.fullmatch(os.pread(descriptor, _LONGEST, 0).decode("ascii", "replace"))
    except OSError:
        return Holder()
    return Holder() if written is None else Holder(pid=int(written[1]), run_id=written[2])
