"""The process dies at each named moment between an effect and its record, and the run is taken up.

A moment that is not reached is a failure: the list and the program must not drift apart.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.store.failpoints import Failpoint
from tests.crash.failpoints import CONDEMNED, CONTRADICTED, LOST, PLAIN, STAGES, TAKEN_UP, Stage, kill_at


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", [PLAIN, TAKEN_UP, LOST, CONTRADICTED, CONDEMNED])
def test_a_death_at_any_named_moment_changes_nothing(tmp_path: Path, stage: Stage) -> None:
    """At the first and the second time that it comes."""
    points = [point for point in Failpoint if STAGES.get(point, PLAIN) == stage]
    assert points
    assert points == list(dict.fromkeys(kill_at(stage, points, tmp_path)))
