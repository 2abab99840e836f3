"""Publications of one stream, night after night, as the journal would note them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from extractor.plan.job import Dedupe, Stream
from extractor.store.compression import codec
from extractor.store.entries import Span, Stride
from extractor.store.publication import Memory, Publication, Published
from tests.store.conftest import Stage

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = Dedupe(key="ProfileId", version=None)


@dataclass(kw_only=True)
class Nights:
    """Publications of one stream, one a night, and what the journal notes of them."""

    root: Path
    spans: list[Span] = field(default_factory=list)
    rule: Dedupe | None = RULE

    @property
    def output(self) -> Path:
        """Where they are published."""
        return self.root / "exports"

    @property
    def index(self) -> Path:
        """What is remembered of them."""
        return self.root / "seen" / "stream.sqlite"

    def publication(
        self, number: int, *batches: list[bytes], since: datetime | None = None, **more: Any
    ) -> Publication:
        """Night ``number``, whose server says that it is midnight of that day."""
        stage = Stage(staging=self.root / "staging", output=self.output)
        stream = Stream(id="stream", name="Nightly", dedupe=self.rule)
        finished = [
            stage.job(place, tuple(lines)) if lines else stage.job(place) for place, lines in enumerate(batches)
        ]
        jobs = tuple(replace(each, job=replace(each.job, stream=stream, since=since)) for each in finished)
        until = more.pop("until", MIDNIGHT + DAY * number)
        base = replace(
            stage.publication(*jobs, run_id=f"202611{number:02d}T000000Z-0000"),
            number=number,
            strides=(Stride(stream=stream, since=since, until=until, watermark=None),),
            memory=Memory(folder=self.root / "seen", earlier={"stream": tuple(self.spans)}),
        )
        return replace(base, **more)

    def publish(self, publication: Publication, *, journaled: bool = True) -> Published:
        """Publish it, and have the journal note it."""
        stage = Stage(staging=self.root / "staging", output=self.output)
        published = stage.publish(publication)
        (stride,) = publication.strides
        if journaled and stride.until is not None:
            span = Span(
                stream="stream", run=publication.run_id, number=publication.run_number,
                publication=publication.number, since=stride.since, until=stride.until,
                published_at=float(len(self.spans)), path=str(published.folder),
            )  # fmt: skip
            self.spans.append(span)
        return published

    def night(self, number: int, *batches: list[bytes], **more: Any) -> Published:
        """Both."""
        return self.publish(self.publication(number, *batches, **more))


def lines_of(published: Published) -> list[bytes]:
    """What was published."""
    found = []
    for shard in published.manifest.shards:
        with codec("zstd").reader(published.folder / shard.name) as stream:
            found += stream.read().splitlines()
    return found


A1, A2, B1, C1 = b'{"ProfileId":1,"v":1}', b'{"ProfileId":1,"v":2}', b'{"ProfileId":2}', b'{"ProfileId":3}'
NOBODY = b'{"v":1}'


def files(folder: Path) -> dict[str, bytes]:
    """Every file below, with its content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
