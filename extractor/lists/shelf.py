"""Where the values of match lists stand in a state folder, and how they come back.

``<state>/lists/<list id>/`` holds ``values`` (one a line, in the order of the file), ``rejects.ndjson`` (``line``,
``reason`` and ``value`` of each bad row) and ``list.json`` (what the list was made of). The id is the keyed digest of
the values, so that one list is kept once, however many jobs and runs ask by it. A list appears under its name only when
it is complete and durable. Folders 0700, files 0600: these are people's data.

Decides that layout, how a list is cut into batches, and that values which are not what they were are never sent. Does
not decide when a list is of no more use: ``run.pruning`` does. Called by ``intake``, ``outcome`` and ``run``.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from extractor.errors import IntegrityError, LocalError
from extractor.lists.source import Stamp, stamp_of
from extractor.plan.job import JobSpec, ListPart, digest_of
from extractor.plan.planner import MatchList
from extractor.store import durable

LISTS: Final = "lists"
VALUES: Final = "values"
REJECTS: Final = "rejects.ndjson"
ENTRY: Final = "list.json"
FORMAT: Final = 1
_CHUNK: Final = 256 * 1024  # bytes written at a time
_AHEAD: Final = 64 * 1024  # bytes of values that are read at once where batches are small
_LISTS: Final = 16  # of which so much may be in memory
_PASSING: Final = ".reading-"
_ID: Final = re.compile("[0-9a-f]{32}")
_GONE: Final = "start a new run, which reads the list anew"


class ListEntry(msgspec.Struct, frozen=True, kw_only=True):
    """``list.json``. Counts are of rows, but ``values`` of those that are asked for; sizes in bytes.

    ``source`` names the file absolutely; ``inode``, ``size`` and ``mtime_ns`` are those that it had, None of standard
    input.
    """

    format: Literal[1] = FORMAT
    digest: str
    criteria: str
    source: str
    inode: int | None
    size: int | None
    mtime_ns: int | None
    rows: int
    blank: int
    rejected: int
    repeated: int
    values: int


class Spool:
    """A list that is being written, under a passing name. ``keep`` or ``discard`` it.

    With ``folder`` None it is written nowhere: then everything else is as if it were.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._passing = Path()
        self._pending: dict[str, list[bytes]] = {VALUES: [], REJECTS: []}
        self._sizes = {VALUES: 0, REJECTS: 0}
        self._files: dict[str, durable.AppendFile] = {}
        if folder is not None:
            self._begin(folder)

    def value(self, value: str) -> None:
        """Add a value; it holds no line end."""
        self._add(VALUES, f"{value}\n".encode())

    def reject(self, line: int, reason: str, value: str | None) -> None:
        """Add a bad row. What is not UTF-8 in it is escaped."""
        shown = None if value is None else value.encode("utf-8", "backslashreplace").decode()
        self._add(REJECTS, msgspec.json.encode({"line": line, "reason": reason, "value": shown}) + b"\n")

    def keep(self, entry: ListEntry) -> Path | None:
        """Put the list under its name; durable on return. Gives its folder."""
        if self._folder is None:
            return None
        for name, file in self._files.items():
            self._flush(name)
            file.sync()
        final = self._folder / entry.digest
        encoded = msgspec.json.format(msgspec.json.encode(entry), indent=1) + b"\n"
        if durable.is_there(final):  # the same values: but those that stand there may be damaged or gone
            durable.replace(self._passing / VALUES, final / VALUES)
            durable.replace(self._passing / REJECTS, final / REJECTS)
            durable.write_small(final / ENTRY, encoded)
            self.discard()
            return final
        durable.write_small(self._passing / ENTRY, encoded)
        durable.sync_folder(self._passing)
        try:
            durable.replace(self._passing, final)
        except LocalError:
            if not durable.is_there(final):
                raise
            self.discard()  # another process was faster
        durable.sync_folder(self._folder)
        self._close()
        return final

    def discard(self) -> None:
        """Leave nothing behind. May be called twice."""
        self._close()
        if self._folder is not None:
            durable.remove_tree(self._passing)

    def _begin(self, folder: Path) -> None:
        durable.make_folders(folder)
        while not self._files:
            self._passing = folder / f"{_PASSING}{secrets.token_hex(8)}"
            durable.make_folders(self._passing)
            file = durable.create_file(self._passing / VALUES)
            if file.hold():  # until it is closed nobody takes the folder for abandoned
                self._files = {VALUES: file, REJECTS: durable.create_file(self._passing / REJECTS)}
            else:
                file.close()

    def _add(self, name: str, data: bytes) -> None:
        if self._folder is None:
            return
        self._pending[name].append(data)
        self._sizes[name] += len(data)
        if self._sizes[name] >= _CHUNK:
            self._flush(name)

    def _flush(self, name: str) -> None:
        if self._pending[name]:
            self._files[name].write(b"".join(self._pending[name]))
        self._pending[name], self._sizes[name] = [], 0

    def _close(self) -> None:
        for file in self._files.values():
            file.close()


