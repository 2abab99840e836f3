"""A whole run in this process and on virtual time, remembered so closely that it can be cut off anywhere.

``record`` plays a run against the simulator's service and keeps every operation that passes the store's door, the
journal as it was before each transaction, and every request that the service saw. ``Recording.moments`` gives each
instant between two operations, with the disk model and the server as they were then; ``recover`` takes the run up from
a picture of that disk against that server. ``fail`` plays a run on a disk that fails at its n-th operation.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from extractor.clock import Clock
from extractor.errors import LocalError
from extractor.observe.news import News, RunClosed
from extractor.plan import make_plan
from extractor.run import extract, history
from extractor.simulator import Request as Received
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store.door import Kind, Operation, guarded
from extractor.store.verify import verify
from tests.contract.stage import NightClock, Wire
from tests.crash.disk import Disk, Picture, write_out
from tests.rehearsal import NOW, config_of

JOURNAL_FILES = ("journal.sqlite", "journal.sqlite-wal")
SECTIONS: dict[str, Any] = {
    "limits": {"page_size": 20, "exports": 2, "poll_first": 0.01, "requests_per_second": 1000.0},
    "output": {"compression": "zstd", "shard_bytes": 8192},
}
JOBS: list[dict[str, Any]] = [
    {"segment": "A"},
    {"segment": "A", "name": "later", "since": "2026-06-01T00:00:00Z"},
    {"segment": "Nobody"},
]


def world(**settings: Any) -> SimulatorSettings:
    """A server with a few people and a segment of nobody."""
    return SimulatorSettings(segments=(Segment(name="A", count=47), Segment(name="Nobody", count=0)), **settings)


WEATHERS = {
    "a quiet run": world(),
    "a run that loses two exports": world(faults={"status[A]": "ok error", "page[A]": "ok ok expire"}),
    "a run with lost answers": world(faults={"initiate[A]": "lost", "page[A]": "ok drop@100 lost", "commit": "lost"}),
}


class Remembering(Wire):
    """A wire that keeps what the service was asked, and when."""

    def __init__(self, service: Service, clock: Clock) -> None:
        super().__init__(service=service, clock=clock)
        self.heard: list[tuple[Received, float]] = []
        handle = service.handle

        def remembering(request: Received, now: float) -> Any:
            self.heard.append((request, now))
            return handle(request, now)

        service.handle = remembering  # type: ignore[method-assign] # this one service only


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The instant before an operation: what the disk may hold, which journal there is, what the server has seen."""

    index: int
    operation: Operation | None  # that comes next; None at the end
    disk: Disk
    journal: dict[str, bytes]
    requests: int


@dataclass(kw_only=True)
class Recording:
    """A run as it was."""

    settings: SimulatorSettings
    folder: Path
    closed: RunClosed
    base: Picture = field(repr=False)  # what was there before
    shards: dict[str, bytes]
    operations: list[Operation] = field(repr=False)
    requests_before: list[int] = field(repr=False)  # of each operation: how many requests the server had seen
    journals: list[dict[str, bytes]] = field(repr=False)  # before each transaction, and at the end
    seen: list[tuple[Received, float]] = field(repr=False)

    def moments(self) -> Iterator[Moment]:
        """Every instant of the run, in order; the disk is one object that goes on with them."""
        disk, transactions = Disk(self.folder), 0
        disk.load(self.base)
        for index, operation in enumerate(self.operations):
            yield Moment(
                index=index,
                operation=operation,
                disk=disk,
                journal=self.journals[transactions],
                requests=self.requests_before[index],
            )
            disk.apply(operation)
            transactions += operation.kind is Kind.TRANSACTION
        yield Moment(
            index=len(self.operations),
            operation=None,
            disk=disk,
            journal=self.journals[-1],
            requests=len(self.seen),
        )

    def server(self, requests: int) -> Service:
        """The server after so many requests."""
        service = Service(self.settings)
        for request, now in self.seen[:requests]:
            service.handle(request, now)
        return service


def _shards(output: Path) -> dict[str, bytes]:
    found = sorted(output.glob("*/run=*/part-*"))
    return {f"{path.parent.parent.name}/{path.name}": path.read_bytes() for path in found}


def _picture_of(folder: Path) -> Picture:
    """Everything below, but for what SQLite and the lock look after themselves."""
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        if path.name != "lock" and not path.name.startswith(JOURNAL_FILES[0]):
            found[path.relative_to(folder).as_posix()] = None if path.is_dir() else path.read_bytes()
    return found


def _journal_of(state: Path) -> dict[str, bytes]:
    return {name: (state / name).read_bytes() for name in JOURNAL_FILES if (state / name).exists()}


