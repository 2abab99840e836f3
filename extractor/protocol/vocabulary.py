"""The words of one AccessToken's life: events (past tense), commands (imperative), verdicts.

Decides nothing. ``lifecycle.step`` turns events into commands, ``run.drive`` has the commands performed and the events
journaled, ``observe`` listens. An event with ``durable`` set is journaled before anything follows from it, and a run is
resumed by folding those events alone through ``step`` again; the others are hints that may be lost.

The AccessToken is a secret: it is in events and commands (the journal must keep it), never in a repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class Meaning(StrEnum):
    """What a Status says (contract, section 3.3); the spelling on the wire is ``dialect`` data."""

    PROCESSING = "processing"
    COMPLETE = "complete"
    RETRIEVED = "retrieved"
    EXPIRED = "expired"
    ERROR = "error"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Whose fault it is that a request failed; mirrors the branches of ``errors.RemoteError``."""

    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    TOKEN_GONE = "token gone"  # noqa: S105 - a word, not a password
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"


class Verdict(StrEnum):
    """How a job ended."""

    DONE = "done"
    REFUSED = "refused"  # 400, 401, 403, 404, Status Failed: the user or the vendor must change something
    EXPORT_FAILED = "export failed"  # the server could not finish an export, or answered nonsense, within the bounds
    UNAVAILABLE = "unavailable"  # gave up waiting for the server, or the deadline came: resumable
    INTEGRITY = "integrity"  # counts or offsets contradict each other: kept, not published


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The facts of one failed request. ``message`` names the remedy and holds no secret."""

    fault: Fault
    message: str
    status: int | None = None
    retry_after: float | None = None  # seconds
    ambiguous: bool = False  # the server may have done what was asked
    outage: bool = False  # not this request's own failure: nothing on the whole connection is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptText:
    """A record that is published in the server's own spelling, because re-encoding would have changed it.

    ``record`` is its 1-based index in the export.
    """

    record: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """A finished staging file; ``name`` is relative to the run's staging folder, sizes are bytes, sha256 the file's."""

    name: str
    records: int
    bytes: int
    uncompressed_bytes: int
    sha256: str


# --- Commands: what to do next.


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCommand:
    """A request to the service.

    It waits ``after`` seconds first; ``attempt`` is 1-based; ``unreadable`` counts the answers to it that could not be
    read; ``failing_since`` is the instant of its first failure, in seconds of a clock that never jumps.
    """

    after: float = 0.0
    attempt: int = 1
    unreadable: int = 0
    failing_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiate(RemoteCommand):
    """Ask for an export. ``export`` is the 1-based count of exports that this job has asked for."""

    export: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus(RemoteCommand):
    """Ask whether the export is complete."""

    token: int = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPage(RemoteCommand):
    """Ask for at most ``limit`` records from the 1-based ``offset`` on; always with keepAlive.

    ``urgent`` when the token is about to expire: its pages go before all others (``precedence``).
    """

    token: int = field(repr=False)
    offset: int
    limit: int
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(RemoteCommand):
    """Tell the server that the export may be deleted: the last remote act of a job."""

    token: int = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePage:
    """Make a fetched page durable, in offset order."""

    page: PageFetched


@dataclass(frozen=True, slots=True, kw_only=True)
class SealExport:
    """Close the parts of the export: everything that it generated is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropExport:
    """Throw away what was stored of an export whose token is gone."""

    export: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The job has come to its end."""

    outcome: Outcome


Command = Initiate | PollStatus | FetchPage | Commit | StorePage | SealExport | DropExport | Finish


# --- Events: what has happened.


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateIntended:
    """The POST is about to be sent; from here on an export may exist that nobody knows the token of."""

    durable: ClassVar[bool] = True
    export: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued:
    """The server accepted the export.

    ``server_time`` is what its clock said, at the latest, when the request left (Unix seconds), None if it did not say;
    ``local_time`` what this machine's said then, None in the journals of older versions.
    """

    durable: ClassVar[bool] = True
    token: int = field(repr=False)
    server_time: float | None = None
    local_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReported:
    """A Status answer: ``spelled`` is the server's own word; ``row_count`` is None if absent, null or not known yet.

    Of an export that is ready, ``waited`` are the seconds since its token was issued, ``unready`` those after which it
    was last seen processing. Both are hints for later nights: None where this process does not know. ``expires_in`` are
    the seconds for which the export can be read, None where the server does not say, or in words that leave a doubt.
    """

    meaning: Meaning
    spelled: str
    row_count: int | None = None
    waited: float | None = None
    unready: float | None = None
    expires_in: float | None = None

    @property
    def durable(self) -> bool:
        """An answer that changes nothing is not worth a disk write."""
        return self.meaning not in {Meaning.PROCESSING, Meaning.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFetched:
    """A page has arrived and its envelope was read. ``offset`` is 1-based and the server's own."""

    durable: ClassVar[bool] = False
    asked: int
    offset: int
    count: int
    total: int
    has_more: bool
    body: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStored:
    """The lines of a page are fsynced in ``part`` (0-based), which is ``part_bytes`` long with them.

    ``part_crc32`` is the checksum of those bytes; None in journals that were written before there was one.
    """

    durable: ClassVar[bool] = True
    offset: int
    count: int
    total: int
    has_more: bool
    lines: int
    part: int
    part_bytes: int
    part_records: int
    part_uncompressed_bytes: int
    part_crc32: int | None = None
    kept: tuple[KeptText, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSealed:
    """Every part of the export is closed and fsynced, the folder too.

    ``repeated`` counts the records whose id had come before in this export.
    """

    durable: ClassVar[bool] = True
    parts: tuple[SealedPart, ...]
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIntended:
    """The Commit is about to be sent; from here on the token may be gone."""

    durable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The server acknowledged the Commit."""

    durable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed:
    """A request failed. ``draw`` is a random number in [0, 1) for the jitter of its retry."""

    command: Initiate | PollStatus | FetchPage | Commit
    failure: Failure
    draw: float = 1.0

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.failure.fault in {Fault.THROTTLED, Fault.UNAVAILABLE, Fault.MALFORMED}

    @property
    def durable(self) -> bool:
        """A refusal is a fact, and so is what became of a POST that may have made an export."""
        return isinstance(self.command, Initiate) or not self.retryable


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRefused:
    """A page cannot be stored: a record is not valid JSON. ``message`` names page and index, never the content."""

    durable: ClassVar[bool] = True
    offset: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUnreadable:
    """A page that came, and that its envelope described, cannot be read as a whole: it is asked for again.

    ``command`` is what was asked, ``count`` the records that the envelope said it had. ``draw`` as in RequestFailed;
    the default, the longest wait, is what is used: such pages come one by one.
    """

    durable: ClassVar[bool] = False
    command: FetchPage
    count: int
    failure: Failure
    draw: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOpened:
    """Pages of an export may be asked for in any order from now on, ``window`` of them at once."""

    durable: ClassVar[bool] = False
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsLost:
    """What an earlier process stored of the export is not there any more; ``message`` says which file it is."""

    durable: ClassVar[bool] = True
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """A run that was cut off is going on, and this job with it; ``anew`` when the job had ended badly before."""

    durable: ClassVar[bool] = True
    anew: bool = False


Event = (
    InitiateIntended
    | TokenIssued
    | StatusReported
    | PageFetched
    | PageStored
    | ExportSealed
    | CommitIntended
    | Committed
    | RequestFailed
    | PageRefused
    | PageUnreadable
    | WindowOpened
    | PartsLost
    | TakenUp
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended, in numbers and one sentence. ``records`` counts lines in sealed parts."""

    verdict: Verdict
    message: str = ""
    records: int = 0
    exports: int = 0
    requests: int = 0  # as sent by this process, without those for a bearer
    seconds: float = 0.0  # from its beginning to its end in this process
    retries: int = 0
    possible_orphans: int = 0
    row_count: int | None = None
    total_results: int | None = None
    note: str = ""  # legal but worth knowing, such as a Commit that was not acknowledged
