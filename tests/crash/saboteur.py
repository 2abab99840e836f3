"""What befalls a process at a chosen moment: it dies, or the disk fails.

Stands at the store's door and watches its failpoints. Moments are counted from 1. A process that dies does so by
SIGKILL, so that nothing of it runs any more, no ``finally`` and no flush.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extractor.store.door import Kind, Operation, guarded
from extractor.store.failpoints import Failpoint, watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """When, and what. All of it left out: nothing.

    ``before`` is the operation that does not happen, ``torn`` the write of which only the first half happens,
    ``failpoint`` the name of the moment, ``nth`` how often it must be reached; ``failing_sync`` is the sync of a staged
    part that fails. ``diary`` is a file to which the moment is written; with ``record_only`` every moment is, and
    nothing happens.
    """

    before: int = 0
    torn: int = 0
    failpoint: str = ""
    nth: int = 1
    failing_sync: int = 0
    diary: str = ""
    record_only: bool = False


class _Saboteur:
    def __init__(self, sabotage: Sabotage) -> None:
        self._sabotage = sabotage
        self._lock = threading.Lock()  # the door is passed by several threads
        self._operations = 0
        self._writes = 0
        self._reached = 0
        self._syncs = 0

    def at_the_door(self, operation: Operation) -> None:
        with self._lock:
            self._operations += 1
            self._note(operation.kind)
            if self._operations == self._sabotage.before:
                self._die(operation.kind)
            if operation.kind is Kind.WRITE:
                self._writes += 1
                if self._writes == self._sabotage.torn:
                    self._tear(operation)
            if operation.kind is Kind.SYNC and "staging" in operation.path.parts:
                self._syncs += 1
                if self._syncs == self._sabotage.failing_sync:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))

    def at_a_failpoint(self, point: Failpoint) -> None:
        with self._lock:
            self._note(point)
            if point == self._sabotage.failpoint:
                self._reached += 1
                if self._reached == self._sabotage.nth:
                    self._die(point)

    def _tear(self, operation: Operation) -> None:
        file = os.open(operation.path, os.O_WRONLY | os.O_APPEND)
        os.write(file, operation.data[: len(operation.data) // 2])
        self._die("torn write")

    def _note(self, what: str) -> None:
        if self._sabotage.record_only:
            self._write(what)

    def _die(self, what: str) -> None:
        self._write(what)
        os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, what: str) -> None:
        if self._sabotage.diary:
            with Path(self._sabotage.diary).open("a", encoding="utf-8") as diary:
                diary.write(f"{what}\n")


@contextmanager
def sabotaged(sabotage: Sabotage) -> Iterator[None]:
    """Have the saboteur about for as long as the block lasts."""
    saboteur = _Saboteur(sabotage)
    with guarded(saboteur.at_the_door), watched(saboteur.at_a_failpoint):
        yield
