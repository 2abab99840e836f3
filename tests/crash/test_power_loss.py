"""Power is lost between any two operations, and whatever the disk then holds, the run ends as if nothing had happened.

From the operations of a run that went well, disks are built that a power loss may leave (``disk`` says which these
are); the server is as it was at that moment. Each is taken up, and must end in the undisturbed run's bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from extractor.store.door import Kind
from extractor.store.manifest import load_manifest
from tests.crash.night import WEATHERS, Recording, lose_power, record, record_recovery, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

STATES = 6  # of each moment, at most; ``make crash`` builds them all


def chance() -> random.Random:
    """Which disks are built, where there are too many."""
    return random.Random(20261124)  # noqa: S311 - no secret


@pytest.mark.parametrize(
    "weather",
    [
        pytest.param("a quiet run", id="quiet"),
        pytest.param("a run that loses two exports", id="losing"),
        pytest.param("a run that packs several jobs into one shard", id="packed"),
        pytest.param("a run that is older than what is published", id="older"),
    ],
)
async def test_no_power_loss_costs_a_record(tmp_path: Path, weather: str) -> None:
    """The state after it is never one that cannot be recovered, nor one that recovers to something else."""
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recovered").mkdir()
    recording = await record(tmp_path / "recorded", WEATHERS[weather])
    assert 0 == recording.closed.exit_code
    losses = await lose_power(recording, tmp_path / "recovered", chance=chance(), most=STATES)
    assert Counter() == losses.problems
    assert losses.states > 1.5 * losses.moments > 150
    assert losses.taken_up > losses.states / 2


async def test_the_shards_are_linked_or_copied_as_the_weather_says(tmp_path: Path) -> None:
    """Both ways of making one are cut off: else half of ``publish`` would not be under test."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "copied").mkdir()
    linked = await record(tmp_path / "linked", WEATHERS["a quiet run"])
    assert (0, 3) == (copies_of(linked), len(linked.shards))
    copied = await record(tmp_path / "copied", WEATHERS["a run that packs several jobs into one shard"])
    assert (1, 1) == (copies_of(copied), len(copied.shards))
    (manifest,) = (tmp_path / "copied" / "exports").glob("*A/run=*/manifest.json")
    assert [1, 1, 1] == [len(job.shards) for job in load_manifest(manifest).jobs]


async def test_latest_json_is_not_written_where_newer_output_stands(tmp_path: Path) -> None:
    """Else its own sync would hide that the renamed folder's name was never made durable."""
    recording = await record(tmp_path, WEATHERS["a run that is older than what is published"])
    assert recording.stranger
    assert [] == [operation for operation in recording.operations if operation.path.name == "latest.json"]
    assert [] == [
        operation for operation in recording.operations if operation.target and operation.target.name == "latest.json"
    ]


def copies_of(recording: Recording) -> int:
    """How many shards were written, and not linked."""
    return sum(
        operation.kind is Kind.CREATE and operation.path.name.startswith("part-") and "exports" in operation.path.parts
        for operation in recording.operations
    )


async def test_nor_does_a_second_one_while_the_run_is_taken_up(tmp_path: Path) -> None:
    """Recovery is a run like any other: its own operations are cut in the same way."""
    for name in ("first", "second", "recovered"):
        (tmp_path / name).mkdir()
    first = await record(tmp_path / "first", WEATHERS["a quiet run"])
    second = await record_recovery(tmp_path / "second", first, chance())
    assert (0, first.shards) == (second.closed.exit_code, second.shards)
    losses = await lose_power(second, tmp_path / "recovered", chance=chance(), most=STATES)
    assert Counter() == losses.problems
    assert losses.states > losses.moments > 50
    assert Kind.TRUNCATE in {operation.kind for operation in second.operations}


async def test_every_kind_of_operation_is_among_them(tmp_path: Path) -> None:
    """A run that never truncates or removes would not show what happens there."""
    (tmp_path / "recorded").mkdir()
    recording = await record(tmp_path / "recorded", world(faults={"status[A]": "error"}))
    (tmp_path / "recovered").mkdir()
    seen = {operation.kind for operation in recording.operations}
    assert set(Kind) - {Kind.TRUNCATE} == seen  # only a run that is taken up cuts anything
