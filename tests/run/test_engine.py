"""What every engine owes: run against the default one, with a scripted service on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import orjson
import pytest

from extractor.clock import SystemClock
from extractor.errors import LocalError
from extractor.observe.news import DatasetPublished, DatasetWithheld, JobEnded, News
from extractor.plan import Plan, make_plan
from extractor.plan.job import JobSpec
from extractor.protocol.vocabulary import (
    Commit,
    Event,
    ExportSealed,
    Fault,
    FetchPage,
    Initiate,
    InitiateIntended,
    Meaning,
    PageStored,
    PollStatus,
    StatusReported,
    Verdict,
)
from extractor.run.coordinator import Coordinator, Standing
from extractor.run.engine import RemoteRequest
from extractor.run.halt import Halt
from extractor.run.on_asyncio import AsyncioEngine
from extractor.run.publication import Edition
from extractor.store.compression import codec
from extractor.store.entries import RunEntry
from extractor.store.journal import Journal, open_journal
from extractor.store.writer import Writer
from tests.run.scripted import Service, config_for, failing, page, record, settings_for

RUN = "20261123T020000Z-0001"
pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


@dataclass
class Rehearsal:
    """A run in a folder, against a scripted service."""

    folder: Path
    service: Service
    plan: Plan
    journal: Journal
    standing: Standing = field(default_factory=Standing)
    news: list[News] = field(default_factory=list)
    halt: Halt = field(default_factory=Halt)

    def outcome(self, name: str) -> JobEnded:
        """How a job ended."""
        return next(each for each in self.news if isinstance(each, JobEnded) and each.label == name)

    def told(self, kind: type[News]) -> list[News]:
        """The news of one kind."""
        return [each for each in self.news if isinstance(each, kind)]

    def lines(self, name: str) -> list[bytes]:
        """The published lines of a segment, in order; none when it is not published."""
        shards = sorted((self.folder / "exports" / f"segment={name}").glob("run=*/part-*"))
        return [line for shard in shards for line in shard.read_bytes().splitlines()]

    def events(self, name: str) -> list[Event]:
        """The journaled events of a job."""
        ordinal = next(job.ordinal for job in self.plan.jobs if job.name == name)
        return self.journal.events(RUN, ordinal)


def expected(name: str, total: int) -> list[bytes]:
    """The lines that a segment must be published as."""
    return [orjson.dumps(record(name, index)) for index in range(1, total + 1)]


async def rehearse(
    folder: Path,
    sizes: dict[str, int],
    *,
    script: Callable[[RemoteRequest, JobSpec], Event | None] | None = None,
    prepare: Callable[[Rehearsal], Iterable[Callable[[], object]]] = lambda _rehearsal: (),
    **limits: object,
) -> Rehearsal:
    """Drive one job for each segment to the end."""
    config = config_for(folder, [{"segment": name} for name in sizes], limits={"page_size": 100, **limits})
    plan, output = make_plan(config), config.output
    staging = folder / "staging"
    staging.mkdir()
    service = Service(sizes, script=script or (lambda _command, _job: None))
    journal = open_journal(folder / "journal.sqlite")
    journal.add_run(
        RunEntry(run_id=RUN, plan_id="p", config_hash="c", config_path=None, output="o", pid=1, started_at=0.0),
        plan.jobs,
    )
    rehearsal = Rehearsal(folder=folder, service=service, plan=plan, journal=journal)
    edition = Edition(
        run_id=RUN,
        config_hash="c",
        started_at=0.0,
        output=output.path,
        state=config.state,
        key=journal.key(),
        staging=staging,
        compression=output.compression,
        shard_bytes=output.shard_bytes,
    )
    writer = Writer(
        journal,
        run_id=RUN,
        staging=staging,
        codec=codec(output.compression),
        shard_bytes=output.shard_bytes,
        quarantine=folder / "quarantine",
        record_id=lambda _ordinal: "ProfileId",
        clock=SystemClock(),
    )
    async with anyio.create_task_group() as around:
        around.start_soon(writer.run)
        for act in prepare(rehearsal):
            around.start_soon(act)
        coordinator = Coordinator(
            plan=plan,
            journal=journal,
            writer=writer,
            edition=edition,
            clock=SystemClock(),
            listener=rehearsal.news.append,
            standing=rehearsal.standing,
        )
        engine = AsyncioEngine(
            settings_for(config),
            client=service,
            listener=rehearsal.news.append,
            halt=rehearsal.halt,
            deadline=None,
        )
        async with coordinator:
            await engine.run(plan.jobs, coordinator)
        await coordinator.withhold_unfinished()
        around.cancel_scope.cancel()
    return rehearsal


async def test_every_record_is_published_once_and_in_order(tmp_path: Path) -> None:
    """Sizes below, at and above a page; an empty segment is published too."""
    sizes = {"Empty": 0, "One": 1, "Page": 100, "More": 101, "Many": 1234}
    run = await rehearse(tmp_path, sizes)
    assert {Verdict.DONE: 5} == run.standing.verdicts
    for name, total in sizes.items():
        assert expected(name, total) == run.lines(name)
    assert 5 == len(run.told(DatasetPublished))


async def test_no_more_exports_and_pages_at_once_than_allowed(tmp_path: Path) -> None:
    """Invariant I6, as the service sees it."""
    run = await rehearse(tmp_path, {f"S{n}": 500 for n in range(12)}, exports=4, pages=2)
    assert 4 == run.service.most["alive"]
    assert 2 == run.service.most["FetchPage"]
    assert {Verdict.DONE: 12} == run.standing.verdicts


async def test_the_commit_comes_last_and_after_the_journaled_seal(tmp_path: Path) -> None:
    """Invariant I4: when the service sees a Commit, the seal is in the journal."""
    seen: list[bool] = []
    run: Rehearsal | None = None

    def script(command: RemoteRequest, _job: JobSpec) -> None:
        if isinstance(command, Commit):
            assert run is not None
            seen.append(any(isinstance(event, ExportSealed) for event in run.events("A")))

    def prepare(rehearsal: Rehearsal) -> tuple[()]:
        nonlocal run
        run = rehearsal
        return ()

    await rehearse(tmp_path, {"A": 250}, script=script, prepare=prepare)
    assert [True] == seen


async def test_an_intent_is_journaled_before_each_initiate(tmp_path: Path) -> None:
    """A POST whose answer is lost can be accounted for."""
    lost = iter([True, False])

    def script(command: RemoteRequest, _job: JobSpec) -> Event | None:
        if isinstance(command, Initiate) and next(lost):
            return failing(command, Fault.UNAVAILABLE)
        return None

    run = await rehearse(tmp_path, {"A": 1}, script=script)
    intents = [event for event in run.events("A") if isinstance(event, InitiateIntended)]
    assert 2 == len(intents)
    assert expected("A", 1) == run.lines("A")


async def test_one_bad_job_neither_stalls_nor_fails_the_others(tmp_path: Path) -> None:
    """A job that is refused, one that never gets ready and one with a lying server: the other nine are published."""

    def script(command: RemoteRequest, job: JobSpec) -> Event | None:
        if job.name == "Refused" and isinstance(command, Initiate):
            return failing(command, Fault.FORBIDDEN, "no permission")
        if job.name == "Stuck" and isinstance(command, PollStatus):
            return StatusReported(meaning=Meaning.PROCESSING, spelled="Processing")
        if job.name == "Lying" and isinstance(command, FetchPage):
            return page("Lying", command.offset, command.limit, 500 - command.offset)
        return None

    sizes = {"Refused": 5, "Stuck": 5, "Lying": 500} | {f"Good{n}": 150 for n in range(9)}
    run = await rehearse(tmp_path, sizes, script=script, exports=3)
    verdicts = {name: run.outcome(name).outcome.verdict for name in ("Refused", "Stuck", "Lying")}
    assert {"Refused": Verdict.REFUSED, "Stuck": Verdict.UNAVAILABLE, "Lying": Verdict.INTEGRITY} == verdicts
    assert 9 == run.standing.verdicts[Verdict.DONE]
    assert {"segment 'Refused'", "segment 'Stuck'", "segment 'Lying'"} == {
        each.dataset for each in run.told(DatasetWithheld) if isinstance(each, DatasetWithheld)
    }
    for name in ("Refused", "Stuck", "Lying"):
        assert [] == run.lines(name)
    for n in range(9):
        assert expected(f"Good{n}", 150) == run.lines(f"Good{n}")


async def test_a_lost_export_is_read_anew_from_the_beginning(tmp_path: Path) -> None:
    """Error once, then the token gone in mid-reading: the third export is what is published."""
    exports: list[int] = []

    def script(command: RemoteRequest, _job: JobSpec) -> Event | None:
        if isinstance(command, Initiate):
            exports.append(command.export)
        if isinstance(command, PollStatus) and exports[-1] == 1:
            return StatusReported(meaning=Meaning.ERROR, spelled="Error")
        if isinstance(command, FetchPage) and exports[-1] == 2 and command.offset > 300:
            return failing(command, Fault.TOKEN_GONE)
        return None

    run = await rehearse(tmp_path, {"A": 1000}, script=script)
    assert [1, 2, 3] == exports
    assert expected("A", 1000) == run.lines("A")
    assert 3 == run.outcome("A").outcome.exports


async def test_a_passing_fault_on_every_request_once_changes_nothing(tmp_path: Path) -> None:
    """Each request fails the first time; the output is that of a quiet night."""
    failed: set[tuple[str, str, int]] = set()

    def script(command: RemoteRequest, job: JobSpec) -> Event | None:
        key = (job.name, type(command).__name__, getattr(command, "offset", 0))
        if key in failed:
            return None
        failed.add(key)
        return failing(command, Fault.UNAVAILABLE)

    sizes = {"A": 350, "B": 0, "C": 99}
    run = await rehearse(tmp_path, sizes, script=script)
    assert {Verdict.DONE: 3} == run.standing.verdicts
    for name, total in sizes.items():
        assert expected(name, total) == run.lines(name)


async def test_a_record_that_is_not_json_fails_its_job_by_page_and_index(tmp_path: Path) -> None:
    """Loudly, and without its content."""

    def script(command: RemoteRequest, job: JobSpec) -> Event | None:
        if job.name == "Bad" and isinstance(command, FetchPage) and command.offset == 101:
            honest = page("Bad", command.offset, command.limit, 150)
            body = honest.body.replace(b'"ProfileId":137', b'"ProfileId":NaN')
            assert body != honest.body
            return type(honest)(asked=101, offset=101, count=50, total=150, has_more=False, body=body)
        return None

    run = await rehearse(tmp_path, {"Bad": 150, "Good": 150}, script=script)
    outcome = run.outcome("Bad").outcome
    assert Verdict.INTEGRITY == outcome.verdict
    assert "offset 101" in outcome.message
    assert "37" in outcome.message
    assert "example.test" not in outcome.message
    assert [] == run.lines("Bad")
    assert expected("Good", 150) == run.lines("Good")


async def test_a_halt_finishes_what_is_in_flight_and_asks_for_nothing_new(tmp_path: Path) -> None:
    """After the first signal no request begins, and what had arrived is journaled."""
    at_halt: list[int] = []

    def prepare(rehearsal: Rehearsal) -> tuple[Callable[[], object]]:
        async def interrupt() -> None:
            await anyio.sleep(2.0)
            rehearsal.halt.request("interrupted", 130)
            at_halt.append(rehearsal.service.requests)

        return (interrupt,)

    run = await rehearse(tmp_path, {f"S{n}": 100_000 for n in range(8)}, prepare=prepare, exports=2, pages=2)
    assert run.service.requests <= at_halt[0] + 2
    assert 0 == run.standing.verdicts.total()
    assert 8 == len(run.told(DatasetWithheld))
    stored = [event for event in run.events("S0") if isinstance(event, PageStored)]
    fetches = [offset for name, kind, offset in run.service.log if (name, kind) == ("S0", "FetchPage")]
    assert [event.offset for event in stored] == list(range(1, len(stored) * 100, 100))
    assert len(stored) >= len(set(fetches) - {51}) - 1  # at 51 is the trial of random access, if S0 has made it


async def test_a_halt_takes_back_what_waits_for_its_turn(tmp_path: Path) -> None:
    """A request that stands in the queue of the rate limit is not sent after the first signal, nor journaled."""

    def prepare(rehearsal: Rehearsal) -> tuple[Callable[[], object]]:
        rehearsal.service.queue = 600.0

        async def interrupt() -> None:
            await anyio.sleep(5.0)
            rehearsal.halt.request("interrupted", 130)

        return (interrupt,)

    began = anyio.current_time()
    run = await rehearse(tmp_path, {"A": 10, "B": 10}, prepare=prepare)
    assert 5.0 == anyio.current_time() - began
    assert 0 == run.service.requests
    assert [] == run.events("A")


async def test_one_dataset_that_cannot_be_published_holds_up_no_other(tmp_path: Path) -> None:
    """A file stands where its folder belongs: it is withheld with the reason, the others are published."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "segment=Bad").write_text("in the way")
    run = await rehearse(tmp_path, {"Bad": 5, "Good": 500}, exports=2)
    assert expected("Good", 500) == run.lines("Good")
    [withheld] = [each for each in run.news if isinstance(each, DatasetWithheld)]
    assert "segment 'Bad'" == withheld.dataset
    assert "segment=Bad" in withheld.reason
    assert 1 == len(run.standing.unpublishable)


