"""What an Initiate may ask for (contract, section 3.2)."""

from typing import Any

import orjson
import pytest


def rows(client: Any, body: object, name: str = "All") -> int:
    """Begin an export and count it."""
    count = client.status(client.export(name, body))["RowCount"]
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize(
    "body",
    [None, {}, {"LastDateTime": None, "MatchCriteria": None, "MatchType": None, "Values": None}, {"Surprise": 1}],
)
def test_without_conditions_everybody_comes_out(call: Any, body: object) -> None:
    """Every member is optional, null is absent, unknown ones are ignored."""
    assert 1000 == rows(call(), body)


def test_names_of_members_are_read_without_regard_to_case(call: Any) -> None:
    """As the vendor's framework does."""
    assert 1 == rows(call(), {"matchcriteria": "ProfileId", "VALUES": ["10000001"]})


def test_a_match_is_anded_with_the_segment_and_the_increment(call: Any) -> None:
    """And equals the truth that tests compare with."""
    client = call()
    since = "2026-03-01T00:00:00.000Z"
    values = tuple(range(10_000_001, 10_000_101))
    asked = {"LastDateTime": since, "MatchCriteria": "ProfileId", "Values": list(values)}
    token = client.export("Evens", asked)
    body = client.page(token).body
    expected = list(client.service.truth("Evens", since=since, criteria="ProfileId", values=values))
    assert 0 < len(expected) < 50
    assert body.endswith(b'"UserProfilePreferences":[' + b",".join(expected) + b"]}")


def test_the_bound_is_exclusive_after_rounding(call: Any) -> None:
    """A change at .003 is not selected by .000 (which becomes .003), but by the .999 before it."""
    client = call()
    changes = sorted(
        orjson.loads(record)["Edited"]["LastModifiedDate"]
        for record in client.service.truth("All")
        if b'"Edited"' in record
    )
    newest = next(change for change in reversed(changes) if change.endswith("3Z"))
    later = sum(change > newest for change in changes)
    from_there = {change for change in changes if change >= newest}
    assert later == sum(change in from_there for change in _selected(client, newest[:-2] + "0Z"))
    assert later == sum(change in from_there for change in _selected(client, newest))
    assert len(from_there) == len(set(_selected(client, _back(newest))) & from_there)


def _selected(client: Any, since: str) -> list[str]:
    page = client.shown(client.export("All", {"LastDateTime": since}), limit=1000)
    return [each["Edited"]["LastModifiedDate"] for each in page["UserProfilePreferences"] if "Edited" in each]


def _back(stamp: str) -> str:
    """Ten milliseconds earlier, on the same digit."""
    return f"{stamp[:-4]}{int(stamp[-4:-1]) - 6:03d}Z" if int(stamp[-4:-1]) >= 6 else stamp[:-5] + ".000Z"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"MatchCriteria": "Shoe", "Values": ["9"]}, "MatchCriteria must be one of"),
        ({"MatchCriteria": "ProfileID", "Values": ["9"]}, "MatchCriteria must be one of"),
        ({"MatchCriteria": "AlternateId", "Values": ["9"]}, "MatchType is required"),
        ({"MatchCriteria": "ProfileId"}, "without Values"),
        ({"MatchCriteria": "ProfileId", "Values": []}, "without Values"),
        ({"Values": ["9"]}, "without MatchCriteria"),
        ({"MatchCriteria": "ProfileId", "Values": [True]}, "texts or whole numbers"),
        ({"MatchCriteria": "ProfileId", "Values": "9"}, "wrong type"),
        ({"LastDateTime": "yesterday"}, "LastDateTime must be"),
        ({"LastDateTime": 5}, "wrong type"),
        ({"CallbackURL": "ftp://example.com"}, "not a web address"),
        ([], "must be a JSON object"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(call: Any, body: object, message: str) -> None:
    """With 400 and a reason."""
    reply = call().initiate("All", body)
    assert 400 == reply.status
    assert message in orjson.loads(reply.body)["Message"]


def test_a_body_that_is_no_json_is_refused(call: Any) -> None:
    """With 400 and a reason."""
    assert 400 == call()("POST", "Segment/All", body=orjson.Fragment(b"{nope")).status


def test_too_many_values_are_refused_if_there_is_a_most(call: Any) -> None:
    """The documents do not say."""
    client = call(max_values=2)
    answers = [client.initiate("All", {"MatchCriteria": "ProfileId", "Values": ["1"] * many}) for many in (2, 3)]
    assert [200, 400] == [answer.status for answer in answers]
