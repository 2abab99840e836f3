"""The ``backfill`` section."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from extractor.config.backfill import Backfill
from extractor.config.zones import ZoneError, zone_named


def _message(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Backfill.model_validate(keys)
    (error,) = caught.value.errors()
    return str(error["ctx"]["message"])


def test_left_out_it_is_utc_and_what_is_documented() -> None:
    """None stands for the documented members."""
    section = Backfill()
    assert ("UTC", None) == (section.zone, section.change_times)


def test_zone_and_paths_are_kept_as_written() -> None:
    """Lists and wildcards are the store's matter."""
    section = Backfill.model_validate({"zone": "America/New_York", "change_times": ["Edited.*", "A.B.C"]})
    assert ("America/New_York", ("Edited.*", "A.B.C")) == (section.zone, section.change_times)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"zone": "Mars/Olympus"}, "is no time zone that this machine knows -- write a name such as UTC"),
        ({"zone": "new york"}, 'is no time zone that this machine knows -- did you mean "America/New_York"?'),
        ({"change_times": []}, "is empty, so that no record would have a window -- name a path, or leave it out"),
        ({"change_times": ["A..B"]}, "has an empty step between its dots -- write member names joined by single dots"),
        ({"change_times": ["A."]}, "has an empty step between its dots -- write member names joined by single dots"),
        ({"change_times": ["A.*B"]}, "has a * within a name -- a * stands alone between dots, for any member; write"),
        ({"change_times": ["**"]}, "has a * within a name -- a * stands alone between dots, for any member; write"),
        ({"change_times": [" "]}, "is blank -- write the name"),
    ],
)
def test_what_would_sort_nothing_is_refused(keys: dict[str, Any], message: str) -> None:
    """Each with its remedy."""
    assert _message(**keys).startswith(message)


@pytest.mark.parametrize("name", ["", "America", "../etc/localtime", "/etc/localtime", "UTC\0", "x" * 300])
def test_no_name_leads_out_of_the_zones(name: str) -> None:
    """Folders, paths and nonsense are no zones, and no crash."""
    with pytest.raises(ZoneError):
        zone_named(name)


@pytest.mark.parametrize(
    ("written", "near"),
    [("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("Amerika/New_York", "America/New_York")],
)
def test_the_zone_that_was_meant_is_named(written: str, near: str) -> None:
    """By its city alone, in other letters, with a slip of the pen."""
    with pytest.raises(ZoneError, match=f'did you mean "{near}"'):
        zone_named(written)
