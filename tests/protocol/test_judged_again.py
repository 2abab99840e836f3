"""What was sealed is judged again by whoever takes it up: the journal may end between the seal and its verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractor.protocol.lifecycle import fold, step
from extractor.protocol.vocabulary import Commit, CommitIntended, Committed, Event, Finish, TakenUp, Verdict
from tests.protocol.lives import COMPLETE, INTENDED, ISSUED, POLICY, sealed, stored

STORED = (INTENDED, ISSUED, COMPLETE, stored(1, 10, 15), stored(11, 5, 15))
REPEATED = replace(sealed(15), repeated=1)
LENIENT = replace(POLICY, record_id_is_unique=False)


@pytest.mark.parametrize("later", [(), (CommitIntended(),), (CommitIntended(), Committed())])
def test_a_repeated_id_is_refused_though_the_journal_ends_at_the_seal(later: tuple[Event, ...]) -> None:
    """A crash before the job's end was journaled must not make it pass."""
    life = fold(POLICY, [*STORED, REPEATED, *later], 0.0)
    _, (command,) = step(life, TakenUp(), 0.0)
    assert isinstance(command, Finish)
    assert (Verdict.INTEGRITY, True) == (command.outcome.verdict, "came before" in command.outcome.message)


def test_where_ids_may_repeat_it_is_committed_and_noted_once() -> None:
    """As on the first way."""
    life = fold(LENIENT, [*STORED, REPEATED], 0.0)
    _, (command,) = step(life, TakenUp(), 0.0)
    assert isinstance(command, Commit)
    done = fold(LENIENT, [*STORED, REPEATED, CommitIntended(), Committed()], 0.0)
    _, (last,) = step(done, TakenUp(), 0.0)
    assert isinstance(last, Finish)
    assert "1 record has an id that came before in the same export" == last.outcome.note
