from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.store import spelling
from extractor.store.records import EncodedPage, encode_page
from tests.store.json_texts import (
    CANONICAL,
    HALVED,
    KEPT,
    LENIENT,
    MEMBER,
    PLAIN,
    REFUSED,
    VALUES,
    meaning,
    objects,
    page,
)  # fmt: skip


def encode(*records: bytes, first: int = 1) -> EncodedPage:
    """Encode a page of these records."""
    return encode_page(page(*records), records_member=MEMBER, record_id="ProfileId", count=len(records), first=first)


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
