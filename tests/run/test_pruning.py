"""What goes of which run: the deciding, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.run.pruning import Cause, Piece, Removal, RunFacts, choose, look, remove
from extractor.run.vitals import RunState
from extractor.store.entries import RunEntry
from extractor.store.journal import open_journal

DAY = 86_400.0
NOW = 1_795_399_200.0
STAGING, OTHER = Piece(path=Path("staging"), bytes=10), Piece(path=Path("quarantine"), bytes=5)
UNFINISHED = [RunState.CUT_OFF, RunState.FAILED, RunState.REFUSED, RunState.STOPPED, RunState.INTERRUPTED]


def facts(name: str, days: float, state: RunState, *, plan: str = "p", holds: bool = True) -> RunFacts:
    """A run that began ``days`` ago; names sort by time."""
    return RunFacts(
        run_id=name,
        plan_id=plan,
        started_at=NOW - days * DAY,
        state=state,
        staging=(STAGING,) if holds else (),
        others=(OTHER,) if holds else (),
    )


def chosen(*runs: RunFacts, orphans: dict[str, tuple[Piece, ...]] | None = None) -> list[Removal]:
    """What goes of them after thirty days."""
    return choose(runs, orphans or {}, now=NOW, older_than=30 * DAY)


@pytest.mark.parametrize("state", [*UNFINISHED, RunState.MISMATCH])
def test_an_old_unfinished_run_goes_whole_and_is_said_to_be_unfinished(state: RunState) -> None:
    """Nobody has taken it up in a month; whoever agrees must know that nobody can any more."""
    [gone] = chosen(facts("a", 31, state))

    assert (Cause.OLD, True, True, 15, (STAGING, OTHER)) == (
        gone.cause, gone.forgets, gone.unfinished, gone.bytes, gone.pieces,
    )  # fmt: skip


@pytest.mark.parametrize("state", UNFINISHED)
def test_a_young_unfinished_run_stays(state: RunState) -> None:
    """It can be resumed; exactly thirty days are not more than thirty."""
    assert [] == chosen(facts("a", 29, state), facts("b", 30, state))


@pytest.mark.parametrize("days", [0, 400])
def test_a_run_that_is_alive_stays_whatever_its_age(days: float) -> None:
    """Also one that was resumed after a year."""
    assert [] == chosen(facts("a", days, RunState.RUNNING))


def test_the_newest_complete_run_of_each_plan_stays_in_the_journal() -> None:
    """But not its data; newer unfinished runs are not complete ones."""
    runs = [
        facts("5", 40, RunState.CUT_OFF, holds=False),
        facts("4", 50, RunState.DONE),
        facts("3", 60, RunState.DONE),
        facts("2", 70, RunState.DONE, plan="q", holds=False),
        facts("1", 80, RunState.DONE, plan="q"),
    ]

    assert [("5", True, 0), ("4", False, 15), ("3", True, 15), ("1", True, 15)] == [
        (gone.run_id, gone.forgets, gone.bytes) for gone in chosen(*runs)
    ]
    assert {"5", "4", "3", "1"} == {gone.run_id for gone in chosen(*reversed(runs))}


def test_a_complete_run_that_is_young_loses_only_its_staging() -> None:
    """Killed between its last word and its tidying up; what is quarantined is looked at by people."""
    [gone] = chosen(facts("b", 1, RunState.DONE), facts("a", 2, RunState.DONE, holds=False))

    assert (Cause.COMPLETE, False, False, (STAGING,)) == (gone.cause, gone.forgets, gone.unfinished, gone.pieces)


def test_folders_that_no_run_owns_go_at_any_age() -> None:
    """Nothing tells how old they are, and nothing can take them up."""
    [gone] = chosen(facts("a", 1, RunState.CUT_OFF), orphans={"x": (STAGING,)})

    assert ("x", Cause.ORPHAN, False, False) == (gone.run_id, gone.cause, gone.forgets, gone.unfinished)


def test_zero_days_are_all_runs_that_are_over() -> None:
    """But a run from the future, after a clock was set back."""
    runs = [facts("b", -1, RunState.CUT_OFF), facts("a", 0.001, RunState.CUT_OFF)]

    assert ["a"] == [gone.run_id for gone in choose(runs, {}, now=NOW, older_than=0)]


def test_what_changed_since_it_was_shown_stays(tmp_path: Path) -> None:
    """Somebody resumed the run while the question stood on the screen: nobody has agreed to lose a complete one."""
    part = tmp_path / "staging" / "a" / "part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"staged")
    with open_journal(tmp_path / "journal.sqlite") as journal:
        entry = RunEntry(
            run_id="a", plan_id="p", config_hash="c", config_path=None, output=str(tmp_path), pid=1, started_at=5.0
        )
        journal.add_run(entry, [])
        shown = look(tmp_path, now=NOW, older_than=DAY)
        assert [("a", True)] == [(each.run_id, each.unfinished) for each in shown]
        journal.end_run("a", finished_at=9.0, exit_code=0, requests=1, reason="")

        assert [] == remove(tmp_path, shown, now=NOW, older_than=DAY)
        assert part.exists()
        assert ["a"] == [row["run_id"] for row in journal.runs()]
