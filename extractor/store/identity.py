"""Which records of an export have come before: by the id that each carries.

Decides what a record's id is and counts those that come a second time, which no count of records can show: a page that
gives one person twice in the place of another is right in every number. Exact. A record without a whole number under
that name is not counted. Does not decide what follows (``protocol.acts``). Called by ``records`` and ``parts``.
Contract, section 3.4.

Decided: two sets, because the one writer thread waits for them and they live beside a page, not beside a table: ids
below 2**32 in a compressed bitmap, the others in sorted blocks. Measured with two million ids of one export, a thousand
at a time, as bytes an id and milliseconds for a page at the end; with ten million, scattered over 60 bits, 10 and 1.5:

    consecutive below 2**32      0.4 bytes   0.03 ms
    scattered over 31 bits       5 bytes     0.5 ms
    consecutive above 2**32      9 bytes     0.5 ms
    a time and a counter         10 bytes    0.5 ms
    scattered over 60 bits       10 bytes    1.1 ms
    scattered over 36 bits       12 bytes    1.4 ms

Considered: a 64-bit bitmap (33 ms a page and rising, where ids are scattered over 36 bits), a plain set (65 bytes an
id, and a stop of 40 ms and more when it grows), a Bloom filter (accuses the innocent), a sort at the end (a second pass
over everything).
"""

from __future__ import annotations

import functools
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import orjson
from pyroaring import BitMap

_BITS: Final = (1 << 64) - 1  # an id below zero is as good as any, as its two's complement
_ABOVE: Final = 1 << 63  # the first number that is too great, and the first that is not too small below zero
_LOW: Final = 1 << 32
_BLOCK: Final = 512  # ids: larger ones are slower to insert into, smaller ones cost memory
_SURROGATES: Final = re.compile(rb"\\\\|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})")  # an escaped backslash, or (the group) one
_DIGITS: Final = 19  # of the longest number in text that surely fits


def id_in(record: Any, member: str) -> int | None:  # noqa: ANN401 - whatever JSON can be
    """Give the id of a parsed record as 64 bits without sign; None if it has none.

    ``member`` is matched exactly, else without regard to case: deleted profiles spell it otherwise. A number in text
    counts in the one spelling that a number has ("7", not "007", which may be another's); one beyond 64 bits does not.
    """
    if not isinstance(record, dict):
        return None
    value = record.get(member)
    if value is None:
        value = next((value for name, value in record.items() if name.casefold() == member.casefold()), None)
    if isinstance(value, str):
        value = _written_out(value)
    return value & _BITS if type(value) is int and -_ABOVE <= value < _ABOVE else None


def _written_out(text: str) -> int | None:
    plain = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if plain and (text[0] != "0" or text == "0") else None


def id_in_text(text: bytes, member: str) -> int | None:
    """The same of a record's text, also of one that orjson refuses for something else in it.

    Where the member is there more than once: the one that the record begins with, else the last.
    """
    found = _opening(member).match(text)
    if found is not None:
        return int(found[1])
    try:
        value = _reader(member).decode(text).id
        if value is not None:
            return id_in({member: value}, member)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # of another kind, or not read by msgspec
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


@functools.lru_cache(maxsize=8)  # a run knows one or two members
def _opening(member: str) -> re.Pattern[bytes]:
    """Make the pattern of a record that begins with its id, as a number that surely fits."""
    return re.compile(rb'\{ *+"%b" *+: *+(0|[1-9][0-9]{0,17}+) *+[,}]' % re.escape(member.encode()))


@functools.lru_cache(maxsize=8)
def _reader(member: str) -> msgspec.json.Decoder[Any]:
    """Make the decoder of a record of which only ``member`` is read; four times as fast as reading all of it."""
    kind = msgspec.defstruct("Known", [("id", int | str | None, None)], rename={"id": member})
    return msgspec.json.Decoder(kind)


def ids_of(lines: Iterable[bytes], member: str) -> array[int]:
    """Give the ids of lines, in order; of those that have one."""
    lines = list(lines)
    found = list(map(_opening(member).match, lines))
    if None not in found:
        return array("Q", [int(match[1]) for match in found])  # type: ignore[index] # none of them is None
    every = (
        id_in_text(line, member) if match is None else int(match[1]) for line, match in zip(lines, found, strict=True)
    )
    return array("Q", (each for each in every if each is not None))


class Census:
    """The ids of one export, and how many records carried one that was there already."""

    def __init__(self) -> None:
        self._low = BitMap()
        self._high = _Blocks()
        self.repeated = 0

    def add(self, ids: array[int]) -> None:
        """Take in the ids of some more records."""
        before, new = len(self._low), 0
        if max(ids, default=0) < _LOW:
            self._low.update(array("I", ids))
        else:
            self._low.update(array("I", [each for each in ids if each < _LOW]))
            new = sum(self._high.add(each) for each in ids if each >= _LOW)
        self.repeated += len(ids) - new - (len(self._low) - before)


class _Blocks:
    """A set of numbers, in order: blocks of ascending numbers, each beyond those of the block before it."""

    def __init__(self) -> None:
        self._blocks = [array("Q")]
        self._firsts = [0]  # not above any number of the block, and above all of those before it

    def add(self, number: int) -> bool:
        """Take a number in; False if it was there."""
        at = bisect_right(self._firsts, number) - 1
        block = self._blocks[at]
        place = bisect_left(block, number)
        if place < len(block) and block[place] == number:
            return False
        block.insert(place, number)
        if len(block) > _BLOCK:
            self._split(at)
        return True

    def _split(self, at: int) -> None:
        block = self._blocks[at]
        half = len(block) // 2
        self._blocks[at : at + 1] = [block[:half], block[half:]]
        self._firsts.insert(at + 1, block[half])
