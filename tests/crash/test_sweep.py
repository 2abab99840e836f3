"""The process dies before every durable operation of a run, and half-way through every write: the run is taken up.

The real command, a real server, real files. N goes up from 1 until a run ends untouched, so no operation is left out;
each run that died is taken up, dies again somewhere else, is taken up again, and ends in the undisturbed run's bytes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from extractor.store.door import Kind
from tests.crash.launcher import KILLED
from tests.crash.saboteur import Sabotage
from tests.crash.yard import CLOSED, Yard, opened

TURNS = 4  # the operations are dealt out to so many tests, which run side by side
AGAIN = 37  # and the second death moves through as many operations of the recovery


def diary_of(yard: Yard, before: int = 0, torn: int = 0) -> tuple[int, str]:
    """Start a run that dies there, kill it again while it is taken up, finish it; give its end and the moment."""
    plot = yard.plot()
    diary = plot.folder / "diary"
    ended = yard.run(plot, Sabotage(before=before, torn=torn, diary=str(diary)))
    if ended == KILLED and plot.phase() != CLOSED:
        yard.run(plot, Sabotage(before=1 + (before + torn) % AGAIN, diary=str(diary)))
    if ended == KILLED:
        yard.finish(plot)
    else:
        yard.examine(plot)
    return ended, diary.read_text("utf-8") if diary.exists() else ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", range(TURNS))
def test_a_death_before_any_operation_changes_nothing(tmp_path: Path, turn: int) -> None:
    """Every TURNS-th operation, from this turn's first to the first that is not reached."""
    kinds: Counter[str] = Counter()
    with opened(tmp_path) as yard:
        for before in range(1 + turn, 1000, TURNS):
            ended, moments = diary_of(yard, before=before)
            if ended == 0:
                break
            assert ended == KILLED
            kinds.update(moments.splitlines())
        commits, early = yard.commits_before_their_seal()
    assert 0 == ended, "no run ended untouched"
    assert kinds.total() > 100 / TURNS
    assert {Kind.TRANSACTION, Kind.CREATE, Kind.SYNC, Kind.SYNC_FOLDER, Kind.WRITE} <= set(kinds)
    assert [] == early
    assert commits > 100 / TURNS


@pytest.mark.timeout(300)
def test_a_death_in_the_middle_of_any_write_changes_nothing(tmp_path: Path) -> None:
    """Half of the bytes are there."""
    torn = 0
    with opened(tmp_path) as yard:
        while True:
            ended, moments = diary_of(yard, torn=torn + 1)
            if ended == 0:
                break
            assert moments.startswith("torn write\n")
            torn += 1
    assert torn > 5
