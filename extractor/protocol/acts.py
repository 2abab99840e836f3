"""What the rows of the lifecycle's table do, one function a row.

Each takes a life, the event that its row is for, and now; it returns the next life and the commands that follow. The
table in ``lifecycle`` guarantees the event's type and says which phases a function may lead to. A contradiction in the
server's counts is raised as IntegrityError; ``step`` turns it into the verdict. Called by ``lifecycle`` alone.
"""

from __future__ import annotations

from dataclasses import replace

from extractor.errors import IntegrityError
from extractor.protocol import paging as pages
from extractor.protocol.life import IllegalEvent, Life, Phase, Step
from extractor.protocol.pace import lead, poll_delay, re_export_delay
from extractor.protocol.paging import PageFacts, Paging
from extractor.protocol.retry import COMMIT_PATIENCE, decide
from extractor.protocol.vocabulary import (
    Command,
    Commit,
    CommitIntended,
    Committed,
    DropExport,
    ExportSealed,
    Fault,
    FetchPage,
    Finish,
    Initiate,
    InitiateIntended,
    Meaning,
    Outcome,
    PageFetched,
    PageRefused,
    PageStored,
    PageUnreadable,
    PartsLost,
    PollStatus,
    RequestFailed,
    SealExport,
    StatusReported,
    StorePage,
    TakenUp,
    TokenIssued,
    Verdict,
    WindowOpened,
)

_STUCK = 2  # tries of one page, after which the export does not ask for more beside it
_UNKNOWN_AT_COMMIT = (
    "the token was not known at Commit: it had expired, or the account spells the path otherwise "
    "(connection.dialect.commit)"
)

_LOSSES = {
    Meaning.ERROR: "the export ended in Error -- check the segment's configuration in MyPreferences",
    Meaning.EXPIRED: "the export expired before all of it was read -- with fewer exports at once (limits.exports) each "
    "has more time",
    Meaning.RETRIEVED: "the export was marked Retrieved by somebody else -- does another program use this token?",
}


def intended(life: Life, event: InitiateIntended, _now: float) -> Step:
    return replace(life, phase=Phase.INITIATING, export=event.export, unanswered=True), []


def issued(life: Life, event: TokenIssued, now: float) -> Step:
    policy = life.policy
    fresh = replace(
        life,
        phase=Phase.PROCESSING,
        token=event.token,
        unanswered=False,
        processing_since=now,
        issued_at=now,
        unready_at=None,
        polls=0,
        unknown_polls=0,
        row_count=None,
        paging=Paging(limit=policy.page_size, window=policy.window),
    )
    return fresh, [PollStatus(token=event.token, after=poll_delay(0, policy.poll))]


def poll_on(life: Life, event: StatusReported, now: float) -> Step:
    policy, polls = life.policy, life.polls + 1
    unknown = life.unknown_polls + (event.meaning is Meaning.UNKNOWN)
    if unknown > policy.unknown_polls:
        return stop(
            life,
            Verdict.EXPORT_FAILED,
            f"the server kept answering the unknown Status {event.spelled!r} -- if it has a known meaning, "
            "add it under connection.dialect.statuses",
        )
    delay = poll_delay(polls, policy.poll)
    if now + delay - life.processing_since > policy.processing_timeout:
        return stop(
            life,
            Verdict.UNAVAILABLE,
            f"the export was still {event.spelled!r} after {policy.processing_timeout:g} s -- the server is slow "
            "or the segment very large: raise limits.processing_timeout",
        )
    if _after_deadline(life, now + delay):
        return stop(life, Verdict.UNAVAILABLE, f"the run's deadline came while the export was {event.spelled!r}")
    after = replace(life, polls=polls, unknown_polls=unknown, unready_at=now)
    return after, [PollStatus(token=_token(life), after=delay)]


def ready(life: Life, event: StatusReported, now: float) -> Step:
    expires_at = None if event.expires_in is None else now + event.expires_in
    return _ask_pages(replace(life, phase=Phase.READY, row_count=event.row_count, expires_at=expires_at), now)


def fetched(life: Life, event: PageFetched, now: float) -> Step:
    facts = PageFacts(offset=event.offset, count=event.count, total=event.total, has_more=event.has_more)
    _check_row_count(life, event.total)
    paging = pages.accept(life.paging, asked=event.asked, page=facts)
    after, commands = _ask_pages(replace(life, phase=Phase.RETRIEVING, paging=paging), now)
    return after, [StorePage(page=event), *commands]


def stored(life: Life, event: PageStored, _now: float) -> Step:
    facts = PageFacts(offset=event.offset, count=event.count, total=event.total, has_more=event.has_more)
    _check_row_count(life, event.total)
    paging = pages.store(life.paging, page=facts, lines=event.lines)
    commands: list[Command] = [SealExport()] if paging.complete else []
    return replace(life, phase=Phase.RETRIEVING, paging=paging), commands


def open_window(life: Life, event: WindowOpened, now: float) -> Step:
    """Nothing is asked for before the first page has been: that one says how many there are."""
    opened = replace(life, paging=pages.opened(life.paging, event.window))
    return (opened, []) if life.phase is Phase.READY else _ask_pages(opened, now)


