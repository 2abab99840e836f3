"""Whether re-encoding a record changed it, and the server's own text where it would.

Decides, for one record at a time, between the canonical line (what orjson makes of it) and the *kept text*: the
server's own tokens with the white space between them removed. Does not know pages or files. Called by ``records`` for
records whose canonical line differs from what the server sent.

Decided: the proof is textual. The server's text is respelled step by step, each step keeping the value exactly
(escapes as orjson writes them, no white space, numbers that equal the old ones as decimals), and must end in the
canonical line, byte for byte; whatever does not is kept, so a doubt costs spelling and never a value. Considered:
comparing parsed values (slower, recursive, and each parser has its own opinion on numbers and duplicate keys).

``-0`` is kept: orjson writes 0, and a reader may tell the two apart. ``-0.0`` stays as it is.
"""

from __future__ import annotations

import functools
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
import orjson

from extractor.store.grammar import NotJson, Token, tokens

BIG_INTEGER: Final = "integer beyond 64 bits"
INEXACT: Final = "number beyond a double"
NEGATIVE_ZERO: Final = "negative zero"
DUPLICATE_KEY: Final = "duplicate key"
LONE_SURROGATE: Final = "lone surrogate"
DEEP: Final = "deep nesting"
REFUSED: Final = "refused by the encoder"  # never met so far: an orjson that is stricter than the grammar

REASONS: Final = (DUPLICATE_KEY, BIG_INTEGER, INEXACT, NEGATIVE_ZERO, LONE_SURROGATE, DEEP, REFUSED)

_DEPTH: Final = 250  # orjson writes up to 254 levels
_ESCAPES: Final = re.compile(rb'(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))++')
_STRING_OR_NUMBER: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?',
)


def settle(text: bytes, line: bytes) -> tuple[bytes, str | None]:
    """Choose what is published for a record: ``line`` (and None), or the kept text and the reason.

    ``text`` is what the server sent and orjson accepted, ``line`` what orjson made of it.
    """
    compact = msgspec.json.format(text, indent=-1) if b"\n" in text else text
    if compact == line or _says_the_same(compact, line):
        return line, None
    respelled = msgspec.json.format(_ESCAPES.sub(_respell_escapes, compact), indent=-1)
    if respelled == line or _STRING_OR_NUMBER.sub(_respell_number, respelled) == line:
        return line, None
    return keep(text)


def keep(text: bytes) -> tuple[bytes, str]:
    """Give the server's own text on one line, and the first reason in it why it is not canonical.

    Raises NotJson for text that is not JSON, or not UTF-8.
    """
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson("it is not valid UTF-8", error.start) from None
    pieces: list[bytes] = []
    reason: str | None = None
    keys: list[set[str]] = []  # of each open bracket; those of arrays stay empty
    deepest = 0
    end = 0
    for token in tokens(text):
        piece = text[token.start : token.end]
        pieces.append(piece)
        if token.kind in {"{", "["}:
            keys.append(set())
            deepest = max(deepest, len(keys))
        elif token.kind in {"}", "]"}:
            keys.pop()
        elif reason is None:
            reason = _reason(token, piece, keys)
        end = token.end
    if text[end:].strip(b" \t\r\n"):
        raise NotJson("there is text after the end of the record", end)
    return b"".join(pieces), reason or (DEEP if deepest > _DEPTH else REFUSED)


def own_line(text: bytes, *, sound: bool) -> bytes:
    """Give a record as the server wrote it, on one line: as it is, or without white space if some of it is no space.

    ``sound`` says that it is known to be JSON, but for its UTF-8. Raises NotJson for text that is not JSON.
    """
    try:
        if not text.isascii():
            text.decode("utf-8")
        if not sound:
            msgspec.json.decode(text, type=msgspec.Raw)
        one_line = not (b"\n" in text or b"\r" in text or b"\t" in text)
        return text if one_line else msgspec.json.format(text, indent=-1)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        own, _ = keep(text)  # takes more than msgspec does, and says what is wrong
    return text if not any(each in text for each in b"\n\r\t") else own


def _reason(token: Token, piece: bytes, keys: list[set[str]]) -> str | None:
    """Why this token cannot be canonical, if so. ``keys`` are those seen so far; a new one is added."""
    match token.kind:
        case "key":
            key = json.loads(piece)
            seen = key in keys[-1]
            keys[-1].add(key)
            return DUPLICATE_KEY if seen else _lone(key)
        case "string":
            return _lone(json.loads(piece)) if b"\\u" in piece else None
        case "int" if piece == b"-0":
            return NEGATIVE_ZERO
        case "int":
            # Up to 20 characters may fit; int() refuses thousands of digits, and need not see them.
            fits = len(piece) <= 20 and -(2**63) <= int(piece) < 2**64  # noqa: PLR2004 - said above
            return None if fits else BIG_INTEGER
        case "float":
            return INEXACT if _canonical_number(piece) is None else None
        case _:
            return None


def _lone(text: str) -> str | None:
    """Whether the text holds half of a surrogate pair, which UTF-8 cannot say."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return LONE_SURROGATE
    return None


def _says_the_same(text: bytes, line: bytes) -> bool:
    """Compare two texts with the escapes undone: three times as fast as respelling, but False may mean "no proof".

    It is one where no escape is left in the line. Undoing escapes never takes a quote away, so if the undone text is
    the line, it has no more strings than the line has; hence no member was dropped, every string of the text is in
    the line, and none holds a quote: the same quotes begin and end strings in both, and equal characters are equal
    tokens.
    """
    if b"\\" in line or not text.isascii() or b"\\/" in text:  # the last is an escape that Python does not know
        return False
    return text.decode("unicode_escape") == line.decode()


def _respell_escapes(match: re.Match[bytes]) -> bytes:
    return _canonical_escapes(match[0])


@functools.lru_cache(maxsize=4096)
def _canonical_escapes(run: bytes) -> bytes:
    """Spell a run of escapes as orjson does. Cached: an alphabet is small, and letters come again and again."""
    return orjson.dumps(orjson.loads(b'"' + run + b'"'))[1:-1]


def _respell_number(match: re.Match[bytes]) -> bytes:
    piece = match[0]
    if piece[0] == ord('"') or not (b"." in piece or b"e" in piece or b"E" in piece):
        return piece
    return _canonical_number(piece) or piece


def _canonical_number(piece: bytes) -> bytes | None:
    """Spell a number with a fraction or an exponent as orjson does; None if that is not exactly the same decimal."""
    try:
        line = orjson.dumps(orjson.loads(piece))
        return line if Decimal(line.decode()) == Decimal(piece.decode()) else None
    except (orjson.JSONDecodeError, InvalidOperation):  # beyond a double; beyond even a Decimal's exponent
        return None
