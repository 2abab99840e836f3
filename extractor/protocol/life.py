"""The state of one job, and the bounds that it lives within.

Values only: ``lifecycle`` says what may happen to them, ``acts`` what then does.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, replace
from enum import StrEnum

from extractor.errors import ExtractorError
from extractor.protocol.pace import PollPolicy
from extractor.protocol.paging import Paging
from extractor.protocol.retry import RetryPolicy
from extractor.protocol.vocabulary import Command, Meaning, Outcome, StatusReported

_SOON = 600.0  # seconds: an export that has no more left is read before others


class IllegalEvent(ExtractorError):  # noqa: N818 - the house's word
    """An event without a row in ``TABLE``: a bug of the caller, or a journal that was tampered with."""


class Phase(StrEnum):
    """Where a job stands. ``DONE`` and ``STOPPED`` are final."""

    PLANNED = "planned"
    INITIATING = "initiating"
    PROCESSING = "processing"
    READY = "ready"
    RETRIEVING = "retrieving"
    SEALED = "sealed"
    COMMITTING = "committing"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifePolicy:
    """The bounds of a life; seconds and counts."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    poll: PollPolicy = field(default_factory=PollPolicy)
    page_size: int = 1000
    window: int = 1
    re_exports: int = 3
    processing_timeout: float = 21_600.0
    unknown_polls: int = 40
    row_count_is_total: bool = True
    record_id_is_unique: bool = True

    def boundless(self) -> LifePolicy:
        """The same without bounds, for what has already happened: a bound is applied once, when it is met."""
        never = math.inf
        return replace(
            self,
            retry=RetryPolicy(retry_for=never, unreadable_tries=sys.maxsize),
            re_exports=sys.maxsize,
            processing_timeout=never,
            unknown_polls=sys.maxsize,
            row_count_is_total=False,
            record_id_is_unique=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The state of one job. A value: ``step`` makes the next one."""

    policy: LifePolicy
    phase: Phase = Phase.PLANNED
    export: int = 0  # how many exports have been asked for
    unanswered: bool = False  # an Initiate was intended, and nobody knows what became of it
    earlier_exports: int = 0  # those of them from before the job was last taken up: they do not count against the bound
    token: int | None = field(default=None, repr=False)
    processing_since: float = 0.0
    issued_at: float | None = None  # None also when the job was taken up since: its clock was another
    unready_at: float | None = None  # when the export was last seen processing
    polls: int = 0
    unknown_polls: int = 0
    row_count: int | None = None
    expires_at: float | None = None  # when the export can be read no more, where the server has said
    paging: Paging = field(default_factory=lambda: Paging(limit=1))
    repeated: int = 0  # records of the sealed export whose id had come before
    retries: int = 0
    possible_orphans: int = 0
    outcome: Outcome | None = None

    def urgent(self, now: float) -> bool:
        """Whether the export will soon expire: its pages go before those of others."""
        return self.expires_at is not None and self.expires_at - now < _SOON

    def timed(self, event: StatusReported, now: float) -> StatusReported:
        """Say in the Status that an export is ready how long that took; any other event is given as it is."""
        if event.meaning is not Meaning.COMPLETE or self.issued_at is None:
            return event
        unready = None if self.unready_at is None else self.unready_at - self.issued_at
        return replace(event, waited=now - self.issued_at, unready=unready)


Step = tuple[Life, list[Command]]
