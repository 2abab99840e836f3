"""Page bytes -> NDJSON lines: the project's core promise, as a pure function of bytes.

Decides the one line that each record becomes. Canonical (``orjson.dumps(orjson.loads(text))``: compact UTF-8, the
server's order of keys, no raw newline) unless that would change or refuse the value; then the server's own text is
kept (``spelling``) and reported. Or verbatim: the server's own bytes, checked, and drawn together only where a record
is spread over lines or columns. Text that is not JSON is refused, by page and record. Does not read the other members
of the envelope, compress or write. Called by ``frames``, in any thread or process.

Decided: cut the page with msgspec, once, then work record by record, because small objects that are freed at once beat
the whole page by 1.7 times (measured); if the line equals the server's bytes, nothing was changed and nothing more is
asked. msgspec refuses what is not JSON, raw control characters too, but not what is not UTF-8: orjson does that for
canonical lines, and for verbatim ones it is asked of the whole page. What a line becomes depends on its record alone,
never on its neighbours: they only decide how fast it is found.

Decided: whether the page holds anything beside its records that nobody has read (``envelope.outside``) is told from
their length alone: they lie between the first ``[`` and the last ``]``, and if they fill that place, nothing else can.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from pydantic_core import SchemaValidator, ValidationError
from pydantic_core.core_schema import str_schema

from extractor.errors import IntegrityError
from extractor.protocol.envelope import span
from extractor.protocol.vocabulary import KeptText
from extractor.store import grammar
from extractor.store.identity import ids_of
from extractor.store.spelling import keep, own_line, settle

# An escaped backslash, a pair, or (in the group) half of one.
_SURROGATES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_NAME: Final = re.compile(rb'"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*\[\Z')
_LONGEST_NAME: Final = 512  # bytes in which the member's name is looked for, before its array
_LINE_SPACE: Final = b"\n\r\t"  # white space that JSON allows between tokens, and that a line should not hold

# A text, of at most no characters: of bytes that are UTF-8 it finds only that they are too many. It makes no text of
# them, and takes 0.2 ms for a page of 1.6 MB where str() takes 0.5.
_UTF8: Final = SchemaValidator(str_schema(max_length=0))
_VALID: Final = "string_too_long"


class PageSpoiled(IntegrityError):  # noqa: N818 - the house's words
    """The page is not what its envelope was taken for, cut short for one: worth asking for again, as it is no data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """The lines of a page, each ended by a newline; ``kept`` names those in the server's own spelling.

    ``ids`` are those of the records that have one (``identity``), in order. ``plain`` is whether the page was cut at
    ``envelope.span``, and so holds nothing beside its records but what ``envelope.outside`` sees.
    """

    lines: bytes = field(repr=False)
    records: int
    kept: tuple[KeptText, ...] = ()
    ids: array[int] = field(repr=False, default_factory=lambda: array("Q"))
    plain: bool = field(default=True, compare=False)


class _Cut(NamedTuple):
    """A page in pieces. ``sound``: each is JSON, but for its UTF-8.

    ``lines`` are all of them, each ended by a newline, of a page that is plain (see EncodedPage); None of any other.
    """

    records: Sequence[bytes | msgspec.Raw]
    lines: bytes | None = None
    sound: bool = False


def encode_page(
    body: bytes,
    *,
    records_member: str,
    record_id: str,
    count: int,
    first: int,
    verbatim: bool = False,
) -> EncodedPage:
    """Encode a page. ``first`` is the 1-based index of its first record in the export, ``count`` the envelope's Count.

    ``records_member`` is matched exactly, else without regard to case; absent or null, it has no records. So is
    ``record_id``, the member that tells one record from another. ``verbatim`` keeps each record as the server wrote
    it, and then nothing is ``kept`` as an exception. Raises IntegrityError when a record cannot be a line, and
    PageSpoiled when the page cannot be cut into records, or there are not ``count`` of them; the message names page
    and record, never the content. Pure; holds no reference to ``body`` afterwards.
    """
    cut = _cut(body, records_member, first)
    if len(cut.records) != count:
        raise PageSpoiled(
            f"page at offset {first}: it holds {len(cut.records)} records, but its Count is {count}; "
            "the answer is incomplete or damaged, ask for it again"
        )
    kept: list[KeptText] = []
    texts = _verbatim(cut, body, first) if verbatim else _canonical(cut, first, kept)
    lines = cut.lines if texts is cut.records else None  # as they came
    ids = ids_of(texts, record_id)
    if len(ids) < count:  # one that has an id is an object
        _check_objects(texts, first)
    return EncodedPage(
        lines=b"\n".join([*texts, b""]) if lines is None else lines,
        records=count,
        kept=tuple(kept),
        ids=ids,
        plain=cut.lines is not None,
    )


