"""Verbatim records: the server's own bytes, on one line each, and not one of them another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.store.identity import ids_of
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

AROUND = pytest.mark.parametrize("around", [PLAIN, HALVED, LENIENT], ids=["fast", "halved", "lenient"])
SPACE = b" \t\r\n"


def verbatim(*records: bytes, first: int = 1, space: bytes = b"") -> EncodedPage:
    """Encode a page of these records, each as it is."""
    return encode_page(
        page(*records, space=space),
        records_member=MEMBER,
        record_id="ProfileId",
        count=len(records),
        first=first,
        verbatim=True,
    )


def without_space(text: bytes) -> bytes:
    """The text without the white space between its tokens."""
    pieces, quoted, escaped = [], False, False
    for each in text:
        if quoted or each not in SPACE:
            pieces.append(each)
        if each == ord('"') and not escaped:
            quoted = not quoted
        escaped = quoted and each == ord("\\") and not escaped
    return bytes(pieces)


def one_line(text: bytes) -> bytes:
    """What becomes of a record: itself, unless it is spread over lines or columns."""
    text = text.strip(SPACE)
    return without_space(text) if any(each in text for each in b"\n\r\t") else text


@AROUND
@pytest.mark.parametrize("text", [case[0] for case in (*CANONICAL.values(), *KEPT.values())], ids=[*CANONICAL, *KEPT])
def test_nothing_is_spelled_anew(text: bytes, around: bytes) -> None:
    """Digits, escapes, doubled keys and spaces stay; nothing of it is an exception to report."""
    encoded = verbatim(around, text, around)
    assert (b"\n".join([around, one_line(text), around, b""]), ()) == (encoded.lines, encoded.kept)


@AROUND
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_json_object_is_refused_by_page_and_record(text: bytes, reason: str, around: bytes) -> None:
    """With the same words as where records are spelled anew."""
    with pytest.raises(IntegrityError) as refused:
        verbatim(around, around, text, around, first=1001)
    assert str(refused.value).startswith("page at offset 1001, record 3 of the page: ")
    assert reason in str(refused.value)


@AROUND
@pytest.mark.parametrize("control", range(0x20))
def test_no_control_character_passes(control: int, around: bytes) -> None:
    """Not even in a long string, and wherever it is in it."""
    for at in (0, 7, 40):
        text = bytearray(b'{"a":"%b"}' % (b"x" * 40))
        text.insert(6 + at, control)
        with pytest.raises(IntegrityError, match="raw control character"):
            verbatim(around, bytes(text))


@given(
    st.lists(objects(VALUES).map(str.encode), max_size=4),
    st.sampled_from([b"", b" ", b"\n"]),
    st.sampled_from([(), (HALVED,), (LENIENT,)]),
)
def test_a_line_is_the_record_whatever_page_it_came_in(
    records: list[bytes], space: bytes, others: tuple[bytes, ...]
) -> None:
    """Equal to what an independent reader sees, byte for byte if it was on one line, and the same beside others."""
    encoded = verbatim(*records, *others, space=space)
    lines = encoded.lines.split(b"\n")
    assert b"" == lines.pop()
    assert [meaning(text) for text in (*records, *others)] == [meaning(line) for line in lines]
    assert [one_line(text) for text in (*records, *others)] == lines
    assert encoded.ids == ids_of(lines, "ProfileId")


def test_a_line_break_around_the_page_or_in_one_record_changes_no_other() -> None:
    """Only the record that is spread over lines is drawn together."""
    spread = json.dumps({"ProfileId": 2, "Text": "a b"}, indent=2).encode()
    spaced = b'{"ProfileId" : 1}'
    encoded = verbatim(spaced, spread)
    assert b'{"ProfileId" : 1}\n{"ProfileId":2,"Text":"a b"}\n' == encoded.lines
    body = page(spaced) + b"\n"
    assert (
        spaced + b"\n"
        == encode_page(body, records_member=MEMBER, record_id="ProfileId", count=1, first=1, verbatim=True).lines
    )


@pytest.mark.parametrize("invalid", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_invalid_utf8_outside_of_the_records_is_not_theirs(invalid: bytes) -> None:
    """Each record is looked at by itself then."""
    body = page('{"a":"é"}'.encode()).replace(b"HasMore", b"Has" + invalid)
    encoded = encode_page(body, records_member=MEMBER, record_id="ProfileId", count=1, first=1, verbatim=True)
    assert '{"a":"é"}\n'.encode() == encoded.lines
