"""A halt ends thousands of datasets as quickly as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.observe.news import DatasetWithheld
from extractor.run import history
from extractor.simulator import Segment, SimulatorSettings
from extractor.store.door import Kind, Operation, guarded
from tests.contract.stage import play

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def transactions_of_a_halt(folder: Path, datasets: int) -> int:
    """Halt a run of so many datasets before the first is answered; give how many transactions it took in all."""
    names = [f"S{n}" for n in range(datasets)]
    segments = tuple(Segment(name=name, count=1) for name in names)
    settings = SimulatorSettings(segments=segments, faults={"initiate": "503:60s"})
    seen: list[Operation] = []
    with guarded(seen.append):
        played = await play(
            folder,
            settings,
            [{"segment": name} for name in names],
            fresh=True,
            limits={"exports": 1, "deadline": 5.0},
        )
    assert (5, datasets) == (played.exit_code, sum(isinstance(each, DatasetWithheld) for each in played.news))
    assert {"withheld"} == {each.state for each in history.status(played.config.state, None).datasets}
    return sum(each.kind is Kind.TRANSACTION for each in seen)


async def test_all_that_a_halt_withholds_is_one_transaction(memory: Path) -> None:
    """Two hundred datasets take as many as two; each is told, and journaled as withheld."""
    assert await transactions_of_a_halt(memory, 2) == await transactions_of_a_halt(memory, 200)
