"""What a 2xx answer is taken to say; above all, what is not taken for an answer."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import Malformed
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Meaning, StatusReported
from extractor.remote import Answer
from extractor.remote.answers import read_initiated, read_page, read_status, server_message
from extractor.store.frames import Form, Frame, make_frame
from extractor.store.records import PageSpoiled

ABOUT = "Something of segment 'VIP'"
PAGE = {"Count": 2, "HasMore": True, "Limit": 2, "Offset": 3, "TotalResults": 9, "UserProfilePreferences": [{}, {}]}


def initiated(answer: Answer) -> int:
    """Read as the answer to Initiate."""
    return read_initiated(answer, ABOUT, Dialect()).token


def status(answer: Answer, **dialect: Any) -> StatusReported:
    """Read as a Status of token 77."""
    return read_status(answer, ABOUT, Dialect(**dialect), token=77)


def page(answer: Answer, **dialect: Any) -> tuple[int, int, int, int, bool]:
    """Read as the page that was asked for at 3."""
    event = read_page(answer, ABOUT, Dialect(**dialect), asked=3)
    return event.asked, event.offset, event.count, event.total, event.has_more


def framed(answer: Answer) -> Frame:
    """Read as that page, and make of it what is kept."""
    form = Form(records_member="UserProfilePreferences", record_id="ProfileId", compression="none")
    return make_frame(read_page(answer, ABOUT, Dialect(), asked=3), form)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        ('{"AccessToken":77}', 77),
        ('{"accessToken":77,"More":[1]}', 77),
        ('{"ACCESSTOKEN":"77"}', 77),
        ('\ufeff{"AccessToken":77}', 77),
    ],
)
def test_initiate_gives_the_token_in_any_spelling(json_answer: Any, body: str, token: int) -> None:
    """Members are found in any case, the number also in a string, after a byte order mark too."""
    assert initiated(json_answer(body)) == token


@pytest.mark.parametrize(
    "body",
    [
        "{}", "", "null", "[]", "77", '{"AccessToken":null}', '{"AccessToken":true}', '{"AccessToken":-1}',
        '{"AccessToken":7.5}', '{"AccessToken":"7 7"}', '{"AccessToken":{}}', '{"AccessToken":' + "9" * 5000 + "}",
        '{"AccessToken":7,"accesstoken":8}', '{"AccessToken":7', "<html>",
    ],
)  # fmt: skip
def test_initiate_without_a_token_may_have_made_an_export(json_answer: Any, body: str) -> None:
    """A 2xx that cannot be read is ambiguous; it never becomes a guess."""
    with pytest.raises(Malformed) as caught:
        initiated(json_answer(body))
    assert caught.value.ambiguous


@pytest.mark.parametrize("read", [initiated, status, page])
def test_a_login_page_with_200_is_malformed(json_answer: Any, read: Callable[[Answer], object]) -> None:
    """HTML is refused by its Content-Type and, failing that, by its content."""
    html = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(Malformed, match="login page"):
        read(json_answer(html, Content_Type="text/html"))
    with pytest.raises(Malformed):
        read(json_answer(html))
    with pytest.raises(Malformed):
        read(Answer(status=200, body=html))


@pytest.mark.parametrize("media", ["application/json", "TEXT/JSON ; charset=utf-8", "Application/JSON;x=1"])
def test_content_types_are_the_dialects(json_answer: Any, media: str) -> None:
    """Parameters and case do not matter; no Content-Type at all leaves it to the parser."""
    assert page(json_answer(json.dumps(PAGE), Content_Type=media))[0] == 3
    assert page(Answer(status=200, body=json.dumps(PAGE).encode()))[0] == 3
    with pytest.raises(Malformed):
        page(json_answer(json.dumps(PAGE), Content_Type="application/xml"))


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("Complete", Meaning.COMPLETE), ("complete", Meaning.COMPLETE), ("Paused", Meaning.UNKNOWN)],
)
def test_status_means_what_the_dialect_says(json_answer: Any, word: str, meaning: Meaning) -> None:
    """An unlisted word is reported as spelled."""
    event = status(json_answer(json.dumps({"AccessToken": 77, "Status": word})))
    assert (event.meaning, event.spelled) == (meaning, word)


@pytest.mark.parametrize(
    ("body", "row_count"),
    [
        ('{"Status":"Complete","RowCount":9}', 9),
        ('{"status":"Complete","rowcount":"9"}', 9),
        ('{"Status":"Complete","RowCount":0}', 0),
        ('{"Status":"Complete","RowCount":null}', None),
        ('{"Status":"Complete"}', None),
        ('{"Status":"Processing","RowCount":0}', None),
    ],
)
def test_row_count_is_known_only_when_complete(json_answer: Any, body: str, row_count: int | None) -> None:
    """Null, absent, and 0 before completion are all "not known yet"."""
    assert status(json_answer(body)).row_count == row_count


def test_a_null_status_is_unknown(json_answer: Any) -> None:
    """It is documented as nullable."""
    assert status(json_answer('{"Status":null}')) == StatusReported(meaning=Meaning.UNKNOWN, spelled="")


@pytest.mark.parametrize(
    "body", ["{}", '{"Status":5}', '{"Status":"Complete","RowCount":"many"}', '{"Status":"Complete","RowCount":-1}']
)
def test_a_status_that_says_nothing_is_malformed(json_answer: Any, body: str) -> None:
    """Fail closed."""
    with pytest.raises(Malformed):
        status(json_answer(body))


def test_the_status_of_another_token_is_malformed(json_answer: Any) -> None:
    """A mixed-up answer must not complete the wrong export, nor tell its token."""
    with pytest.raises(Malformed) as caught:
        status(json_answer('{"AccessToken":987654,"Status":"Complete"}'))
    assert "987654" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Count": "2", "TotalResults": " 9 "},
        {"HasMore": "True"},
        {"Extra": {"Count": 5}},
        {"Limit": None},
    ],
)
def test_a_page_is_read_whatever_its_spelling(json_answer: Any, change: dict[str, Any]) -> None:
    """Case, order, numbers in strings, strangers and pretty-printing do not matter."""
    whole = {**PAGE, **change}
    lower = {name.lower(): value for name, value in reversed(whole.items())}
    for body in (json.dumps(whole), json.dumps(lower), json.dumps(whole, indent=2), "\ufeff" + json.dumps(whole)):
        assert page(json_answer(body)) == (3, 3, 2, 9, True)


def test_the_bytes_of_a_page_are_passed_on_untouched(json_answer: Any) -> None:
    """Only a byte order mark is taken off."""
    body = json.dumps(PAGE, indent=1).encode()
    assert read_page(json_answer(b"\xef\xbb\xbf" + body), ABOUT, Dialect(), asked=3).body == body


@pytest.mark.parametrize(
    "record",
    [
        b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":"\\ud800"}', b'{"a":"\xff\xfe"}', b'{"a":"\xed\xa0\x80"}',
        b'{"a":"x\ny"}', b'{"a":' + b"9" * 6000 + b"}", b'{"a":1e400}', b'{"a":1,"a":2}', b'{"\xff":NaN}',
        b'{"Count":7,"HasMore":false}',
    ],
)  # fmt: skip
def test_an_odd_record_is_left_to_the_store(json_answer: Any, record: bytes) -> None:
    """The envelope is read all the same, so that the store can name page and index."""
    upper = (
        b'{"Count":2,"HasMore":true,"Limit":2,"Offset":3,"TotalResults":9,"UserProfilePreferences":[{},%s]}' % record
    )
    lower = b'{"userprofilepreferences":[{},%s],"count":2,"hasmore":true,"offset":"3","totalresults":9}' % record
    assert page(json_answer(upper)) == page(json_answer(lower)) == (3, 3, 2, 9, True)


@pytest.mark.parametrize("member", ["Count", "HasMore", "Offset", "TotalResults", "UserProfilePreferences"])
@pytest.mark.parametrize("value", [..., None, {}, "x", 1.5])
def test_a_page_without_its_numbers_or_records_is_malformed(json_answer: Any, member: str, value: object) -> None:
    """The message names what is missing; null records are no records only where none are counted."""
    whole = {name: known for name, known in PAGE.items() if name != member}
    if value is not ...:
        whole[member] = value
    with pytest.raises(Malformed, match=member):
        page(json_answer(json.dumps(whole)))


def test_an_empty_object_names_everything(json_answer: Any) -> None:
    """Where ``{}`` comes from is for the reader to find, with all the names at hand."""
    with pytest.raises(Malformed, match="Count, HasMore, Offset, TotalResults, UserProfilePreferences"):
        page(json_answer("{}"))


def test_an_empty_export_may_have_null_records(json_answer: Any) -> None:
    """Some serializers write null for an empty list."""
    body = {**PAGE, "Count": 0, "TotalResults": 0, "HasMore": False, "Offset": 1, "UserProfilePreferences": None}
    assert page(json_answer(json.dumps(body))) == (3, 1, 0, 0, False)
    with pytest.raises(Malformed, match="null although Count"):
        page(json_answer(json.dumps({**PAGE, "UserProfilePreferences": None})))


def test_the_member_with_the_records_is_the_dialects(json_answer: Any) -> None:
    """As everything that is not documented."""
    body = {name: value for name, value in PAGE.items() if name != "UserProfilePreferences"}
    assert page(json_answer(json.dumps({**body, "Rows": []})), records="Rows")[0] == 3


@pytest.mark.parametrize(
    "extra",
    [
        '"Count":2', '"Count":3', '"HasMore":true', '"Offset":3', '"TotalResults":9', '"Limit":2',
        '"UserProfilePreferences":[{},{}]', '"UserProfilePreferences":[]', '"UserProfilePreferences":null',
        '"totalResults":9', '"COUNT":"2"', '"userprofilepreferences":[{"a":1},{"a":2}]', '"C\\u006funt":3',
        '"\\u0055serProfilePreferences":[{},{}]', '"\\u0075serProfilePreferences":[{"a":1},{"a":2}]',
        '"hasmor\\u0065":false', '"x":1,"X":2',
    ],
)  # fmt: skip
@pytest.mark.parametrize("records", [[{}, {}], [{"Text": "x" * 500}, {"Rows": [[]]}]], ids=["small", "large"])
def test_a_member_that_is_there_twice_is_not_believed(json_answer: Any, extra: str, records: list[Any]) -> None:
    """In any case, order and spelling, with the same value or another: neither can be.

    Where it hides among the records, that is seen when they are cut apart, and nothing is made of the page.
    """
    whole = json.dumps({**PAGE, "UserProfilePreferences": records})
    odd = whole.replace("[{", '[{"Odd": NaN, ', 1).replace(", }", "}")  # what only the lenient parser takes
    for body in (whole, odd):
        assert page(json_answer(body))[0] == 3
        for doubled in (f"{body[:-1]},{extra}}}", f"{{{extra},{body[1:]}"):
            with pytest.raises((Malformed, PageSpoiled), match=r"a member is there twice|is there more than once"):
                framed(json_answer(doubled))


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (initiated, '{"AccessToken":7,"AccessToken":8}'),
        (initiated, '{"AccessToken":7,"accessToke\\u006e":7}'),
        (status, '{"Status":"Processing","Status":"Complete"}'),
        (status, '{"Status":"Complete","RowCount":1,"rowCount":2}'),
    ],
)
def test_small_answers_are_not_believed_either(json_answer: Any, read: Callable[[Answer], object], body: str) -> None:
    """The last of two tokens is a guess."""
    with pytest.raises(Malformed, match="a member is there twice"):
        read(json_answer(body))


@pytest.mark.parametrize(
    "record",
    [
        {"Count": 5, "HasMore": False, "UserProfilePreferences": [{}, {}], "a": {"Count": 1, "count": 2}},
        {"Text": '"Count":5,"TotalResults":1,"UserProfilePreferences":[{},{}]'},
        {"Text": json.dumps(PAGE)},
        PAGE,
    ],
)
def test_what_a_record_holds_is_no_member_of_the_page(json_answer: Any, record: dict[str, Any]) -> None:
    """Names of the envelope may be in records, nested and as text, as often as they like."""
    for records in ([record, record], [record, {"again": [record]}]):
        whole = {**PAGE, "UserProfilePreferences": records}
        for body in (json.dumps(whole), json.dumps(whole, indent=2), json.dumps(dict(reversed(whole.items())))):
            assert page(json_answer(body)) == (3, 3, 2, 9, True)
    twice = '{"a":1,"a":2,"Count":1,"Count":2}'
    assert page(json_answer(json.dumps(PAGE).replace("[{}, {}]", f"[{twice},{twice}]"))) == (3, 3, 2, 9, True)


@pytest.mark.parametrize(
    "stranger", ["[{}, {}]", "[[{}, {}]]", "[{}, {}", [{}, {}], [[{}, {}]], [1] * 500, {"a": [{}]}]
)
def test_a_stranger_that_looks_like_the_records_changes_nothing(json_answer: Any, stranger: object) -> None:
    """Before them or after them, shorter or longer."""
    for whole in ({"Extra": stranger, **PAGE}, {**PAGE, "Extra": stranger}):
        assert page(json_answer(json.dumps(whole))) == (3, 3, 2, 9, True)


@given(st.integers(min_value=0, max_value=len(json.dumps(PAGE)) - 1))
def test_a_page_cut_anywhere_is_malformed(at: int) -> None:
    """No prefix of a page is a page."""
    with pytest.raises(Malformed):
        page(Answer(status=200, body=json.dumps(PAGE).encode()[:at]))


@pytest.mark.parametrize("tail", [b"x", b"}", b"{}", b"\x00"])
def test_a_page_with_something_after_it_is_malformed(tail: bytes) -> None:
    """Nor is a page and a bit."""
    with pytest.raises(Malformed):
        page(Answer(status=200, body=json.dumps(PAGE).encode() + tail))


def test_a_page_nested_beyond_reason_is_malformed() -> None:
    """No recursion error comes out."""
    with pytest.raises(Malformed):
        page(Answer(status=200, body=b'{"UserProfilePreferences":' + b"[" * 100_000))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_json_is_malformed_or_a_page(value: Any) -> None:
    """Whatever comes, nothing but Malformed is raised."""
    bodies = [msgspec.json.encode(value), json.dumps({**PAGE, "Count": value}).encode()]
    for body in bodies:
        for read in (initiated, status, page):
            try:
                read(Answer(status=200, body=body))
            except Malformed:
                continue


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"Message":"No."}', "No."),
        (b'{"message":"No."}', "No."),
        (b'{"Message":null}', ""),
        (b'{"error":"invalid_client","error_description":"No."}', "No."),
        (b'{"error":"invalid_client"}', "invalid_client"),
        (b'"No."', ""),
        (b"<html>No.</html>", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_an_errors_message_is_found_or_there_is_none(body: bytes, message: str) -> None:
    """Error bodies may be anything, whatever their Content-Type says."""
    assert server_message(Answer(status=500, headers={"Content-Type": "text/html"}, body=body)) == message
