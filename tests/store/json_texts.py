"""Texts of JSON for the tests of records: awkward ones by name, any at random, and what an independent reader sees."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from extractor.store import spelling

MEMBER = "UserProfilePreferences"


def page(*records: bytes, member: str = MEMBER, space: bytes = b"") -> bytes:
    """A page as the server writes it, holding the texts of records."""
    members = b'{"Count":%d,"HasMore":false,"%s":[' % (len(records), member.encode())
    return space.join([members, (b"," + space).join(records), b"]}"])


CANONICAL = {
    "compact": (b'{"a":1,"b":[true,null]}', b'{"a":1,"b":[true,null]}'),
    "pretty-printed": (b'{\r\n  "a": 1,\n\t"b": [ ]\n}', b'{"a":1,"b":[]}'),
    "white space inside strings": (b'{ "a b" : " c  d " }', b'{"a b":" c  d "}'),
    "1.10 is 1.1": (b'{"a":1.10}', b'{"a":1.1}'),
    "1E5 is 100000.0": (b'{"a":1E5}', b'{"a":100000.0}'),
    "-0.0 keeps its sign": (b'{"a":-0.0,"b":-0e7}', b'{"a":-0.0,"b":-0.0}'),
    "-1.50e-3": (b'{"a":-1.50e-3}', b'{"a":-0.0015}'),
    "largest integers": (b'{"a":18446744073709551615,"b":-9223372036854775808}', None),
    "an exponent that only moves the point": (b'{"a":0.10e1}', b'{"a":1.0}'),
    "escaped letter": (b'{"a":"\\u00e9\\u00C9"}', '{"a":"éÉ"}'.encode()),
    "escaped ASCII": (b'{"\\u0041":"\\u003cb\\u003e \\u0022 \\u005c"}', b'{"A":"<b> \\" \\\\"}'),
    "surrogate pair": (b'{"a":"x\\ud83d\\uDE00y"}', '{"a":"x😀y"}'.encode()),
    "escaped slash": (b'{"a":"\\/\\\\/"}', b'{"a":"/\\\\/"}'),
    "control characters": (b'{"a":"\\u000a\\n\\u0001\\u007f\\b"}', b'{"a":"\\n\\n\\u0001\x7f\\b"}'),
    "U+2028 and U+0085 stay raw": ('{"a":"\u2028\u0085"}'.encode(), None),
    "escaped U+2028 becomes raw": (b'{"a":"\\u2028"}', '{"a":"\u2028"}'.encode()),
    "backslash before a quote": (b'{"a" : "\\\\", "b":"\\""}', b'{"a":"\\\\","b":"\\""}'),
    "the same key in different objects": (b'{"a":{"a":1},"b":[{"a":1},{"a":1}]}', None),
    "nesting of 200": (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", None),
    "empty object": (b"{ }", b"{}"),
    "a string of 1 MB": (b'{"a":"' + b"x" * 1_000_000 + b'"}', None),
    "text that looks like awkward numbers": (b'{"a": "1e400, -0, 1.10"}', b'{"a":"1e400, -0, 1.10"}'),
}

KEPT = {
    "2**64": (b'{ "a" : 18446744073709551616 }', b'{"a":18446744073709551616}', spelling.BIG_INTEGER),
    "below -2**63": (b'{"a":-9223372036854775809}', None, spelling.BIG_INTEGER),
    "10**20, which a double has exactly": (b'{"a":100000000000000000000}', None, spelling.BIG_INTEGER),
    "5,000 digits": (b'{"a":' + b"7" * 5000 + b"}", None, spelling.BIG_INTEGER),
    "20-digit fraction": (b'{"a":0.12345678901234567891}', None, spelling.INEXACT),
    "17 digits": (b'{"a":1.0000000000000001}', None, spelling.INEXACT),
    "2**53 + 1 as a fraction": (b'{"a":9007199254740993.0}', None, spelling.INEXACT),
    "1e400": (b'{"a": 1e400}', b'{"a":1e400}', spelling.INEXACT),
    "1e-400": (b'{"a":-1e-400}', None, spelling.INEXACT),
    "an exponent beyond a Decimal": (
        b'{"a":1e-99999999999999999999,"b":0e99999999999999999999}',
        None,
        spelling.INEXACT,
    ),
    "-0 keeps its sign": (b'{"a":-0}', None, spelling.NEGATIVE_ZERO),
    "duplicate key": (b'{"a":1, "b":2, "a":3}', b'{"a":1,"b":2,"a":3}', spelling.DUPLICATE_KEY),
    "duplicate key with one value": (b'{"a":1,"a":1}', None, spelling.DUPLICATE_KEY),
    "duplicate key deep inside": (b'{"x":[{"y":{"a":"","a":""}}]}', None, spelling.DUPLICATE_KEY),
    "keys that differ by escapes": (b'{"a":1,"\\u0061":2}', None, spelling.DUPLICATE_KEY),
    "a string that hides the lost key": (b'{"a":"1\\",\\"a\\":2","a":"x"}', None, spelling.DUPLICATE_KEY),
    "lone surrogate": (b'{"a":"\\ud800", "b": 1.10}', b'{"a":"\\ud800","b":1.10}', spelling.LONE_SURROGATE),
    "lone surrogate in a key": (b'{"\\uDFFF":1}', None, spelling.LONE_SURROGATE),
    "swapped surrogates": (b'{"a":"\\ude00\\ud83d"}', None, spelling.LONE_SURROGATE),
    "nesting of 300": (b'{"a":' + b"[ " * 300 + b"]" * 300 + b"}", None, spelling.DEEP),
    "nesting of 1,200": (b'{"a":' + b"[" * 1200 + b"]" * 1200 + b"}", None, spelling.DEEP),
    "nesting of 100,000": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, spelling.DEEP),
}

REFUSED = {
    "NaN": (b'{"a":NaN}', "NaN is not JSON"),
    "Infinity": (b'{"a":[Infinity]}', "Infinity is not JSON"),
    "-Infinity": (b'{"a":-Infinity}', "-Infinity is not JSON"),
    "raw newline in a string": (b'{"a":"x\ny"}', "raw control character"),
    "raw carriage return in a string": (b'{"a":"x\ry"}', "raw control character"),
    "raw tab in a string": (b'{"a":"\t"}', "raw control character"),
    "raw NUL in a key": (b'{"\x00":1}', "raw control character"),
    "invalid UTF-8": (b'{"a":"\xff"}', "not valid UTF-8"),
    "overlong UTF-8": (b'{"a":"\xc0\xaf"}', "not valid UTF-8"),
    "surrogate as bytes": (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8"),
    "bad escape": (b'{"a":"\\x41"}', "an escape that is not JSON"),
    "short escape": (b'{"a":"\\u12"}', "an escape that is not JSON"),
    "leading zero": (b'{"a":01}', "a comma or a closing bracket is missing"),
    "number without digits": (b'{"a":1.}', "not JSON"),
    "plus sign": (b'{"a":+1}', "this is not JSON"),
    "trailing comma in an object": (b'{"a":1,}', "a key is missing"),
    "trailing comma in an array": (b'{"a":[1,]}', "a value is missing"),
    "missing colon": (b'{"a" 1}', "a colon is missing"),
    "missing key": (b"{1:2}", "a key or } is missing"),
    "single quotes": (b"{'a':1}", "this is not JSON"),
    "a comment": (b'{"a":1/**/}', "this is not JSON"),
    "crossed brackets": (b'{"a":[1}]', "brackets do not match"),
    "a number": (b"7", "not a JSON object"),
    "a string": (b'"x"', "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "an array": (b"[ {} ]", "not a JSON object"),
    "a number beyond a double": (b"1e400", "not a JSON object"),
}

PLAIN = b'{"ProfileId":1}'
HALVED = b'{"a":"\\ud800"}'  # msgspec refuses every page that holds one of these
LENIENT = b'{"a":' + b"[" * 1200 + b"]" * 1200 + b"}"
SPACE = st.text(alphabet=" \t\r\n", max_size=2)


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A JSON string, each character spelled in one of its ways."""
    spelled = []
    for character in draw(
        st.text(
            alphabet=st.one_of(st.sampled_from('ab"\\/é\u2028\x7f\n😀'), st.characters(exclude_categories=["Cs"])),
            max_size=6,
        )
    ):
        escaped = json.dumps(character)[1:-1]
        ways = [escaped, "".join(f"\\u{unit:04x}" for unit in _utf16(character))]
        if character not in '"\\' and character >= " ":
            ways.append(character)
        if character == "/":
            ways.append("\\/")
        spelled.append(draw(st.sampled_from(ways)))
    if draw(st.integers(0, 40)) == 0:
        spelled.append(draw(st.sampled_from(["\\ud800", "\\udfff", "\\uDE00\\uD83D"])))
    return '"' + "".join(spelled) + '"'


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[index : index + 2], "big") for index in range(0, len(data), 2)]


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.integers(-100, 100).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr).map(lambda text: text.replace("e+", "E+")),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "0e0", "1.10", "1E5", "1e400", "1e-400", "18446744073709551616", "0.1e1"]),
)
KEYS = st.one_of(st.sampled_from(['"a"', '"\\u0061"', '"b"']), strings())