def cut(values: Iterable[str], *, batch: int, key: bytes) -> MatchList:
    """Cut values, taken one after the other, into batches of at most ``batch``. ``key`` is the state folder's."""
    pieces: list[tuple[int, int, int, str]] = []
    pending: list[str] = []
    start = length = count = 0

    def close() -> None:
        nonlocal start, length
        pieces.append((start, length, len(pending), digest_of(pending, key)))
        start, length = start + length, 0
        pending.clear()

    def passing() -> Iterator[str]:
        nonlocal length, count
        for value in values:
            pending.append(value)
            length += len(value.encode()) + 1
            count += 1
            if len(pending) == batch:
                close()
            yield value
        if pending:
            close()

    digest = digest_of(passing(), key)
    batches = tuple(
        (ListPart(list_id=digest, start=begin, length=size), number, of_batch)
        for begin, size, number, of_batch in pieces
    )
    return MatchList(list_id=digest, digest=digest, count=count, batches=batches)


def recall(state: Path, list_id: str, *, batch: int, key: bytes) -> MatchList:
    """Cut a list that was read before again, without its source. ``batch`` is in values, ``key`` the state folder's.

    Raises LocalError when it is not there any more, IntegrityError when it is not what was read.
    """
    path = _folder(state, list_id) / VALUES
    try:
        with path.open("rb") as file:
            found = cut((line[:-1].decode() for line in file), batch=batch, key=key)
    except FileNotFoundError:
        raise LocalError(f"{path}: the values of this match list are gone; {_GONE}") from None
    except OSError as error:
        raise durable.local_error(error, path) from error
    except UnicodeDecodeError:
        raise _changed(path) from None
    if found.digest != list_id:
        raise _changed(path)
    return found


def entry_of(state: Path, list_id: str) -> ListEntry:
    """What is known of a list. Raises LocalError when it is not there, IntegrityError when it cannot be read."""
    path = _folder(state, list_id) / ENTRY
    try:
        return msgspec.json.decode(path.read_bytes(), type=ListEntry)
    except FileNotFoundError:
        raise LocalError(f"{path}: what is known of this match list is gone; {_GONE}") from None
    except OSError as error:
        raise durable.local_error(error, path) from error
    except msgspec.MsgspecError:
        raise _changed(path) from None


def source_changed(state: Path, list_id: str) -> str:
    """Say that a list's source is not what was read; empty when it is, or cannot change. Raises as ``entry_of``."""
    entry = entry_of(state, list_id)
    if entry.inode is None or entry.size is None or entry.mtime_ns is None:
        return ""
    if stamp_of(Path(entry.source)) == Stamp(inode=entry.inode, size=entry.size, mtime_ns=entry.mtime_ns):
        return ""
    return f"{entry.source} has changed or gone since the run began: the values that were read then are used"


def values_of(state: Path, part: ListPart) -> tuple[str, ...]:
    """Look up the values of a batch. Raises LocalError when they are gone, IntegrityError when they are cut off."""
    return _decoded(state, part, _read(state, part, part.length))


