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
from extractor.config import Config
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

STATE = "state"
PROBE = ".writable."  # an empty file whose removal nobody syncs: it may come back, says nothing, and harms nobody
JOURNAL_FILES = ("journal.sqlite", "journal.sqlite-wal")
JOBS: tuple[dict[str, Any], ...] = (
    {"segment": "A"},
    {"segment": "A", "name": "later", "since": "2026-06-01T00:00:00Z"},
    {"segment": "Nobody"},
)
ENOUGH = 10  # problems
_A_YEAR = 365 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a run is played on: the server, the jobs, how large shards are, and whether newer output stands already.

    With ``newer``, somebody with another state folder, or a clock that was wrong, has published all the datasets a year
    later: ``latest.json`` names that, and is not written again.
    """

    settings: SimulatorSettings
    jobs: tuple[dict[str, Any], ...] = JOBS
    shard_bytes: int = 8192
    newer: bool = False

    def config(self, folder: Path, **others: Any) -> Config:
        """The configuration of a run in ``folder``."""
        limits = {"page_size": 20, "exports": 2, "poll_first": 0.01, "requests_per_second": 1000.0}
        output = {"compression": "zstd", "shard_bytes": self.shard_bytes}
        return config_of(folder, list(self.jobs), limits=limits, output=output, **others)


def world(
    *, jobs: tuple[dict[str, Any], ...] = JOBS, shard_bytes: int = 8192, newer: bool = False, **settings: Any
) -> Scene:
    """A server with a few people and a segment of nobody."""
    people = (Segment(name="A", count=47), Segment(name="Nobody", count=0))
    return Scene(
        settings=SimulatorSettings(segments=people, **settings), jobs=jobs, shard_bytes=shard_bytes, newer=newer
    )


WEATHERS = {
    "a quiet run": world(),
    "a run that loses two exports": world(faults={"status[A]": "ok error", "page[A]": "ok ok expire"}),
    "a run with lost answers": world(faults={"initiate[A]": "lost", "page[A]": "ok drop@100 lost", "commit": "lost"}),
    "a run that packs several jobs into one shard": world(
        jobs=(*JOBS, {"segment": "A", "name": "last", "since": "2026-09-01T00:00:00Z"}), shard_bytes=1024 * 1024
    ),
    "a run that is older than what is published": world(newer=True),
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

    scene: Scene
    folder: Path
    stranger: str  # the id of the run that published newer output before, "" where none did
    closed: RunClosed
    base: Picture = field(repr=False)  # what was there before
    shards: dict[str, bytes]
    operations: list[Operation] = field(repr=False)
    requests_before: list[int] = field(repr=False)  # of each operation: how many requests the server had seen
    journals: list[dict[str, bytes]] = field(repr=False)  # before each transaction, and at the end
    seen: list[tuple[Received, float]] = field(repr=False)

    @property
    def settings(self) -> SimulatorSettings:
        """The server's."""
        return self.scene.settings

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


def _runs(output: Path, stranger: str) -> list[Path]:
    """Every published folder, but for those of the stranger."""
    return sorted(path for path in output.glob("*/run=*") if path.name != f"run={stranger}")


def _shards(output: Path, stranger: str) -> dict[str, bytes]:
    found = [path for run in _runs(output, stranger) for path in sorted(run.glob("part-*"))]
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
    scene: Scene,
    *,
    cut_off: Recording | None = None,
    requests: int = 0,
) -> Recording:
    """Play a run to its good end and remember it.

    With ``cut_off``, what that run left in ``folder`` is taken up, an hour later, with the server as it was after
    ``requests``.
    """
    service, seen, stranger = Service(scene.settings), [], ""
    if cut_off is not None:
        service, seen, stranger = cut_off.server(requests), cut_off.seen[:requests], cut_off.stranger
    elif scene.newer:
        stranger = await _publish_newer(folder, scene)
    operations: list[Operation] = []
    requests_before: list[int] = []
    journals: list[dict[str, bytes]] = []
    clock = NightClock(NOW if cut_off is None else NOW + 3600.0)
    wire = Remembering(service, clock)
    wire.heard += seen
    config = scene.config(folder)
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
        scene=scene,
        folder=folder,
        stranger=stranger,
        closed=closed,
        base=base,
        shards=_shards(config.output.path, stranger),
        operations=operations,
        requests_before=requests_before,
        journals=journals,
        seen=wire.heard,
    )


