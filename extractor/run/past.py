"""What a journal says of a job's latest export. Pure: events in, facts out.

Exports that were lost leave events behind; whatever is published, kept or taken up again belongs to the latest one.
Called by ``coordinator`` and ``publication``.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """The latest export: its 1-based number, the pages that are durable, in order, its seal, whether it may go on.

    ``issued`` is the answer that began it, ``ready`` the Status that said it was complete. ``taken_up``: more than one
    process has worked on the job.
    """

    number: int
    issued: TokenIssued | None
    pages: tuple[PageStored, ...]
    sealed: ExportSealed | None
    open: bool
    ready: StatusReported | None = None
    taken_up: bool = False

    @property
    def kept(self) -> list[KeptText]:
        """The records that are kept in the server's own spelling."""
        return [kept for page in self.pages for kept in page.kept]


def latest_export(events: Sequence[Event]) -> LatestExport:
    """Find the latest export in a job's journaled events. Raises IntegrityError as ``replayed`` does."""
    intents = [(index, event) for index, event in enumerate(events) if isinstance(event, InitiateIntended)]
    start, number = (intents[-1][0], intents[-1][1].export) if intents else (0, 0)
    pages = tuple(event for event in events[start:] if isinstance(event, PageStored))
    issued = [event for event in events[start:] if isinstance(event, TokenIssued)]
    seals = [event for event in events[start:] if isinstance(event, ExportSealed)]
    said = [event for event in events[start:] if isinstance(event, StatusReported)]
    return LatestExport(
        number=number,
        issued=issued[-1] if issued else None,
        pages=pages,
        sealed=seals[-1] if seals else None,
        open=replayed(events).phase in _WITH_PARTS,
        ready=said[-1] if said and said[-1].meaning is Meaning.COMPLETE else None,
        taken_up=any(isinstance(event, TakenUp) for event in events),
    )


def replayed(events: Sequence[Event], policy: LifePolicy | None = None, now: float = 0.0) -> Life:
    """Fold a job's journaled events. Raises IntegrityError when they cannot have happened in this order."""
    try:
        return fold(policy or LifePolicy(), events, now)
    except IllegalEvent as error:
        raise IntegrityError(
            f"the journal contradicts itself ({error}) -- it was changed from outside: begin a new run"
        ) from None
