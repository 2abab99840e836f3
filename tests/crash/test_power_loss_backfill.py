"""Power is lost while a backfill is published: whatever the disk then holds, the windows end in the same bytes.

By itself, without a run around it, so that every operation of the window writer is cut off, with files that are closed
and opened again between two frames.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from extractor.store import windowed
from extractor.store.door import Kind, Operation, guarded
from extractor.store.publication import Publication
from extractor.store.verify import verify
from tests.crash.disk import Disk, Picture, write_out
from tests.store.conftest import Stage
from tests.store.windows import line_of, partitions_of, route

STATES = 12  # of each moment, at most


def picture_of(folder: Path) -> Picture:
    """What is there, as the model has it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def set_up(folder: Path) -> tuple[Stage, Publication]:
    """Sealed parts of two batches whose lines are in three windows, in turn."""
    stage = Stage(staging=folder / "staging", output=folder / "exports")
    partitions = partitions_of(2)
    moments = [window.start for window in partitions.windows] * 3 + [None]
    lines = [line_of(number, at) for number, at in enumerate(moments)]
    return stage, route(stage, partitions, lines[:4], lines[4:])


def test_no_power_loss_costs_a_line_of_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is not whole ever stands under the final name."""
    monkeypatch.setattr(windowed, "_OPEN", 1)
    monkeypatch.setattr(windowed, "_LARGEST", windowed._SMALLEST)  # noqa: SLF001 - as many frames as lines
    monkeypatch.setattr(windowed, "_SMALLEST", 1)
    monkeypatch.setattr(windowed, "_BUDGET", 1)
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    stage, publication = set_up(recorded)
    base = picture_of(recorded)
    operations: list[Operation] = []

    def note(operation: Operation) -> None:
        operations.append(replace(operation, data=memoryview(bytes(operation.data))))

    with guarded(note):
        stage.publish(publication)
    expected = {path: data for path, data in picture_of(recorded / "exports").items() if data is not None}
    assert sum(each.kind is Kind.WRITE and each.path.parent.name.startswith("window=") for each in operations) == 7

    disk = Disk(recorded)
    disk.load(base)
    chance = random.Random(20261124)  # noqa: S311 - no secret
    states = 0
    for operation in [None, *operations]:
        if operation is not None:
            disk.apply(operation)
        for state in disk.states(chance, STATES):
            states += 1
            place = tmp_path / "lost"
            place.mkdir()
            write_out(state, place)
            left = replace(stage, staging=place / "staging", output=place / "exports")
            for final in left.output.glob("*/backfill=*"):
                assert verify(final).intact, operation
            left.publish(publication)
            assert expected == {path: data for path, data in picture_of(left.output).items() if data is not None}
            shutil.rmtree(place)
    assert states > 1.5 * len(operations) > 70
