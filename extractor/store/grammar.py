"""JSON's own grammar (RFC 8259), token by token: for the rare text that the fast parsers will not take.

Decides whether a text is JSON, where it stops being JSON and why, and where the records of a page begin and end. Knows
neither values nor records' meaning, and has no depth limit (no recursion). Called by ``records`` for a page that
msgspec refuses and by ``spelling`` for a record that orjson refuses or would change; about ten times slower than both.

Reasons are fixed sentences: nothing of the text itself is ever in one. UTF-8 is checked by the callers, record by
record, so that the record with the invalid bytes can be named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Kind = Literal["key", "string", "int", "float", "literal", "{", "}", "[", "]", ",", ":"]

# One token after white space. The quantifiers are possessive: a long string is walked once and never again.
_TOKEN: Final = re.compile(
    rb"""[ \t\r\n]*+(?:
    (?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
    |(?P<float>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++))
    |(?P<int>-?(?:0|[1-9][0-9]*+))
    |(?P<literal>true|false|null)
    |(?P<mark>[\[\]{},:]))""",
    re.VERBOSE,
)
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_UNCLOSED: Final = re.compile(rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_MARKS: Final[dict[bytes, Kind]] = {b"{": "{", b"}": "}", b"[": "[", b"]": "]", b",": ",", b":": ":"}
_SCALARS: Final[frozenset[str]] = frozenset({"string", "int", "float", "literal"})

# What may come next. A name of the state is what a person would say is expected.
_State = Literal["a value", "a value or ]", "a key", "a key or }", "a colon", "a comma or a closing bracket"]
_ALLOWED: Final[dict[_State, frozenset[str]]] = {
    "a value": _SCALARS | {"{", "["},
    "a value or ]": _SCALARS | {"{", "[", "]"},
    "a key": frozenset({"string"}),
    "a key or }": frozenset({"string", "}"}),
    "a colon": frozenset({":"}),
    "a comma or a closing bracket": frozenset({",", "}", "]"}),
}


class NotJson(Exception):  # noqa: N818 - read as a sentence: raise NotJson(reason, at)
    """The text is not JSON: ``reason`` is a fixed sentence, ``at`` the 0-based byte where it shows.

    ``record`` is the 0-based index of the record that it happens in, when a page was being cut into records.
    """

    def __init__(self, reason: str, at: int, *, record: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at
        self.record = record


class Token(NamedTuple):
    """A token without the white space before it: ``text[start:end]``."""

    kind: Kind
    start: int
    end: int


def tokens(text: bytes, at: int = 0) -> Iterator[Token]:
    """Give the tokens of the one JSON value that starts at byte ``at``; raise NotJson where the text leaves JSON.

    What follows the value is not looked at.
    """
    open_brackets: list[Kind] = []
    wanted: _State = "a value"
    while True:
        kind, start, at = _read(text, at)
        if kind not in _ALLOWED[wanted]:
            raise NotJson(f"{wanted} is missing", start)
        if wanted in {"a key", "a key or }"} and kind == "string":
            yield Token("key", start, at)
            wanted = "a colon"
            continue
        yield Token(kind, start, at)
        if kind in {"{", "["}:
            open_brackets.append(kind)
            wanted = "a key or }" if kind == "{" else "a value or ]"
        elif kind == ":":
            wanted = "a value"
        elif kind == ",":
            wanted = "a key" if open_brackets[-1] == "{" else "a value"
        else:
            if kind in {"}", "]"} and open_brackets.pop() != ("{" if kind == "}" else "["):
                raise NotJson("brackets do not match", start)
            if not open_brackets:
                return
            wanted = "a comma or a closing bracket"


def _name(page: bytes, token: Token) -> str:
    try:
        return str(json.loads(page[token.start : token.end]))
    except UnicodeDecodeError:
        raise NotJson("a member's name is not valid UTF-8", token.start) from None


def cut(page: bytes, member: str) -> list[bytes]:
    """Cut a page into the texts of its records; the member's name is matched exactly, else without regard to case.

    Raises NotJson, with the record's index where the fault lies inside one; and for a page that is not an object, or
    holds the member twice or as something that is neither an array nor null. An absent or null member has no records.
    """
    found: list[tuple[str, list[bytes]]] = []
    walk = tokens(page)
    at = 0
    depth = 0
    key = ""
    for token in walk:
        if depth == 0 and token.kind != "{":
            raise NotJson("the page is not a JSON object", token.start)
        if token.kind == "key" and depth == 1:
            key = _name(page, token)
        elif depth == 1 and key.casefold() == member.casefold() and token.kind not in {":", ",", "}"}:
            found.append((key, _elements(page, token, walk)))
            continue
        depth += (token.kind in {"{", "["}) - (token.kind in {"}", "]"})
        at = token.end
    if _SPACE.match(page, at).end() != len(page):  # type: ignore[union-attr] # the pattern matches the empty text too
        raise NotJson("there is text after the end of the page", at)
    exact = [records for name, records in found if name == member] or [records for _, records in found]
    if len(exact) > 1:
        raise NotJson("the member that holds the records is there more than once", 0)
    return exact[0] if exact else []


def _elements(page: bytes, opening: Token, walk: Iterator[Token]) -> list[bytes]:
    """Take the walk to the end of the array that ``opening`` opens; give the text of each element."""
    if page[opening.start : opening.end] == b"null":
        return []
    if opening.kind != "[":
        raise NotJson("the member that holds the records is not an array", opening.start)
    elements: list[bytes] = []
    depth = 0
    start = opening.end
    try:
        for token in walk:
            if token.kind == "]" and depth == 0:
                break
            if depth == 0 and token.kind == ",":
                continue
            if depth == 0:
                start = token.start
            depth += (token.kind in {"{", "["}) - (token.kind in {"}", "]"})
            if depth == 0:
                elements.append(page[start : token.end])
    except NotJson as error:
        raise NotJson(error.reason, error.at, record=len(elements)) from None
    return elements


def _read(text: bytes, at: int) -> tuple[Kind, int, int]:
    match = _TOKEN.match(text, at)
    if match is None:
        raise _fault(text, at)
    group = match.lastgroup or ""
    start, end = match.span(group)
    if group == "mark":
        return _MARKS[text[start:end]], start, end
    return group, start, end  # type: ignore[return-value] # the other groups are named after kinds


def _fault(text: bytes, at: int) -> NotJson:
    """Say what stands where no token does. The caller has seen that none matches."""
    space = _SPACE.match(text, at)
    start = space.end() if space else at
    for name in (b"NaN", b"Infinity", b"-Infinity"):
        if text.startswith(name, start):
            return NotJson(f"{name.decode()} is not JSON", start)
    unclosed = _UNCLOSED.match(text, start)
    if unclosed is None:
        return NotJson("the text ends early" if start == len(text) else "this is not JSON", start)
    end = unclosed.end()
    if end == len(text):
        return NotJson("the text ends early", end)
    if text[end : end + 1] == b"\\":
        return NotJson("a string holds an escape that is not JSON", end)
    return NotJson("a string holds a raw control character", end)
