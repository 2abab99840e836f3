"""Which settings are legal."""

from pathlib import Path
from typing import Any

import pytest

from extractor.errors import ConfigError
from extractor.simulator import (
    FileSegment,
    Group,
    Operator,
    Segment,
    Service,
    SimulatorSettings,
    demo,
)

A = Segment(name="A", count=1)


def test_the_demo_has_one_of_everything() -> None:
    """An empty segment, deleted profiles, a group of each operator, a name that must be encoded."""
    service = Service(demo())
    counts = {each.name: len(each.members) for each in service.world.datasets()}
    assert 0 == counts["Nobody Yet"]
    assert all(count for name, count in counts.items() if name != "Nobody Yet")
    assert set(Operator) == {group.operator for group in demo().groups}
    assert [True] == [each.deleted for each in demo().segments if isinstance(each, Segment) and each.deleted]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"segments": (A, A)}, 'segment "A" is there 2 times'),
        ({"segments": (Segment(name="", count=1),)}, "a segment must have a name"),
        ({"segments": (Segment(name="A", count=-1),)}, "count and first must be 0 or more"),
        ({"segments": (Segment(name="A", count=1, step=0),)}, "step 1 or more"),
        ({"segments": (Segment(name="A", count=2, step=10**9),)}, "no more than 1000000000 profiles"),
        ({"groups": (Group(name="G", operator=Operator.OR, segments=("B",)),)}, 'there is no segment "B"'),
        ({"groups": (Group(name="G", operator=Operator.OR, segments=()),)}, "at least one segment"),
        (
            {
                "segments": (FileSegment(name="F", path=Path("f")),),
                "groups": (Group(name="G", operator=Operator.OR, segments=("F",)),),
            },
            '"F" cannot be combined',
        ),
        ({"max_page_size": 0}, "max_page_size must be 1 or more"),
        ({"token_lifetime": 0}, "token_lifetime must be more than 0 seconds"),
        ({"processing": (2.0, 1.0)}, "the lower bound first"),
        ({"latency": -1.0}, "latency must be 0 seconds or more"),
        ({"rate_limit": 0.0}, "rate_limit must be more than 0"),
        ({"faults": "page: nonsense"}, 'faults: page: "nonsense" is not a fault'),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], problem: str) -> None:
    """With every problem in words."""
    with pytest.raises(ConfigError) as refused:
        SimulatorSettings(**changes)
    assert problem in str(refused.value)


def test_no_secret_is_in_the_settings_text() -> None:
    """They are printed and logged."""
    assert "hunter2" not in repr(SimulatorSettings(secret="hunter2", oauth_client_secret="hunter2"))
