"""Power is lost between any two operations, and whatever the disk then holds, the run ends as if nothing had happened.

From the operations of a run that went well, every disk is built that a power loss may leave by the strictest reading
(``disk``); the server is as it was at that moment. Each is taken up, and must end in the undisturbed run's bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from extractor.store.door import Kind
from tests.crash.night import record, recover, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

STATES = 24  # of each moment, at most


@pytest.mark.parametrize(
    "weather",
    [{}, {"faults": {"status[A]": "ok error", "page[A]": "ok ok expire"}}],
    ids=["a quiet night", "two exports are lost"],
)
async def test_no_power_loss_costs_a_record(tmp_path: Path, weather: dict[str, Any]) -> None:
    """The state after it is never one that cannot be recovered, nor one that recovers to something else."""
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recovered").mkdir()
    recording = await record(tmp_path / "recorded", world(**weather))
    assert (0, 3) == (recording.closed.exit_code, len(recording.shards))
    chance = random.Random(20261124)  # noqa: S311 - which disks are built is no secret
    problems: Counter[str] = Counter()
    states = taken_up = moments = 0
    for moment in recording.moments():
        moments += 1
        for picture in moment.disk.states(chance, STATES):
            recovered = await recover(recording, moment, picture, tmp_path / "recovered")
            states += 1
            taken_up += recovered.taken_up
            if recovered.problem:
                kind = "the end" if moment.operation is None else moment.operation.kind
                problems[f"before {kind} ({moment.index}): {recovered.problem}"] += 1
    assert Counter() == problems
    assert states > 2 * moments > 200
    assert taken_up > states / 2


async def test_every_kind_of_operation_is_among_them(tmp_path: Path) -> None:
    """A run that never truncates or removes would not show what happens there."""
    (tmp_path / "recorded").mkdir()
    recording = await record(tmp_path / "recorded", world(faults={"status[A]": "error"}))
    (tmp_path / "recovered").mkdir()
    seen = {operation.kind for operation in recording.operations}
    assert set(Kind) - {Kind.TRUNCATE} == seen  # only a run that is taken up cuts anything
