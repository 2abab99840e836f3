"""A disk that fails at a chosen operation, and runs on it. Shared by the tests and ``make crash``."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from extractor.clock import Clock
from extractor.errors import LocalError
from extractor.observe.news import RunClosed
from extractor.plan import make_plan
from extractor.run import extract
from extractor.simulator import Service
from extractor.store.door import Kind, Operation, guarded
from tests.contract.stage import NightClock, Wire
from tests.crash.night import Recording, ignore, resume, world

MEANINGS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EIO: "the disk reports an input/output error; check the disk",
    errno.EDQUOT: "the disk quota is used up; free some space",
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


async def fail_everywhere(
    recording: Recording, root: Path, *, number: int, for_good: bool, step: int = 1
) -> Counter[str]:
    """Let every ``step``-th operation of a run fail in its turn; count how those runs ended. Raises for any loss."""
    ends: Counter[str] = Counter()
    for nth in range(1, 1000, step):
        disk = Failing(nth, number, for_good=for_good)
        how = await attempt(recording, root / f"{number}-{for_good}-{nth}", disk)
        if not disk.failed:
            break
        ends[how] += 1
    return ends


async def fail(
    folder: Path, service: Service, clock: Clock, befall: Callable[[Operation], None]
) -> RunClosed | LocalError:
    """Play a run with ``befall`` at the door, which may raise OSError; give how it ended."""
    config = world().config(folder)
    with guarded(befall):
        try:
            return await extract(
                config,
                make_plan(config),
                listener=ignore,
                interrupts=False,
                clock=clock,
                transport=Wire(service=service, clock=clock),
            )
        except LocalError as error:
            return error
