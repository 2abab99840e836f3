"""Whether a run is alive, dead or over. Pure, but for asking who holds the lock.

Decides what a journal's row and the lock mean together: an exit code is the truth of a run that is over; without one it
is alive only if the lock is held in its name, and was cut off otherwise, whatever process has its number now. Called by
``history`` and ``pruning``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from extractor.errors import Exit
from extractor.store.lock import Holder, holder

_Read = TypeVar("_Read")


class RunState(StrEnum):
    """What has become of a run. All but ``DONE`` and ``RUNNING`` can be resumed."""

    RUNNING = "running"
    CUT_OFF = "cut off"  # its process died without a last word
    DONE = "done"
    FAILED = "failed"  # some jobs, or this machine
    REFUSED = "refused"  # by the server
    STOPPED = "stopped"  # the server was unavailable, or the deadline came
    MISMATCH = "mismatch"  # counts or checksums
    INTERRUPTED = "interrupted"  # by a signal


_ENDED: dict[int, RunState] = {
    Exit.DONE: RunState.DONE,
    Exit.REFUSED: RunState.REFUSED,
    Exit.UNAVAILABLE: RunState.STOPPED,
    Exit.INTEGRITY: RunState.MISMATCH,
    Exit.INTERRUPTED: RunState.INTERRUPTED,
    Exit.TERMINATED: RunState.INTERRUPTED,
}


def state_of(exit_code: int | None, *, alive: bool) -> RunState:
    """Judge a run by its journaled exit code and whether a living process holds the lock in its name."""
    if exit_code is None:
        return RunState.RUNNING if alive else RunState.CUT_OFF
    return _ENDED.get(exit_code, RunState.FAILED)


def read_with_living(state: Path, read: Callable[[], _Read]) -> tuple[_Read, dict[str, Holder]]:
    """Read the journal, and tell which run is alive, by id.

    The lock is looked at before and after: a run that ends meanwhile has its exit code in what was read, or held the
    lock before; one that begins meanwhile holds it after. Neither is called dead.
    """
    before = holder(state)
    found = read()
    return found, {each.run_id: each for each in (before, holder(state)) if each is not None and each.run_id}
