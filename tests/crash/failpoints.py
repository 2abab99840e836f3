"""Death at each named moment between an effect and its record, and what it takes to get there.

Shared by the tests and ``make crash``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
STAGES = {
    Failpoint.RUN_REOPENED: TAKEN_UP,
    Failpoint.PARTS_CUT: TAKEN_UP,
    Failpoint.TAKEN_UP: TAKEN_UP,
    Failpoint.LOSS_JOURNALED: LOST,
    Failpoint.REFUSAL_JOURNALED: CONTRADICTED,
    Failpoint.PART_REWRITTEN: CONDEMNED,
}


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
