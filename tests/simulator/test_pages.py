"""Pages tile an export, and each lie is told as announced."""

from typing import Any

import orjson
import pytest

TRUTH = {"Count": 10, "HasMore": True, "Limit": 10, "Offset": 11, "TotalResults": 100}


def ids(page: Any) -> list[int]:
    """Read the indices of a page's people."""
    return [record["ProfileId"] - 10_000_001 for record in page["UserProfilePreferences"]]


def second_page(call: Any, word: str) -> tuple[dict[str, Any], list[int]]:
    """Read the second page of ten from the Evens: indices 20, 22, .. 38."""
    client = call(faults=f"page: ok {word}")
    token = client.export("Evens")
    client.shown(token, limit=10)
    page = client.shown(token, limit=10, offset=11)
    people = [index // 2 for index in ids(page)]
    del page["UserProfilePreferences"]
    return page, people


@pytest.mark.parametrize("limit", [1, 7, 50, 99, 100, 101, 5000])
def test_pages_tile_the_export(call: Any, limit: int) -> None:
    """Whatever the limit, byte for byte."""
    client = call()
    token = client.export("Evens")
    offset, more, pages = 1, True, []
    while more:
        reply = client.page(token, limit=limit, offset=offset)
        page = orjson.loads(reply.body)
        assert (offset, limit, 100) == (page["Offset"], page["Limit"], page["TotalResults"])
        assert page["Count"] == len(page["UserProfilePreferences"])
        pages.append(reply.body.partition(b'"UserProfilePreferences":[')[2].removesuffix(b"]}"))
        offset, more = offset + page["Count"], page["HasMore"]
    assert b",".join(client.service.truth("Evens")) == b",".join(pages)


def test_a_page_has_a_thousand_records_unless_told_otherwise(call: Any) -> None:
    """From the first."""
    client = call(default_page_size=600)
    page = orjson.loads(client("GET", str(client.export("All")), query={"keepAlive": "true"}).body)
    assert (600, True, 1) == (page["Count"], page["HasMore"], page["Offset"])


def test_a_limit_above_the_largest_is_clamped_or_refused(call: Any) -> None:
    """And the Limit in force is told."""
    client = call(max_page_size=20)
    page = client.shown(client.export("Evens"), limit=50)
    assert (20, 20, True) == (page["Count"], page["Limit"], page["HasMore"])
    strict = call(max_page_size=20, above_max="refuse")
    assert 400 == strict.page(strict.export("Evens"), limit=21).status


def test_past_the_end_there_is_an_empty_page_or_a_refusal(call: Any) -> None:
    """As was set."""
    client = call()
    page = client.shown(client.export("Evens"), offset=101)
    assert (0, False, 101, 100) == (page["Count"], page["HasMore"], page["Offset"], page["TotalResults"])
    strict = call(past_end=400)
    assert [400, 200] == [strict.page(strict.export("Evens"), offset=offset).status for offset in (101, 100)]


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": -1}, {"limit": "ten"}, {"offset": 0}, {"offset": "1e3"}, {"keepAlive": "maybe"}],
)
def test_a_query_that_makes_no_sense_is_refused(call: Any, query: dict[str, object]) -> None:
    """With 400."""
    client = call()
    assert 400 == client.page(client.export("Evens"), **query).status


@pytest.mark.parametrize(
    ("word", "changes", "people"),
    [
        ("ok", {}, range(10, 20)),
        ("count+1", {"Count": 11}, range(10, 20)),
        ("count-1", {"Count": 9}, range(10, 20)),
        ("total+1", {"TotalResults": 101}, range(10, 20)),
        ("total-1", {"TotalResults": 99}, range(10, 20)),
        ("shift", {"Offset": 12}, range(10, 20)),
        ("overlap", {"Offset": 10}, range(9, 19)),
        ("twice", {"Count": 11}, [*range(10, 20), 19]),
        ("swap", {}, [*range(10, 19), 10]),
        ("nomore", {"HasMore": False}, range(10, 20)),
        ("zero", {"Count": 0}, []),
        ("short", {"Count": 5}, range(10, 15)),
    ],
)
def test_each_lie_is_told_as_announced(call: Any, word: str, changes: dict[str, Any], people: Any) -> None:
    """And nothing else is changed."""
    assert (TRUTH | changes, list(people)) == second_page(call, word)


def test_has_more_at_the_end(call: Any) -> None:
    """There is nothing behind it."""
    client = call(faults="page: hasmore")
    page = client.shown(client.export("Evens"), limit=100)
    assert (100, True) == (page["Count"], page["HasMore"])


def test_names_in_lower_case_leave_the_records_alone(call: Any) -> None:
    """They are data, not the answer's own words."""
    client = call(faults="page: lower")
    reply = client.page(client.export("Evens"))
    head, _, records = reply.body.partition(b'"userProfilePreferences":[')
    assert head.startswith(b'{"count":100,"hasMore":false,')
    assert b",".join(client.service.truth("Evens")) == records.removesuffix(b"]}")
    assert {("page", "lower"): 1} == client.fired()


def test_blanks_between_tokens_change_no_value(call: Any) -> None:
    """Line breaks stand where JSON allows them, also within records."""
    client = call(faults="page: spaced")
    token = client.export("Evens")
    spaced, plain = client.page(token).body, client.page(token).body
    assert spaced.count(b"\n") >= 300
    assert orjson.loads(plain) == orjson.loads(spaced)


@pytest.mark.parametrize("word", ["overlap", "hasmore", "nomore"])
def test_a_lie_that_changes_nothing_has_not_fired(call: Any, word: str) -> None:
    """A test may rely on the count."""
    client = call(faults=f"page: {word}")
    last = word == "nomore"
    client.page(client.export("Evens"), limit=100 if last else 10)
    assert {} == client.fired()


def test_an_empty_export_has_an_empty_page(call: Any) -> None:
    """And is complete."""
    client = call()
    page = client.shown(client.export("Nobody"))
    assert {"Count": 0, "HasMore": False, "Offset": 1, "TotalResults": 0} == {
        name: page[name] for name in ("Count", "HasMore", "Offset", "TotalResults")
    }


def test_extra_fields_are_added_everywhere(call: Any) -> None:
    """A client must not mind them."""
    client = call(extra_fields=True)
    token = client.export("Evens")
    page = client.shown(token)
    assert "Generation" in page
    assert "SchemaHint" in page["UserProfilePreferences"][0]
    assert "ApiRevision" in client.status(token)
