"""A life that was cut off goes on where its journal ends."""

from dataclasses import replace

import pytest

from extractor.protocol.life import Phase
from extractor.protocol.lifecycle import fold, step
from extractor.protocol.vocabulary import (
    Command,
    Commit,
    CommitIntended,
    DropExport,
    Event,
    Fault,
    FetchPage,
    Initiate,
    InitiateIntended,
    Meaning,
    PollStatus,
    SealExport,
    TakenUp,
)
from tests.protocol.lives import (
    COMMITTING_15,
    COMPLETE,
    INTENDED,
    ISSUED,
    POLICY,
    RETRIEVED_15,
    SEALED_15,
    TOKEN,
    failed,
    fetched,
    sealed,
    status,
    stored,
    walk,
)

TAKEN = TakenUp()
FAILED_INITIATE = failed(Initiate(export=1), Fault.UNAVAILABLE)


@pytest.mark.parametrize(
    ("events", "phase", "commands"),
    [
        ((), Phase.PLANNED, [DropExport(export=0), Initiate(export=1)]),
        ((INTENDED,), Phase.PLANNED, [DropExport(export=1), Initiate(export=2)]),
        ((INTENDED, ISSUED), Phase.PROCESSING, [PollStatus(token=TOKEN)]),
        ((INTENDED, ISSUED, COMPLETE), Phase.PROCESSING, [PollStatus(token=TOKEN)]),
        (RETRIEVED_15, Phase.PROCESSING, [PollStatus(token=TOKEN)]),
        ((*RETRIEVED_15, stored(11, 5, 15)), Phase.RETRIEVING, [SealExport()]),
        (SEALED_15, Phase.SEALED, [Commit(token=TOKEN, attempt=1)]),
        (COMMITTING_15, Phase.SEALED, [Commit(token=TOKEN, attempt=2)]),
        ((INTENDED, ISSUED, status(Meaning.FAILED)), Phase.PLANNED, [DropExport(export=1), Initiate(export=2)]),
        ((INTENDED, FAILED_INITIATE), Phase.PLANNED, [DropExport(export=1), Initiate(export=2)]),
    ],
)
def test_a_job_is_taken_up_where_its_journal_ends(
    events: tuple[Event, ...], phase: Phase, commands: list[Command]
) -> None:
    """From every phase there is one thing to do next, worked out from durable events alone."""
    durable = [event for event in events if event.durable]
    life, found = step(fold(POLICY, durable, 0.0), TAKEN, 0.0)
    assert (phase, commands) == (life.phase, found)


def test_a_job_that_is_taken_up_fetches_only_what_is_not_durable() -> None:
    """Ten of fifteen are on disk: the next page starts at eleven."""
    durable = [event for event in RETRIEVED_15 if event.durable]
    life = fold(POLICY, [*durable, TAKEN], 0.0)
    life, commands = step(life, COMPLETE, 0.0)
    assert [FetchPage(token=TOKEN, offset=11, limit=10)] == commands
    life, commands = step(life, fetched(11, 5, 15), 0.0)
    life, commands = step(life, stored(11, 5, 15), 0.0)
    assert [SealExport()] == commands


def test_an_intent_without_an_answer_is_a_possible_orphan_when_taken_up() -> None:
    """The process died between the POST and the journal."""
    life = fold(POLICY, [INTENDED, TAKEN], 0.0)
    assert 1 == life.possible_orphans
    assert 0 == fold(POLICY, [TAKEN], 0.0).possible_orphans
    assert 0 == fold(POLICY, [INTENDED, FAILED_INITIATE, TAKEN], 0.0).possible_orphans


def test_an_initiate_that_was_refused_leaves_no_possible_orphan_when_taken_up() -> None:
    """It was answered: no export was made."""
    refused = failed(Initiate(export=1), Fault.FORBIDDEN)
    life, _ = step(fold(POLICY, [INTENDED, refused], 0.0), TakenUp(anew=True), 0.0)
    assert 0 == life.possible_orphans


def test_a_job_that_had_ended_badly_is_begun_anew_from_any_phase() -> None:
    """A lie in mid-reading left a living token behind: what it gave is not to be trusted."""
    for cut in range(len(COMMITTING_15)):
        durable = [event for event in COMMITTING_15[:cut] if event.durable]
        life, commands = step(fold(POLICY, durable, 0.0), TakenUp(anew=True), 0.0)
        assert (Phase.PLANNED, Initiate(export=life.export + 1)) == (life.phase, commands[-1])


def test_a_replay_does_not_apply_bounds_again() -> None:
    """What was accepted under yesterday's limits is a fact, whatever the limits are today."""
    generous = replace(POLICY, re_exports=9, row_count_is_total=False)
    events: list[Event] = []
    for export in range(1, 7):
        events += [InitiateIntended(export=export), ISSUED, status(Meaning.ERROR)]
    events += [InitiateIntended(export=7), ISSUED, status(Meaning.COMPLETE, row_count=99), stored(1, 10, 15)]
    strict = replace(POLICY, re_exports=0)
    for policy in (generous, strict):
        life = fold(policy, events, 0.0)
        assert (Phase.RETRIEVING, 7, 10, policy) == (life.phase, life.export, life.paging.stored_to, life.policy)


def test_exports_from_before_do_not_count_against_the_bound() -> None:
    """A job that was stopped after too many Errors gets the whole bound again when somebody resumes it."""
    policy = replace(POLICY, re_exports=0)
    life, _ = walk(INTENDED, ISSUED, status(Meaning.ERROR), policy=policy)
    assert Phase.STOPPED == life.phase
    again = [TAKEN, InitiateIntended(export=2), ISSUED, COMPLETE, stored(1, 0, 0), sealed(0), CommitIntended()]
    for event in again:
        life, _ = step(life, event, 0.0)
    assert Phase.COMMITTING == life.phase