def texts_of(body: bytes, records_member: str) -> list[bytes]:
    """Give the text of each record of a page, as it came. Raises IntegrityError for what is not JSON."""
    return [bytes(raw) for raw in _cut(body, records_member, 1).records]


def _canonical(cut: _Cut, first: int, kept: list[KeptText]) -> Sequence[bytes]:
    """Give the canonical lines, the records themselves if all are; add to ``kept`` what is not canonical."""
    others: dict[int, bytes] = {}
    for index, raw in enumerate(cut.records):
        text = bytes(raw)  # orjson takes no Raw
        try:
            line = orjson.dumps(orjson.loads(text))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            line = b""
        if line == text:
            continue
        try:
            others[index], reason = settle(text, line) if line else keep(text)
        except grammar.NotJson as error:
            raise _refusal(first, index, error.reason) from None
        if reason is not None:
            kept.append(KeptText(record=first + index, reason=reason))
    return [others.get(index, raw) for index, raw in enumerate(cut.records)] if others else cut.records


def _verbatim(cut: _Cut, body: bytes, first: int) -> Sequence[bytes]:
    """Give each record as the server wrote it, on one line; the records themselves if nothing is to be done."""
    plain = cut.lines is not None and _is_utf8(body)
    if plain and not any(body.find(each, *span(body)) >= 0 for each in _LINE_SPACE):
        return cut.records
    lines: list[bytes] = []
    for index, raw in enumerate(cut.records):
        try:
            lines.append(own_line(bytes(raw), sound=cut.sound))
        except grammar.NotJson as error:
            raise _refusal(first, index, error.reason) from None
    return lines


def _is_utf8(body: bytes) -> bool:
    """Whether it surely is; False may mean "look again"."""
    if body.isascii():
        return True
    try:
        _UTF8.validate_python(body)
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] == _VALID
    return False


def _check_objects(lines: Sequence[bytes], first: int) -> None:
    for index, line in enumerate(lines):
        if not bytes(line).startswith(b"{"):
            raise _refusal(first, index, "it is not a JSON object")


def _cut(body: bytes, member: str, first: int) -> _Cut:
    """Cut a page into the texts of its records, by msgspec if it can."""
    try:
        for way in (_cut_fast, _cut_beside_surrogates):
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found = way(body, member)
                if found is not None:
                    return found
        return _Cut(grammar.cut(body, member))  # takes more than msgspec does, and says what is wrong
    except grammar.NotJson as error:
        if error.record is None:
            raise PageSpoiled(
                f"page at offset {first}: {error.reason} (byte {error.at} of the page); ask for it again"
            ) from None
        raise _refusal(first, error.record, error.reason) from None


def _cut_fast(body: bytes, member: str) -> _Cut | None:
    """Cut by msgspec; None where the member may be there twice, of which msgspec would silently take the last."""
    start, end = span(body)
    spelled = _spelled(body[max(0, start - _LONGEST_NAME) : start], member)
    records = _envelope(spelled).decode(body).records
    if records is not msgspec.UNSET and records is not None:
        # They lie between start and end, in order: if that is how long they are with commas between them, then there
        # is nothing else.
        lines = b"\n".join([*records, b""])
        if len(lines) == end - start + bool(records):
            return _Cut(records, lines, sound=True)
        if spelled == member and not _is_repeated(body, member):
            return _Cut(records, sound=True)
    if _is_repeated(body, member):
        return None
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    named = [name for name in members if name.casefold() == member.casefold()]
    name = member if member in members else named[0] if named else None
    if name is None:
        return _Cut((), sound=True)
    if (name != member and len(named) > 1) or _is_repeated(body, name):
        return None
    return _Cut(msgspec.json.decode(members[name], type=list[msgspec.Raw] | None) or (), sound=True)


def _spelled(head: bytes, member: str) -> str:
    """Give the member's name as it stands at the end of ``head``, before the records; ``member`` if it does not."""
    found = _NAME.search(head)
    name = found[1].decode("utf-8", "replace") if found else member
    return name if name.casefold() == member.casefold() else member


def _cut_beside_surrogates(body: bytes, member: str) -> _Cut | None:
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
    for raw in found.records:
        text = bytes(raw)
        start = copy.find(text, at)
        if copy[at:start].strip(b", \t\r\n"):
            return None  # this is not where it was cut from: the name stands somewhere else, too
        at = start + len(text)
        records.append(body[start:at])
    return _Cut(records)


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
