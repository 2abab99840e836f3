"""What a journal says of a job's latest export. Pure: events in, facts out.

Exports that were lost leave events behind; whatever is published, kept or taken up again belongs to the latest one.
Called by ``coordinator`` and ``publication``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from extractor.errors import IntegrityError
from extractor.protocol.life import IllegalEvent, Life, LifePolicy, Phase
from extractor.protocol.lifecycle import fold
from extractor.protocol.vocabulary import (
    Event,
    ExportSealed,
    InitiateIntended,
    KeptText,
    Meaning,
    PageStored,
    StatusReported,
    TakenUp,
    TokenIssued,
)

_WITH_PARTS = {Phase.PROCESSING, Phase.READY, Phase.RETRIEVING}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestExport:
    """The latest export: its 1-based number, what is durable of it, its seal, whether it may go on.

    Of its ``pages`` the ``largest`` has so many records; ``marks`` are the last one of each part, in order, and
    ``kept`` the records that are kept in the server's own spelling. ``issued`` is the answer that began it, ``ready``
    the Status that said it was complete. ``taken_up``: more than one process has worked on the job.
    """

    number: int
    issued: TokenIssued | None
    pages: int
    largest: int
    marks: tuple[PageStored, ...]
    kept: tuple[KeptText, ...]
    sealed: ExportSealed | None
    open: bool
    ready: StatusReported | None = None
    taken_up: bool = False


def latest_export(events: Iterable[Event]) -> LatestExport:
    """Find the latest export in a job's journaled events, walking them once. Raises IntegrityError as ``replayed``."""
    latest = _Latest()
    life = replayed(latest.passing(events))
    said = latest.said
    return LatestExport(
        number=latest.number,
        issued=latest.issued,
        pages=latest.pages,
        largest=latest.largest,
        marks=tuple(latest.marks.values()),
        kept=tuple(latest.kept),
        sealed=latest.sealed,
        open=life.phase in _WITH_PARTS,
        ready=said if said is not None and said.meaning is Meaning.COMPLETE else None,
        taken_up=latest.taken_up,
    )


class _Latest:
    """Notes of the export that an Initiate was intended for last; an export of ten million records is 10,000 pages."""

    def __init__(self) -> None:
        self.taken_up = False
        self._begin(0)

    def _begin(self, number: int) -> None:
        self.number = number
        self.issued: TokenIssued | None = None
        self.sealed: ExportSealed | None = None
        self.said: StatusReported | None = None
        self.pages = self.largest = 0
        self.marks: dict[int, PageStored] = {}
        self.kept: list[KeptText] = []

    def passing(self, events: Iterable[Event]) -> Iterator[Event]:
        """Give each event on, and take it in."""
        for event in events:
            self._note(event)
            yield event

    def _note(self, event: Event) -> None:
        match event:
            case InitiateIntended():
                self._begin(event.export)
            case TokenIssued():
                self.issued = event
            case StatusReported():
                self.said = event
            case PageStored():
                self.pages += 1
                self.largest = max(self.largest, event.count)
                self.kept += event.kept
                if event.part_bytes:
                    self.marks[event.part] = event
            case ExportSealed():
                self.sealed = event
            case TakenUp():
                self.taken_up = True
            case _:
                pass


def replayed(events: Iterable[Event], policy: LifePolicy | None = None, now: float = 0.0) -> Life:
    """Fold a job's journaled events. Raises IntegrityError when they cannot have happened in this order."""
    try:
        return fold(policy or LifePolicy(), events, now)
    except IllegalEvent as error:
        raise IntegrityError(
            f"the journal contradicts itself ({error}) -- it was changed from outside: begin a new run"
        ) from None
