"""What a backfill must have put into which window: from the simulated world itself, by a walk of its own.

Shared by the tests and ``benchmarks/backfill.py``. Nothing of the extractor's planning or routing is used: windows are
given as days, times of change are looked for by the names of their members.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extractor.simulator import SimulatorSettings, ticks
from extractor.simulator.world import Kindred, World
from extractor.store.compression import codec

UNKNOWN = "__unknown__"
_TIMES = {"LastModifiedDate", "ConsentDate"}


@dataclass(slots=True, kw_only=True)
class Contents:
    """Profile ids by window, in published order, and how many records came but are in no window.

    ``sizes`` are of the truth only: when each record changed, and how many bytes it has.
    """

    windows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    outside: int = 0
    sizes: list[tuple[datetime | None, int]] = field(default_factory=list, compare=False)

    @property
    def records(self) -> int:
        """Those in windows."""
        return sum(map(len, self.windows.values()))

    def bytes_since(self, start: datetime) -> int:
        """How many bytes the server's export since then has, in records."""
        return sum(size for changed, size in self.sizes if changed is None or changed >= start)


def truth(settings: SimulatorSettings, segment: str, start: datetime, end: datetime, name: str) -> Contents:
    """What the server has of a segment since ``start``, by windows called ``name`` (of strftime) of the UTC day."""
    world = World(settings)
    dataset = world.find(Kindred.SEGMENT, segment)
    assert dataset is not None
    found = Contents()
    for text in world.select(dataset, now=0.0, after=ticks.tick_before(start)).every_record():
        record = json.loads(text)
        changed = max(_times(record, ""), default=None)
        found.sizes.append((changed, len(text)))
        if changed is not None and not start <= changed < end:
            found.outside += 1
        else:
            found.windows[UNKNOWN if changed is None else f"{changed:{name}}"].append(record["ProfileId"])
    return found


def published(output: Path) -> Contents:
    """What the newest backfill of the one dataset in ``output`` published, and says that it left out."""
    (folder,) = sorted(output.glob("*/backfill=*"))[-1:]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    found = Contents()
    for shard in manifest["shards"]:
        window = shard["name"].partition("/")[0].removeprefix("window=")
        with codec(manifest["compression"]).reader(folder / shard["name"]) as lines:
            found.windows[window] += [json.loads(line)["ProfileId"] for line in lines.read().splitlines()]
    # The exports of fan-out nest: what is outside is in the widest, and in narrower ones once more.
    widest = min(job["last_date_time"] for job in manifest["jobs"])
    for job in manifest["jobs"]:
        if job["last_date_time"] == widest:
            found.outside += sum(number for reason, number in job["left_out"].items() if reason != "later")
    return found


def _times(value: Any, name: str) -> Iterator[datetime]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _times(inner, "LastModifiedDate" if name == "Edited" else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _times(inner, name)
    elif name in _TIMES and isinstance(value, str) and value[:2] == "20":
        yield datetime.fromisoformat(value).astimezone(UTC)
