"""What a run tells whoever listens: progress bars, plain lines, JSON lines, the summary.

Values only. ``run`` makes them, every listener is a plain function of one news item, and none can change the run. No
news holds a secret, an AccessToken, a match value or a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extractor.protocol.vocabulary import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    """The run has begun; nothing has been asked yet."""

    run_id: str
    jobs: int
    datasets: int
    output: str
    requests_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMoved:
    """A job took a step: ``what`` is the event's name, ``phase`` where it stands now, in words of the lifecycle.

    ``stored`` of ``total`` records are durable; ``total`` is None until the first page. ``detail`` is a sentence when
    there is something to say (a failure, an unknown Status), else empty.
    """

    ordinal: int
    label: str
    dataset: str
    phase: str
    what: str
    stored: int
    total: int | None
    retries: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """A job has come to its end, well or not."""

    ordinal: int
    label: str
    dataset: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPublished:
    """A dataset's shards stand under their final names, with manifest and ``_SUCCESS``.

    Of the ``records``, ``timeless`` are in a backfill's ``window=__unknown__`` (0 where there are no windows).
    ``left_out`` counts those that came and are not published, by the reasons of the manifest: ``before``, ``after`` and
    ``later`` of a backfill, ``unchanged`` of ``dedupe``; a reason without records is not in it.
    """

    dataset: str
    path: str
    records: int
    shards: int
    bytes: int
    kept_text: int
    timeless: int
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesMatched:
    """What became of the values that a dataset was asked for by: counts, never a value. Told as it is published.

    ``path`` is the folder of the reports. ``strangers`` are records that carry none of the values.
    """

    dataset: str
    path: str
    values: int
    unmatched: int
    several: int
    strangers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetWithheld:
    """A dataset is not published, because of the jobs named; what they finished stays in staging."""

    dataset: str
    reason: str
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHeld:
    """The server asked for quiet: nobody sends for ``seconds``."""

    seconds: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBegan:
    """The whole connection is down, and has been for ``seconds``: it is asked now and then, until it answers.

    ``status`` is the latest HTTP status, None when no answer came; ``reason`` says it in words.
    """

    seconds: float
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEnded:
    """The server answers again, after ``seconds``; ``requests`` were in vain since it was known to be down."""

    seconds: float
    status: int | None
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The run goes on: told once a minute, for whoever watches for silence.

    ``seconds`` since it began, or was taken up. During an outage ``outage_seconds`` is how long it has lasted (else 0),
    ``status`` the latest HTTP status (None: no answer), ``calm_seconds`` the time from one request to the next, and the
    run gives up at ``until`` (ISO 8601, UTC), which the key ``bound`` says. ``held_seconds`` is the rest of a
    Retry-After.
    """

    seconds: float
    jobs_done: int
    jobs: int
    outage_seconds: float = 0.0
    status: int | None = None
    calm_seconds: float = 0.0
    held_seconds: float = 0.0
    until: str = ""
    bound: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCorrected:
    """The server's clock differs from this machine's: ``seconds`` > 0 when this machine is ahead."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something legal that a person should know."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed:
    """The run is over. ``exit_code`` is that of the process (design, section 7); ``seconds`` is its whole time.

    ``longest_stall`` is the longest time, in seconds, for which this process could do nothing else, ``stalled`` their
    sum (0 where time is a test's).
    """

    run_id: str
    exit_code: int
    seconds: float
    requests: int
    records: int
    bytes: int
    jobs_done: int
    jobs_failed: int
    possible_orphans: int
    reason: str = ""  # why the run ended early, else empty
    longest_stall: float = 0.0
    stalled: float = 0.0


ConnectionNews = ConnectionHeld | OutageBegan | OutageEnded | Heartbeat | ClockCorrected
DatasetNews = DatasetPublished | ValuesMatched | DatasetWithheld
News = RunOpened | JobMoved | JobEnded | DatasetNews | ConnectionNews | Noticed | RunClosed

Listener = Callable[[News], None]
