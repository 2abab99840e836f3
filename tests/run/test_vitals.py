"""Alive, dead or over: what a row and the lock mean together."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from extractor.errors import Exit
from extractor.run.vitals import RunState, read_with_living, state_of
from extractor.store.lock import hold_lock

RUN = "20261123T020000Z-7f3a"


@pytest.mark.parametrize(
    ("exit_code", "alive", "state"),
    [
        (None, True, RunState.RUNNING),
        (None, False, RunState.CUT_OFF),
        (0, True, RunState.DONE),  # it has ended, and is only tidying up
        (0, False, RunState.DONE),
        (1, False, RunState.FAILED),
        (3, False, RunState.FAILED),
        (4, False, RunState.REFUSED),
        (5, False, RunState.STOPPED),
        (6, False, RunState.MISMATCH),
        (130, False, RunState.INTERRUPTED),
        (143, False, RunState.INTERRUPTED),
        (99, False, RunState.FAILED),  # of a later version
    ],
)
def test_an_exit_code_is_the_truth_and_the_lock_tells_the_rest(
    exit_code: int | None, alive: bool, state: RunState
) -> None:
    """No process id is looked up."""
    assert state is state_of(exit_code, alive=alive)


def test_every_exit_code_has_a_state() -> None:
    """Only 0 is done."""
    assert {Exit.DONE} == {code for code in Exit if state_of(code, alive=False) is RunState.DONE}


def test_a_run_that_ends_or_begins_while_the_journal_is_read_is_not_called_dead(tmp_path: Path) -> None:
    """The lock is looked at on both sides of the reading."""
    with ExitStack() as ending:
        ending.enter_context(hold_lock(tmp_path)).name(RUN)
        _, living = read_with_living(tmp_path, ending.close)
    assert {RUN} == set(living)
    with ExitStack() as beginning:
        _, living = read_with_living(tmp_path, lambda: beginning.enter_context(hold_lock(tmp_path)).name(RUN))
    assert {RUN} == set(living)
    assert {} == read_with_living(tmp_path, lambda: None)[1]
