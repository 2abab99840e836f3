"""The journal: what has happened, in SQLite, so that a run can be told, resumed and trusted.

Decides how facts are kept, not which: ``run`` says what to record and ``protocol.lifecycle`` what it means. Every
statement stands in ``journal.sql``; how the file is opened and changed is ``database``'s. There is one writer (the
process that holds the lock of the state folder) and any number of readers. What is known of streams over many nights
is in the same file, and ``marks`` knows it.

Every public method that changes something is one transaction and durable on return. A journal is used from one thread
at a time.

Formats. 1: the first. 2: the journal has an id of its own and numbers its publications, so that an old copy of it is
recognised by what has been published since; and it knows until when a connection is held. 3: it has a key for digests
of match values, knows what a run was asked beyond its configuration, and keeps streams, watermarks and spans. An older
one is brought up to date when it is opened for writing, in one transaction; for reading it is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from extractor.errors import LocalError
from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import Event, TakenUp, TokenIssued
from extractor.store import marks
from extractor.store.database import Database, connect, kept, touch
from extractor.store.durable import local_error
from extractor.store.entries import Fact, Hold, Identity, JobEnd, RunEntry, Stride
from extractor.store.facts import decode_event, encode_event

FORMAT = 3
_KEY_SINCE = 3  # the format
PUBLISHED = "published"  # the state of a dataset that readers may see
_APPLICATION = 0x53584A31  # "SXJ1": lets another program's database be refused
_JOURNAL = kept("journal.sql", noun="journal", application=_APPLICATION, format=FORMAT)


class Journal(Database):
    """An open journal. Close it, or use it as a context manager; closing twice is harmless."""

    def add_run(self, run: RunEntry, jobs: Sequence[JobSpec]) -> None:
        """Write down a run and what it will ask for, before it asks."""
        datasets = dict.fromkeys(job.dataset for job in jobs)
        with self.transaction():
            self.change("next_run", {})
            self.change("add_run", _fields(run))
            self._add_streams(jobs)
            self.change_all("add_job", (_job_row(run.run_id, job) for job in jobs))
            for dataset in datasets:
                self.change("add_dataset", {"run_id": run.run_id, **_fields(dataset)})

    def reopen_run(self, run_id: str, jobs: Sequence[JobSpec], *, pid: int) -> None:
        """Note that a run goes on in process ``pid``: datasets that were withheld are open again.

        ``jobs`` are the run's; their streams are written down, which an older version of this program did not do.

        How a job had ended stands until it is taken up itself.
        """
        with self.transaction():
            self.change("reopen_run", {"run_id": run_id, "pid": pid})
            self._add_streams(jobs)
            named = ({"run_id": run_id, "ordinal": job.ordinal, "stream": job.stream.id} for job in jobs)
            self.change_all("name_stream", named)
            self.change("reopen_datasets", {"run_id": run_id})

    def _add_streams(self, jobs: Sequence[JobSpec]) -> None:
        for job in {job.stream.id: job for job in jobs}.values():
            self.change("add_stream", marks.stream_row(job))

    def record(self, run_id: str, facts: Iterable[Fact], ends: Iterable[JobEnd] = ()) -> None:
        """Add facts, and the ends of jobs, in the order given: all of them or none.

        A job that is taken up has not ended any more.
        """
        with self.transaction():
            added = list(facts)
            self.change_all("add_event", (_event_row(run_id, fact) for fact in added))
            taken_up = [fact.ordinal for fact in added if isinstance(fact.event, TakenUp)]
            self.change_all("take_up_job", ({"run_id": run_id, "ordinal": ordinal} for ordinal in taken_up))
            self.change_all("end_job", (_end_row(run_id, end) for end in ends))

    def number_publication(self, run_id: str, dataset: Dataset) -> int:
        """Give a dataset's publication its number: the next one of this journal, or the one that it has already."""
        row = {"run_id": run_id, **_fields(dataset)}
        number: int | None = self.dataset(run_id, dataset)["number"]
        if number is not None:
            return number
        with self.transaction():
            self.change("next_number", {})
            self.change("number_dataset", row)
        return self.identity().publications

    def publish_dataset(
        self, run_id: str, dataset: Dataset, *, path: str, records: int, strides: Iterable[Stride], now: float
    ) -> list[str]:
        """Note that a dataset stands in its folder ``path``, and move its streams' watermarks with it.

        Gives a sentence for each watermark that a person should know of. ``now`` is in Unix seconds.
        """
        row = {"run_id": run_id, "state": PUBLISHED, "path": path, "records": records, **_fields(dataset)}
        with self.transaction():
            self.change("end_dataset", row)
            number = self.dataset(run_id, dataset)["number"]
            return marks.stride(self, run_id, strides, publication=number, path=path, now=now)

    def end_dataset(self, run_id: str, dataset: Dataset, *, state: str) -> None:
        """Note what became of a dataset that is not published."""
        with self.transaction():
            row = {"run_id": run_id, "state": state, "path": "", "records": 0, **_fields(dataset)}
            self.change("end_dataset", row)

    def withhold(self, run_id: str, datasets: Iterable[Dataset]) -> None:
        """Note that all of these are not published, however many: in one transaction."""
        with self.transaction():
            for dataset in datasets:
                row = {"run_id": run_id, "state": "withheld", "path": "", "records": 0, **_fields(dataset)}
                self.change("end_dataset", row)

    def end_run(self, run_id: str, *, finished_at: float, exit_code: int, requests: int, reason: str) -> None:
        """Note that a run is over."""
        row = {
            "run_id": run_id,
            "finished_at": finished_at,
            "exit_code": exit_code,
            "requests": requests,
            "reason": reason,
        }
        with self.transaction():
            self.change("end_run", row)

    def key(self) -> bytes:
        """The state folder's key for digests of match values; empty in an older format that is only read."""
        if self.format < _KEY_SINCE:
            return b""
        (row,) = self.rows("journal", {})
        return bytes(row["key"])

    def request(self, run_id: str) -> str:
        """What a run was asked beyond its configuration, as it was written down (JSON)."""
        rows = self.rows("run", {"run_id": run_id})
        return str(rows[0].get("request", "{}")) if rows else "{}"

    def identity(self) -> Identity:
        """Say which journal this is."""
        (row,) = self.rows("identity", {})
        return Identity(**row)

    def hold(self, connection: str, hold: Hold) -> None:
        """Note that nothing may be sent on a connection for a while, in place of what was noted of it before."""
        with self.transaction():
            self.change("hold", {"connection": connection, **_fields(hold)})

    def held(self, connection: str) -> Hold | None:
        """What was noted last of a connection's holds; it may be long over. None if there never was one."""
        rows = self.rows("held", {"connection": connection})
        return Hold(**rows[0]) if rows else None

    def forget(self, run_ids: Iterable[str]) -> None:
        """Remove every line of these runs, all of them or none. An unknown run is no error."""
        with self.transaction():
            for run_id in run_ids:
                for name in ("forget_events", "forget_datasets", "forget_jobs", "forget_run"):
                    self.change(name, {"run_id": run_id})

    def runs(self) -> list[dict[str, Any]]:
        """Every run, newest first, with counts of its jobs."""
        return self.rows("runs", {})

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """The jobs of a run in plan order; ``verdict`` is None while a job is unfinished."""
        return self.rows("jobs", {"run_id": run_id})

    def datasets(self, run_id: str) -> list[dict[str, Any]]:
        """The datasets of a run."""
        return self.rows("datasets", {"run_id": run_id})

    def events(self, run_id: str, ordinal: int) -> list[Event]:
        """The facts of one job, oldest first, ready to be folded."""
        return list(self.events_in_turn(run_id, ordinal))

    def events_in_turn(self, run_id: str, ordinal: int) -> Iterator[Event]:
        """Give the same one by one, for there is one a page: read as they are taken, so take them at once."""
        for kind, body in self.each("events", {"run_id": run_id, "ordinal": ordinal}):
            yield decode_event(kind, body)

    def run_number(self, run_id: str) -> int:
        """How many runs this journal had begun when it began this one, itself included."""
        number: int = self.rows("run_number", {"run_id": run_id})[0]["number"]
        return number

    def dataset(self, run_id: str, dataset: Dataset) -> dict[str, Any]:
        """One dataset of a run, which must be there."""
        (row,) = self.rows("dataset", {"run_id": run_id, **_fields(dataset)})
        return row

    def begun(self, run_id: str) -> frozenset[int]:
        """The ordinals of the jobs of which there is any fact."""
        return frozenset(ordinal for (ordinal,) in self.each("begun", {"run_id": run_id}))

    def issued(self, run_id: str) -> frozenset[int]:
        """Every AccessToken that was issued to a run, also those of exports that are over."""
        events = (decode_event(kind, body) for kind, body in self.each("issued", {"run_id": run_id}))
        return frozenset(event.token for event in events if isinstance(event, TokenIssued))


