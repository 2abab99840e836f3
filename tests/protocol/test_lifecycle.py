"""The table of an AccessToken's life."""

from dataclasses import replace

import pytest

from extractor.protocol.life import IllegalEvent, Phase
from extractor.protocol.lifecycle import TABLE, Symbol, begin, fold, step
from extractor.protocol.retry import RetryPolicy
from extractor.protocol.vocabulary import (
    Command,
    Commit,
    CommitIntended,
    Committed,
    DropExport,
    Event,
    Failure,
    Fault,
    FetchPage,
    Finish,
    Initiate,
    InitiateIntended,
    Meaning,
    PageRefused,
    PollStatus,
    RequestFailed,
    SealExport,
    StorePage,
    Verdict,
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


def test_an_undisturbed_life() -> None:
    """Planned to Done: each event asks for the next thing, and for nothing else."""
    life, commands = begin(POLICY)
    assert [Initiate(export=1)] == commands
    script: list[tuple[Event, Phase, list[Command]]] = [
        (INTENDED, Phase.INITIATING, []),
        (ISSUED, Phase.PROCESSING, [PollStatus(token=TOKEN, after=0.5)]),
        (status(Meaning.PROCESSING), Phase.PROCESSING, [PollStatus(token=TOKEN, after=0.5)]),
        (COMPLETE, Phase.READY, [FetchPage(token=TOKEN, offset=1, limit=10)]),
        (
            fetched(1, 10, 15),
            Phase.RETRIEVING,
            [StorePage(page=fetched(1, 10, 15)), FetchPage(token=TOKEN, offset=11, limit=10)],
        ),
        (fetched(11, 5, 15), Phase.RETRIEVING, [StorePage(page=fetched(11, 5, 15))]),
        (stored(1, 10, 15), Phase.RETRIEVING, []),
        (stored(11, 5, 15), Phase.RETRIEVING, [SealExport()]),
        (sealed(15), Phase.SEALED, [Commit(token=TOKEN)]),
        (CommitIntended(), Phase.COMMITTING, []),
    ]
    for event, phase, expected in script:
        life, commands = step(life, event, 0.0)
        assert (phase, expected) == (life.phase, commands)
    life, commands = step(life, Committed(), 0.0)
    assert life.outcome is not None
    assert [Finish(outcome=life.outcome)] == commands
    assert (Verdict.DONE, 15, 1, 15) == (
        life.outcome.verdict,
        life.outcome.records,
        life.outcome.exports,
        life.outcome.total_results,
    )


def test_an_empty_export_is_sealed_and_committed_too() -> None:
    """Zero records are a result, not a failure."""
    life, commands = walk(INTENDED, ISSUED, COMPLETE, fetched(1, 0, 0), stored(1, 0, 0))
    assert (Phase.RETRIEVING, [SealExport()]) == (life.phase, commands)
    life, commands = walk(INTENDED, ISSUED, COMPLETE, fetched(1, 0, 0), stored(1, 0, 0), sealed(0))
    assert [Commit(token=TOKEN)] == commands


def test_commit_is_never_asked_for_before_the_seal() -> None:
    """In no row but that of the seal does a Commit follow (invariant I4)."""
    life, commands = begin(POLICY)
    for event in SEALED_15[:-1]:
        life, commands = step(life, event, 0.0)
        assert not any(isinstance(command, Commit) for command in commands)


def test_the_durable_events_alone_fold_to_the_same_life() -> None:
    """Resume is the replay of the journal through the same ``step``."""
    events = [*COMMITTING_15, Committed()]
    durable = [event for event in events if event.durable]
    assert len(durable) < len(events)
    whole, _ = walk(*events)
    replayed = fold(POLICY, durable, 0.0)
    assert (whole.phase, whole.outcome) == (replayed.phase, replayed.outcome)
    for cut in range(len(durable)):
        fold(POLICY, durable[:cut], 0.0)


@pytest.mark.parametrize("meaning", [Meaning.ERROR, Meaning.EXPIRED, Meaning.RETRIEVED])
def test_a_lost_export_is_asked_for_again_within_a_bound(meaning: Meaning) -> None:
    """Error, Expired and Retrieved lead to a new export; the fourth is the last by default."""
    life, commands = walk(INTENDED, ISSUED, status(meaning))
    assert Phase.PLANNED == life.phase
    assert [DropExport(export=1), Initiate(export=2, after=1.0)] == commands
    for export in (2, 3, 4):
        for event in (InitiateIntended(export=export), ISSUED, status(meaning)):
            life, commands = step(life, event, 0.0)
    assert Phase.STOPPED == life.phase
    assert life.outcome is not None
    assert (Verdict.EXPORT_FAILED, 4) == (life.outcome.verdict, life.outcome.exports)
    assert "(after 4 exports)" in life.outcome.message


def test_a_token_lost_while_reading_drops_the_pages() -> None:
    """404 in the middle: what was read belongs to an export that is no more."""
    life, _ = walk(*RETRIEVED_15[:-1])
    life, commands = step(life, failed(FetchPage(token=TOKEN, offset=11, limit=10), Fault.TOKEN_GONE), 0.0)
    assert [DropExport(export=1), Initiate(export=2, after=1.0)] == commands
    assert 0 == life.paging.stored_to
    assert life.token is None


def test_status_failed_is_a_refusal_with_the_remedy() -> None:
    """Failed means that a permission is missing: no retry."""
    life, _ = walk(INTENDED, ISSUED, status(Meaning.FAILED))
    assert life.outcome is not None
    assert Verdict.REFUSED == life.outcome.verdict
    assert "lacks permission" in life.outcome.message


def test_an_unknown_status_is_polled_on_with_a_bound() -> None:
    """New words of the server are data, not a crash, and not for ever."""
    policy = replace(POLICY, unknown_polls=3)
    life, _ = walk(INTENDED, ISSUED, policy=policy)
    for _ in range(3):
        life, commands = step(life, status(Meaning.UNKNOWN, "Archived"), 0.0)
        assert isinstance(commands[0], PollStatus)
    life, _ = step(life, status(Meaning.UNKNOWN, "Archived"), 0.0)
    assert life.outcome is not None
    assert Verdict.EXPORT_FAILED == life.outcome.verdict
    assert "'Archived'" in life.outcome.message
    assert "connection.dialect.statuses" in life.outcome.message


def test_processing_for_ever_is_given_up() -> None:
    """An export may stay unfinished for ``processing_timeout``, no longer."""
    life, _ = walk(INTENDED, ISSUED)
    life, commands = step(life, status(Meaning.PROCESSING), POLICY.processing_timeout - 1.0)
    assert isinstance(commands[0], PollStatus)
    life, _ = step(life, status(Meaning.PROCESSING), POLICY.processing_timeout + 1.0)
    assert life.outcome is not None
    assert Verdict.UNAVAILABLE == life.outcome.verdict


@pytest.mark.parametrize("fault", [Fault.REJECTED, Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.NOT_FOUND])
@pytest.mark.parametrize(
    ("before", "command"),
    [
        ((INTENDED,), Initiate(export=1)),
        ((INTENDED, ISSUED), PollStatus(token=TOKEN)),
        ((INTENDED, ISSUED, COMPLETE), FetchPage(token=TOKEN, offset=1, limit=10)),
    ],
)
def test_a_refusal_ends_the_job_with_its_message(fault: Fault, before: tuple[Event, ...], command: Command) -> None:
    """No retry; the message, which names the remedy, is the outcome's."""
    life, commands = walk(*before, failed(command, fault))
    assert life.outcome is not None
    assert [Finish(outcome=life.outcome)] == commands
    assert (Verdict.REFUSED, f"it was {fault}") == (life.outcome.verdict, life.outcome.message)


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ((INTENDED,), Initiate(export=1)),
        ((INTENDED, ISSUED), PollStatus(token=TOKEN)),
        ((INTENDED, ISSUED, COMPLETE), FetchPage(token=TOKEN, offset=1, limit=10)),
        (COMMITTING_15, Commit(token=TOKEN)),
    ],
)
def test_a_passing_failure_is_tried_again(before: tuple[Event, ...], command: Command) -> None:
    """The same request, later, counted; the phase stays."""
    earlier, _ = walk(*before)
    life, commands = walk(*before, failed(command, Fault.UNAVAILABLE))
    assert earlier.phase == life.phase
    assert isinstance(command, Initiate | PollStatus | FetchPage | Commit)
    assert [replace(command, after=0.25, attempt=2, failing_since=0.0)] == commands
    assert 1 == life.retries


