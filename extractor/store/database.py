"""One SQLite file: opening, formats, transactions, and errors that say whose fault they are.

The only module that knows sqlite3. Decides how a file is opened, recognised and brought up to date, and that every
change is one transaction, durable on return (WAL, ``synchronous=FULL``). Does not know what is kept: each file's
statements stand in an ``.sql`` file, by name. Called by ``journal``, ``marks`` and ``seen``.

A database is used from one thread at a time.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

from extractor.errors import IntegrityError, LocalError, LocalUnavailable
from extractor.store import door
from extractor.store.door import Kind, Operation
from extractor.store.durable import kind_of, local_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What kind of file it is: its noun in messages, the number that marks it, its newest format, its statements.

    The statements hold ``schema`` and ``migrate_N`` for each older format N.
    """

    noun: str
    application: int
    format: int
    statements: Mapping[str, str] = field(repr=False)


def kept(name: str, *, noun: str, application: int, format: int) -> Kept:  # noqa: A002 - the word of every file format
    """Describe the files whose statements stand in the resource ``name`` beside this module."""
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    statements = dict(zip(parts[1::2], parts[2::2], strict=True))
    return Kept(noun=noun, application=application, format=format, statements=statements)


class Empty(LocalError):  # noqa: N818 - the house's words
    """The file is there, but whoever made it died before anything was in it."""


class Database:
    """An open file. Close it, or use it as a context manager; closing twice is harmless."""

    def __init__(self, connection: sqlite3.Connection, path: Path, kind: Kept) -> None:
        self._connection = connection
        self._path = path
        self._kind = kind
        self.format = 0  # of the file; older than the newest only where it is open for reading

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Everything recorded is already durable."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything that is changed inside durable together, or not at all."""
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

    def change(self, name: str, values: Mapping[str, Any]) -> None:
        """Run the named statement; inside a transaction."""
        self._connection.execute(self._kind.statements[name], values)

    def change_all(self, name: str, values: Iterable[Mapping[str, Any]]) -> None:
        """Run the named statement once for each of ``values``; inside a transaction."""
        self._connection.executemany(self._kind.statements[name], values)

    def rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Give the rows of the named statement."""
        with self._told():
            cursor = self._connection.execute(self._kind.statements[name], values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def each(self, name: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Give the rows of the named statement one after the other, without the names of their columns."""
        with self._told():
            yield from self._connection.execute(self._kind.statements[name], values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Map SQLite's errors: a damaged file is an integrity matter, the rest is this machine's."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _explained(error, self._path, self._kind) from None
        except OSError as error:
            raise local_error(error, self._path) from None


_Some = TypeVar("_Some", bound=Database)


def touch(path: Path, kind: Kept) -> None:
    """Make the file (0600) if it is not there. Raises LocalError."""
    try:
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
    except OSError as error:
        raise kind_of(error)(
            f"{path}: the {kind.noun} cannot be written ({error.strerror}) -- check the state folder"
        ) from None


def connect(database: type[_Some], path: Path, kind: Kept, *, writable: bool) -> _Some:
    """Open the file at ``path``; a writable one is brought up to date.

    Raises LocalError when it cannot be used, IntegrityError when it is damaged or not of this kind and format.
    """
    uri = path.absolute().as_uri() + ("" if writable else "?mode=ro")
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise _explained(error, path, kind) from None
    opened = database(connection, path, kind)
    try:
        opened.format = _checked_format(connection, path, kind, writable=writable)
        if writable:
            connection.execute("PRAGMA journal_mode = WAL")  # not before it is known to be ours: it changes the file
            connection.execute("PRAGMA synchronous = FULL")
            _bring_up_to_date(connection, path, kind, opened.format)
            opened.format = kind.format
    except sqlite3.Error as error:
        opened.close()
        raise _explained(error, path, kind) from None
    except BaseException:  # whatever it was: the file is not left locked, and it is raised on as it came
        opened.close()
        raise
    return opened


def _checked_format(connection: sqlite3.Connection, path: Path, kind: Kept, *, writable: bool) -> int:
    """Give the format of a file, 0 of an empty file; refuse what is not one, or of a format yet to come."""
    connection.execute("BEGIN")  # one look: the {kind.noun} may just be being made
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("COMMIT")
    if tables == 0 and version == 0:
        if not writable:
            raise Empty(f"{path}: the {kind.noun} is empty -- nothing has been recorded")
        return 0
    if application != kind.application:
        raise IntegrityError(f"{path}: not a {kind.noun} of extractor -- choose another state folder")
    if not 1 <= version <= kind.format:
        raise IntegrityError(
            f"{path}: {kind.noun} format {version}, this version reads up to {kind.format} -- use the extractor "
            "that wrote it, or another state folder"
        )
    return int(version)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, kind: Kept, version: int) -> None:
    """Bring a file to the present format, all or nothing."""
    if version == kind.format:
        return
    script = f"PRAGMA application_id = {kind.application}; {kind.statements['schema']}"
    if version:
        script = "".join(kind.statements[f"migrate_{old}"] for old in range(version, kind.format))
    connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {kind.format};")
    try:
        door.announce(Operation(kind=Kind.TRANSACTION, path=path))
    except OSError as error:
        raise local_error(error, path) from None
    connection.execute("COMMIT")


def _explained(error: sqlite3.Error, path: Path, kind: Kept) -> LocalError | IntegrityError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code in {"SQLITE_CORRUPT", "SQLITE_NOTADB"} or code.startswith("SQLITE_CORRUPT"):
        return IntegrityError(
            f"{path}: the {kind.noun} is damaged -- restore it from a backup, or use another state folder"
        )
    if code.startswith("SQLITE_FULL"):
        return LocalUnavailable(f"{path}: the disk is full -- free some space")
    if code.startswith(("SQLITE_IOERR", "SQLITE_NOMEM")):
        return LocalUnavailable(
            f"{path}: the {kind.noun} cannot be used ({code}) -- check the disk, and that it has room"
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return LocalError(f"{path}: the {kind.noun} cannot be written -- check the rights of the state folder")
    return LocalError(f"{path}: the {kind.noun} cannot be used ({code or type(error).__name__})")