def page_again(life: Life, event: PageUnreadable, now: float) -> Step:
    """The page was accepted by what its envelope said: take that back, and ask for exactly the same records."""
    command = replace(event.command, limit=max(1, event.count))
    after, commands = try_again(life, RequestFailed(command=command, failure=event.failure, draw=event.draw), now)
    if after.phase is Phase.STOPPED:
        spoiled = command.unreadable + 1 >= life.policy.retry.unreadable_tries
        tries = "once" if command.attempt == 1 else f"{command.attempt} times"
        verdict = Verdict.INTEGRITY if spoiled else Verdict.UNAVAILABLE
        return stop(life, verdict, f"{event.failure.message} (asked {tries})")
    return replace(after, paging=pages.again(after.paging, asked=command.offset, count=event.count)), commands


def late_page(life: Life, _event: PageStored, _now: float) -> Step:
    return life, []


def unreadable(life: Life, event: PageRefused | PartsLost, _now: float) -> Step:
    return stop(life, Verdict.INTEGRITY, event.message)


def sealed(life: Life, event: ExportSealed, _now: float) -> Step:
    written = sum(part.records for part in event.parts)
    if not life.paging.complete or written != life.paging.total:
        raise IntegrityError(f"the parts hold {written} records, TotalResults is {life.paging.total}")
    _check_identity(life, event.repeated, written)
    return replace(life, phase=Phase.SEALED, repeated=event.repeated), [Commit(token=_token(life))]


def commit_intended(life: Life, _event: CommitIntended, _now: float) -> Step:
    return replace(life, phase=Phase.COMMITTING), []


def committed(life: Life, _event: Committed, _now: float) -> Step:
    return _done(life, "")


def commit_moot(life: Life, event: RequestFailed, _now: float) -> Step:
    if event.failure.fault is Fault.TOKEN_GONE:
        return _done(life, "" if event.command.attempt > 1 else _UNKNOWN_AT_COMMIT)
    return _done(life, f"Commit was refused, the server keeps its files until they expire: {event.failure.message}")


def commit_again(life: Life, event: RequestFailed, now: float) -> Step:
    """Publishing waits for the job's end, so a Commit gets a minute: the data is safe with or without it.

    That minute is not stretched by an outage.
    """
    retry, event = life.policy.retry, replace(event, failure=replace(event.failure, outage=False))
    since = now if event.command.failing_since is None else event.command.failing_since
    end = since + COMMIT_PATIENCE if retry.deadline is None else min(retry.deadline, since + COMMIT_PATIENCE)
    hurried = replace(life, policy=replace(life.policy, retry=replace(retry, deadline=end)))
    after, commands = try_again(hurried, event, now)
    if after.phase is Phase.STOPPED:
        return _done(life, f"Commit was never acknowledged, the token is left to expire: {event.failure.message}")
    return replace(after, policy=life.policy), commands


def try_again(life: Life, event: RequestFailed, now: float) -> Step:
    command, failure = event.command, event.failure
    orphan = isinstance(command, Initiate) and failure.ambiguous
    life = replace(life, possible_orphans=life.possible_orphans + orphan, unanswered=False)
    unreadable = command.unreadable + (failure.fault is Fault.MALFORMED)
    decision = decide(
        failure,
        attempt=command.attempt,
        unreadable=unreadable,
        failing_since=command.failing_since,
        now=now,
        draw=event.draw,
        policy=life.policy.retry,
    )
    if decision is None:
        passing = failure.fault is not Fault.MALFORMED
        verdict = Verdict.UNAVAILABLE if passing else Verdict.EXPORT_FAILED
        return stop(
            life,
            verdict,
            f"{failure.message} (given up after {command.attempt} {'try' if command.attempt == 1 else 'tries'})",
        )
    again = replace(
        command,
        after=decision.delay,
        attempt=command.attempt + 1,
        unreadable=unreadable,
        failing_since=decision.failing_since,
    )
    life = replace(life, retries=life.retries + 1)
    if isinstance(command, FetchPage) and command.attempt >= _STUCK:
        life = replace(life, paging=pages.failing(life.paging, asked=command.offset))
    return life, [again]


def refused(life: Life, event: RequestFailed, _now: float) -> Step:
    answered = replace(life, unanswered=False)  # no export was made: none is an orphan when the job is taken up
    return stop(answered, Verdict.REFUSED, event.failure.message)


def not_permitted(life: Life, _event: StatusReported, _now: float) -> Step:
    return stop(
        life,
        Verdict.REFUSED,
        "Status Failed: the API user lacks permission to retrieve this data -- ask your MyPreferences administrator to "
        "grant the user's group access to the segment",
    )


