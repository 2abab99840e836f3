"""A state folder in which nights have been: journals made by their public methods, without a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extractor.plan.job import Dataset, JobSpec, Kind, Stream
from extractor.store import marks
from extractor.store.entries import RunEntry, Stride
from extractor.store.journal import open_journal

NOW = datetime(2020, 11, 24, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def night(number: int, hour: int = 2) -> datetime:
    """An hour of a day of November."""
    return datetime(2020, 11, number, hour, tzinfo=UTC)


def job_of(
    name: str = "A", *, dataset: str = "", who: str = "everybody", stream: str = "", kind: Kind = "segment"
) -> JobSpec:
    """A job with a watermark; its stream's id is its name over and over, where none is given."""
    return JobSpec(
        ordinal=0,
        job_id="j",
        name=name,
        dataset=Dataset(kind=kind, name=dataset or name),
        stream=Stream(id=stream or (name.lower() * 16)[:16], name=name, who=who, overlap=OVERLAP.total_seconds()),
        since=None,
        last_date_time=None,
        match=None,
    )


@dataclass
class Nights:
    """A working folder with ``state`` and ``out``."""

    folder: Path

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def begin(self, run: str, *jobs: JobSpec) -> None:
        """A run begins, and publishes nothing."""
        self.state.mkdir(exist_ok=True)
        entry = RunEntry(
            run_id=run,
            plan_id="p",
            config_hash="c",
            config_path=str(self.folder / "my night.yaml"),
            output=str(self.folder / "out"),
            pid=1,
            started_at=NOW.timestamp(),
        )
        with open_journal(self.state / "journal.sqlite") as journal:
            journal.add_run(entry, [replace(job, ordinal=place) for place, job in enumerate(jobs)])

    def publish(
        self,
        run: str,
        job: JobSpec,
        since: datetime | None,
        until: datetime,
        *,
        mark: bool = True,
        place: str = "run",
    ) -> None:
        """A run publishes what changed in its job from ``since`` to ``until``; ``mark`` moves the watermark."""
        self.begin(run, job)
        at = until - OVERLAP if mark else None
        stride = Stride(stream=job.stream, since=since, until=until, watermark=at)
        with open_journal(self.state / "journal.sqlite") as journal:
            journal.number_publication(run, job.dataset)
            journal.publish_dataset(
                run,
                job.dataset,
                path=str(self.folder / "out" / job.dataset.folder / f"{place}={run}"),
                records=1,
                strides=[stride],
                now=until.timestamp(),
            )

    def backfill(self, run: str, job: JobSpec, since: datetime, until: datetime) -> None:
        """A backfill publishes a period."""
        self.publish(run, job, since, until, mark=False, place="backfill")

    def set(self, job: JobSpec, at: datetime | None) -> None:
        """Somebody moves the watermark."""
        with open_journal(self.state / "journal.sqlite") as journal:
            marks.move_by_hand(journal, job.stream.id, at, reason="set by hand", now=NOW.timestamp())

    def mark(self, job: JobSpec) -> datetime | None:
        """Where the watermark is."""
        with open_journal(self.state / "journal.sqlite") as journal:
            found = marks.watermark(journal, job.stream.id)
            return None if found is None else found.at
