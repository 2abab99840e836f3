"""The nouns of the store, as factories."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import KeptText, Outcome, SealedPart, Verdict
from extractor.store.compression import Compression, codec
from extractor.store.manifest import KeptSummary, summarize_kept
from extractor.store.publication import FinishedJob, Publication, Published
from extractor.store.publish import publish
from tests.asking import STREAM, match_of

_NOBODY = 65534
RUN = "20261123T020000Z-7f3a"


@dataclass(kw_only=True)
class Stage:
    """A staging folder with sealed parts in it, and an output folder."""

    staging: Path
    output: Path
    compression: Compression = "zstd"
    dataset: Dataset = field(default_factory=lambda: Dataset(kind="segment", name="Newsletter OptIns"))

    def part(self, job: int, index: int, *lines: bytes) -> SealedPart:
        """Write a part of these lines, each a frame of its own."""
        way = codec(self.compression)
        data = b"".join(way.frame(line + b"\n") for line in lines)
        name = f"{job:07d}/export-1/part-{index:05d}{way.extension}"
        path = self.staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return SealedPart(
            name=name,
            records=len(lines),
            bytes=len(data),
            uncompressed_bytes=sum(len(line) + 1 for line in lines),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def job(self, ordinal: int, *parts: tuple[bytes, ...], kept: tuple[KeptText, ...] = ()) -> FinishedJob:
        """A job that is done, with a part of each group of lines."""
        sealed = tuple(self.part(ordinal, index, *lines) for index, lines in enumerate(parts))
        records = sum(part.records for part in sealed)
        spec = JobSpec(
            ordinal=ordinal,
            job_id=f"{ordinal:016x}",
            name=f"job {ordinal}",
            dataset=self.dataset,
            stream=STREAM,
            since=datetime(2026, 11, 22, 0, 0, 0, 3000, UTC) if ordinal else None,
            last_date_time="2026-11-22T00:00:00.000Z" if ordinal else None,
            match=match_of("EmailAddress", "Home", ("ada@example.test",)) if ordinal else None,
        )
        outcome = Outcome(verdict=Verdict.DONE, records=records, total_results=records, exports=1, retries=2)
        summary = summarize_kept(kept) if kept else KeptSummary()
        return FinishedJob(job=spec, outcome=outcome, parts=sealed, kept=summary, requests=7)

    def publication(self, *jobs: FinishedJob, run_id: str = RUN) -> Publication:
        """What is published of these jobs."""
        return Publication(
            run_id=run_id,
            journal="0123456789abcdef",
            run_number=int(run_id[:8]),
            number=1,
            dataset=self.dataset,
            config_hash="c0ffee",
            compression=self.compression,
            started="2026-11-23T02:00:00Z",
            finished="2026-11-23T02:10:00.5Z",
            strides=(),
            jobs=jobs,
        )

    def publish(self, publication: Publication, *, shard_bytes: int = 1_000_000) -> Published:
        """Publish it here."""
        return publish(publication, staging=self.staging, output=self.output, shard_bytes=shard_bytes)

    def small(self, run_id: str = RUN) -> Publication:
        """Two jobs of five records, one of them in the server's own spelling, in three parts."""
        return self.publication(
            self.job(0, (b'{"ProfileId":1}', b'{"ProfileId":2,"Name":"Zo\xc3\xab"}'), (b'{"ProfileId":3}',)),
            self.job(1, (b'{"ProfileId":4}', b'{"a":1,"a":2}'), kept=(KeptText(record=2, reason="duplicate key"),)),
            run_id=run_id,
        )


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of somebody whom modes bind: as root, the test goes on as nobody, and is root again afterwards."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        was_root = os.geteuid() == 0
        if was_root:
            os.chown(folder, _NOBODY, -1)
            os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            if was_root:
                os.seteuid(0)
            for place, folders, _ in os.walk(folder):
                for each in folders:
                    (Path(place) / each).chmod(0o700)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An empty stage; zstd."""
    return Stage(staging=tmp_path / "staging", output=tmp_path / "exports")


@pytest.fixture
def stage_of(tmp_path: Path) -> Callable[[Compression], Stage]:
    """An empty stage of another compression."""
    plain = Stage(staging=tmp_path / "staging", output=tmp_path / "exports")
    return lambda compression: replace(plain, compression=compression)