async def _publish_newer(folder: Path, scene: Scene) -> str:
    """Publish the same datasets a year later from another state folder, of which nothing is left; give the run's id."""
    config, clock = scene.config(folder, state=str(folder / "elsewhere")), NightClock(NOW + _A_YEAR)
    closed = await extract(
        config,
        make_plan(config),
        listener=ignore,
        interrupts=False,
        clock=clock,
        transport=Wire(service=Service(scene.settings), clock=clock),
    )
    assert 0 == closed.exit_code, closed.reason
    shutil.rmtree(config.state)
    return closed.run_id


async def record_recovery(folder: Path, recording: Recording, chance: random.Random) -> Recording:
    """Cut a recorded run off in its middle, at a power loss, and remember how it is taken up in ``folder``."""
    middle = len(recording.operations) * 2 // 5
    moment = next(each for each in recording.moments() if each.index == middle)
    _lay_out(next(moment.disk.states(chance, 1)), moment.journal, folder)
    return await record(folder, recording.scene, cut_off=recording, requests=moment.requests)


def ignore(_news: News) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """How a run that was cut off came out: ``problem`` is empty when it is the undisturbed run's, byte for byte."""

    problem: str
    taken_up: bool


async def recover(recording: Recording, moment: Moment, picture: Picture, folder: Path) -> Recovered:
    """Write a picture out below ``folder``, take the run up there, and compare. The folder is gone afterwards."""
    if moment.requests and STATE not in picture:
        return Recovered(problem="something was asked, and the state folder with the journal is gone", taken_up=False)
    _lay_out(picture, moment.journal, folder)
    try:
        return await resume(recording, recording.server(moment.requests), folder)
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path)


def _lay_out(picture: Picture, journal: dict[str, bytes], folder: Path) -> None:
    """The journal is as its last transaction left it, by SQLite's promise; but it goes with the folder it is in."""
    write_out(picture, folder)
    for name, content in journal.items() if STATE in picture else ():
        (folder / STATE / name).write_bytes(content)


async def resume(recording: Recording, service: Service, folder: Path) -> Recovered:
    """Take up whatever is in ``folder``, or begin anew where nothing is; compare with the recording."""
    config = recording.scene.config(folder)
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
    shards = _shards(output, recording.stranger)
    published = Counter(path.parent for path in _runs(output, recording.stranger))
    if [path for path, times in published.items() if times > 1]:
        return "a dataset was published twice"
    if missing := sorted(path.name for path in output.glob("[!.]*") if path not in published):
        return f"not published: {missing}"
    if shards != recording.shards:
        return f"the shards differ: {sorted(shards)}"
    report = verify(output)
    if not report.intact:
        return f"{report.findings[0].file.name}: {report.findings[0].problem}"
    left = sorted(path.name for path in output.rglob(".*") if not path.name.startswith(PROBE))
    return f"left over: {left}" if left else ""


@dataclass(slots=True, kw_only=True)
class Losses:
    """What came of losing power at every moment of a run."""

    moments: int = 0
    states: int = 0
    taken_up: int = 0
    problems: Counter[str] = field(default_factory=Counter)


async def lose_power(recording: Recording, folder: Path, *, chance: random.Random, most: int) -> Losses:
    """Build at most ``most`` disks for each moment of a run, take each up below ``folder`` (empty), and count.

    Breaks off when there are problems enough to tell what is wrong.
    """
    losses = Losses()
    for moment in recording.moments():
        if losses.problems.total() >= ENOUGH:
            break
        losses.moments += 1
        for picture in moment.disk.states(chance, most):
            recovered = await recover(recording, moment, picture, folder)
            losses.states += 1
            losses.taken_up += recovered.taken_up
            if recovered.problem:
                what = "the end" if moment.operation is None else moment.operation.kind
                losses.problems[f"before {what} ({moment.index}): {recovered.problem}"] += 1
    return losses
