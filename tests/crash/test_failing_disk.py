"""The disk fails at any operation: the run stops cleanly, says so in a sentence, and is taken up when the disk is well.

Every operation of a run fails once, or from then on for good, with each of the errors that a disk has.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.simulator import Service
from extractor.store.door import Kind, Operation
from tests.contract.stage import NightClock
from tests.crash.night import Recording, fail, record, resume, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

MEANINGS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EIO: "the disk reports an input/output error; check the disk",
    errno.EMFILE: "too many files are open; raise the limit",
    errno.EROFS: "the file system is read-only",
}


class Failing:
    """A disk that fails at its ``nth`` operation (1-based) of these kinds, once or from then on."""

    def __init__(self, nth: int, number: int, *, for_good: bool, kinds: frozenset[Kind] = frozenset(Kind)) -> None:
        self.nth = nth
        self.number = number
        self.for_good = for_good
        self.kinds = kinds
        self.passed = 0
        self.failed = 0

    def __call__(self, operation: Operation) -> None:
        """Let it pass, or not."""
        if operation.kind not in self.kinds:
            return
        self.passed += 1
        if self.passed == self.nth or (self.for_good and self.passed > self.nth):
            self.failed += 1
            raise OSError(self.number, os.strerror(self.number))


async def attempt(recording: Recording, folder: Path, disk: Failing) -> str:
    """Play a run on that disk, then take it up on a good one; give how the first one ended."""
    folder.mkdir()
    service = Service(recording.settings)
    ended = await fail(folder, service, NightClock(), disk)
    if isinstance(ended, LocalError):
        assert service.history == (), "the run was stopped before it began, but something was asked"
        sentence, how = str(ended), "refused before any request"
    else:
        sentence, how = ended.reason, f"exit code {ended.exit_code}"
        assert ended.exit_code in {0, 3}, sentence
    if how != "exit code 0" and sentence:
        assert MEANINGS[disk.number] in sentence
        assert "\n" not in sentence
    recovered = await resume(recording, service, folder)
    assert "" == recovered.problem, f"operation {disk.nth}: {how} ({sentence}), then {recovered.problem}"
    return how


@pytest.mark.parametrize(
    ("number", "for_good", "step"),
    [(errno.ENOSPC, False, 1), (errno.EIO, True, 1), (errno.EMFILE, False, 7), (errno.EROFS, True, 7)],
    ids=["full once", "broken for good", "too many files once", "read-only for good"],
)
async def test_whatever_fails_nothing_is_lost(tmp_path: Path, number: int, for_good: bool, step: int) -> None:
    """Every operation of a whole run (or every seventh), one after the other; ``make crash`` has every one of all."""
    (tmp_path / "recorded").mkdir()
    recording = await record(tmp_path / "recorded", world())
    ends: Counter[str] = Counter()
    for nth in range(1, 1000, step):
        disk = Failing(nth, number, for_good=for_good)
        how = await attempt(recording, tmp_path / str(nth), disk)
        if not disk.failed:
            break
        ends[how] += 1
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
