"""One request on its way through the service: what becomes known of it, step by step, for the history.

Decides nothing. Made and filled by ``service``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extractor.simulator.exchange import Entry, Request
from extractor.simulator.faults import Fault, Kind
from extractor.simulator.ledger import Export
from extractor.simulator.pages import Asked
from extractor.simulator.world import Dataset


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request on its way: what becomes known of it, for the history."""

    number: int
    at: float
    request: Request
    kind: Kind
    path: str
    places: Mapping[str, str]
    legacy: bool = False
    dataset: Dataset | None = None
    export: Export | None = None
    asked: Asked | None = None
    count: int | None = None
    keep_files: bool | None = None
    fault: Fault | None = None
    fired: bool = False

    def entry(self) -> Entry:
        """Give the line of the history, but for what only the answer tells."""
        asked, fault = self.asked, self.fault
        return Entry(
            number=self.number,
            at=self.at,
            kind=self.kind,
            path=self.path,
            dataset=self.dataset.name if self.dataset else None,
            token=self.export.token if self.export else None,
            offset=asked.offset if asked else None,
            limit=asked.limit if asked else None,
            count=self.count,
            keep_alive=asked.keep_alive if asked else None,
            keep_files=self.keep_files,
            fault=fault.word if fault and self.fired else None,
        )
