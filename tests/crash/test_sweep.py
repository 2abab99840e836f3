"""The process dies before every durable operation of a run, and half-way through every write: the run is taken up.

The real command, a real server, real files. N goes up from 1 until a run ends untouched, so no operation is left out;
each run that died is taken up, dies again somewhere else, is taken up again, and ends in the undisturbed run's bytes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.store.door import Kind
from tests.crash.campaign import sweep, tear
from tests.crash.yard import opened

TURNS = 4  # the operations are dealt out to so many tests, which run side by side


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", range(TURNS))
def test_a_death_before_any_operation_changes_nothing(tmp_path: Path, turn: int) -> None:
    """Every TURNS-th operation, from this turn's first to the first that is not reached."""
    with opened(tmp_path) as yard:
        tally = sweep(yard, start=1 + turn, step=TURNS)
        commits, early = yard.commits_before_their_seal()
    assert tally.kills > tally.runs > 100 / TURNS
    assert tally.while_taken_up > 50 / TURNS
    # All four together pass every operation; which kinds fall to one of them depends on the order of threads.
    assert {Kind.TRANSACTION, Kind.SYNC_FOLDER} < set(tally.moments) <= set(Kind)
    assert len(tally.moments) > 5
    assert [] == early
    assert commits > tally.runs


@pytest.mark.timeout(300)
def test_a_death_in_the_middle_of_any_write_changes_nothing(tmp_path: Path) -> None:
    """Half of the bytes are there."""
    with opened(tmp_path) as yard:
        tally = tear(yard)
    assert tally.kills > tally.runs > 5
    assert {"torn write"} == set(tally.moments)