class Reader:
    """Gives jobs their values, compared with the digest that the plan knows. Small batches share a read.

    A job that has its values, or asks for everybody, comes back as it is. At most ``_LISTS`` pieces of ``_AHEAD`` bytes
    are in memory, the newest of each list that was read of late. ``ready`` may be called beside ``fetch``, which is one
    call at a time.
    """

    def __init__(self, state: Path, key: bytes) -> None:
        """``key`` is the state folder's."""
        self._state = state
        self._key = key
        self._pieces: dict[str, tuple[int, bytes]] = {}  # by list: where a piece of its values begins, and the piece

    def ready(self, job: JobSpec) -> JobSpec | None:
        """Give the job with its values, where that takes no reading; else None. Raises IntegrityError."""
        part = _wanting(job)
        if part is None:
            return job
        begin, piece = self._pieces.get(part.list_id, (0, b""))
        at = part.start - begin
        if at < 0 or at + part.length > len(piece):
            return None
        return self._filled(job, part, piece[at : at + part.length])

    def fetch(self, job: JobSpec) -> JobSpec:
        """Give the job with its values, and keep what follows them. Reads a file. Raises as ``values_of``."""
        part = _wanting(job)
        if part is None:
            return job
        piece = _read(self._state, part, max(part.length, _AHEAD))
        found = self._filled(job, part, piece[: part.length])
        self._pieces.pop(part.list_id, None)
        self._pieces[part.list_id] = (part.start, piece if len(piece) <= _AHEAD else b"")
        if len(self._pieces) > _LISTS:
            del self._pieces[next(iter(self._pieces))]
        return found

    def _filled(self, job: JobSpec, part: ListPart, data: bytes) -> JobSpec:
        match, values = job.match, _decoded(self._state, part, data)
        if match is None or (len(values), digest_of(values, self._key)) != (match.count, match.digest):
            raise _changed(self._state / LISTS / part.list_id / VALUES)
        return replace(job, match=replace(match, values=values))


def unused(state: Path, used: Collection[str], *, before: float) -> list[Path]:
    """The folders of lists that are not ``used`` (ids), and of those that a process left when it died half-way.

    Only those that were read ``before`` (Unix seconds). Raises LocalError when the folder cannot be looked at.
    """
    try:
        names = sorted(os.listdir(state / LISTS))  # noqa: PTH208 - names are all that is needed
    except FileNotFoundError:
        return []
    except OSError as error:
        raise durable.local_error(error, state / LISTS) from error
    kept = [state / LISTS / name for name in names if _ID.fullmatch(name) and name not in used]
    found = [folder for folder in kept if _read_at(folder) < before]
    return found + [state / LISTS / name for name in names if name.startswith(_PASSING) and _left(state, name)]


def _read_at(folder: Path) -> float:
    try:
        return (folder / ENTRY).stat().st_mtime
    except FileNotFoundError:
        return 0.0
    except OSError as error:
        raise durable.local_error(error, folder) from error


def _left(state: Path, name: str) -> bool:
    """Whether nobody writes in a folder any more: the lock on its file falls with the process."""
    with suppress(OSError):
        descriptor = os.open(state / LISTS / name / VALUES, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
    return True


def _read(state: Path, part: ListPart, size: int) -> bytes:
    """Read at most ``size`` bytes of a list's values, from the beginning of the batch on."""
    path = _folder(state, part.list_id) / VALUES
    try:
        with path.open("rb") as file:
            file.seek(part.start)
            return file.read(size)
    except FileNotFoundError:
        raise LocalError(f"{path}: the values of this match list are gone; {_GONE}") from None
    except OSError as error:
        raise durable.local_error(error, path) from error


def _decoded(state: Path, part: ListPart, data: bytes) -> tuple[str, ...]:
    if len(data) != part.length or not data.endswith(b"\n"):
        raise _changed(_folder(state, part.list_id) / VALUES)
    try:
        return tuple(data.decode()[:-1].split("\n"))
    except UnicodeDecodeError:
        raise _changed(_folder(state, part.list_id) / VALUES) from None


def _wanting(job: JobSpec) -> ListPart | None:
    """Where the values are that the job lacks; None if it lacks none."""
    return None if job.match is None or job.match.values else job.match.part


def _folder(state: Path, list_id: str) -> Path:
    if _ID.fullmatch(list_id) is None:  # it names a folder
        raise IntegrityError(f"{state}: a match list with an impossible name -- the journal was changed from outside")
    return state / LISTS / list_id


def _changed(path: Path) -> IntegrityError:
    return IntegrityError(f"{path}: it is not what was written; somebody or the disk has changed it: {_GONE}")
