from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from extractor.config import Job, Match

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor.config import Config


def _match(**keys: Any) -> Match:
    return Match.model_validate({"criteria": "EmailAddress", "values": ["ada@example.test"]} | keys)


def _message(model: type[Match | Job], **keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(keys)
    (error,) = caught.value.errors()
    return str(error["ctx"]["message"])


def test_values_come_out_as_written(loads: Callable[..., Config], whole: str) -> None:
    """Zeros, signs, words, dates and underscores stay; whole numbers keep their digits."""
    config = loads(
        whole + "    match:\n      criteria: PhoneNumber\n      values:\n"
        "        - 0123\n        - +15550100\n        - 15550100\n        - 1_000\n        - no\n        - NO\n"
        "        - 2026-01-01\n        - 12:30\n        - 'true'\n        - ' x '\n        - 00\n        - -5\n"
    )
    match = config.jobs[0].match
    assert match is not None
    expected = "0123|+15550100|15550100|1_000|no|NO|2026-01-01|12:30|true| x |00|-5"
    assert tuple(expected.split("|")) == match.values


def test_exact_repetitions_are_dropped_in_order() -> None:
    """The number 1 and the text "1" are the same; other spellings are other values."""
    assert ("b", "a", "A", "1", "01") == _match(
        criteria="AlternateId", type="CRM", values=["b", "a", "b", "A", 1, "1", "01"]
    ).values


@pytest.mark.parametrize("value", [1.5, True, None, ["a"], {"a": "b"}])
def test_values_whose_spelling_is_lost_are_refused(value: object) -> None:
    """1.50 would reach the service as 1.5."""
    expected = "must be text or a whole number -- put the value in quotes"
    assert expected == _message(Match, criteria="EmailAddress", values=["a", value])


def test_blank_values_are_refused() -> None:
    """An empty line of a list is a mistake of whoever made the list."""
    assert "is blank -- write the value, or remove the line" == _message(Match, criteria="EmailAddress", values=[" "])


def test_an_empty_list_is_refused() -> None:
    """It might be sent as no list, which means everybody."""
    expected = "is empty, which would ask for nobody -- add a value, or remove match"
    assert expected == _message(Match, criteria="EmailAddress", values=[])


def test_profile_ids_are_whole_numbers() -> None:
    """The first that is not is pointed at, the others are counted."""
    assert ("1001", "0042") == _match(criteria="ProfileId", values=[1001, "0042"]).values
    with pytest.raises(ValidationError) as caught:
        _match(criteria="ProfileId", values=["1", "A-1", "2", "B-1"])
    (error,) = caught.value.errors()
    assert {
        "message": "is not an integer (nor are 1 later values) -- ProfileId values are whole numbers",
        "up": 0,
        "at": (1,),
    } == error["ctx"]


@pytest.mark.parametrize("criteria", ["ProfileId", "PhoneNumber", "EmailAddress"])
def test_a_type_is_optional_but_for_alternate_ids(criteria: str) -> None:
    """Contract section 3.2: MatchType is required with AlternateId only."""
    assert _match(criteria=criteria, values=["1"]).type is None


def test_alternate_ids_need_a_type() -> None:
    """Contract section 3.2."""
    expected = 'AlternateId needs a type (the AlternateIdType\'s name) -- add "type: CRM" or similar'
    assert expected == _message(Match, criteria="AlternateId", values=["A-1"])


def test_values_do_not_show() -> None:
    """They are people's addresses and numbers."""
    assert "ada" not in repr(_match()) + str(Job(segment="A", match=_match()))


def test_a_job_asks_for_one_dataset() -> None:
    """A segment, a group or a schedule, never several, never none."""
    assert ("A", None, None) == (Job(segment="A").segment, Job(segment="A").group, Job(segment="A").schedule)
    expected = "has a segment and a group -- keep one, and write another job for each of the others"
    assert expected == _message(Job, segment="A", group="B")
    assert "has a segment and a group and a schedule --" in _message(Job, segment="A", group="B", schedule="C")
    expected = 'needs a segment, a group or a schedule -- add "segment: NAME" or one of the others'
    assert expected == _message(Job)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("since", "2026-01-01T00:00:00Z"),
        ("since", "watermark"),
        ("match", {"criteria": "ProfileId", "values": [1]}),
        ("dedupe", {}),
    ],
)
def test_a_schedule_is_asked_for_as_it_is(key: str, value: Any) -> None:
    """The legacy call takes nothing but days, and its rows are no profiles (contract, section 7)."""
    said = _message(Job, schedule="Feed", **{key: value})
    assert said.startswith("does not go with a schedule")
    assert said.endswith(" -- remove it, or ask for a segment or group instead")
    assert Job(segment="A", **{key: value}).schedule is None


@pytest.mark.parametrize("key", ["initial", "overlap"])
def test_what_belongs_to_a_watermark_does_not_go_with_a_schedule(key: str) -> None:
    """As with any job that has no watermark."""
    value = "2026-01-01T00:00:00Z" if key == "initial" else 60
    assert 'is of no use without "since: watermark"' in _message(Job, schedule="Feed", **{key: value})


@pytest.mark.parametrize("path", ["", "a..b", ".a", "a.*b", "**"])
def test_a_path_that_leads_nowhere_is_no_version(path: str) -> None:
    """No record would have a state, and nothing would ever be left out."""
    with pytest.raises(ValidationError, match=r"is blank|has an empty step between its dots|has a \* within a name"):
        Job.model_validate({"segment": "A", "dedupe": {"version": ["Edited.*", path]}})
    assert Job.model_validate({"segment": "A", "dedupe": {"version": ["Edited.*", "a.*.b"]}}).dedupe is not None


def test_a_malformed_segment_is_one_problem() -> None:
    """Not also a missing dataset."""
    assert "is blank -- write the name" == _message(Job, segment=" ")


def test_batches_hold_at_least_one_value() -> None:
    """And a thousand by default."""
    assert 1000 == _match().batch
    with pytest.raises(ValidationError, match="greater than 0"):
        _match(batch=0)
