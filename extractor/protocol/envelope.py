"""What stands around the records of a page: members, numbers, and whether they can be believed (contract, section 3.4).

Decides how a small JSON object is read so that nothing in it is guessed: names in any case, numbers also in strings, a
member that is there twice is not believed. Reads a page in two ways: ``outside``, which looks at nothing between the
first ``[`` and the last ``]`` and so costs the same for any number of records, and ``whole``, which looks at
everything. Does not judge records (``store.records``). Pure; called by ``remote.answers`` when a page has come, and by
``store.frames``, which reads the records anyway and then knows whether what was read outside of them was all.

Decided: the outside first, because a second scan of the records costs as much as everything else that is done with a
page before it is compressed. Whoever uses it owes the proof: that the records fill the place that was left out. Of a
page read as a whole, msgspec finds the records without building them, and the lenient stdlib parser reads what remains:
it sees every member, also one that is there twice, of which msgspec would silently take the last. A page that msgspec
refuses is read as a whole by the lenient parser, because one odd record (NaN, a lone surrogate) must be named, not end
the page as unreadable; considered the lenient parser alone, which is more than ten times slower.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
UNREADABLE: Final = "the answer is cut short or not JSON"
TWICE: Final = "a member is there twice"

_LONGEST_NUMBER: Final = 20  # digits; no count of anything has more
_HEAD: Final = 64  # bytes of the records that are looked for in a page: more than an envelope holds by chance
_LONGEST_OUTSIDE: Final = 64 * 1024  # bytes; an envelope is a hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an envelope says; None where a member is missing or is of no use. ``offset`` is 1-based."""

    count: int | None
    has_more: bool | None
    offset: int | None
    total: int | None

    @property
    def complete(self) -> bool:
        """Whether none is missing."""
        return None not in {self.count, self.has_more, self.offset, self.total}


def facts_of(members: dict[str, Any]) -> Facts:
    """Give the facts among members whose names are in lower case."""
    count, offset, total = (integer(members.get(name)) for name in ("count", "offset", "totalresults"))
    return Facts(count=count, has_more=boolean(members.get("hasmore")), offset=offset, total=total)


def span(body: bytes) -> tuple[int, int]:
    """Say where the records are if nothing else of the page is an array: ``body[start:end]``, 0-based, half-open.

    It is what stands between the first ``[`` and the last ``]``; (0, -1) or another empty span if there are none.
    """
    return body.find(b"[") + 1, body.rfind(b"]")


def outside(body: bytes, member: str) -> dict[str, Any] | None:
    """Read a page without looking at what ``span`` leaves out; ``member``, in lower case, is then an empty list.

    Names are in lower case. None where this is no way to read it: then ``whole`` is. What is found is all that the
    envelope says if, and only if, the page is JSON and its records fill the span.
    """
    start, end = span(body)
    if not 0 < start <= end or start + len(body) - end > _LONGEST_OUTSIDE or not _ends_whole(body, start, end):
        return None
    members = lenient(body[:start] + body[end:])
    found = folded(members) if isinstance(members, tuple) else None
    return found if found is not None and found.get(member) == [] else None


def _ends_whole(body: bytes, start: int, end: int) -> bool:
    """Whether the last record, found by how the first one begins, ends where the records do.

    A page that was cut short mostly ends in a record's own array, and is then known for what it is at once.
    """
    at = body.rfind(body[start : body.find(b":", start, start + _HEAD) + 1], start, end)
    try:
        msgspec.json.decode(body[at:end], type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def whole(body: bytes) -> dict[str, Any] | str:
    """Read all of a page; its members under names in lower case, the longest array emptied, or why it cannot be."""
    members = lenient(_without_bulk(body))
    if not isinstance(members, tuple):
        return UNREADABLE
    found = folded(members)
    return TWICE if found is None else found


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


def lenient(body: bytes) -> Any:  # noqa: ANN401 - any JSON value; None also for what is not JSON
    """Parse as leniently as the stdlib can. Numbers out of all proportion stay text, and bad UTF-8 is marked.

    An object becomes a tuple of its pairs, so that a member that is there twice is not lost.
    """
    text = body.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    try:
        return json.loads(text, strict=False, parse_int=_bounded, parse_float=str, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def folded(members: tuple[tuple[str, Any], ...]) -> dict[str, Any] | None:
    """Give the members under lower-case names; None if one is there twice, in any case: neither can be believed."""
    found = {name.casefold(): value for name, value in members}
    return found if len(found) == len(members) else None


def integer(value: object) -> int | None:
    """Give a whole number, also one in a string; None for anything else."""
    if isinstance(value, str):
        digits = value.strip()
        sound = digits.isascii() and digits.removeprefix("-").isdecimal() and len(digits) <= _LONGEST_NUMBER
        return int(digits) if sound else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def boolean(value: object) -> bool | None:
    """Give a truth value, also one in a string; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold())
    return value if isinstance(value, bool) else None
