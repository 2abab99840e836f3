"""Page bytes -> NDJSON lines: the project's core promise, as a pure function of bytes.

Decides the one line that each record becomes: canonical (``orjson.dumps(orjson.loads(text))``: compact UTF-8, the
server's order of keys, no raw newline) unless that would change or refuse the value; then the server's own text is
kept (``spelling``) and reported. Text that is not JSON is refused, by page and record. Does not read the other members
of the envelope (``remote`` does), compress or write. Called by ``store.writer``, perhaps in another process one day.

Decided: cut the page with msgspec, then work record by record, because small objects that are freed at once beat the
whole page by 1.7 times (measured); if the line equals the server's bytes, nothing was changed and nothing more is
asked. UTF-8 needs no check of its own: orjson refuses what is not.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import orjson

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import KeptText
from extractor.store import grammar
from extractor.store.identity import id_in, id_in_text
from extractor.store.spelling import keep, settle

# An escaped backslash, a pair, or (in the group) half of one.
_SURROGATES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class PageSpoiled(IntegrityError):  # noqa: N818 - the house's words
    """A page that is not what its envelope said, or no JSON as a whole: it may come better another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """The lines of a page, each ended by a newline; ``kept`` names those in the server's own spelling.

    ``ids`` are those of the records that have one (``identity``), in order.
    """

    lines: bytes = field(repr=False)
    records: int
    kept: tuple[KeptText, ...] = ()
    ids: array[int] = field(repr=False, default_factory=lambda: array("Q"))


def encode_page(body: bytes, *, records_member: str, record_id: str, count: int, first: int) -> EncodedPage:
    """Encode a page. ``first`` is the 1-based index of its first record in the export, ``count`` the envelope's Count.

    ``records_member`` is matched exactly, else without regard to case; absent or null, it has no records. So is
    ``record_id``, the member that tells one record from another. Raises
    IntegrityError when a record cannot be a line, or when there are not ``count`` of them; the message names page and
    record, never the content. Pure; holds no reference to ``body`` afterwards.
    """
    records = _cut(body, records_member, first)
    if len(records) != count:
        raise IntegrityError(
            f"page at offset {first}: it holds {len(records)} records, but its Count is {count}; "
            "the answer is incomplete or damaged, ask for it again"
        )
    lines: list[bytes] = []
    kept: list[KeptText] = []
    ids = array("Q")
    for index, raw in enumerate(records):
        text = bytes(raw)  # a copy: a Raw would pin the whole page
        line, record = _canonical(text)
        known = id_in_text(text, record_id) if line is None else id_in(record, record_id)
        if known is not None:
            ids.append(known)
        if line != text:
            try:
                line, reason = keep(text) if line is None else settle(text, line)
            except grammar.NotJson as error:
                raise _refusal(first, index, error.reason) from None
            if reason is not None:
                kept.append(KeptText(record=first + index, reason=reason))
        if line[0] != ord("{"):
            raise _refusal(first, index, "it is not a JSON object")
        lines.append(line)
    lines.append(b"")
    return EncodedPage(lines=b"\n".join(lines), records=count, kept=tuple(kept), ids=ids)


def texts_of(body: bytes, records_member: str) -> list[bytes]:
    """Give the text of each record of a page, as it came. Raises IntegrityError for what is not JSON."""
    return [bytes(raw) for raw in _cut(body, records_member, 1)]


def _canonical(text: bytes) -> tuple[bytes | None, Any]:
    """What orjson makes of a record, and the record; None if it refuses to read or to write it."""
    try:
        record = orjson.loads(text)
        return orjson.dumps(record), record
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None, None


def _cut(body: bytes, member: str, first: int) -> Sequence[bytes | msgspec.Raw]:
    """Cut a page into the texts of its records, by msgspec if it can."""
    try:
        for way in (_cut_fast, _cut_beside_surrogates):
            with suppress(msgspec.DecodeError, RecursionError):
                records = way(body, member)
                if records is not None:
                    return records
        return grammar.cut(body, member)  # takes more than msgspec does, and says what is wrong
    except grammar.NotJson as error:
        if error.record is None:
            raise IntegrityError(f"page at offset {first}: {error.reason} (byte {error.at} of the page)") from None
        raise _refusal(first, error.record, error.reason) from None


def _cut_fast(body: bytes, member: str) -> Sequence[msgspec.Raw] | None:
    """Cut by msgspec; None where the member may be there twice, of which msgspec would silently take the last."""
    if _is_repeated(body, member):
        return None
    records = _envelope(member).decode(body).records
    if records is not msgspec.UNSET:
        return records or ()
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    named = [name for name in members if name.casefold() == member.casefold()]
    if not named:
        return ()
    if len(named) > 1 or _is_repeated(body, named[0]):
        return None
    return msgspec.json.decode(members[named[0]], type=list[msgspec.Raw] | None) or ()


def _cut_beside_surrogates(body: bytes, member: str) -> Sequence[bytes] | None:
    """Cut by msgspec what it refuses only for lone surrogates; None where that is not the reason.

    Half of a cut emoji is no rarity, and must not make its whole page slow. A copy of the page in which spaces stand
    for the lone surrogates is cut, and the page itself then at the same places.
    """
    copy = _SURROGATES.sub(lambda match: match[0] if match[1] is None else b"\\u0020", body)
    opening = re.search(b'"%b"[ \\t\\r\\n]*:[ \\t\\r\\n]*\\[' % re.escape(member.encode()), copy)
    found = None if copy == body or opening is None else _cut_fast(copy, member)
    if found is None or opening is None:
        return None
    at = opening.end()
    records: list[bytes] = []
    for raw in found:
        text = bytes(raw)
        start = copy.find(text, at)
        if copy[at:start].strip(b", \t\r\n"):
            return None  # this is not where it was cut from: the name stands somewhere else, too
        at = start + len(text)
        records.append(body[start:at])
    return records


def _is_repeated(body: bytes, member: str) -> bool:
    return body.count(f'"{member}"'.encode()) > 1


@functools.lru_cache(maxsize=8)  # a run knows one or two members
def _envelope(member: str) -> msgspec.json.Decoder[Any]:
    """Make the decoder of an envelope of which only ``member`` is read."""
    kind = list[msgspec.Raw] | msgspec.UnsetType | None
    envelope = msgspec.defstruct("Envelope", [("records", kind, msgspec.UNSET)], rename={"records": member})
    return msgspec.json.Decoder(envelope)


def _refusal(first: int, index: int, reason: str) -> IntegrityError:
    return IntegrityError(
        f"page at offset {first}, record {index + 1} of the page: {reason}; "
        "it cannot be published, report the record to the vendor"
    )