async def record(
    folder: Path,
    settings: SimulatorSettings,
    *,
    service: Service | None = None,
    seen: tuple[tuple[Received, float], ...] = (),
    start: float = NOW,
) -> Recording:
    """Play a run to its good end and remember it; what an earlier process left in ``folder`` is taken up.

    ``service`` is then the server, and ``seen`` what it was asked before.
    """
    operations: list[Operation] = []
    requests_before: list[int] = []
    journals: list[dict[str, bytes]] = []
    clock = NightClock(start)
    wire = Remembering(service or Service(settings), clock)
    wire.heard += seen
    config = config_of(folder, JOBS, **SECTIONS)
    plan = make_plan(config)
    base = _picture_of(folder)
    journals.append(_journal_of(config.state))

    def remember(operation: Operation) -> None:
        if operation.kind is Kind.TRANSACTION:
            journals[-1] = _journal_of(config.state)
            journals.append({})
        operations.append(replace(operation, data=memoryview(bytes(operation.data))))
        requests_before.append(len(wire.heard))

    with guarded(remember):
        closed = await extract(
            config,
            plan,
            listener=ignore,
            interrupts=False,
            clock=clock,
            transport=wire,
            earlier=history.unfinished_of(config.state, plan.plan_id),
        )
    journals[-1] = _journal_of(config.state)
    return Recording(
        settings=settings,
        folder=folder,
        closed=closed,
        base=base,
        shards=_shards(config.output.path),
        operations=operations,
        requests_before=requests_before,
        journals=journals,
        seen=wire.heard,
    )


async def record_recovery(folder: Path, recording: Recording, chance: random.Random) -> Recording:
    """Cut a recorded run off in its middle, at a power loss, and remember how it is taken up in ``folder``."""
    middle = len(recording.operations) * 2 // 5
    moment = next(each for each in recording.moments() if each.index == middle)
    _lay_out(next(moment.disk.states(chance, 1)), moment.journal, folder)
    return await record(
        folder,
        recording.settings,
        service=recording.server(moment.requests),
        seen=tuple(recording.seen[: moment.requests]),
        start=NOW + 3600.0,
    )


def ignore(_news: News) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """How a run that was cut off came out: ``problem`` is empty when it is the undisturbed run's, byte for byte."""

    problem: str
    taken_up: bool


async def recover(recording: Recording, moment: Moment, picture: Picture, folder: Path) -> Recovered:
    """Write a picture out below ``folder``, take the run up there, and compare. The folder is gone afterwards."""
    _lay_out(picture, moment.journal, folder)
    try:
        return await resume(recording, recording.server(moment.requests), folder)
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path)


def _lay_out(picture: Picture, journal: dict[str, bytes], folder: Path) -> None:
    write_out(picture, folder)
    for name, content in journal.items():
        (folder / "state").mkdir(exist_ok=True)
        (folder / "state" / name).write_bytes(content)


async def resume(recording: Recording, service: Service, folder: Path) -> Recovered:
    """Take up whatever is in ``folder``, or begin anew where nothing is; compare with the recording."""
    config = config_of(folder, JOBS, **SECTIONS)
    plan = make_plan(config)
    earlier = history.unfinished_of(config.state, plan.plan_id)
    clock = NightClock(NOW + 3600.0)
    if earlier is None and _is_complete(config.state):
        return Recovered(problem=_difference(recording, recording.closed, config.output.path), taken_up=False)
    try:
        closed = await extract(
            config,
            plan,
            listener=ignore,
            interrupts=False,
            clock=clock,
            transport=Wire(service=service, clock=clock),
            earlier=earlier,
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the recovery came to
        return Recovered(problem=f"{type(error).__name__}: {error}", taken_up=earlier is not None)
    return Recovered(problem=_difference(recording, closed, config.output.path), taken_up=earlier is not None)


def _is_complete(state: Path) -> bool:
    """Whether the journal knows of the run's good end: then there is nothing to take up, and nothing may be missing."""
    with suppress(LocalError):
        return [0] == [run.exit_code for run in history.runs(state)]
    return False


def _difference(recording: Recording, closed: RunClosed, output: Path) -> str:
    if closed.exit_code:
        return f"exit code {closed.exit_code}: {closed.reason}"
    shards = _shards(output)
    if len(list(output.glob("*/run=*"))) != len(list(output.glob("*"))):
        return "a dataset was published twice"
    if shards != recording.shards:
        return f"the shards differ: {sorted(shards)}"
    report = verify(output)
    if not report.intact:
        return f"{report.findings[0].file.name}: {report.findings[0].problem}"
    left = sorted(path.name for path in output.rglob(".*"))
    return f"left over: {left}" if left else ""


@dataclass(slots=True, kw_only=True)
class Losses:
    """What came of losing power at every moment of a run."""

    moments: int = 0
    states: int = 0
    taken_up: int = 0
    problems: Counter[str] = field(default_factory=Counter)


async def lose_power(recording: Recording, folder: Path, *, chance: random.Random, most: int) -> Losses:
    """Build at most ``most`` disks for each moment of a run, take each up below ``folder`` (empty), and count."""
    losses = Losses()
    for moment in recording.moments():
        losses.moments += 1
        for picture in moment.disk.states(chance, most):
            recovered = await recover(recording, moment, picture, folder)
            losses.states += 1
            losses.taken_up += recovered.taken_up
            if recovered.problem:
                what = "the end" if moment.operation is None else moment.operation.kind
                losses.problems[f"before {what} ({moment.index}): {recovered.problem}"] += 1
    return losses