def open_journal(path: Path) -> Journal:
    """Open the journal at ``path`` for writing, and make it (0600) if it is not there.

    Raises LocalError when the file cannot be used, IntegrityError when it is damaged or not a journal of this format.
    """
    touch(path, _JOURNAL)
    return connect(Journal, path, _JOURNAL, writable=True)


def read_journal(path: Path) -> Journal:
    """Open an existing journal for reading only, also while a run is writing it. Errors as ``open_journal``."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise LocalError(f"{path}: no journal there -- has a run been made with this state folder?") from None
    except OSError as error:
        raise local_error(error, path) from None
    return connect(Journal, path, _JOURNAL, writable=False)


def _fields(value: RunEntry | Dataset | Hold) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _event_row(run_id: str, fact: Fact) -> dict[str, Any]:
    kind, body = encode_event(fact.event)
    return {"run_id": run_id, "ordinal": fact.ordinal, "at": fact.at, "kind": kind, "body": body}


def _end_row(run_id: str, end: JobEnd) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "ordinal": end.ordinal,
        "verdict": end.outcome.verdict.value,
        "message": end.outcome.message,
        "outcome": msgspec.json.encode(end.outcome),
    }


def _job_row(run_id: str, job: JobSpec) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "ordinal": job.ordinal,
        "job_id": job.job_id,
        "label": job.label,
        "kind": job.dataset.kind,
        "name": job.dataset.name,
        "stream": job.stream.id,
        "since": job.last_date_time,
    }
