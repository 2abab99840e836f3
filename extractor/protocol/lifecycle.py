"""The life of a job's AccessTokens: THE table.

Every transition stands in ``TABLE``; ``step`` looks it up and does nothing else. An event that has no row in the
present phase raises ``IllegalEvent`` and changes nothing. Decides what to do next; performs nothing and knows no clock:
``now`` is an argument. Called by ``run.drive`` with what happens, and by the fold of a journal with what has happened.

Cancellation is never an event: a life that is cut off is simply continued later from its journaled events.
Precedent for the form: h11's ``_state.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from extractor.errors import IntegrityError
from extractor.protocol import acts
from extractor.protocol.life import IllegalEvent, Life, LifePolicy, Phase, Step
from extractor.protocol.vocabulary import (
    CommitIntended,
    Committed,
    Event,
    ExportSealed,
    Fault,
    Initiate,
    InitiateIntended,
    Meaning,
    PageFetched,
    PageRefused,
    PageStored,
    PageUnreadable,
    PartsLost,
    RequestFailed,
    StatusReported,
    TakenUp,
    TokenIssued,
    Verdict,
    WindowOpened,
)


class Symbol(StrEnum):
    """What a row of the table is keyed by: an event's kind, a Status's meaning, a failure's consequence."""

    INTENDED = "InitiateIntended"
    ISSUED = "TokenIssued"
    PROCESSING = "Status Processing"
    COMPLETE = "Status Complete"
    RETRIEVED = "Status Retrieved"
    EXPIRED = "Status Expired"
    ERROR = "Status Error"
    FAILED = "Status Failed"
    UNKNOWN = "Status of an unknown word"
    FETCHED = "PageFetched"
    STORED = "PageStored"
    UNREADABLE = "PageRefused"
    SPOILED = "PageUnreadable"
    OPENED = "WindowOpened"
    PARTS_LOST = "PartsLost"
    SEALED = "ExportSealed"
    COMMIT_INTENDED = "CommitIntended"
    COMMITTED = "Committed"
    TRY_FAILED = "429, 5xx, network, malformed"
    TAKEN_UP = "TakenUp"
    BEGUN_ANEW = "TakenUp anew"
    TOKEN_LOST = "token gone"  # noqa: S105 - a word, not a password
    REFUSED = "400, 401, 403, 404"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: what is done, where it may lead, and why."""

    act: Callable[[Life, Any, float], Step]  # Any: each act names the one event type that its row is for
    to: frozenset[Phase]
    why: str


def _row(act: Callable[[Life, Any, float], Step], why: str, *to: Phase) -> Rule:
    return Rule(act=act, to=frozenset(to), why=why)


_P, _S = Phase, Symbol

_AGAIN = _row(acts.export_again, "the export is lost: ask for a new one, within the bound", _P.PLANNED, _P.STOPPED)
_REFUSED = _row(acts.refused, "the same request would be refused again", _P.STOPPED)
_UNREADABLE = _row(acts.unreadable, "a record is not valid JSON: nothing of the job is published", _P.STOPPED)


_LOST = _row(acts.unreadable, "the journal is ahead of the disk: somebody changed the staging folder", _P.STOPPED)
_MOOT = _row(acts.commit_moot, "the data is safe; the token expires by itself", _P.DONE)
_ANEW = _row(acts.take_up_anew, "ask anew; a lost POST is a possible orphan", _P.PLANNED)
_TOKEN = _row(acts.take_up_token, "Status tells whether the token lives", _P.PROCESSING, _P.RETRIEVING)
_COMMIT = _row(acts.take_up_commit, "all is sealed: judge it, then commit, perhaps again", _P.SEALED, _P.STOPPED)


def _late_in(phase: Phase) -> Rule:
    return _row(acts.late_page, "became durable while its export was given up; dropped with it", phase)


def _retry_in(phase: Phase) -> Rule:
    return _row(acts.try_again, "wait, then send the same request, within the bound", phase, _P.STOPPED)


TABLE: dict[tuple[Phase, Symbol], Rule] = {
    (_P.PLANNED, _S.INTENDED): _row(acts.intended, "intent before effect", _P.INITIATING),
    (_P.PLANNED, _S.STORED): _late_in(_P.PLANNED),
    (_P.PLANNED, _S.TRY_FAILED): _retry_in(_P.PLANNED),
    (_P.PLANNED, _S.REFUSED): _REFUSED,
    (_P.INITIATING, _S.INTENDED): _row(acts.intended, "the POST is tried again", _P.INITIATING),
    (_P.INITIATING, _S.ISSUED): _row(acts.issued, "the export exists", _P.PROCESSING),
    (_P.INITIATING, _S.TRY_FAILED): _retry_in(_P.INITIATING),
    (_P.INITIATING, _S.REFUSED): _REFUSED,
    (_P.PROCESSING, _S.PROCESSING): _row(acts.poll_on, "not yet", _P.PROCESSING, _P.STOPPED),
    (_P.PROCESSING, _S.UNKNOWN): _row(acts.poll_on, "reported, and polled on with a bound", _P.PROCESSING, _P.STOPPED),
    (_P.PROCESSING, _S.COMPLETE): _row(acts.ready, "ready to be read", _P.READY),
    (_P.PROCESSING, _S.ERROR): _AGAIN,
    (_P.PROCESSING, _S.EXPIRED): _AGAIN,
    (_P.PROCESSING, _S.RETRIEVED): _AGAIN,
    (_P.PROCESSING, _S.FAILED): _row(acts.not_permitted, "a permission is missing", _P.STOPPED),
    (_P.PROCESSING, _S.TOKEN_LOST): _AGAIN,
    (_P.PROCESSING, _S.TRY_FAILED): _retry_in(_P.PROCESSING),
    (_P.PROCESSING, _S.REFUSED): _REFUSED,
    (_P.READY, _S.FETCHED): _row(acts.fetched, "the first page says how many there are", _P.RETRIEVING, _P.STOPPED),
    (_P.READY, _S.STORED): _row(acts.stored, "as journaled: fetched, then stored", _P.RETRIEVING, _P.STOPPED),
    (_P.READY, _S.UNREADABLE): _UNREADABLE,
    (_P.READY, _S.OPENED): _row(acts.open_window, "pages in any order, now that it is known to work", _P.READY),
    (_P.READY, _S.TOKEN_LOST): _AGAIN,
    (_P.READY, _S.TRY_FAILED): _retry_in(_P.READY),
    (_P.READY, _S.REFUSED): _REFUSED,
    (_P.RETRIEVING, _S.FETCHED): _row(acts.fetched, "store it, ask for the next", _P.RETRIEVING, _P.STOPPED),
    (_P.RETRIEVING, _S.STORED): _row(acts.stored, "durable; the last one closes the parts", _P.RETRIEVING, _P.STOPPED),
    (_P.RETRIEVING, _S.UNREADABLE): _UNREADABLE,
    (_P.RETRIEVING, _S.SPOILED): _row(
        acts.page_again, "a page that cannot be read is asked for again, within the bound", _P.RETRIEVING, _P.STOPPED
    ),
    (_P.RETRIEVING, _S.OPENED): _row(acts.open_window, "the same, in the middle of an export", _P.RETRIEVING),
    (_P.RETRIEVING, _S.SEALED): _row(acts.sealed, "all of it is on disk", _P.SEALED, _P.STOPPED),
    (_P.RETRIEVING, _S.TOKEN_LOST): _AGAIN,
    (_P.RETRIEVING, _S.TRY_FAILED): _retry_in(_P.RETRIEVING),
    (_P.RETRIEVING, _S.REFUSED): _REFUSED,
    (_P.SEALED, _S.COMMIT_INTENDED): _row(acts.commit_intended, "only after the seal is journaled", _P.COMMITTING),
    (_P.SEALED, _S.TOKEN_LOST): _MOOT,
    (_P.SEALED, _S.TRY_FAILED): _row(
        acts.commit_again, "it never left: no login, no answer to anybody", _P.SEALED, _P.DONE
    ),
    (_P.SEALED, _S.REFUSED): _MOOT,
    (_P.COMMITTING, _S.COMMIT_INTENDED): _row(acts.commit_intended, "the POST is tried again", _P.COMMITTING),
    (_P.COMMITTING, _S.COMMITTED): _row(acts.committed, "the server may delete its files", _P.DONE),
    (_P.COMMITTING, _S.TOKEN_LOST): _row(acts.commit_moot, "an earlier Commit arrived, its answer did not", _P.DONE),
    (_P.COMMITTING, _S.TRY_FAILED): _row(acts.commit_again, "the data is safe either way", _P.COMMITTING, _P.DONE),
    (_P.COMMITTING, _S.REFUSED): _MOOT,
    (_P.STOPPED, _S.STORED): _late_in(_P.STOPPED),
    (_P.PLANNED, _S.TAKEN_UP): _ANEW,
    (_P.INITIATING, _S.TAKEN_UP): _ANEW,
    (_P.PROCESSING, _S.TAKEN_UP): _TOKEN,
    (_P.READY, _S.TAKEN_UP): _TOKEN,
    (_P.RETRIEVING, _S.TAKEN_UP): _TOKEN,
    (_P.SEALED, _S.TAKEN_UP): _COMMIT,
    (_P.COMMITTING, _S.TAKEN_UP): _COMMIT,
    (_P.DONE, _S.TAKEN_UP): _row(acts.take_up_end, "only the word of its end was lost", _P.DONE, _P.STOPPED),
    (_P.STOPPED, _S.TAKEN_UP): _ANEW,
    **{(phase, _S.PARTS_LOST): _LOST for phase in (_P.PROCESSING, _P.READY, _P.RETRIEVING)},
    # Also from Done: what was sealed may be damaged before it is published.
    **{(phase, _S.BEGUN_ANEW): _ANEW for phase in _P},
}

_OF_MEANING = {
    Meaning.PROCESSING: Symbol.PROCESSING,
    Meaning.COMPLETE: Symbol.COMPLETE,
    Meaning.RETRIEVED: Symbol.RETRIEVED,
    Meaning.EXPIRED: Symbol.EXPIRED,
    Meaning.ERROR: Symbol.ERROR,
    Meaning.FAILED: Symbol.FAILED,
    Meaning.UNKNOWN: Symbol.UNKNOWN,
}

_OF_EVENT: dict[type[object], Symbol] = {
    InitiateIntended: Symbol.INTENDED,
    TokenIssued: Symbol.ISSUED,
    PageFetched: Symbol.FETCHED,
    PageStored: Symbol.STORED,
    PageRefused: Symbol.UNREADABLE,
    PageUnreadable: Symbol.SPOILED,
    WindowOpened: Symbol.OPENED,
    PartsLost: Symbol.PARTS_LOST,
    ExportSealed: Symbol.SEALED,
    CommitIntended: Symbol.COMMIT_INTENDED,
    Committed: Symbol.COMMITTED,
}


def begin(policy: LifePolicy) -> Step:
    """Give the life of a job that nobody has asked for yet, and its first command."""
    return Life(policy=policy), [Initiate(export=1)]


def step(life: Life, event: Event, now: float) -> Step:
    """Apply one event. ``now`` is in seconds of a clock that never jumps.

    Raises IllegalEvent, having changed nothing, when the table has no such row. A contradiction in the server's counts
    is no error here: it ends the life with the verdict INTEGRITY.
    """
    symbol = symbol_of(event)
    rule = TABLE.get((life.phase, symbol))
    if rule is None:
        raise IllegalEvent(f"{symbol} cannot happen in phase {life.phase}")
    try:
        after, commands = rule.act(life, event, now)
    except IntegrityError as error:
        after, commands = acts.stop(life, Verdict.INTEGRITY, str(error))
    if after.phase not in rule.to:
        raise IllegalEvent(f"{symbol} led from {life.phase} to {after.phase}, which its row does not allow")
    return after, commands


def fold(policy: LifePolicy, events: Iterable[Event], now: float) -> Life:
    """Replay journaled events; the commands they gave rise to are history.

    Bounds are not applied again: what was accepted or given up then is what the next event says, whatever the limits
    are today. A life that a bound ended is therefore given as it was before its end.
    """
    life, _ = begin(policy.boundless())
    for event in events:
        life, _ = step(life, event, now)
    return replace(life, policy=policy)


def symbol_of(event: Event) -> Symbol:
    """Name the column of the table that ``event`` belongs to."""
    match event:
        case StatusReported():
            return _OF_MEANING[event.meaning]
        case RequestFailed():
            if event.retryable:
                return Symbol.TRY_FAILED
            return Symbol.TOKEN_LOST if event.failure.fault is Fault.TOKEN_GONE else Symbol.REFUSED
        case TakenUp():
            return Symbol.BEGUN_ANEW if event.anew else Symbol.TAKEN_UP
        case _:
            return _OF_EVENT[type(event)]
