"""The server's memory of exports: each AccessToken and the state that it is in (contract, sections 3.3 to 3.5).

Decides every transition, sans I/O; ``now`` (seconds) is an argument of all that depend on it::

    Processing -> Complete | Error | Failed
    Complete   -> Retrieved   the last page was read without keepAlive, or Commit
    Complete   -> Expired     the token's lifetime is over, or a fault says so

Does not write pages or know HTTP beyond the status of a refusal. Called by ``service``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from extractor.simulator.exchange import Refused
from extractor.simulator.settings import Counts, Ending, SimulatorSettings, bounds
from extractor.simulator.world import Dataset, Selection

_SMALLEST_TOKEN = 100_000_000


class State(StrEnum):
    """What Status says."""

    PROCESSING = "Processing"
    COMPLETE = "Complete"
    RETRIEVED = "Retrieved"
    EXPIRED = "Expired"
    ERROR = "Error"
    FAILED = "Failed"


@dataclass(slots=True, kw_only=True)
class Export:
    """One export. ``ready_at`` is when Processing ends; ``selection`` is None once its files are deleted."""

    token: int
    dataset: Dataset
    selection: Selection | None = field(repr=False)
    rows: int
    size: int  # bytes, roughly: nobody is told how the service counts them
    created_at: float
    ready_at: float
    ends: Ending = Ending.COMPLETE
    retrieved: bool = False
    expired: bool = False
    expires_at: float = 0.0
    callback_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A Status object to be posted."""

    url: str = field(repr=False)
    export: Export
    body: Mapping[str, int | str | None]


class Ledger:
    """All exports of one server."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._exports: dict[int, Export] = {}
        self._waiting: list[Export] = []  # for their callback

    def open(self, dataset: Dataset, selection: Selection, now: float, *, callback_url: str | None = None) -> Export:
        """Begin an export. Raises Refused (429) when too many are alive."""
        most = self._settings.max_exports
        if most is not None and sum(1 for _ in self.alive(now)) >= most:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "Too many exports are in progress.", {"Retry-After": "1"})
        serial = len(self._exports) + 1
        ready_at = now + self._processing_time(serial)
        export = Export(
            token=self._token(serial),
            dataset=dataset,
            selection=selection,
            rows=len(selection),
            size=len(selection) * selection.average_bytes,
            created_at=now,
            ready_at=ready_at,
            ends=dataset.ends,
            expires_at=ready_at + self._settings.token_lifetime,
            callback_url=callback_url,
        )
        self._exports[export.token] = export
        if callback_url is not None:
            self._waiting.append(export)
        return export

    def find(self, token: int) -> Export | None:
        """Find an export by its token."""
        return self._exports.get(token)

    def alive(self, now: float) -> Iterator[Export]:
        """List the exports that are processing or wait to be retrieved."""
        for export in self._exports.values():
            if self.state(export, now) in (State.PROCESSING, State.COMPLETE):
                yield export

    def state(self, export: Export, now: float) -> State:
        """Tell where an export stands."""
        if export.retrieved:
            return State.RETRIEVED
        if now < export.ready_at:
            return State.PROCESSING
        if export.ends is not Ending.COMPLETE:
            return State(export.ends.value)
        return State.EXPIRED if export.expired or now >= export.expires_at else State.COMPLETE

    def status(self, export: Export, now: float) -> dict[str, int | str | None]:
        """Give the Status object; the counts are there once the export is complete."""
        state = self.state(export, now)
        told: dict[str, int | str | None] = {"AccessToken": export.token, "Status": state.value}
        if state in (State.COMPLETE, State.RETRIEVED):
            return told | {"RowCount": export.rows, "ByteCount": export.size}
        match self._settings.counts_while_processing:
            case Counts.ABSENT:
                return told
            case Counts.ZERO:
                return told | {"RowCount": 0, "ByteCount": 0}
            case Counts.NULL:
                return told | {"RowCount": None, "ByteCount": None}

    def data(self, export: Export, now: float) -> Selection:
        """Give what may be read now. Raises Refused: not ready, or no longer there."""
        state = self.state(export, now)
        if state is State.PROCESSING:
            raise Refused(self._settings.before_ready, "The export is still being processed.")
        if state is not State.COMPLETE or export.selection is None:
            raise Refused(self._settings.gone, f"The export has no data to retrieve; its status is {state}.")
        return export.selection

    def retrieve(self, export: Export) -> None:
        """Everything was read without keepAlive: the export is over and its files are deleted."""
        export.retrieved, export.selection = True, None

    def commit(self, export: Export, now: float, *, keep_files: bool) -> None:
        """End the retrieval. Raises Refused: not ready, already over, expired."""
        if export.retrieved:
            if self._settings.second_commit == HTTPStatus.OK:
                return
            raise Refused(self._settings.second_commit, "The export has already been retrieved.")
        self.data(export, now)
        export.retrieved = True
        if not keep_files:
            export.selection = None

    def doom(self, export: Export, fate: str) -> bool:
        """Let a fault decide how an export goes on: ``error``, ``failed`` or ``expire``. False if it is too late."""
        if export.retrieved or export.expired or export.ends is not Ending.COMPLETE:
            return False
        if fate == "expire":
            export.expired, export.selection = True, None
        else:
            export.ends = Ending.ERROR if fate == "error" else Ending.FAILED
        return True

    def callbacks_due(self, now: float) -> list[Callback]:
        """Give the callbacks of exports that have finished, each only once."""
        finished = [export for export in self._waiting if now >= export.ready_at]
        self._waiting = [export for export in self._waiting if now < export.ready_at]
        return [
            Callback(url=export.callback_url, export=export, body=self.status(export, now))
            for export in finished
            if export.callback_url is not None
            and (export.ends is Ending.COMPLETE or self._settings.callback_on_failure)
        ]

    def _token(self, serial: int) -> int:
        """Give a token that cannot be guessed from another, though the seed repeats it."""
        digest = hashlib.blake2b(f"{self._settings.seed}/{serial}".encode(), digest_size=6).digest()
        token = _SMALLEST_TOKEN + int.from_bytes(digest, "big")
        while token in self._exports:
            token += 1
        return token

    def _processing_time(self, serial: int) -> float:
        low, high = bounds(self._settings.processing)
        return random.Random(f"{self._settings.seed}/processing/{serial}").uniform(low, high)  # noqa: S311 - chance that repeats is the purpose
