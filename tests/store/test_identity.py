"""Whether a record has come before, by its id."""

from __future__ import annotations

import random
from array import array

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.store.identity import Census, id_in, id_in_text, ids_of
from extractor.store.records import encode_page

IDS = st.integers(-(1 << 63), (1 << 64) - 1)


@pytest.mark.parametrize(
    ("record", "known"),
    [
        ({"ProfileId": 7}, 7),
        ({"profileid": 7}, 7),
        ({"ProfileID": 7, "DeletedDate": None}, 7),
        ({"ProfileId": "7"}, 7),
        ({"ProfileId": "0"}, 0),
        ({"ProfileId": "007"}, None),
        ({"ProfileId": "00"}, None),
        ({"ProfileId": "\u0667"}, None),
        ({"ProfileId": ""}, None),
        ({"ProfileId": -1}, (1 << 64) - 1),
        ({"ProfileId": None}, None),
        ({"ProfileId": True}, None),
        ({"ProfileId": 7.0}, None),
        ({"ProfileId": "seven"}, None),
        ({"ProfileId": "9" * 20}, None),
        ({"ProfileId": (1 << 63) - 1}, (1 << 63) - 1),
        ({"ProfileId": str((1 << 63) - 1)}, (1 << 63) - 1),
        ({"ProfileId": -(1 << 63)}, 1 << 63),
        ({"ProfileId": (1 << 64) - 1}, None),
        ({"ProfileId": [7]}, None),
        ({}, None),
        ([7], None),
    ],
)
def test_an_id_is_a_whole_number_under_its_name_in_any_case(record: object, known: int | None) -> None:
    """Whatever else stands there is no id, and its record is not counted."""
    assert (known, known) == (id_in(record, "ProfileId"), id_in_text(orjson.dumps(record), "ProfileId"))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (b'{"ProfileId":7,"Name":"\\ud800"}', 7),
        (b'{"ProfileId":7,"Name":"\\\\ud800 \\ud83d\\ude00 \\uDFFF"}', 7),
        (b'{"Big":123456789012345678901234567890,"ProfileId":7}', 7),
        (b'{"ProfileId":7,"Deep":' + b"[" * 500 + b"]" * 500 + b"}", 7),
        (b'{"ProfileId":18446744073709551623,"Name":"\\ud800"}', None),
        (b'{"ProfileId":"007","Name":"\\ud800"}', None),
        (b"nonsense", None),
    ],
)
def test_a_text_that_the_parser_refuses_still_has_its_id(text: bytes, known: int | None) -> None:
    """Kept text is counted like any other, if it can be read at all."""
    assert known == id_in_text(text, "ProfileId")


@given(st.lists(st.lists(st.integers(0, 40) | IDS, max_size=20), max_size=8))
def test_the_census_counts_what_a_set_would(pages: list[list[int]]) -> None:
    """Exactly, within a page and across pages."""
    census, every = Census(), [each & ((1 << 64) - 1) for page in pages for each in page]
    for page in pages:
        census.add(array("Q", (each & ((1 << 64) - 1) for each in page)))
    assert len(every) - len(set(every)) == census.repeated


@pytest.mark.parametrize("bits", [12, 33, 36, 60, 64])
def test_the_census_is_exact_however_scattered_the_ids_are(bits: int) -> None:
    """Ten thousand of them: more than a block holds, in no order; then all of them once more, in order."""
    chance = random.Random(bits)  # noqa: S311 - the same ids every time
    ids = [chance.getrandbits(bits) for _ in range(10_000)]
    census = Census()
    for first in range(0, len(ids), 1000):
        census.add(array("Q", ids[first : first + 1000]))
        assert first + 1000 - len(set(ids[: first + 1000])) == census.repeated
    census.add(array("Q", sorted(ids)))
    assert 2 * len(ids) - len(set(ids)) == census.repeated


@pytest.mark.parametrize("step", [1, -1])
def test_the_census_is_exact_where_ids_come_in_order(step: int) -> None:
    """Up and down, across the place where the kind of set changes."""
    ids = range((1 << 32) - 2500, (1 << 32) + 2500)[::step]
    census = Census()
    for first in range(0, len(ids), 700):
        census.add(array("Q", ids[first : first + 700]))
    assert 0 == census.repeated
    census.add(array("Q", ids[::7]))
    assert len(ids[::7]) == census.repeated


def test_two_spellings_of_a_number_in_text_are_two_people() -> None:
    """Nobody is accused of coming twice because a text was taken for a number; such a record is not counted."""
    census = Census()
    census.add(ids_of([b'{"ProfileId":"007"}', b'{"ProfileId":"7"}', b'{"ProfileId":"07"}'], "ProfileId"))
    assert 0 == census.repeated
    census.add(ids_of([b'{"ProfileId":7}'], "ProfileId"))
    assert 1 == census.repeated


def test_a_page_and_its_lines_have_the_same_ids() -> None:
    """What is counted as it comes and what is read again after a crash cannot differ.

    Of several ids of one record it is the one that the record begins with, else the last.
    """
    records = [
        b'{"ProfileId":1}',
        b'{ "ProfileID" : 2 }',
        b'{"a":"\\ud800","ProfileId":3}',
        b'{"ProfileId":4,"x":1e400}',
    ]
    records += [b"{}", b'{"ProfileId":5,"ProfileId":6}', b'{"a":1,"ProfileId":7,"ProfileId":8}']
    body = b'{"UserProfilePreferences":[' + b",".join(records) + b"]}"
    page = encode_page(
        body, records_member="UserProfilePreferences", record_id="ProfileId", count=len(records), first=1
    )
    assert [1, 2, 3, 4, 5, 8] == list(page.ids) == list(ids_of(page.lines.splitlines(), "ProfileId"))
