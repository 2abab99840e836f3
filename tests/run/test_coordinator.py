"""What the coordinator decides when data is lost between its seal and its publication, and what it counts at a halt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from extractor.observe.news import DatasetWithheld
from extractor.run import history
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store.failpoints import Failpoint, watched
from extractor.store.verify import verify
from tests.contract.stage import Played, play, resume, truth

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

JOBS: list[dict[str, Any]] = [
    {"segment": "A"},
    {"segment": "A", "name": "later", "since": "2026-06-01T00:00:00Z"},
    {"segment": "B"},
]
LIMITS = {"page_size": 10}


def server(**settings: Any) -> SimulatorSettings:
    """Two segments of a few people."""
    return SimulatorSettings(segments=(Segment(name="A", count=25), Segment(name="B", count=15)), **settings)


def once_at(point: Failpoint, act: Callable[[], None]) -> Callable[[Failpoint], None]:
    """A watcher that acts when the program first passes ``point``."""
    acted = False

    def watcher(passed: Failpoint) -> None:
        nonlocal acted
        if passed is point and not acted:
            acted = True
            act()

    return watcher


def damaging(folder: Path, *ordinals: int) -> Callable[[Failpoint], None]:
    """A watcher that changes the parts of these jobs when their dataset is about to be published."""

    def act() -> None:
        for ordinal in ordinals:
            (part,) = (folder / "state" / "staging").glob(f"*/{ordinal:07d}/export-1/part-00000.ndjson")
            part.write_bytes(b"?" + part.read_bytes()[1:])

    return once_at(Failpoint.NUMBER_GIVEN, act)


def expected(played: Played) -> list[bytes]:
    """The truth of dataset A: both of its jobs."""
    return truth(played, "A") + truth(played, "A", since="2026-06-01T00:00:00.000Z")


def verdicts(played: Played) -> list[str]:
    """How each job ended, by the journal."""
    return [job.state for job in history.status(played.config.state, None).jobs]


@pytest.mark.parametrize("lost", [(0,), (1,), (0, 1)])
async def test_what_is_lost_before_its_publication_is_asked_for_anew_and_nothing_else(
    memory: Path, lost: tuple[int, ...]
) -> None:
    """Exit code 6; one resume mends however many jobs have lost something, and publishes."""
    with watched(damaging(memory, *lost)):
        played = await play(memory, server(), JOBS[:2], limits=LIMITS)

    states = ["integrity" if ordinal in lost else "done" for ordinal in (0, 1)]
    assert (6, states, []) == (played.exit_code, verdicts(played), played.published)
    assert (2 - len(lost), len(lost)) == (played.closed.jobs_done, played.closed.jobs_failed)
    (withheld,) = [each for each in played.news if isinstance(each, DatasetWithheld)]
    assert "its bytes are not those that were sealed" in withheld.reason
    assert tuple(["A", "later"][ordinal] for ordinal in lost) == withheld.jobs
    asked = len(played.calls("initiate"))
    again = await resume(played)
    assert (0, expected(played), ["done"] * 2) == (again.exit_code, again.lines("segment=A"), verdicts(again))
    assert asked + len(lost) == len(again.calls("initiate"))
    assert verify(again.config.output.path).intact


async def test_another_dataset_is_published_all_the_same(memory: Path) -> None:
    """What is lost of one is nothing to the other."""
    with watched(damaging(memory, 0)):
        played = await play(memory, server(faults={"initiate[B]": "503:9s"}), [JOBS[0], JOBS[2]], limits=LIMITS)

    assert (6, ["segment 'B'"], truth(played, "B")) == (
        played.exit_code,
        played.published,
        played.lines("segment=B"),
    )
    again = await resume(played)
    assert (0, truth(played, "A")) == (again.exit_code, again.lines("segment=A"))


@pytest.mark.parametrize("other", [[], [{"segment": "B"}]], ids=["alone", "beside a job that is done"])
async def test_an_initiate_that_is_under_way_at_a_halt_is_a_possible_orphan(
    memory: Path, other: list[dict[str, Any]]
) -> None:
    """Nobody knows whether it made an export: this one did. Who takes the run up counts it once, too."""
    service = Service(server(faults={"initiate[A]": "silent"}))
    limits = LIMITS | {"deadline": 20.0, "grace": 1.0}
    played = await play(memory, service, [JOBS[0], *other], limits=limits)

    alive = sum(1 for _ in service.ledger.alive(played.wire.clock.now()))
    assert (5, 1, 1) == (played.exit_code, played.closed.possible_orphans, alive)
    assert "initiating" == verdicts(played)[0]
    again = await resume(played)
    assert (0, 1, truth(played, "A")) == (again.exit_code, again.closed.possible_orphans, again.lines("segment=A"))


async def test_a_job_that_a_halt_finds_between_two_tries_keeps_its_possible_orphans(memory: Path) -> None:
    """Each lost answer is one, whether the job has ended or not."""
    service = Service(server(faults={"initiate[A]": "lost lost lost 503:100s"}))
    limits = LIMITS | {"deadline": 60.0, "grace": 1.0, "retry_for": 3600.0}
    played = await play(memory, service, [JOBS[0]], limits=limits)

    lost = service.playbook.fired["initiate", "lost"]
    assert (5, lost) == (played.exit_code, played.closed.possible_orphans)
    assert lost == sum(1 for _ in service.ledger.alive(played.wire.clock.now())) > 0
    await anyio.sleep(100.0)  # the next process is held, too
    again = await resume(played)
    assert (0, truth(played, "A")) == (again.exit_code, again.lines("segment=A"))
    assert service.playbook.fired["initiate", "lost"] == again.closed.possible_orphans
