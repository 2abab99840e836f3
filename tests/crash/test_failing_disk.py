"""The disk fails at any operation: the run stops cleanly, says so in a sentence, and is taken up when the disk is well.

Every operation of a run fails once, or from then on for good, with each of the errors that a disk has.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.simulator import Service
from extractor.store.door import Kind, Operation
from tests.contract.stage import NightClock
from tests.crash.failing import Failing, fail, fail_everywhere
from tests.crash.night import record, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


@pytest.mark.parametrize(
    ("number", "for_good", "step"),
    [(errno.ENOSPC, False, 2), (errno.EIO, True, 3), (errno.EMFILE, False, 7), (errno.EROFS, True, 7)],
    ids=["full once", "broken for good", "too many files once", "read-only for good"],
)
async def test_whatever_fails_nothing_is_lost(tmp_path: Path, number: int, for_good: bool, step: int) -> None:
    """Every ``step``-th operation of a whole run in its turn; ``make crash`` has every one, for every error."""
    (tmp_path / "recorded").mkdir()
    recording = await record(tmp_path / "recorded", world())
    ends = await fail_everywhere(recording, tmp_path, number=number, for_good=for_good, step=step)
    assert ends.total() > 100 / step
    assert ends["exit code 3"] > 80 / step
    assert ends["refused before any request"] > 0


async def test_a_part_whose_sync_fails_is_written_anew(tmp_path: Path) -> None:
    """And never synced again: its bytes, as far as they are unknown, come from memory into a new file."""
    (tmp_path / "recorded").mkdir()
    recording = await record(tmp_path / "recorded", world())
    parts = [each for each in recording.operations if each.kind is Kind.SYNC and "staging" in each.path.parts]
    assert len(parts) > 3
    for nth in range(1, len(parts) + 1):
        disk = _Condemning(nth)
        folder = tmp_path / f"sync-{nth}"
        folder.mkdir()
        ended = await fail(folder, Service(recording.settings), NightClock(), disk)
        assert not isinstance(ended, LocalError)
        assert (0, 1) == (ended.exit_code, disk.failed)
        assert recording.shards == {
            f"{path.parent.parent.name}/{path.name}": path.read_bytes()
            for path in sorted((folder / "exports").glob("*/run=*/part-*"))
        }
        assert disk.condemned is not None
        assert disk.condemned not in disk.synced_later, "a file whose sync had failed was synced again"


class _Condemning(Failing):
    """Fails the n-th sync of a staged part, and watches what becomes of that very file."""

    def __init__(self, nth: int) -> None:
        super().__init__(nth, errno.EIO, for_good=False, kinds=frozenset({Kind.SYNC}))
        self.condemned: int | None = None  # its inode
        self.synced_later: list[int] = []

    def __call__(self, operation: Operation) -> None:
        if "staging" not in operation.path.parts:
            return
        if operation.kind is Kind.SYNC and self.condemned is not None:
            self.synced_later.append(operation.path.stat().st_ino)
        try:
            super().__call__(operation)
        except OSError:
            self.condemned = operation.path.stat().st_ino
            raise
