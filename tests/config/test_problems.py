from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from extractor.config.problems import Location, dotted, refusal, shown


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), ""),
        (("limits",), "limits"),
        (("jobs", 2, "match", "type"), "jobs[2].match.type"),
        (("jobs", 0, "match", "values", 3), "jobs[0].match.values[3]"),
        (("jobs", 0, "match", "values", 3, "ada", 1), "jobs[0].match.values[3]"),
        (("jobs", 0, "match", "values", "ada"), "jobs[0].match.values"),
        (("connection", "auth", "secret", "hunter2"), "connection.auth.secret"),
        (("jobs", 0, "ada@people.example", 1), "jobs[0].?[1]"),
        (("connection", "dialect", "paths", "retrieve"), "connection.dialect.paths.retrieve"),
    ],
)
def test_locations_are_dotted_without_data(location: Location, text: str) -> None:
    """Keys joined by dots, positions in brackets; nothing that may be a secret or a person's."""
    assert text == dotted(location)


def test_keys_are_shown_when_they_look_like_options() -> None:
    """Not addresses, numbers or what lies below values."""
    assert '"pagesize"' == shown(("limits", "pagesize"))
    for location in [("ada@people.example",), ("5550100",), ("match", "values", "ada")]:
        assert shown(location) == "(not shown: it could be data)"


def test_refusals_travel_through_pydantic_whole() -> None:
    """Braces and quotes in the message stay, and the place is carried along."""

    class Section(BaseModel):
        key: int

        @field_validator("key")
        @classmethod
        def _refuse(cls, _: int) -> int:
            raise refusal('write "{x}"', up=1, at=("b", 0))

    with pytest.raises(ValidationError) as caught:
        Section(key=1)
    (error,) = caught.value.errors()
    assert {"message": 'write "{x}"', "up": 1, "at": ("b", 0)} == error["ctx"]