def test_an_ambiguous_initiate_counts_a_possible_orphan() -> None:
    """A POST whose answer was lost may have made an export that nobody will ever read."""
    life, _ = walk(INTENDED, failed(Initiate(export=1), Fault.UNAVAILABLE, ambiguous=True))
    assert 1 == life.possible_orphans
    life, _ = walk(INTENDED, failed(Initiate(export=1), Fault.UNAVAILABLE))
    assert 0 == life.possible_orphans


def test_giving_up_on_a_silent_server_is_unavailable_and_on_nonsense_a_failed_export() -> None:
    """By whose fault it is: the one may be resumed later, the other needs somebody to look."""
    policy = replace(POLICY, retry=RetryPolicy(retry_for=0.0))
    for fault, verdict in ((Fault.UNAVAILABLE, Verdict.UNAVAILABLE), (Fault.MALFORMED, Verdict.EXPORT_FAILED)):
        command = PollStatus(token=TOKEN, attempt=9, failing_since=-1e9)
        life, _ = walk(INTENDED, ISSUED, failed(command, fault), policy=policy)
        assert life.outcome is not None
        assert verdict == life.outcome.verdict
        assert "given up after 9 tries" in life.outcome.message


@pytest.mark.parametrize(
    ("fault", "attempt", "note"),
    [
        (Fault.TOKEN_GONE, 2, ""),
        (Fault.TOKEN_GONE, 1, "the token was not known at Commit"),
        (Fault.REJECTED, 1, "Commit was refused"),
        (Fault.FORBIDDEN, 1, "Commit was refused"),
    ],
)
def test_a_commit_that_fails_cannot_take_the_data_back(fault: Fault, attempt: int, note: str) -> None:
    """Everything is sealed: the job is done, with a note."""
    life, _ = walk(*COMMITTING_15, failed(Commit(token=TOKEN, attempt=attempt), fault))
    assert life.outcome is not None
    assert Verdict.DONE == life.outcome.verdict
    assert life.outcome.note.startswith(note)
    assert bool(note) == bool(life.outcome.note)


