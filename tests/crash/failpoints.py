"""Death at each named moment between an effect and its record, and what it takes to get there.

Shared by the tests and ``make crash``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from extractor.run import history
from extractor.store.failpoints import Failpoint
from tests.crash.launcher import KILLED
from tests.crash.saboteur import Sabotage
from tests.crash.yard import SMALL, opened

ONE = "\n  - segment: 100% Café/Bar\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What it takes to reach some failpoints: a server, jobs, and what befalls the run before."""

    jobs: str = SMALL
    faults: tuple[str, ...] = ()
    first: Sabotage | None = None  # kills the run once before
    failing_sync: int = 0


PLAIN = Stage()
TAKEN_UP = Stage(first=Sabotage(failpoint=Failpoint.PAGE_FETCHED, nth=3))
# Each script spends its good words on the quiet run.
LOST = Stage(jobs=ONE, faults=("--fault", "status[100% Café/Bar]: ok error"))
CONTRADICTED = Stage(jobs=ONE, faults=("--fault", "page[100% Café/Bar]: okx3 swap"))
CONDEMNED = Stage(failing_sync=2)
REMEMBERING = Stage(jobs="\n  - {segment: 100% Café/Bar, dedupe: {}}\n")
STAGES = {
    Failpoint.RUN_REOPENED: TAKEN_UP,
    Failpoint.PARTS_CUT: TAKEN_UP,
    Failpoint.TAKEN_UP: TAKEN_UP,
    Failpoint.LOSS_JOURNALED: LOST,
    Failpoint.REFUSAL_JOURNALED: CONTRADICTED,
    Failpoint.PART_REWRITTEN: CONDEMNED,
    Failpoint.POINTER_MOVED: REMEMBERING,
    Failpoint.REMEMBERED: REMEMBERING,
}


# Around the seal of an export that contradicts itself, until the run is closed for it.
UNTRUSTWORTHY = (
    Failpoint.PARTS_SEALED,
    Failpoint.GROUP_JOURNALED,
    Failpoint.JOB_FINISHED,
    Failpoint.REFUSAL_JOURNALED,
    Failpoint.RUN_CLOSED,
)
_REFUSED = 6  # the exit code


def kill_at(stage: Stage, points: list[Failpoint], root: Path) -> list[Failpoint]:
    """Kill a run at each of the points, take it up and compare; give those that were reached."""
    reached = []
    with opened(root, jobs=stage.jobs, simulator=stage.faults) as yard:
        for point in points:
            for nth in (1, 2):
                plot = yard.plot()
                if stage.first is not None:
                    assert KILLED == yard.run(plot, stage.first)
                ended = yard.run(plot, Sabotage(failpoint=point, nth=nth, failing_sync=stage.failing_sync))
                assert ended in {KILLED, 0}, plot.said.read_text("utf-8")
                if ended == KILLED:
                    reached.append(point)
                    yard.finish(plot)
                else:
                    yard.examine(plot)
                if stage.faults:
                    break
        _, early = yard.commits_before_their_seal()
        assert [] == early
    return reached


def kill_in_contradiction(point: Failpoint, root: Path) -> int:
    """Kill a run whose export contradicts itself at each coming of ``point``; give how often it was killed.

    Whoever takes it up may be told of the contradiction, once; nothing of that export is ever committed or published,
    and the end are the quiet run's bytes.
    """
    kills = 0
    while _killed_in_contradiction(Sabotage(failpoint=point, nth=kills + 1), root / f"{point.name}-{kills + 1}"):
        kills += 1
    return kills


def _killed_in_contradiction(sabotage: Sabotage, root: Path) -> bool:
    with opened(root, jobs=CONTRADICTED.jobs, simulator=CONTRADICTED.faults) as yard:
        plot = yard.plot()
        ended = yard.run(plot, sabotage)
        assert ended in {KILLED, _REFUSED}, plot.said.read_text("utf-8")
        told = 0
        while yard.run(plot) != 0:
            told += 1
            assert {} == plot.shards(), "what contradicts itself was published"
            assert _REFUSED == history.status(plot.state, None).run.exit_code, plot.said.read_text("utf-8")
            assert told == 1, "it was told twice"
        yard.examine(plot)
        seen = list(yard.history())
        lies = {entry["token"] for entry in seen if entry["fault"] == "swap"}
        assert 1 == len(lies), "there was no contradiction"
        assert lies.isdisjoint(entry["token"] for entry in seen if entry["kind"] == "commit"), "a lie was committed"
        _, early = yard.commits_before_their_seal()
        assert [] == early
    return ended == KILLED
