"""What is kept of a page: proven against the envelope that was read when it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError, Malformed
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import PageFetched
from extractor.remote import Answer
from extractor.remote.answers import read_page
from extractor.store.frames import Form, Frame, make_frame
from extractor.store.records import PageSpoiled

MEMBER = "UserProfilePreferences"
FACTS = {"Count": 2, "HasMore": True, "Limit": 2, "Offset": 3, "TotalResults": 9}
PEOPLE = [{"ProfileId": 1, "Phones": ["1", "2"]}, {"ProfileId": 2, "Phones": []}]
HEAD = json.dumps(FACTS)[:-1].encode()


def fetch(body: bytes) -> PageFetched:
    """Read a page as it comes."""
    return read_page(Answer(status=200, body=body), "Page", Dialect(), asked=3)


def frame(body: bytes, **form: Any) -> Frame:
    """Read a page as it comes, and make its frame."""
    return make_frame(fetch(body), Form(records_member=MEMBER, record_id="ProfileId", compression="none", **form))


def body_of(*members: tuple[str, Any], **spelling: Any) -> bytes:
    """A page of these members after its numbers; the same name may be there twice."""
    texts = [f"{json.dumps(name)}: {json.dumps(value, **spelling)}" for name, value in (*FACTS.items(), *members)]
    return "{{{}}}".format(", ".join(texts)).encode()


LINES = b'{"ProfileId":1,"Phones":["1","2"]}\n{"ProfileId":2,"Phones":[]}\n'
COMPACT: dict[str, Any] = {"separators": (",", ":")}


@pytest.mark.parametrize("member", [MEMBER, "userProfilePreferences"])
@pytest.mark.parametrize("spelling", [COMPACT, {}, {"indent": 2}], ids=["compact", "spaced", "pretty"])
@pytest.mark.parametrize("more", [(), (("Warnings", []),), (("Next", "/a[1]"),)], ids=["alone", "array", "bracket"])
def test_an_envelope_may_be_written_in_any_way(
    member: str, spelling: dict[str, Any], more: tuple[tuple[str, Any], ...]
) -> None:
    """Whatever stands before or behind the records, and however they are spaced."""
    for members in [((member, PEOPLE), *more), (*more, (member, PEOPLE))]:
        assert LINES == frame(body_of(*members, **spelling)).data


@pytest.mark.parametrize("spelling", [COMPACT, {}, {"indent": 2}], ids=["compact", "spaced", "pretty"])
@pytest.mark.parametrize(
    "hidden",
    [("Count", 2), ("Count", 7), ("TotalResults", 10), ("hasmore", False), (MEMBER, PEOPLE), (MEMBER.lower(), [])],
)
def test_what_hides_behind_the_records_is_found(hidden: tuple[str, Any], spelling: dict[str, Any]) -> None:
    """Between the records and an array that follows, nobody looks when the page comes; nothing is made of it then."""
    with pytest.raises((Malformed, PageSpoiled), match=r"there twice|more than once"):
        frame(body_of((MEMBER, PEOPLE), hidden, ("Warnings", []), **spelling))


@given(st.data())
def test_a_page_that_was_cut_short_is_never_a_frame(data: st.DataObject) -> None:
    """Wherever it was: it cannot be read, or it is spoiled, and can be asked for again either way."""
    body = body_of((MEMBER, PEOPLE), **data.draw(st.sampled_from([COMPACT, {}, {"indent": 1}])))
    with pytest.raises((Malformed, PageSpoiled)):
        frame(body[: data.draw(st.integers(0, len(body) - 1))])


def test_a_cut_that_leaves_an_envelope_is_known_at_once() -> None:
    """The end of a record's own array looks like the end of the records."""
    with pytest.raises(Malformed, match="cut short or not JSON"):
        fetch(HEAD + b',"%b":[{"Phones":[]},{"Phones":[]}' % MEMBER.encode())


def test_a_cut_that_leaves_an_envelope_and_something_like_a_record_is_spoiled() -> None:
    """What is nested may begin as a record does."""
    body = HEAD + b',"%b":[{"Phones":[]},{"Phones":[{"Phones":7}]}' % MEMBER.encode()
    assert 2 == fetch(body).count
    with pytest.raises(PageSpoiled, match="page at offset 3: the answer is cut short or not JSON; ask for it again"):
        frame(body)


@pytest.mark.parametrize("verbatim", [True, False], ids=["verbatim", "canonical"])
def test_a_record_that_is_none_in_a_page_that_is_whole_is_no_spoiled_page(verbatim: bool) -> None:
    """To ask again would not help: the record is named."""
    body = HEAD + b',"%b":[{},{"a":NaN}]}' % MEMBER.encode()
    with pytest.raises(IntegrityError, match="page at offset 3, record 2 of the page: NaN is not JSON") as refused:
        frame(body, spelling="verbatim" if verbatim else "canonical")
    assert not isinstance(refused.value, PageSpoiled)


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_of_another_number_of_records_is_spoiled(count: int) -> None:
    """The envelope says one thing and the records another."""
    body = json.dumps({**FACTS, "Count": count, MEMBER: PEOPLE}).encode()
    with pytest.raises(PageSpoiled, match=f"it holds 2 records, but its Count is {count}"):
        frame(body)


def test_a_page_of_other_numbers_than_were_read_is_spoiled() -> None:
    """As when something else read the envelope, from bytes that have changed since."""
    page = fetch(body_of((MEMBER, PEOPLE)))
    other = PageFetched(asked=3, offset=3, count=2, total=8, has_more=True, body=page.body)
    with pytest.raises(PageSpoiled, match="its envelope contradicts itself"):
        make_frame(other, Form(records_member=MEMBER, record_id="ProfileId"))


def test_a_name_in_the_envelope_that_is_no_text_spoils_the_page() -> None:
    """It is the page's own failure, where its names must be looked at: no bug, and no other job's."""
    body = b'{"Count":1,"HasMore":false,"Offset":1,"TotalResults":1,"Limi\xff":5,"profilelist":[ {"ProfileId":1}]}'
    page = PageFetched(asked=1, offset=1, count=1, total=1, has_more=False, body=body)
    with pytest.raises(PageSpoiled):
        make_frame(page, Form(records_member="ProfileList", record_id="ProfileId"))
