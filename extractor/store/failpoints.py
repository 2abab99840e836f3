"""The named moments between an effect and its record: where a crash would hurt most, if it could hurt at all.

Decides their names. The program says ``reached(...)`` as it passes each, which does nothing in daily use; a test
watches, ends the process there, resumes, and demands the undisturbed run's bytes. A moment that no test passes is a
failure. Called by ``store`` and ``run``. Precedent: etcd's gofail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Failpoint(StrEnum):
    """Each name says what has happened and what has not, in the order in which a run passes them."""

    RUN_JOURNALED = "run journaled, nothing asked"
    RUN_REOPENED = "run reopened, no job taken up"
    PARTS_CUT = "parts cut back, taking up not journaled"
    TAKEN_UP = "taking up journaled, nothing asked"
    INITIATE_INTENDED = "Initiate intended, not sent"
    INITIATE_ANSWERED = "Initiate answered, not journaled"
    STATUS_ANSWERED = "Status answered, not journaled"
    PAGE_FETCHED = "page fetched, not written"
    PAGE_WRITTEN = "page written, not synced"
    PAGE_SYNCED = "page synced, not journaled"
    PART_REWRITTEN = "condemned part written anew, not renamed"
    PARTS_SEALED = "parts sealed, not journaled"
    GROUP_JOURNALED = "facts journaled, nobody told"
    LOSS_JOURNALED = "loss of an export journaled, its parts not dropped"
    REFUSAL_JOURNALED = "job ended in contradiction, its parts not set aside"
    COMMIT_INTENDED = "Commit intended, not sent"
    COMMIT_ANSWERED = "Commit answered, not journaled"
    JOB_FINISHED = "job finished, its end not journaled"
    NUMBER_GIVEN = "publication numbered, nothing built"
    SHARDS_MADE = "shards made, no manifest"
    MANIFEST_WRITTEN = "manifest written, no _SUCCESS"
    FOLDER_BUILT = "publication built, not renamed"
    FOLDER_RENAMED = "publication renamed, folder not synced"
    FOLDER_SYNCED = "published, latest.json not moved"
    POINTER_MOVED = "latest.json moved, records not remembered"
    REMEMBERED = "records remembered, parts not removed"
    PARTS_REMOVED = "parts removed, publication not journaled"
    DATASET_JOURNALED = "publication journaled, run not closed"
    RUN_CLOSED = "run closed, staging not removed"


Watcher = Callable[[Failpoint], None]

_watcher: Watcher | None = None


def reached(point: Failpoint) -> None:
    """Say that the program passes ``point``."""
    if _watcher is not None:
        _watcher(point)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Have ``watcher`` told of every failpoint for as long as the block lasts, in whatever thread passes it."""
    global _watcher  # noqa: PLW0603 - one process, one watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before
