"""What is to be published of one dataset, and what was. Values only: ``run`` makes them, ``publish`` obeys them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from extractor.plan.job import Dataset, JobSpec
from extractor.plan.partitions import Partitions
from extractor.protocol.vocabulary import Outcome, SealedPart
from extractor.store.compression import Compression
from extractor.store.entries import Span, Stride
from extractor.store.manifest import KeptSummary, Manifest
from extractor.store.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedJob:
    """A job that is done; the names of ``parts`` are relative to the run's staging folder."""

    job: JobSpec
    outcome: Outcome
    parts: tuple[SealedPart, ...]
    kept: KeptSummary = field(default_factory=KeptSummary)
    repeated: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where the indexes of published records are, and what the journal knows of earlier publications.

    ``folder`` is the state folder's ``seen``; ``earlier`` are the spans of each stream, by its id, in any order.
    """

    folder: Path
    earlier: Mapping[str, tuple[Span, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be published of one dataset: ``jobs`` in plan order; instants are ISO, UTC, with ``Z``.

    ``journal`` says which journal knows of it, ``number`` and ``run_number`` as the how-manieth of its publications and
    of its runs. ``strides`` are what it covers, stream by stream. With ``partitions`` it is a backfill, published in
    windows; ``record_id`` is the member that tells one record from another. Without ``memory``, and in backfills,
    nothing is left out as unchanged.
    """

    run_id: str
    run_number: int
    journal: str
    number: int
    dataset: Dataset
    config_hash: str
    compression: Compression
    started: str
    finished: str
    strides: tuple[Stride, ...]
    jobs: tuple[FinishedJob, ...]
    partitions: Partitions | None = None
    memory: Memory | None = None
    record_id: str = "ProfileId"
    witness: Witness | None = None  # of the parts that this process has written

    @property
    def name(self) -> str:
        """The name of the published folder, inside the dataset's."""
        return f"{'run' if self.partitions is None else 'backfill'}={self.run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A folder under its final name; ``notices`` are what a person should know, one sentence each.

    ``manifest`` is without its jobs, which may be a hundred thousand: ``manifest.load_manifest`` has them.
    """

    folder: Path
    manifest: Manifest
    notices: tuple[str, ...] = ()
