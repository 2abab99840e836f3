"""Which records of an export have come before: by the id that each carries.

Decides what a record's id is and counts those that come a second time, which no count of records can show: a page that
gives one person twice in the place of another is right in every number. Exact, at about two bytes an id (ten million
scattered ids: 20 MB; consecutive ones next to nothing). A record without a whole number under that name is not counted.
Does not decide what follows (``protocol.acts``). Called by ``records`` and ``parts``. Contract, section 3.4.

Decided: a compressed bitmap, because the set must be exact and live beside a page, not beside a table; considered a
Bloom filter (accuses the innocent) and a sort at the end (a second pass over everything).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import orjson
from pyroaring import BitMap64

_BITS: Final = (1 << 64) - 1  # an id below zero is as good as any, as its two's complement
_SURROGATES: Final = re.compile(rb"\\\\|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})")  # an escaped backslash, or (the group) one
_DIGITS: Final = 19  # of the longest number in text that surely fits


def id_in(record: Any, member: str) -> int | None:  # noqa: ANN401 - whatever JSON can be
    """Give the id of a parsed record as 64 bits without sign; None if it has none.

    ``member`` is matched exactly, else without regard to case: deleted profiles spell it otherwise.
    """
    if not isinstance(record, dict):
        return None
    value = record.get(member)
    if value is None:
        value = next((value for name, value in record.items() if name.casefold() == member.casefold()), None)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS:
        value = int(value)
    return value & _BITS if type(value) is int else None


def id_in_text(text: bytes, member: str) -> int | None:
    """The same of a record's text, also of one that orjson refuses for something else in it."""
    try:
        return id_in(orjson.loads(text), member)
    except orjson.JSONDecodeError:
        pass
    try:
        harmless = _SURROGATES.sub(lambda match: match[0] if match[1] is None else b"\\u0020", text)
        members = msgspec.json.decode(harmless, type=dict[str, msgspec.Raw])
        return id_in({name: _whole_number(raw) for name, raw in members.items()}, member)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _whole_number(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=int | str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def ids_of(lines: Iterable[bytes], member: str) -> array[int]:
    """Give the ids of lines, in order."""
    return array("Q", (found for line in lines if (found := id_in_text(line, member)) is not None))


class Census:
    """The ids of one export, and how many records carried one that was there already."""

    def __init__(self) -> None:
        self._seen = BitMap64()
        self.repeated = 0

    def add(self, ids: array[int]) -> None:
        """Take in the ids of some more records."""
        new = BitMap64(ids)
        self.repeated += len(ids) - len(new) + self._seen.intersection_cardinality(new)
        self._seen |= new