def test_a_commit_is_not_waited_for_long() -> None:
    """503 with an hour's Retry-After: the data is safe, and publishing waits for nothing else."""
    patient = Failure(fault=Fault.UNAVAILABLE, message="503", retry_after=3600.0)
    life, commands = walk(*COMMITTING_15, RequestFailed(command=Commit(token=TOKEN), failure=patient, draw=0.5))
    assert life.outcome is not None
    assert [Finish(outcome=life.outcome)] == commands
    assert Verdict.DONE == life.outcome.verdict


def test_a_commit_that_is_never_acknowledged_is_noted() -> None:
    """503 until the bound: done all the same."""
    command = Commit(token=TOKEN, attempt=9, failing_since=-1e9)
    life, _ = walk(*COMMITTING_15, failed(command, Fault.UNAVAILABLE))
    assert life.outcome is not None
    assert Verdict.DONE == life.outcome.verdict
    assert "never acknowledged" in life.outcome.note


def test_an_outage_does_not_stretch_the_minute_of_a_commit() -> None:
    """Else a dataset that is whole would wait for the server."""
    down = Failure(fault=Fault.UNAVAILABLE, message="503", outage=True)
    for since, done in ((-50.0, False), (-61.0, True)):
        command = Commit(token=TOKEN, attempt=3, failing_since=since)
        life, commands = walk(*COMMITTING_15, RequestFailed(command=command, failure=down, draw=0.5))
        assert done is (Phase.DONE is life.phase)
        if not done:
            assert [replace(command, after=commands[0].after, attempt=4)] == commands