async def test_a_disk_that_fails_ends_the_run_with_its_own_error(tmp_path: Path) -> None:
    """No job's outcome can hide that nothing can be kept any more."""

    def script(command: RemoteRequest, job: JobSpec) -> None:
        if isinstance(command, FetchPage) and (job.name, command.offset) == ("B", 1):  # before its first file is made
            (tmp_path / "staging").rename(tmp_path / "elsewhere")
            (tmp_path / "staging").write_text("a file where the folder was")

    with pytest.raises(ExceptionGroup) as caught:
        await rehearse(tmp_path, {"A": 1, "B": 1000}, script=script, exports=1)
    assert caught.group_contains(LocalError)


async def test_what_is_published_does_not_depend_on_concurrency(tmp_path: Path) -> None:
    """Byte-identical shards at 1, 4 and 32 exports and pages."""
    sizes = {"A": 777, "B": 5, "C": 2500}
    published = []
    for concurrency in (1, 4, 32):
        folder = tmp_path / str(concurrency)
        folder.mkdir()
        run = await rehearse(folder, sizes, exports=concurrency, pages=concurrency)
        shards = sorted((folder / "exports").rglob("part-*"))
        published.append([(shard.relative_to(folder), shard.read_bytes()) for shard in shards])
        assert {Verdict.DONE: 3} == run.standing.verdicts
    assert published[0] == published[1] == published[2]
