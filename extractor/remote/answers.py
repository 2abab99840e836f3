"""What a 2xx answer says: bytes -> event (contract, sections 3.2 to 3.5).

Decides what counts as an answer at all. Members are found in any case, numbers also in strings; what is missing or of
another kind makes the answer Malformed, never a guess. The records of a page are not judged here: ``store.records``
does it, record by record, and names the page and index. Pure; called by ``client``.

Decided: the envelope is cut out with msgspec, which skips the records without building them; a page that it refuses is
read once more by the lenient stdlib parser, because one odd record (NaN, a lone surrogate) must be named, not end the
page as unreadable; considered the lenient parser alone, which is twenty times slower.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from extractor.errors import Malformed
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Meaning, PageFetched, StatusReported, TokenIssued
from extractor.remote.exchange import Answer
from extractor.remote.redaction import quotable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_NUMBER = 20  # digits; no count of anything has more
_COUNTED = {Meaning.COMPLETE, Meaning.RETRIEVED}


def read_initiated(answer: Answer, about: str, dialect: Dialect, *, server_time: float | None) -> TokenIssued:
    """Read the AccessToken. Raises Malformed, always ambiguous: the server said 2xx, so an export may exist."""
    members = _members(answer, about, dialect, ambiguous=True)
    token = _integer(members.get("accesstoken"))
    if token is None or token < 0:
        raise _missing(answer, about, ["AccessToken"], ambiguous=True)
    return TokenIssued(token=token, server_time=server_time)


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
    try:
        envelope = _envelope(dialect.records).decode(body)
        count, has_more, offset, total = envelope.count, envelope.has_more, envelope.offset, envelope.total
        records = bytes(memoryview(envelope.records)[:4])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Another case, a number in a string, an odd record, or no page at all.
        members = _envelope_members(body, answer, about)
        count, offset, total = (_integer(members.get(name)) for name in ("count", "offset", "totalresults"))
        has_more = _boolean(members.get("hasmore"))
        records = _opening(members.get(dialect.records.casefold(), ...))
    if count is None or has_more is None or offset is None or total is None or records[:1] not in {b"[", b"n"}:
        found = {"Count": count, "HasMore": has_more, "Offset": offset, "TotalResults": total}
        lacking = [name for name, value in found.items() if value is None]
        if records[:1] not in {b"[", b"n"}:
            lacking.append(dialect.records)
        raise _missing(answer, about, lacking)
    if records == b"null" and count:
        raise Malformed(f"{about}: {dialect.records} is null although Count is {count}", status=answer.status)
    return PageFetched(asked=asked, offset=offset, count=count, total=total, has_more=has_more, body=body)


def server_message(answer: Answer) -> str:
    """Give the ``Message`` (or OAuth's ``error_description``) of an error's body, unredacted; "" if there is none."""
    members = _lenient(answer.body)
    if not isinstance(members, dict):
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
    members = _lenient(answer.body)
    if not isinstance(members, dict):
        raise Malformed(f"{about}: the answer is not a JSON object", status=answer.status, ambiguous=ambiguous)
    folded = _folded(members)
    if folded is None:
        raise Malformed(f"{about}: a member is there twice", status=answer.status, ambiguous=ambiguous)
    return folded


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


def _envelope_members(body: bytes, answer: Answer, about: str) -> Mapping[str, Any]:
    """Read a page's members in any case, the records last resort and all."""
    try:
        members: Any = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        # Only short members can be numbers or flags; the records stay bytes.
        members = {
            name: raw if memoryview(raw).nbytes > _LONGEST_NUMBER * 2 else _small(bytes(raw))
            for name, raw in members.items()
        }
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = _lenient(body)
    if not isinstance(members, dict):
        raise Malformed(f"{about}: the answer is cut short or not JSON", status=answer.status)
    folded = _folded(members)
    if folded is None:
        raise Malformed(f"{about}: a member is there twice", status=answer.status)
    return folded


def _small(raw: bytes) -> object:
    value = _lenient(raw)
    return msgspec.Raw(raw) if isinstance(value, dict | list) else value


def _opening(records: object) -> bytes:
    """Give the first bytes of the records as JSON would spell them, enough to tell an array and null from the rest."""
    if isinstance(records, msgspec.Raw):
        return bytes(memoryview(records)[:4])  # no copy of the whole
    if isinstance(records, list):
        return b"["
    return b"null" if records is None else b""


def _lenient(body: bytes) -> Any:  # noqa: ANN401 - any JSON value; None also for what is not JSON
    """Parse as leniently as the stdlib can. Numbers out of all proportion stay text, and bad UTF-8 is marked."""
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace")
    try:
        return json.loads(text, strict=False, parse_int=_bounded, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def _folded(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the members under lower-case names; None if two differ only in case, of which neither can be believed."""
    folded = {name.casefold(): value for name, value in members.items()}
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


@functools.lru_cache(maxsize=8)  # a run knows one or two dialects
def _envelope(records: str) -> msgspec.json.Decoder[Any]:
    """Make the decoder of an envelope as documented; the records are cut out as one slice, unread."""
    members = [("count", int), ("has_more", bool), ("offset", int), ("total", int), ("records", msgspec.Raw)]
    names = {
        "count": "Count", "has_more": "HasMore", "offset": "Offset", "total": "TotalResults", "records": records
    }  # fmt: skip
    return msgspec.json.Decoder(msgspec.defstruct("Envelope", members, rename=names))
