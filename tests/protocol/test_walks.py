"""Random walks through the lifecycle: whatever has happened, there is a way to an end, also after a crash.

Two kinds of walk. One takes any row that the table allows; the other answers only commands that were given, as the
driving loop does, so that it also notices a life that nobody would ever hear from again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.protocol.life import Life, LifePolicy, Phase
from extractor.protocol.lifecycle import TABLE, Symbol, begin, fold, step, symbol_of
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
    PageUnreadable,
    PartsLost,
    PollStatus,
    SealExport,
    StorePage,
    TakenUp,
    Verdict,
    WindowOpened,
)
from tests.protocol.lives import ISSUED, TOKEN, failed, fetched, sealed, status, stored

ENDS = {Phase.DONE, Phase.STOPPED}
LIMIT = 10
policies = st.builds(
    LifePolicy,
    page_size=st.just(LIMIT),
    window=st.integers(1, 3),
    re_exports=st.integers(0, 2),
    unknown_polls=st.just(2),
)
totals = st.integers(0, 35)
ENOUGH = 500  # steps; the longest walk to an end takes a tenth of it


def page_sizes(offset: int, total: int) -> int:
    """How many records an honest page from ``offset`` on has."""
    return max(0, min(LIMIT, total - offset + 1))


# --- Walks over the table. -------------------------------------------------------------------------------------------


def events_in(life: Life, total: int) -> list[Event]:
    """One or more events for each row of the table in the life's phase, true ones and lies."""
    offset = life.paging.asked[0].first if life.paging.asked else life.paging.frontier
    after = life.paging.stored_to + 1
    token = life.token or TOKEN
    requests = [
        Initiate(export=life.export + 1),
        PollStatus(token=token),
        FetchPage(token=token, offset=1, limit=LIMIT),
    ]
    told: list[Event] = [
        InitiateIntended(export=life.export + 1),
        ISSUED,
        *(status(meaning, row_count=total) for meaning in Meaning),
        fetched(offset, page_sizes(offset, total), total),
        fetched(offset, page_sizes(offset, total), total + 1),
        stored(after, page_sizes(after, total), total),
        stored(after, page_sizes(after, total), total, lines=LIMIT + 1),
        PageRefused(offset=offset, message="a lie"),
        *unreadable(life),
        WindowOpened(window=3),
        PartsLost(message="a part is gone"),
        sealed(total),
        CommitIntended(),
        Committed(),
        TakenUp(),
        TakenUp(anew=True),
        *(failed(command, fault) for fault in Fault for command in [*requests, Commit(token=token)]),
    ]
    return [event for event in told if (life.phase, symbol_of(event)) in TABLE]


def unreadable(life: Life) -> list[Event]:
    """The page before the first that is outstanding came, and cannot be read after all."""
    first = life.paging.asked[0].first if life.paging.asked else life.paging.frontier
    count = min(LIMIT, first - 1 - life.paging.stored_to)
    command = FetchPage(token=life.token or TOKEN, offset=first - max(1, count), limit=LIMIT)
    failure = Failure(fault=Fault.MALFORMED, message="spoiled")
    possible = count > 0 or life.paging.total is None
    return [PageUnreadable(command=command, count=count, failure=failure)] if possible else []


def way_out(life: Life, total: int) -> Event:
    """The next event on an honest way to the end."""
    paging = life.paging
    if life.phase in {Phase.READY, Phase.RETRIEVING}:
        if paging.complete:
            return sealed(total)
        if not paging.asked:
            return stored(paging.stored_to + 1, page_sizes(paging.stored_to + 1, total), total)
        offset = paging.asked[0].first
        return fetched(offset, page_sizes(offset, total), total)
    ways: dict[Phase, Event] = {
        Phase.PLANNED: InitiateIntended(export=life.export + 1),
        Phase.INITIATING: ISSUED,
        Phase.PROCESSING: status(Meaning.COMPLETE, row_count=total),
        Phase.SEALED: CommitIntended(),
        Phase.COMMITTING: Committed(),
    }
    return ways[life.phase]


@settings(max_examples=100, deadline=None)
@given(policy=policies, total=totals, data=st.data())
def test_every_life_that_the_table_allows_has_a_way_to_an_end(
    policy: LifePolicy, total: int, data: st.DataObject
) -> None:
    """After any legal events: either it has ended, or honest answers end it, and the table never contradicts itself."""
    life, _ = begin(policy)
    for _ in range(data.draw(st.integers(0, 25), label="steps")):
        events = events_in(life, total)
        if not events:
            break
        life, _ = step(life, data.draw(st.sampled_from(events)), 0.0)
    for _ in range(ENOUGH):
        if life.phase in ENDS:
            break
        life, _ = step(life, way_out(life, total), 0.0)
    assert life.phase in ENDS
    assert life.outcome is not None


def test_the_walks_know_an_event_for_every_row() -> None:
    """A row that no walk can take would be proved by none."""
    known: set[Symbol] = set()
    for phase in Phase:
        known |= {symbol_of(event) for event in events_in(replace(begin(LifePolicy())[0], phase=phase), 5)}
    assert set(Symbol) == known


# --- Walks that only answer what was asked. --------------------------------------------------------------------------


