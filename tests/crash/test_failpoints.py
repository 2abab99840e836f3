"""The process dies at each named moment between an effect and its record, and the run is taken up.

A moment that is not reached is a failure: the list and the program must not drift apart.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.store.failpoints import Failpoint
from tests.crash.failpoints import (
    CONDEMNED,
    CONTRADICTED,
    LOST,
    PLAIN,
    REMEMBERING,
    STAGES,
    TAKEN_UP,
    UNTRUSTWORTHY,
    Stage,
    kill_at,
    kill_in_contradiction,
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", [PLAIN, TAKEN_UP, LOST, CONTRADICTED, CONDEMNED, REMEMBERING])
def test_a_death_at_any_named_moment_changes_nothing(tmp_path: Path, stage: Stage) -> None:
    """At the first and the second time that it comes."""
    points = [point for point in Failpoint if STAGES.get(point, PLAIN) == stage]
    assert points
    assert points == list(dict.fromkeys(kill_at(stage, points, tmp_path)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", UNTRUSTWORTHY, ids=lambda point: point.name.lower())
def test_a_death_in_a_contradiction_makes_nobody_forget_it(tmp_path: Path, point: Failpoint) -> None:
    """The journal may end between a seal and its verdict: whoever takes the run up must come to the same one."""
    kills = kill_in_contradiction(point, tmp_path)
    assert kills > 4 if point is Failpoint.GROUP_JOURNALED else kills == 1
