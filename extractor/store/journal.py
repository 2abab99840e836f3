"""The journal: what has happened, in SQLite, so that a run can be told, resumed and trusted.

The only module that knows sqlite3; every statement stands in ``journal.sql``. Decides how facts are kept, not which:
``run`` says what to record and ``protocol.lifecycle`` what it means. There is one writer (the process that holds the
lock of the state folder) and any number of readers.

Every public method that changes something is one transaction and durable on return (WAL, ``synchronous=FULL``). A
journal is used from one thread at a time.

Formats. 1: the first. 2: the journal has an id of its own and numbers its publications, so that an old copy of it is
recognised by what has been published since; and it knows until when a connection is held. An older one is brought up to
date when it is opened for writing, in one transaction; for reading it is taken as it is.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Self

import msgspec

from extractor.errors import IntegrityError, LocalError, LocalUnavailable
from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import Event, ExportSealed, TakenUp, TokenIssued
from extractor.store import door
from extractor.store.door import Kind, Operation
from extractor.store.durable import kind_of, local_error
from extractor.store.entries import Fact, Hold, Identity, JobEnd, RunEntry
from extractor.store.facts import decode_event, encode_event

FORMAT = 2
PUBLISHED = "published"  # the state of a dataset that readers may see
_APPLICATION = 0x53584A31  # "SXJ1": lets another program's database be refused


class Journal:
    """An open journal. Close it, or use it as a context manager; closing twice is harmless."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Everything recorded is already durable."""
        self._connection.close()

    def add_run(self, run: RunEntry, jobs: Sequence[JobSpec]) -> None:
        """Write down a run and what it will ask for, before it asks."""
        datasets = dict.fromkeys(job.dataset for job in jobs)
        with self._transaction():
            self._run("next_run", {})
            self._run("add_run", _fields(run))
            for job in jobs:
                self._run("add_job", _job_row(run.run_id, job))
            for dataset in datasets:
                self._run("add_dataset", {"run_id": run.run_id, **_fields(dataset)})

    def reopen_run(self, run_id: str, *, pid: int) -> None:
        """Note that a run goes on in process ``pid``: datasets that were withheld are open again.

        How a job had ended stands until it is taken up itself.
        """
        with self._transaction():
            self._run("reopen_run", {"run_id": run_id, "pid": pid})
            self._run("reopen_datasets", {"run_id": run_id})

    def record(self, run_id: str, facts: Iterable[Fact], ends: Iterable[JobEnd] = ()) -> None:
        """Add facts, and the ends of jobs, in the order given: all of them or none.

        A job that is taken up has not ended any more.
        """
        with self._transaction():
            for fact in facts:
                kind, body = encode_event(fact.event)
                row = {"run_id": run_id, "ordinal": fact.ordinal, "at": fact.at, "kind": kind, "body": body}
                self._run("add_event", row)
                if isinstance(fact.event, TakenUp):
                    self._run("take_up_job", {"run_id": run_id, "ordinal": fact.ordinal})
            for end in ends:
                row = {
                    "run_id": run_id,
                    "ordinal": end.ordinal,
                    "verdict": end.outcome.verdict.value,
                    "message": end.outcome.message,
                    "outcome": msgspec.json.encode(end.outcome),
                }
                self._run("end_job", row)

    def number_publication(self, run_id: str, dataset: Dataset) -> int:
        """Give a dataset's publication its number: the next one of this journal, or the one that it has already."""
        row = {"run_id": run_id, **_fields(dataset)}
        number: int | None = self.dataset(run_id, dataset)["number"]
        if number is not None:
            return number
        with self._transaction():
            self._run("next_number", {})
            self._run("number_dataset", row)
        return self.identity().publications

    def end_dataset(self, run_id: str, dataset: Dataset, *, state: str, path: str = "", records: int = 0) -> None:
        """Note what became of a dataset: ``published`` (with its folder) or ``withheld``."""
        with self._transaction():
            row = {"run_id": run_id, "state": state, "path": path, "records": records, **_fields(dataset)}
            self._run("end_dataset", row)

    def withhold(self, run_id: str, datasets: Iterable[Dataset]) -> None:
        """Note that all of these are not published, however many: in one transaction."""
        with self._transaction():
            for dataset in datasets:
                row = {"run_id": run_id, "state": "withheld", "path": "", "records": 0, **_fields(dataset)}
                self._run("end_dataset", row)

    def end_run(self, run_id: str, *, finished_at: float, exit_code: int, requests: int, reason: str) -> None:
        """Note that a run is over."""
        row = {
            "run_id": run_id,
            "finished_at": finished_at,
            "exit_code": exit_code,
            "requests": requests,
            "reason": reason,
        }
        with self._transaction():
            self._run("end_run", row)

    def identity(self) -> Identity:
        """Say which journal this is."""
        (row,) = self._rows("identity", {})
        return Identity(**row)

    def hold(self, connection: str, hold: Hold) -> None:
        """Note that nothing may be sent on a connection for a while, in place of what was noted of it before."""
        with self._transaction():
            self._run("hold", {"connection": connection, **_fields(hold)})

    def held(self, connection: str) -> Hold | None:
        """What was noted last of a connection's holds; it may be long over. None if there never was one."""
        rows = self._rows("held", {"connection": connection})
        return Hold(**rows[0]) if rows else None

    def forget(self, run_ids: Iterable[str]) -> None:
        """Remove every line of these runs, all of them or none. An unknown run is no error."""
        with self._transaction():
            for run_id in run_ids:
                for name in ("forget_events", "forget_datasets", "forget_jobs", "forget_run"):
                    self._run(name, {"run_id": run_id})

    def runs(self) -> list[dict[str, Any]]:
        """Every run, newest first, with counts of its jobs."""
        return self._rows("runs", {})

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """The jobs of a run in plan order; ``verdict`` is None while a job is unfinished."""
        return self._rows("jobs", {"run_id": run_id})

    def datasets(self, run_id: str) -> list[dict[str, Any]]:
        """The datasets of a run."""
        return self._rows("datasets", {"run_id": run_id})

    def events(self, run_id: str, ordinal: int) -> list[Event]:
        """The facts of one job, oldest first, ready to be folded."""
        rows = self._rows("events", {"run_id": run_id, "ordinal": ordinal})
        return [decode_event(row["kind"], row["body"]) for row in rows]

    def run_number(self, run_id: str) -> int:
        """How many runs this journal had begun when it began this one, itself included."""
        number: int = self._rows("run_number", {"run_id": run_id})[0]["number"]
        return number

    def dataset(self, run_id: str, dataset: Dataset) -> dict[str, Any]:
        """One dataset of a run, which must be there."""
        (row,) = self._rows("dataset", {"run_id": run_id, **_fields(dataset)})
        return row

    def begun(self, run_id: str) -> frozenset[int]:
        """The ordinals of the jobs of which there is any fact."""
        return frozenset(row["ordinal"] for row in self._rows("begun", {"run_id": run_id}))

    def issued(self, run_id: str) -> frozenset[int]:
        """Every AccessToken that was issued to a run, also those of exports that are over."""
        events = (decode_event(row["kind"], row["body"]) for row in self._rows("issued", {"run_id": run_id}))
        return frozenset(event.token for event in events if isinstance(event, TokenIssued))

    def sealed(self, run_id: str, ordinal: int) -> ExportSealed | None:
        """The latest seal of a job, or None."""
        rows = self._rows("last_event", {"run_id": run_id, "ordinal": ordinal, "kind": "ExportSealed"})
        if not rows:
            return None
        event = decode_event(rows[0]["kind"], rows[0]["body"])
        return event if isinstance(event, ExportSealed) else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                door.announce(Operation(kind=Kind.TRANSACTION, path=self._path))
                self._connection.execute("COMMIT")
            except BaseException:  # whatever it was, a cancellation too: undone here, and raised on as it came
                if self._connection.in_transaction:  # a COMMIT that fails for a full disk may have undone it already
                    self._connection.execute("ROLLBACK")
                raise

    def _run(self, name: str, values: Mapping[str, Any]) -> None:
        self._connection.execute(_STATEMENTS[name], values)

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._told():
            cursor = self._connection.execute(_STATEMENTS[name], values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Map SQLite's errors: a damaged file is an integrity matter, the rest is this machine's."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _explained(error, self._path) from None
        except OSError as error:
            raise local_error(error, self._path) from None


def open_journal(path: Path) -> Journal:
    """Open the journal at ``path`` for writing, and make it (0600) if it is not there.

    Raises LocalError when the file cannot be used, IntegrityError when it is damaged or not a journal of this format.
    """
    try:
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
    except OSError as error:
        raise kind_of(error)(
            f"{path}: the journal cannot be written ({error.strerror}) -- check the state folder"
        ) from None
    return _connect(path, f"{path.absolute().as_uri()}")


def read_journal(path: Path) -> Journal:
    """Open an existing journal for reading only, also while a run is writing it. Errors as ``open_journal``."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise LocalError(f"{path}: no journal there -- has a run been made with this state folder?") from None
    except OSError as error:
        raise local_error(error, path) from None
    return _connect(path, f"{path.absolute().as_uri()}?mode=ro")


def _connect(path: Path, uri: str) -> Journal:
    writable = not uri.endswith("mode=ro")
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise _explained(error, path) from None
    journal = Journal(connection, path)
    try:
        version = _checked_format(connection, path, writable=writable)
        if writable:
            connection.execute("PRAGMA journal_mode = WAL")  # not before it is known to be ours: it changes the file
            connection.execute("PRAGMA synchronous = FULL")
            _bring_up_to_date(connection, path, version)
    except sqlite3.Error as error:
        journal.close()
        raise _explained(error, path) from None
    except BaseException:  # whatever it was: the file is not left locked, and it is raised on as it came
        journal.close()
        raise
    return journal


def _checked_format(connection: sqlite3.Connection, path: Path, *, writable: bool) -> int:
    """Give the format of a journal, 0 of an empty file; refuse what is not one, or of a format yet to come."""
    connection.execute("BEGIN")  # one look: the journal may just be being made
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("COMMIT")
    if tables == 0 and version == 0:
        if not writable:
            raise LocalError(f"{path}: the journal is empty -- no run has been recorded")
        return 0
    if application != _APPLICATION:
        raise IntegrityError(f"{path}: not a journal of extractor -- choose another state folder")
    if not 1 <= version <= FORMAT:
        raise IntegrityError(
            f"{path}: journal format {version}, this version reads up to {FORMAT} -- use the extractor that wrote it, "
            "or another state folder"
        )
    return int(version)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring a journal to the present format, all or nothing."""
    if version == FORMAT:
        return
    script = f"PRAGMA application_id = {_APPLICATION}; {_STATEMENTS['schema']}"
    if version:
        script = "".join(_STATEMENTS[f"migrate_{old}"] for old in range(version, FORMAT))
    connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {FORMAT};")
    try:
        door.announce(Operation(kind=Kind.TRANSACTION, path=path))
    except OSError as error:
        raise local_error(error, path) from None
    connection.execute("COMMIT")


def _explained(error: sqlite3.Error, path: Path) -> LocalError | IntegrityError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code in {"SQLITE_CORRUPT", "SQLITE_NOTADB"} or code.startswith("SQLITE_CORRUPT"):
        return IntegrityError(
            f"{path}: the journal is damaged -- restore it from a backup, or use another state folder"
        )
    if code.startswith("SQLITE_FULL"):
        return LocalUnavailable(f"{path}: the disk is full -- free some space")
    if code.startswith(("SQLITE_IOERR", "SQLITE_NOMEM")):
        return LocalUnavailable(f"{path}: the journal cannot be used ({code}) -- check the disk, and that it has room")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return LocalError(f"{path}: the journal cannot be written -- check the rights of the state folder")
    return LocalError(f"{path}: the journal cannot be used ({code or type(error).__name__})")


def _fields(value: RunEntry | Dataset | Hold) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _job_row(run_id: str, job: JobSpec) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "ordinal": job.ordinal,
        "job_id": job.job_id,
        "label": job.label,
        "kind": job.dataset.kind,
        "name": job.dataset.name,
    }


def _named_statements(text: str) -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


_STATEMENTS = _named_statements(resources.files(__package__).joinpath("journal.sql").read_text("utf-8"))
