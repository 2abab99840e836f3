"""``manifest.json``, ``_SUCCESS`` and ``latest.json``: what readers trust.

Decides their form (``format: 1``; design, section 7) and refuses anything else when reading: unknown formats, missing
or extra members, wrong types. Does not decide whether the files match it (``verify``) or when it is written
(``publish``). A released format is never changed: a new one gets a new number.

The manifest's own checksum is the content of ``_SUCCESS``, in the form of ``sha256sum``, so that
``cd run=...; sha256sum -c _SUCCESS`` checks it without this tool; ``latest.json`` repeats it. Nothing here holds a
match value, an AccessToken or a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from extractor.errors import IntegrityError
from extractor.plan.job import Dataset, Kind
from extractor.protocol.vocabulary import KeptText
from extractor.store.durable import local_error

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SUCCESS: Final = "_SUCCESS"
LATEST: Final = "latest.json"

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Instant = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
_FIRST: Final = 20  # kept records that a manifest names; all of them are in the journal


class DatasetEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dataset this is."""

    kind: Kind
    name: str


class KeptRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record in the server's own spelling; ``record`` is its 1-based index in the job's export."""

    record: Annotated[int, msgspec.Meta(ge=1)]
    reason: str


class KeptSummary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many records are in the server's own spelling, why, and the first twenty of them."""

    count: Count = 0
    reasons: dict[str, Count] = {}
    first: tuple[KeptRecord, ...] = ()


_NOTHING_KEPT: Final = KeptSummary()  # of nearly every job: one for all of them


class RangeEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``records`` lines of shard number ``shard`` from line ``first`` on, both 0-based."""

    shard: Count
    first: Count
    records: Count


class ShardEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published file. ``bytes`` and ``sha256`` are of the file, ``uncompressed_bytes`` of its lines.

    ``name`` is relative to the manifest's folder: ``part-00000.ndjson.zst``, in backfills below the window's folder.
    """

    name: str
    records: Count
    bytes: Count
    uncompressed_bytes: Count
    sha256: Sha256


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which journal this publication stands in, its 1-based number there, and that of its run.

    A journal that has given out lower numbers only is an old copy of itself. Of two runs, the one with the higher
    number began later, whatever the clock said.
    """

    id: str
    run: Count
    publication: Annotated[int, msgspec.Meta(ge=1)]


class JobEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked, and what came. ``batch`` is 1-based; ``last_date_time`` is None for a full export.

    ``total_results`` and ``row_count`` are the server's own numbers; None where it did not give them. ``repeated_ids``
    counts records whose id had come before in the same export (0, unless the configuration lets them pass).
    ``stream`` is the id of a StreamEntry. Of the ``records`` that came, those in ``shards`` are published; the others
    were left out, and ``left_out`` says how many and why (the reasons are ``sieve``'s). Kept texts are of what came.
    """

    job_id: str
    name: str
    stream: str
    batch: Count
    batches: Count
    match: str | None
    last_date_time: str | None
    records: Count
    total_results: Count | None
    row_count: Count | None
    exports: Count
    requests: Count
    retries: Count
    possible_orphans: Count
    note: str
    kept_text: KeptSummary
    repeated_ids: Count
    left_out: dict[str, Positive]
    shards: tuple[RangeEntry, ...]


class StreamEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is covered of one job over all its nights: every change from ``since`` (None: the beginning) to ``until``.

    ``until`` is the server's time at Initiate (None if it did not say). ``watermark`` is where the next incremental run
    will ask from, None if there is none.
    """

    id: str
    name: str
    since: Instant | None
    until: Instant | None
    watermark: Instant | None


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sums over the shards (records, sizes) and over the jobs (the others)."""

    records: Count
    bytes: Count
    uncompressed_bytes: Count
    exports: Count
    requests: Count
    retries: Count
    possible_orphans: Count
    kept_text: Count
    repeated_ids: Count
    left_out: dict[str, Positive]


class WindowEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window of a backfill: ``start`` <= time of change < ``end``; both None for records without such a time.

    Its shards are those below ``window=<name>`` (percent-encoded); without records there is no such folder.
    """

    name: str
    start: Instant | None
    end: Instant | None
    records: Count


class WindowsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Into which windows a backfill was put, and by what (``plan.partitions``); the window of unknown times is last."""

    start: Instant
    end: Instant
    size: str
    zone: str
    strategy: Literal["route", "fan-out"]
    change_times: tuple[str, ...]
    windows: tuple[WindowEntry, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published dataset of one run. ``since`` are the distinct bounds that its jobs sent, in plan order.

    ``windows`` is None but for backfills.
    """

    format: Literal[1] = 1
    run: str
    journal: JournalEntry
    extractor: str
    dataset: DatasetEntry
    config_hash: str
    since: tuple[str | None, ...]
    streams: tuple[StreamEntry, ...]
    windows: WindowsEntry | None
    compression: Literal["zstd", "gzip", "none"]
    started: Instant
    finished: Instant
    totals: Totals
    shards: tuple[ShardEntry, ...]
    jobs: tuple[JobEntry, ...]


class Latest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the newest published manifest of a dataset is: ``manifest`` is relative to the dataset's folder."""

    format: Literal[1] = 1
    run: str
    manifest: str
    sha256: Sha256


_Kind = TypeVar("_Kind", Manifest, Latest)


class _AnyFormat(msgspec.Struct):
    format: int


def summarize_kept(kept: Iterable[KeptText]) -> KeptSummary:
    """Count kept records by reason; ``kept`` is in the order of the records and is walked once."""
    reasons: dict[str, int] = {}
    first: list[KeptRecord] = []
    for each in kept:
        reasons[each.reason] = reasons.get(each.reason, 0) + 1
        if len(first) < _FIRST:
            first.append(KeptRecord(record=each.record, reason=each.reason))
    if not first:
        return _NOTHING_KEPT
    return KeptSummary(count=sum(reasons.values()), reasons=dict(sorted(reasons.items())), first=tuple(first))


def dataset_of(manifest: Manifest) -> Dataset:
    """The dataset that a manifest is of."""
    return Dataset(kind=manifest.dataset.kind, name=manifest.dataset.name)


def encode(value: Manifest | Latest) -> bytes:
    """Give the JSON text of a manifest or pointer. Raises ValueError if reading it back would not give the same."""
    text = msgspec.json.encode(value)
    if msgspec.json.decode(text, type=type(value)) != value:
        raise ValueError("a manifest does not read back as it was written")
    return msgspec.json.format(text, indent=2) + b"\n"


def success(manifest: bytes) -> bytes:
    """Give the content of ``_SUCCESS`` for the text of a manifest."""
    return success_of(sha256(manifest))


def success_of(sha256: str) -> bytes:
    """Give the content of ``_SUCCESS`` for a manifest whose text has this checksum."""
    return f"{sha256}  {MANIFEST}\n".encode()


def sha256(data: bytes) -> str:
    """The checksum in the form that manifests have it."""
    return hashlib.sha256(data).hexdigest()


def decode_manifest(text: bytes, path: Path) -> Manifest:
    """Read a manifest's text, strictly; ``path`` is for the IntegrityError that says what is wrong."""
    return _decode(text, path, Manifest)


def decode_latest(text: bytes, path: Path) -> Latest:
    """Read a pointer's text, as strictly."""
    return _decode(text, path, Latest)


def load_manifest(path: Path) -> Manifest:
    """Read a manifest file. Raises LocalError if it cannot be read, IntegrityError if it is not a manifest."""
    return decode_manifest(read(path), path)


def load_latest(path: Path) -> Latest:
    """Read a pointer. Raises LocalError if it cannot be read, IntegrityError if it is not one."""
    return decode_latest(read(path), path)


def read(path: Path) -> bytes:
    """Read a small file. Raises LocalError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise local_error(error, path) from error


def _decode(text: bytes, path: Path, kind: type[_Kind]) -> _Kind:
    try:
        number = msgspec.json.decode(text, type=_AnyFormat).format
        if number != FORMAT:
            raise IntegrityError(
                f"{path}: its format is {number}, this version of extractor reads {FORMAT}; use a version that reads it"
            )
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{path}: not what extractor writes: {error}") from None