@pytest.mark.parametrize(
    "events",
    [
        (INTENDED, ISSUED, status(Meaning.COMPLETE, row_count=16), fetched(1, 10, 15)),
        (INTENDED, ISSUED, COMPLETE, replace(fetched(1, 10, 15), offset=2)),
        (INTENDED, ISSUED, COMPLETE, fetched(1, 10, 15), stored(1, 10, 15, lines=9)),
        (*RETRIEVED_15, stored(11, 5, 15), sealed(14)),
        (INTENDED, ISSUED, COMPLETE, fetched(1, 10, 15), PageRefused(offset=1, message="NaN")),
    ],
)
def test_any_count_that_disagrees_stops_the_job(events: tuple[Event, ...]) -> None:
    """RowCount, TotalResults, Count, lines: one disagreement and nothing of the job is published."""
    life, _ = walk(*events)
    assert life.outcome is not None
    assert (Phase.STOPPED, Verdict.INTEGRITY) == (life.phase, life.outcome.verdict)


def test_row_count_may_count_something_else_by_configuration() -> None:
    """``row_count_is_total: false`` takes it out of the comparison (contract, section 10, point 12)."""
    policy = replace(POLICY, row_count_is_total=False)
    life, _ = walk(INTENDED, ISSUED, status(Meaning.COMPLETE, row_count=99), fetched(1, 10, 15), policy=policy)
    assert Phase.RETRIEVING == life.phase


def test_an_illegal_event_raises_and_changes_nothing() -> None:
    """There is no way into a phase but through the table."""
    life, _ = walk(INTENDED)
    with pytest.raises(IllegalEvent, match="Status Complete cannot happen in phase initiating"):
        step(life, COMPLETE, 0.0)
    assert Phase.INITIATING == life.phase


def test_every_phase_has_a_way_to_an_end() -> None:
    """The lifecycle has no reachable state without exit."""
    ends = {Phase.DONE, Phase.STOPPED}
    leads = {phase: set[Phase]() for phase in Phase}
    for (phase, _), rule in TABLE.items():
        leads[phase] |= rule.to
    reachable, frontier = {Phase.PLANNED}, {Phase.PLANNED}
    while frontier:
        frontier = set().union(*(leads[phase] for phase in frontier)) - reachable
        reachable |= frontier
    assert set(Phase) == reachable
    for phase in reachable - ends:
        seen, frontier = {phase}, {phase}
        while frontier and not seen & ends:
            frontier = set().union(*(leads[each] for each in frontier)) - seen
            seen |= frontier
        assert seen & ends, f"no way out of {phase}"


def test_every_status_and_every_refusal_has_its_row_while_processing() -> None:
    """No word of the server can surprise a job that waits for it."""
    answers = {Symbol.PROCESSING, Symbol.COMPLETE, Symbol.RETRIEVED, Symbol.EXPIRED, Symbol.ERROR, Symbol.FAILED}
    others = {Symbol.UNKNOWN, Symbol.TRY_FAILED, Symbol.TOKEN_LOST, Symbol.REFUSED}
    assert answers | others | {Symbol.TAKEN_UP, Symbol.BEGUN_ANEW, Symbol.PARTS_LOST} == {
        symbol for phase, symbol in TABLE if phase is Phase.PROCESSING
    }


def test_the_token_shows_in_no_repr() -> None:
    """It is a secret: whoever has it can read the export."""
    life, commands = walk(INTENDED, ISSUED)
    assert str(TOKEN) not in repr(
        (life, commands, ISSUED, Commit(token=TOKEN), FetchPage(token=TOKEN, offset=1, limit=1))
    )
