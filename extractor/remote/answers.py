"""What a 2xx answer says: bytes -> event (contract, sections 3.2 to 3.5).

Decides what counts as an answer at all. Members are found in any case, numbers also in strings; what is missing or of
another kind makes the answer Malformed, never a guess. The records of a page are not judged here: ``store.records``
does it, record by record, and names the page and index. Pure; called by ``client``.

Decided: of a page, msgspec finds the records without building them, and the lenient stdlib parser reads what remains
without them: it sees every member, also one that is there twice, of which msgspec would silently take the last. A page
that msgspec refuses is read as a whole by the lenient parser, because one odd record (NaN, a lone surrogate) must be
named, not end the page as unreadable; considered the lenient parser alone, which is more than ten times slower.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from extractor.errors import Malformed
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Meaning, PageFetched, StatusReported, TokenIssued
from extractor.remote.exchange import Answer
from extractor.remote.redaction import quotable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_NUMBER = 20  # digits; no count of anything has more
_HEAD = 64  # bytes of the records that are looked for in a page: more than an envelope holds by chance
_COUNTED = {Meaning.COMPLETE, Meaning.RETRIEVED}


def read_initiated(answer: Answer, about: str, dialect: Dialect) -> TokenIssued:
    """Read the AccessToken; what time it was, the body does not say.

    Raises Malformed, always ambiguous: the server said 2xx, so an export may exist.
    """
    members = _members(answer, about, dialect, ambiguous=True)
    token = _integer(members.get("accesstoken"))
    if token is None or token < 0:
        raise _missing(answer, about, ["AccessToken"], ambiguous=True)
    return TokenIssued(token=token)


def read_status(answer: Answer, about: str, dialect: Dialect, *, token: int) -> StatusReported:
    """Read a Status. An unlisted word is no error (contract, section 3.3), one for another token is."""
    members = _members(answer, about, dialect)
    if "status" not in members or not isinstance(members["status"], str | None):
        raise _missing(answer, about, ["Status"])
    echo = _integer(members.get("accesstoken"))
    if echo is not None and echo != token:
        raise Malformed(f"{about}: the answer is about another AccessToken", status=answer.status)
    spelled = members["status"] or ""
    meaning = dialect.meaning(spelled)
    counted = members.get("rowcount")
    row_count = _integer(counted)
    if counted is not None and (row_count is None or row_count < 0):
        raise Malformed(f"{about}: RowCount is not a count", status=answer.status)
    # Before completion some versions say 0 for "not known yet".
    known = row_count if meaning in _COUNTED else None
    return StatusReported(meaning=meaning, spelled=quotable(spelled), row_count=known)


def read_page(answer: Answer, about: str, dialect: Dialect, *, asked: int) -> PageFetched:
    """Read a page's envelope. ``Limit`` is not read: ``Count`` says what came."""
    _check_content_type(answer, about, dialect)
    body = answer.body.removeprefix(_BYTE_ORDER_MARK)
    members = _object(_without_bulk(body), answer, about, "the answer is cut short or not JSON")
    count, offset, total = (_integer(members.get(name)) for name in ("count", "offset", "totalresults"))
    has_more = _boolean(members.get("hasmore"))
    records = members.get(dialect.records.casefold(), ...)
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
    members = _lenient(answer.body)
    if not isinstance(members, tuple):
        return ""
    folded = _folded(members) or {}
    for name in ("message", "error_description", "error"):
        if isinstance(folded.get(name), str) and folded[name]:
            return str(folded[name])
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


def _without_bulk(body: bytes) -> bytes:
    """Give the body with its longest array emptied: the rest is small. As it is if the array's place is in doubt."""
    try:
        values = [memoryview(raw) for raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).values()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    bulk = max((value for value in values if bytes(value[:1]) == b"["), key=len, default=memoryview(b""))
    # It is a slice of the body, so it begins no later than this. A head that is there once is its beginning.
    head, latest = bytes(bulk[:_HEAD]), len(body) - len(bulk)
    at = body.find(head, 0, latest + len(head))
    if not head or at != body.rfind(head, 0, latest + len(head)):
        return body
    return b"%b[]%b" % (body[:at], body[at + len(bulk) :])


def _object(body: bytes, answer: Answer, about: str, otherwise: str, *, ambiguous: bool = False) -> dict[str, Any]:
    """Read an object, its member names in lower case; ``otherwise`` says what is wrong if it is none."""
    members = _lenient(body)
    if not isinstance(members, tuple):
        raise Malformed(f"{about}: {otherwise}", status=answer.status, ambiguous=ambiguous)
    folded = _folded(members)
    if folded is None:
        raise Malformed(f"{about}: a member is there twice", status=answer.status, ambiguous=ambiguous)
    return folded


def _lenient(body: bytes) -> Any:  # noqa: ANN401 - any JSON value; None also for what is not JSON
    """Parse as leniently as the stdlib can. Numbers out of all proportion stay text, and bad UTF-8 is marked.

    An object becomes a tuple of its pairs, so that a member that is there twice is not lost.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace")
    try:
        return json.loads(text, strict=False, parse_int=_bounded, parse_float=str, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def _folded(members: tuple[tuple[str, Any], ...]) -> dict[str, Any] | None:
    """Give the members under lower-case names; None if one is there twice, in any case: neither can be believed."""
    folded = {name.casefold(): value for name, value in members}
    return folded if len(folded) == len(members) else None


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        sound = digits.isascii() and digits.removeprefix("-").isdecimal() and len(digits) <= _LONGEST_NUMBER
        return int(digits) if sound else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold())
    return value if isinstance(value, bool) else None


def _missing(answer: Answer, about: str, names: list[str], *, ambiguous: bool = False) -> Malformed:
    listed = ", ".join(names)
    return Malformed(f"{about}: the answer has no usable {listed}", status=answer.status, ambiguous=ambiguous)
