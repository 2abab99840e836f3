"""The one door to the disk: every durable operation passes here, before it is done.

Decides what a durable operation is, and nothing about any of them. In daily use the door stands open and costs one
comparison; whoever must prove that no moment is a bad one to die puts a guard at it, which sees each operation before
it happens and may count, remember, fail (raise OSError) or end the process there. Passed by ``durable`` (files) and
``journal`` (transactions); nothing else in the program changes a disk.

Precedent: SQLite's tests, which replace the layer beneath to fail the N-th operation, for every N.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias


class Kind(StrEnum):
    """What an operation does. WRITE may be torn, TRANSACTION is SQLite's to keep whole, the others are atomic."""

    CREATE = "create"  # an empty file that was not there
    WRITE = "write"  # append ``data``
    SYNC = "sync"  # make the bytes of a file durable
    TRUNCATE = "truncate"  # cut a file to ``length`` and make that durable
    MAKE_FOLDER = "make folder"
    SYNC_FOLDER = "sync folder"  # make the names in a folder durable
    RENAME = "rename"  # ``path`` becomes ``target``
    LINK = "link"  # ``path`` gets a second name, ``target``
    REMOVE = "remove"
    REMOVE_FOLDER = "remove folder"
    TRANSACTION = "transaction"  # all statements are executed, COMMIT comes next


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One durable operation, about to happen. ``data`` is part of a record's bytes: a guard must not print it."""

    kind: Kind
    path: Path
    target: Path | None = None
    data: memoryview = field(default=memoryview(b""), repr=False)
    length: int = 0


Guard: TypeAlias = Callable[[Operation], None]

_guard: Guard | None = None


def announce(operation: Operation) -> None:
    """Let an operation pass. Raises whatever the guard raises, and then the operation must not happen."""
    if _guard is not None:
        _guard(operation)


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Put ``guard`` at the door for as long as the block lasts; it may be called from several threads at once."""
    global _guard  # noqa: PLW0603 - there is one disk, and so one door to it
    before, _guard = _guard, guard
    try:
        yield
    finally:
        _guard = before
