"""What exports have cost, night by night: kept beside the watermarks, read before the next night.

Decides only how a line of experience is spelled and how many are read. What it says is gathered by ``run.publication``;
what follows from it is ``plan.forecast``'s and ``protocol.pace``'s. Lives in the journal's file, but not with its runs:
pruning a run forgets nothing here.

Decided: one line for each stream and published run, written with the publication, in its transaction. Considered adding
up the journal's events when a forecast is asked for: that reads millions of rows for a run of 100,000 jobs, and
forgets with every pruning.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from extractor.plan.cost import Cost
from extractor.store.database import Database

NIGHTS = 20  # that are read of a stream
_COSTS_SINCE = 3  # the journal's format
_FIELDS = [field.name for field in fields(Cost)]


def note(journal: Database, stream: str, cost: Cost, *, number: int, now: float) -> None:
    """Note what a stream's exports cost, inside a transaction; ``number`` is its run's, ``now`` Unix seconds.

    May be called again for the same stream and run: the later line stands.
    """
    row: dict[str, Any] = {name: getattr(cost, name) for name in _FIELDS}
    journal.change("add_cost", {**row, "stream": stream, "number": number, "published_at": now})


def costs(journal: Database, stream: str) -> list[Cost]:
    """What the last 20 published runs of a stream cost, newest first; none in a journal of an older format."""
    rows = [] if journal.format < _COSTS_SINCE else journal.rows("costs", {"stream": stream, "nights": NIGHTS})
    return [Cost(**{name: row[name] for name in _FIELDS}) for row in rows]