@dataclass
class Night:
    """One job and a server of ``total`` records, with what is in the journal and what nobody has answered yet."""

    policy: LifePolicy
    total: int
    life: Life = field(init=False)
    pending: list[Command] = field(init=False)
    journal: list[Event] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.life, self.pending = begin(self.policy)

    def ready(self) -> list[Command]:
        """What may be answered now: pages are stored in order."""
        after = self.life.paging.stored_to + 1
        return [
            each
            for each in self.pending
            if not isinstance(each, StorePage) or each.page.offset == after or not self.total
        ]

    def answer(self, command: Command, events: tuple[Event, ...]) -> None:
        """Let this come of a command."""
        self.pending.remove(command)
        for event in events:
            if event.durable:
                self.journal.append(event)
            self.life, commands = step(self.life, event, self.now)
            if any(isinstance(each, DropExport | Finish) for each in commands):
                self.pending.clear()
            self.pending += [each for each in commands if not isinstance(each, DropExport | Finish)]

    def crash(self, *, anew: bool = False, keep: int | None = None) -> None:
        """Forget all but the journal (or its first ``keep`` facts), and take the job up."""
        self.journal = self.journal[:keep]
        taken = TakenUp(anew=anew)
        self.life, commands = step(fold(self.policy, self.journal, self.now), taken, self.now)
        self.journal.append(taken)
        self.pending = [each for each in commands if not isinstance(each, DropExport | Finish)]

    def to_the_end(self) -> None:
        """Answer honestly until nothing is left to be answered."""
        for _ in range(ENOUGH):
            if not self.pending:
                return
            command = self.ready()[0]
            self.answer(command, honest(command, self.total))
        raise AssertionError("it goes on for ever")


def honest(command: Command, total: int) -> tuple[Event, ...]:
    """What comes of a command when all is well."""
    match command:
        case Initiate():
            return InitiateIntended(export=command.export), ISSUED
        case PollStatus():
            return (status(Meaning.COMPLETE, row_count=total),)
        case FetchPage():
            return (fetched(command.offset, min(command.limit, page_sizes(command.offset, total)), total),)
        case StorePage():
            return (stored(command.page.offset, command.page.count, total),)
        case SealExport():
            return (sealed(total),)
        case Commit():
            return CommitIntended(), Committed()
        case _:
            raise AssertionError(command)


def misfortunes(command: Command, total: int) -> Iterator[tuple[Event, ...]]:
    """What else may come of it."""
    match command:
        case Initiate():
            yield from ((failed(command, fault),) for fault in Fault if fault is not Fault.TOKEN_GONE)
            intended = InitiateIntended(export=command.export)
            yield from (
                (intended, failed(command, fault, ambiguous=True)) for fault in (Fault.UNAVAILABLE, Fault.MALFORMED)
            )
            yield (intended, failed(command, Fault.REJECTED))
        case PollStatus():
            yield from ((status(meaning, "x", row_count=total + 1),) for meaning in Meaning)
            yield from ((failed(command, fault),) for fault in Fault)
        case FetchPage():
            yield from ((failed(command, fault),) for fault in Fault)
            yield (fetched(command.offset, page_sizes(command.offset, total), total + 1),)
            yield (fetched(command.offset, min(1, page_sizes(command.offset, total)), total),)
        case StorePage():
            yield (PageRefused(offset=command.page.offset, message="a lie"),)
            yield (stored(command.page.offset, command.page.count, total, lines=LIMIT + 1),)
        case SealExport():
            yield (sealed(total + 1),)
        case Commit():
            yield from ((failed(command, fault),) for fault in Fault)
            yield from ((CommitIntended(), failed(command, fault)) for fault in Fault)
        case _:
            raise AssertionError(command)


def walk(night: Night, data: st.DataObject) -> None:
    """Let a few things happen: honest answers, misfortunes, crashes, and time that passes."""
    for _ in range(data.draw(st.integers(0, 40), label="steps")):
        if not night.pending:  # it has ended: somebody resumes, as after a crash in the last moment
            night.crash()
        if not night.pending:
            return
        night.now += data.draw(st.sampled_from([0.0, 1.0, 500.0]), label="seconds")
        command = data.draw(st.sampled_from(night.ready()), label="command")
        fate = data.draw(st.integers(0, 19), label="fate")
        if fate == 0:
            night.crash()
        elif fate <= 4:
            night.answer(
                command, data.draw(st.sampled_from(list(misfortunes(command, night.total))), label="misfortune")
            )
        else:
            night.answer(command, honest(command, night.total))


def assert_all_is_there(night: Night) -> None:
    """Every record is durable, and the job says so."""
    outcome = night.life.outcome
    assert outcome is not None
    assert (Phase.DONE, Verdict.DONE, night.total) == (night.life.phase, outcome.verdict, outcome.records)


@settings(max_examples=100, deadline=None)
@given(policy=policies, total=totals, data=st.data())
def test_a_life_that_is_answered_comes_to_its_end(policy: LifePolicy, total: int, data: st.DataObject) -> None:
    """At every moment somebody is to be heard from, or the life has ended; answered honestly, it ends Done."""
    night = Night(policy, total)
    walk(night, data)
    assert night.ready() or night.life.phase in ENDS
    lies = night.life.row_count not in {None, total} or night.life.paging.total not in {None, total}
    if night.life.phase is not Phase.STOPPED and not lies:
        night.to_the_end()
        assert_all_is_there(night)


@settings(max_examples=150, deadline=None)
@given(policy=policies, total=totals, anew=st.booleans(), data=st.data())
def test_after_any_prefix_of_the_journal_a_job_can_be_taken_up_and_done(
    policy: LifePolicy, total: int, anew: bool, data: st.DataObject
) -> None:
    """A crash between any two durable facts: fold, take up, answer honestly, and every record is there."""
    night = Night(policy, total)
    walk(night, data)
    night.crash(anew=anew, keep=data.draw(st.integers(0, len(night.journal)), label="facts"))
    night.to_the_end()
    assert_all_is_there(night)
