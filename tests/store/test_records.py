from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.store import spelling
from extractor.store.records import EncodedPage, encode_page

MEMBER = "UserProfilePreferences"


def page(*records: bytes, member: str = MEMBER, space: bytes = b"") -> bytes:
    """A page as the server writes it, holding the texts of records."""
    members = b'{"Count":%d,"HasMore":false,"%s":[' % (len(records), member.encode())
    return space.join([members, (b"," + space).join(records), b"]}"])


def encode(*records: bytes, first: int = 1) -> EncodedPage:
    """Encode a page of these records."""
    return encode_page(page(*records), records_member=MEMBER, record_id="ProfileId", count=len(records), first=first)


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


@pytest.mark.parametrize("around", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
@pytest.mark.parametrize(("text", "line"), CANONICAL.values(), ids=CANONICAL)
def test_an_equal_value_is_canonical(text: bytes, line: bytes | None, around: bytes) -> None:
    """Respelling that keeps the value is done, on the fast way and on the lenient one."""
    encoded = encode(around, text, around)
    assert encoded.lines == b"\n".join([around, text if line is None else line, around, b""])
    assert 2 not in [kept.record for kept in encoded.kept]


@pytest.mark.parametrize("around", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
@pytest.mark.parametrize(("text", "line", "reason"), KEPT.values(), ids=KEPT)
def test_what_would_change_is_kept_with_its_reason(text: bytes, line: bytes | None, reason: str, around: bytes) -> None:
    """A reader gets the server's own digits, keys and escapes wherever re-encoding would lose some."""
    encoded = encode(around, text, around, first=1001)
    assert encoded.lines == b"\n".join([around, text.replace(b" ", b"") if line is None else line, around, b""])
    assert [kept.reason for kept in encoded.kept if kept.record == 1002] == [reason]


@pytest.mark.parametrize("around", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_json_object_is_refused_by_page_and_record(text: bytes, reason: str, around: bytes) -> None:
    """The message leads to the record in the vendor's data."""
    with pytest.raises(IntegrityError) as refused:
        encode(around, around, text, around, first=1001)
    assert str(refused.value).startswith("page at offset 1001, record 3 of the page: ")
    assert reason in str(refused.value)


def test_a_refusal_shows_nothing_of_the_record() -> None:
    """Neither the message nor the chain of exceptions, which tracebacks print."""
    with pytest.raises(IntegrityError) as refused:
        encode(b'{"EmailAddress":"ada@example.test","a":NaN}')
    assert "ada" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_kept_records_are_counted_from_the_first_of_the_page() -> None:
    """Indexes are of the export and 1-based, as offsets are."""
    encoded = encode(PLAIN, b'{"a":-0}', PLAIN, b'{"a":1,"a":2}', first=2001)
    assert [(kept.record, kept.reason) for kept in encoded.kept] == [(2002, "negative zero"), (2004, "duplicate key")]


def test_an_empty_page_has_no_lines() -> None:
    """Count 0 is legal."""
    assert encode() == EncodedPage(lines=b"", records=0)


@pytest.mark.parametrize("body", [b"{}", b'{"Count":0}', b'{"UserProfilePreferences":null}', b'{"x":"\\ud800"}'])
def test_an_absent_or_null_member_has_no_records(body: bytes) -> None:
    """The contract warns of both; the Count still has to agree."""
    assert encode_page(body, records_member=MEMBER, record_id="ProfileId", count=0, first=1).records == 0
    with pytest.raises(IntegrityError, match="holds 0 records, but its Count is 1"):
        encode_page(body, records_member=MEMBER, record_id="ProfileId", count=1, first=1)


@pytest.mark.parametrize("record", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_page_with_another_number_of_records_is_refused(record: bytes, count: int) -> None:
    """One of the four counts (design, section 6, rule 4)."""
    with pytest.raises(IntegrityError, match=f"page at offset 11: it holds 2 records, but its Count is {count}"):
        encode_page(page(record, record), records_member=MEMBER, record_id="ProfileId", count=count, first=11)


@pytest.mark.parametrize("record", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
@pytest.mark.parametrize("member", ["userProfilePreferences", "USERPROFILEPREFERENCES", "UserProfile\\u0050references"])
def test_the_member_is_found_in_any_case(member: str, record: bytes) -> None:
    """The contract advises it: an old sample has lower-case names."""
    body = page(record, member=member)
    assert encode_page(body, records_member=MEMBER, record_id="ProfileId", count=1, first=1).lines == record + b"\n"


@pytest.mark.parametrize("member", [MEMBER, "userProfilePreferences"])
def test_a_member_that_is_there_twice_is_refused(member: str) -> None:
    """Otherwise the records of the first would be lost without a word."""
    name = member.encode()
    with pytest.raises(IntegrityError, match="more than once"):
        encode_page(
            b'{"%b":[{}],"%b":[{}]}' % (name, name), records_member=MEMBER, record_id="ProfileId", count=1, first=1
        )


@pytest.mark.parametrize(
    "text", [b'"\\\\ud800"', b'"\\\\\\ud800\\\\"', b'"\\ud83d\\ude00\\ude00"', b'"\\ud83d\\ud83d\\ude00"']
)
def test_backslashes_and_pairs_are_told_from_lone_surrogates(text: bytes) -> None:
    """Wherever they touch, each record keeps its own bytes."""
    record = b'{"a":%b}' % text
    lines = encode(record, HALVED, record).lines.split(b"\n")
    assert [meaning(line) for line in lines[:3]] == [meaning(record), meaning(HALVED), meaning(record)]


@pytest.mark.parametrize("record", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
def test_the_name_of_the_member_elsewhere_in_the_envelope_misleads_nobody(record: bytes) -> None:
    """Nested, and spelled right, while the envelope's own is not."""
    body = b'{"x":{"UserProfilePreferences":[[%b],1]},"userProfilePreferences":[%b,{}]}' % (record, record)
    assert encode_page(body, records_member=MEMBER, record_id="ProfileId", count=2, first=1).lines == record + b"\n{}\n"


@pytest.mark.parametrize("record", [HALVED, LENIENT], ids=["halved", "lenient"])
def test_a_member_that_is_there_twice_is_refused_on_every_way(record: bytes) -> None:
    """Not taken for an empty page either."""
    for count in (0, 1):
        with pytest.raises(IntegrityError, match="more than once"):
            encode_page(
                b'{"%b":[%b],"%b":[]}' % (MEMBER.encode(), record, MEMBER.encode()),
                records_member=MEMBER,
                record_id="ProfileId",
                count=count,
                first=1,
            )


def test_the_name_of_the_member_inside_a_record_is_no_second_member() -> None:
    """Only the envelope's own member counts."""
    record = b'{"UserProfilePreferences":[]}'
    assert encode(record, record).lines == (record + b"\n") * 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "this is not JSON"),
        (b"", "the text ends early"),
        (b"[]", "the page is not a JSON object"),
        (b'{"UserProfilePreferences":7}', "not an array"),
        (b'{"UserProfilePreferences":{}}', "not an array"),
        (b'{"UserProfilePreferences":[]} {}', "text after the end"),
        (b'\xef\xbb\xbf{"UserProfilePreferences":[]}', "this is not JSON"),
        (b'{"UserProfilePreferences":[]', "the text ends early"),
    ],
)
def test_a_page_that_is_no_envelope_is_refused_by_its_offset(body: bytes, reason: str) -> None:
    """There is no record to name yet."""
    with pytest.raises(IntegrityError, match=rf"page at offset 5: .*{reason}"):
        encode_page(body, records_member=MEMBER, record_id="ProfileId", count=0, first=5)


@pytest.mark.parametrize("cut", range(12, 60))
def test_a_page_that_was_cut_anywhere_is_refused(cut: int) -> None:
    """A truncated answer is never data."""
    body = page(b'{"ProfileId":1,"Name":"Zo\\u00eb"}', PLAIN)
    with pytest.raises(IntegrityError):
        encode_page(body[:-cut], records_member=MEMBER, record_id="ProfileId", count=2, first=1)


# --- For any JSON text: the line has exactly the same value, as an independent reader sees it.

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


def re_encoded(text: bytes) -> bytes | None:
    """The canonical line, None if orjson refuses."""
    try:
        return orjson.dumps(orjson.loads(text))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


@given(st.lists(objects(VALUES).map(str.encode), max_size=4))
@example([b'{"a":1E5,"a":100000.0}'])
@example([b'{"a":"\\"a\\":1","b":[1.0,1.00]}'])
def test_a_line_says_exactly_what_the_record_said(records: list[bytes]) -> None:
    """Canonical whenever that loses nothing, otherwise kept for one of the known reasons; always one line."""
    encoded = encode(*records, first=1)
    lines = encoded.lines.split(b"\n")
    assert lines.pop() == b""
    assert [meaning(line) for line in lines] == [meaning(text) for text in records]
    kept = {each.record: each.reason for each in encoded.kept}
    for index, (text, line) in enumerate(zip(records, lines, strict=True), 1):
        canonical = re_encoded(text)
        lossless = canonical is not None and meaning(canonical) == meaning(text)
        assert (index not in kept) == lossless
        assert (line == canonical) == lossless
        assert kept.get(index) != spelling.REFUSED


@given(st.lists(objects(VALUES).map(str.encode), min_size=1, max_size=3), st.sampled_from([HALVED, LENIENT]))
def test_the_other_ways_give_the_same_lines(records: list[bytes], last: bytes) -> None:
    """What one record forces on its page changes nothing for the others."""
    fast = encode(*records)
    other = encode(*records, last)
    assert other.lines == fast.lines + last + b"\n"
    assert other.kept[:-1] == fast.kept


@given(objects(VALUES).map(str.encode), st.data())
def test_a_damaged_record_is_refused_or_is_another_json_text(record: bytes, data: st.DataObject) -> None:
    """Whatever byte is put anywhere: a line that the standard library reads, or an IntegrityError, nothing else."""
    at = data.draw(st.integers(0, len(record) - 1))
    damaged = record[:at] + bytes([data.draw(st.integers(0, 255))]) + record[at + 1 :]
    body = page(damaged)
    try:
        expected = dict(meaning(body))[MEMBER]
    except ValueError:
        expected = [None]  # not JSON: whatever the Count is, it must be refused
    try:
        lines = encode_page(body, records_member=MEMBER, record_id="ProfileId", count=len(expected), first=1).lines
    except IntegrityError:
        return
    assert [meaning(line) for line in lines.split(b"\n")[:-1]] == expected