def export_again(life: Life, event: StatusReported | RequestFailed, now: float) -> Step:
    """The export is lost: its pages are dropped and a new one is asked for, within the bound."""
    why = _LOSSES[event.meaning] if isinstance(event, StatusReported) else event.failure.message
    if life.export - life.earlier_exports > life.policy.re_exports:
        return stop(life, Verdict.EXPORT_FAILED, f"{why} (after {life.export} exports)")
    delay = re_export_delay(life.export)
    if _after_deadline(life, now + delay):
        return stop(life, Verdict.UNAVAILABLE, f"{why}; the run's deadline leaves no time for another export")
    dropped = replace(life, phase=Phase.PLANNED, token=None, paging=Paging(limit=1), retries=life.retries + 1)
    return dropped, [DropExport(export=life.export), Initiate(export=life.export + 1, after=delay)]


def take_up_anew(life: Life, _event: TakenUp, _now: float) -> Step:
    """Ask again. A POST without an answer may have made an export; whatever is staged belongs to none."""
    fresh = replace(
        life,
        phase=Phase.PLANNED,
        token=None,
        earlier_exports=life.export,
        paging=Paging(limit=1),
        possible_orphans=life.possible_orphans + life.unanswered,
        unanswered=False,
        outcome=None,
    )
    return fresh, [DropExport(export=life.export), Initiate(export=life.export + 1)]


def take_up_token(life: Life, _event: TakenUp, now: float) -> Step:
    """The token may still live: Status will tell. What is durable is not fetched again."""
    paging = pages.resumed(life.paging, limit=life.policy.page_size, window=life.policy.window)
    if paging.complete:
        return replace(life, phase=Phase.RETRIEVING, paging=paging), [SealExport()]
    waiting = replace(
        life,
        phase=Phase.PROCESSING,
        paging=paging,
        processing_since=now,
        issued_at=None,
        polls=lead(life.policy.poll),  # it has had its time while nobody asked
        unknown_polls=0,
    )
    return waiting, [PollStatus(token=_token(life))]


def take_up_commit(life: Life, _event: TakenUp, _now: float) -> Step:
    """Everything is sealed. An earlier Commit may have arrived: then the token is gone, and that is well."""
    _check_identity(life, life.repeated, life.paging.stored_to)
    return replace(life, phase=Phase.SEALED), [Commit(token=_token(life), attempt=2 - (life.phase is Phase.SEALED))]


def take_up_end(life: Life, _event: TakenUp, _now: float) -> Step:
    """The job was done, but its end was not journaled any more."""
    _check_identity(life, life.repeated, life.paging.stored_to)
    if life.outcome is None:
        raise IllegalEvent(f"there is no outcome in phase {life.phase}")
    return life, [Finish(outcome=life.outcome)]


# --- Small parts of the rows. ----------------------------------------------------------------------------------------


def _ask_pages(life: Life, now: float) -> Step:
    paging, requests = pages.ask(life.paging)
    token, urgent = _token(life), life.urgent(now)
    fetches: list[Command] = [FetchPage(token=token, offset=at, limit=size, urgent=urgent) for at, size in requests]
    return replace(life, paging=paging), fetches


def _check_identity(life: Life, repeated: int, records: int) -> None:
    """Judge the ids of a sealed export. A replay does not judge; so whoever takes a life up judges again."""
    if repeated and life.policy.record_id_is_unique:
        raise IntegrityError(
            f"{repeated} of the {records} records have an id that came before in the same export, so others may be "
            "missing -- ask again (extractor resume); if ids do repeat on your account, set "
            "connection.dialect.record_id_is_unique: false"
        )


def _check_row_count(life: Life, total: int) -> None:
    if life.policy.row_count_is_total and life.row_count is not None and life.row_count != total:
        raise IntegrityError(
            f"Status said RowCount {life.row_count}, the pages say TotalResults {total} -- if RowCount counts "
            "something else on your account, set connection.dialect.row_count_is_total: false"
        )


def _after_deadline(life: Life, moment: float) -> bool:
    deadline = life.policy.retry.deadline
    return deadline is not None and moment > deadline


def _token(life: Life) -> int:
    if life.token is None:
        raise IllegalEvent(f"there is no token in phase {life.phase}")
    return life.token


def _done(life: Life, note: str) -> Step:
    if life.repeated:
        have = "record has" if life.repeated == 1 else "records have"
        note = "; ".join(filter(None, (f"{life.repeated} {have} an id that came before in the same export", note)))
    outcome = _outcome(life, Verdict.DONE, "", note)
    return replace(life, phase=Phase.DONE, outcome=outcome), [Finish(outcome=outcome)]


def stop(life: Life, verdict: Verdict, message: str) -> Step:
    """End the life short of Done, with the sentence that people will read."""
    outcome = _outcome(life, verdict, message, "")
    return replace(life, phase=Phase.STOPPED, outcome=outcome), [Finish(outcome=outcome)]


def _outcome(life: Life, verdict: Verdict, message: str, note: str) -> Outcome:
    return Outcome(
        verdict=verdict,
        message=message,
        records=life.paging.stored_to,
        exports=life.export,
        retries=life.retries,
        possible_orphans=life.possible_orphans,
        row_count=life.row_count,
        total_results=life.paging.total,
        note=note,
    )
