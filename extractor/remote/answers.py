"""What a 2xx answer says: bytes -> event (contract, sections 3.2 to 3.5).

Decides what counts as an answer at all. Members are found in any case, numbers also in strings; what is missing or of
another kind makes the answer Malformed, never a guess. The records of a page are not judged here: ``store.records``
does it, record by record, and names the page and index. Pure; called by ``client``.

Decided: of a page, only what stands around the records is read where that says everything, by ``protocol.envelope``.
Whether it was right to look no further is seen where the records are cut apart (``store.frames``): a page that was not
whole, or says something else in its middle, is found there, before anything is made of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from extractor.errors import Malformed
from extractor.protocol import envelope
from extractor.protocol.dialect import Dialect
from extractor.protocol.envelope import facts_of, folded, integer, lenient
from extractor.protocol.vocabulary import Meaning, PageFetched, StatusReported, TokenIssued
from extractor.remote.exchange import Answer
from extractor.remote.redaction import quotable
from extractor.remote.skew import date_of

_COUNTED = {Meaning.COMPLETE, Meaning.RETRIEVED}


def read_initiated(answer: Answer, about: str, dialect: Dialect) -> TokenIssued:
    """Read the AccessToken; what time it was, the body does not say.

    Raises Malformed, always ambiguous: the server said 2xx, so an export may exist.
    """
    members = _members(answer, about, dialect, ambiguous=True)
    token = integer(members.get("accesstoken"))
    if token is None or token < 0:
        raise _missing(answer, about, ["AccessToken"], ambiguous=True)
    return TokenIssued(token=token)


def read_status(answer: Answer, about: str, dialect: Dialect, *, token: int) -> StatusReported:
    """Read a Status. An unlisted word is no error (contract, section 3.3), one for another token is."""
    members = _members(answer, about, dialect)
    if "status" not in members or not isinstance(members["status"], str | None):
        raise _missing(answer, about, ["Status"])
    echo = integer(members.get("accesstoken"))
    if echo is not None and echo != token:
        raise Malformed(f"{about}: the answer is about another AccessToken", status=answer.status)
    spelled = members["status"] or ""
    meaning = dialect.meaning(spelled)
    counted = members.get("rowcount")
    row_count = integer(counted)
    if counted is not None and (row_count is None or row_count < 0):
        raise Malformed(f"{about}: RowCount is not a count", status=answer.status)
    # Before completion some versions say 0 for "not known yet".
    known = row_count if meaning in _COUNTED else None
    expires_in = _time_left(members.get(dialect.expires.casefold()), answer) if meaning is Meaning.COMPLETE else None
    return StatusReported(meaning=meaning, spelled=quotable(spelled), row_count=known, expires_in=expires_in)


def read_page(answer: Answer, about: str, dialect: Dialect, *, asked: int) -> PageFetched:
    """Read a page's envelope. ``Limit`` is not read: ``Count`` says what came."""
    _check_content_type(answer, about, dialect)
    body = answer.body.removeprefix(envelope.BYTE_ORDER_MARK)
    member = dialect.records.casefold()
    members = envelope.outside(body, member)
    if members is None or not (facts := facts_of(members)).complete:
        members = _believed(envelope.whole(body), answer, about)
        facts = facts_of(members)
    records = members.get(member, ...)
    count, has_more, offset, total = facts.count, facts.has_more, facts.offset, facts.total
    if count is None or has_more is None or offset is None or total is None or not isinstance(records, list | None):
        found = {"Count": count, "HasMore": has_more, "Offset": offset, "TotalResults": total}
        lacking = [name for name, value in found.items() if value is None]
        if not isinstance(records, list | None):
            lacking.append(dialect.records)
        raise _missing(answer, about, lacking)
    if records is None and count:
        raise Malformed(f"{about}: {dialect.records} is null although Count is {count}", status=answer.status)
    return PageFetched(asked=asked, offset=offset, count=count, total=total, has_more=has_more, body=body)


def server_message(answer: Answer) -> str:
    """Give the ``Message`` (or OAuth's ``error_description``) of an error's body, unredacted; "" if there is none."""
    members = lenient(answer.body)
    if not isinstance(members, tuple):
        return ""
    found = folded(members) or {}
    for name in ("message", "error_description", "error"):
        if isinstance(found.get(name), str) and found[name]:
            return str(found[name])
    return ""


def read_object(
    answer: Answer, about: str, *, content_types: tuple[str, ...], ambiguous: bool = False
) -> dict[str, Any]:
    """Read a small JSON object, its member names in lower case. Raises Malformed."""
    _check_type(answer, about, content_types, ambiguous=ambiguous)
    return _object(answer.body, answer, about, "the answer is not a JSON object", ambiguous=ambiguous)


def _members(answer: Answer, about: str, dialect: Dialect, *, ambiguous: bool = False) -> dict[str, Any]:
    return read_object(answer, about, content_types=dialect.content_types, ambiguous=ambiguous)


def _check_content_type(answer: Answer, about: str, dialect: Dialect) -> None:
    _check_type(answer, about, dialect.content_types, ambiguous=False)


def _check_type(answer: Answer, about: str, allowed: tuple[str, ...], *, ambiguous: bool) -> None:
    """Refuse a login page that came with 200. No Content-Type at all is for the parser to judge."""
    written = answer.header("Content-Type")
    if written is None:
        return
    media = written.partition(";")[0].strip().casefold()
    if media not in {each.casefold() for each in allowed}:
        raise Malformed(
            f"{about}: the answer is {quotable(media) or 'of no type'}, not JSON -- a login page or proxy may have "
            "answered; check connection.base_url and proxy",
            status=answer.status,
            ambiguous=ambiguous,
        )


def _object(body: bytes, answer: Answer, about: str, otherwise: str, *, ambiguous: bool = False) -> dict[str, Any]:
    """Read an object, its member names in lower case; ``otherwise`` says what is wrong if it is none."""
    members = lenient(body)
    found = folded(members) if isinstance(members, tuple) else otherwise
    return _believed(envelope.TWICE if found is None else found, answer, about, ambiguous=ambiguous)


def _believed(members: dict[str, Any] | str, answer: Answer, about: str, *, ambiguous: bool = False) -> dict[str, Any]:
    if isinstance(members, str):
        raise Malformed(f"{about}: {members}", status=answer.status, ambiguous=ambiguous)
    return members


def _time_left(expires: object, answer: Answer) -> float | None:
    """Give the seconds until a moment that the server wrote; None for one without a zone, or that is over."""
    date = date_of(answer)
    now = answer.received_at if date is None else date
    try:
        moment = datetime.fromisoformat(expires) if isinstance(expires, str) else None
        if moment is None or moment.tzinfo is None or now is None:
            return None
        left = moment.timestamp() - now
    except (ValueError, OverflowError):
        return None
    return left if left > 0 else None


def _missing(answer: Answer, about: str, names: list[str], *, ambiguous: bool = False) -> Malformed:
    listed = ", ".join(names)
    return Malformed(f"{about}: the answer has no usable {listed}", status=answer.status, ambiguous=ambiguous)