def spaced(pieces: list[str], draw: st.DrawFn) -> str:
    """The pieces with white space after each."""
    return "".join(piece + draw(SPACE) for piece in pieces)


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """A JSON object, its keys often repeated."""
    members = draw(st.lists(st.tuples(KEYS, values), max_size=4))
    inner = [piece for key, value in members for piece in (key, ":", value, ",")][:-1]
    return spaced(["{", *inner, "}"], draw)


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """A JSON array."""
    inner = [piece for value in draw(st.lists(values, max_size=4)) for piece in (value, ",")][:-1]
    return spaced(["[", *inner, "]"], draw)


VALUES = st.recursive(
    st.one_of(strings(), NUMBERS, st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(objects(inner), arrays(inner)),
    max_leaves=12,
)


def meaning(text: bytes) -> Any:
    """What a text says, with nothing lost: members in order and duplicates included, numbers as written in decimal."""
    return json.loads(
        text.decode(),
        object_pairs_hook=tuple,
        parse_int=lambda digits: ("int", digits),
        parse_float=lambda digits: ("float", digits.startswith("-"), Decimal(digits)),
        parse_constant=refuse,
    )


def refuse(name: str) -> Any:
    """NaN and the infinities are no JSON, whatever the standard library says."""
    raise ValueError(name)
