"""Contract, section 3.6: callbacks, which the extractor does not use.

Decided: it polls, because a callback needs a reachable address, has no documented authentication and must be confirmed
by Status anyway.
"""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from extractor.simulator import Group, Operator, Segment, SimulatorSettings
from tests.contract.stage import play
from tests.rehearsal import config_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_no_callback_is_asked_for(tmp_path: Path) -> None:
    """Neither for segments nor for groups, whose pages do not list the field at all; so none is ever due."""
    server = SimulatorSettings(
        segments=(Segment(name="A", count=5), Segment(name="B", count=5, first=2)),
        groups=(Group(name="G", operator=Operator.AND, segments=("A", "B")),),
    )
    played = await play(tmp_path, server, [{"segment": "A"}, {"group": "G"}])
    assert 0 == played.exit_code
    assert [{}, {}] == played.bodies()
    assert [] == played.service.callbacks_due(4e9)
    assert [] == played.calls("callback")


async def test_a_callback_cannot_be_configured(tmp_path: Path) -> None:
    """The configuration has no such key."""
    with pytest.raises(pydantic.ValidationError):
        config_of(tmp_path, [{"segment": "A", "callback_url": "https://receiver.example/done"}])
