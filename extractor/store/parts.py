"""The staging files of one export: append, sync, seal; and the order of pages before that.

Decides when a part is full, and what of a part counts after a crash: what the journal says, and not one byte more.
Does not journal (``writer`` does, after ``sync``) and does not know records: a frame is bytes. Called by ``writer``;
``InOrder`` by ``run.drive``.

Decided: rotation is a function of frame sizes alone, and frames of pages alone, so the same pages give the same parts
whatever crashed in between (design, section 6, rule 9).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import SealedPart
from extractor.store import durable
from extractor.store.compression import Codec
from extractor.store.durable import AppendFile

_CHUNK: Final = 1024 * 1024

Item = TypeVar("Item")


class Marked(Protocol):
    """Where an append ended: a ``Mark``, or the journaled ``PageStored`` that was made of it."""

    @property
    def part(self) -> int:
        """0-based."""
        ...

    @property
    def part_bytes(self) -> int:
        """The length of the file."""
        ...

    @property
    def part_records(self) -> int:
        """The number of lines in it."""
        ...

    @property
    def part_uncompressed_bytes(self) -> int:
        """The length of those lines, newlines included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How long a part is after an append: ``part`` is 0-based, sizes are bytes."""

    part: int
    part_bytes: int = 0
    part_records: int = 0
    part_uncompressed_bytes: int = 0


class ExportParts:
    """The parts of one export, in ``folder``. At most one file is open; an export without records has no folder.

    Single-threaded. After a LocalError the object is of no use any more: what is on the disk is only known again
    after ``reopen`` with the journaled marks.
    """

    def __init__(self, folder: Path, codec: Codec, shard_bytes: int, *, root: Path) -> None:
        """Touch nothing yet. ``root`` is the run's staging folder, to which the names of sealed parts are relative."""
        self._folder = folder
        self._root = root
        self._extension = codec.extension
        self._shard_bytes = shard_bytes
        self._marks: list[Mark] = []  # one of each part
        self._hashes: list[hashlib._Hash | None] = []  # None: of a reopened part, to be read from the file
        self._file: AppendFile | None = None
        self._new_names = False
        self._dirty = False
        self._failed = False

    def append(self, frame: bytes, *, records: int, uncompressed_bytes: int) -> Mark:
        """Append a frame; durable after ``sync``. A part that would outgrow ``shard_bytes`` is closed before.

        An empty frame changes nothing and gives the present mark. Raises LocalError.
        """
        self._refuse_if_failed()
        if not frame:
            return self._marks[-1] if self._marks else Mark(part=0)
        if self._marks and self._marks[-1].part_bytes + len(frame) > self._shard_bytes:
            self._guarded(self._close)
            self._start()
        elif not self._marks:
            self._start()
        self._guarded(self._write, frame)
        mark = self._marks[-1]
        self._marks[-1] = Mark(
            part=mark.part,
            part_bytes=mark.part_bytes + len(frame),
            part_records=mark.part_records + records,
            part_uncompressed_bytes=mark.part_uncompressed_bytes + uncompressed_bytes,
        )
        return self._marks[-1]

    def sync(self) -> None:
        """Make everything appended so far durable, names included. Raises LocalError."""
        self._refuse_if_failed()
        self._guarded(self._sync)

    def seal(self) -> tuple[SealedPart, ...]:
        """Make everything durable, close the files and give what they are, in order. May be called twice.

        A part that was reopened is read once here, for its checksum.
        """
        self._refuse_if_failed()
        self._guarded(self._close)
        return tuple(
            SealedPart(
                name=self._path(mark.part).relative_to(self._root).as_posix(),
                records=mark.part_records,
                bytes=mark.part_bytes,
                uncompressed_bytes=mark.part_uncompressed_bytes,
                sha256=self._digest(mark.part),
            )
            for mark in self._marks
        )

    def drop(self) -> None:
        """Remove every file and the folder, durably. May be called twice, and before anything was appended."""
        self.close()
        self._marks.clear()
        self._hashes.clear()
        self._new_names = self._dirty = self._failed = False
        self._remove_beyond(0)
        durable.remove_empty(self._folder)

    def reopen(self, marks: Iterable[Marked]) -> None:
        """Go back to what is journaled: cut every part to its last mark, remove what no mark names.

        ``marks`` are those of the export's appends, in order. Durable on return. Raises IntegrityError when a file is
        missing or shorter than its mark: then the journal is ahead of the data, and the export must be asked for again.
        """
        self.close()
        last = {mark.part: mark for mark in marks if mark.part_bytes}
        if sorted(last) != list(range(len(last))):
            raise IntegrityError(f"{self._folder}: the journal names parts with a gap between them")
        for part, mark in last.items():
            path = self._path(part)
            size = path.stat().st_size if path.is_file() else 0
            if size < mark.part_bytes:
                raise IntegrityError(
                    f"{path}: the journal knows {mark.part_bytes} bytes of it, but there are {size}; "
                    "the staging folder was changed from outside: start a new run"
                )
            durable.truncate(path, mark.part_bytes)
        self._remove_beyond(len(last))
        self._marks = [
            Mark(
                part=part,
                part_bytes=last[part].part_bytes,
                part_records=last[part].part_records,
                part_uncompressed_bytes=last[part].part_uncompressed_bytes,
            )
            for part in range(len(last))
        ]
        self._hashes = [None] * len(last)
        self._new_names = self._dirty = self._failed = False

    def close(self) -> None:
        """Give the open file back without syncing it. May be called twice; an append opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _path(self, part: int) -> Path:
        return self._folder / f"part-{part:05d}{self._extension}"

    def _start(self) -> None:
        self._marks.append(Mark(part=len(self._marks)))
        self._hashes.append(hashlib.sha256())

    def _write(self, frame: bytes) -> None:
        mark = self._marks[-1]
        if self._file is None and mark.part_bytes == 0:
            durable.make_folders(self._folder)
            self._file = durable.create_file(self._path(mark.part))
            self._new_names = True
        elif self._file is None:
            self._file = durable.open_to_append(self._path(mark.part))
        self._dirty = True
        self._file.write(frame)
        digest = self._hashes[-1]
        if digest is not None:
            digest.update(frame)

    def _sync(self) -> None:
        if self._dirty:
            # A file that was closed while dirty is opened again: fsync is about the file, not the descriptor.
            self._file = self._file or durable.open_to_append(self._path(self._marks[-1].part))
            self._file.sync()
            self._dirty = False
        if self._new_names:
            durable.sync_folder(self._folder)
            self._new_names = False

    def _close(self) -> None:
        self._sync()
        self.close()

    def _digest(self, part: int) -> str:
        digest = self._hashes[part]
        if digest is None:
            digest = hashlib.sha256()
            path = self._path(part)
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
            except OSError as error:
                raise durable.local_error(error, path) from error
            self._hashes[part] = digest
        return digest.hexdigest()

    def _remove_beyond(self, count: int) -> None:
        """Remove what is in the folder beside the first ``count`` parts."""
        if not self._folder.is_dir():
            return
        wanted = {self._path(part) for part in range(count)}
        strangers = [path for path in self._folder.iterdir() if path not in wanted]
        for path in strangers:
            durable.remove_file(path)
        if strangers:
            durable.sync_folder(self._folder)

    def _guarded(self, act: Callable[..., None], *arguments: bytes) -> None:
        try:
            act(*arguments)
        except LocalError:
            self._failed = True
            self.close()
            raise

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise LocalError(f"{self._folder}: an earlier write failed; resume the run once the cause is gone")


class InOrder(Generic[Item]):
    """Puts pages that arrive out of order back in order. Pure; holds what came early until its turn.

    ``first`` is the 1-based index of the next record expected: 1, or one more than what is stored already. How many
    can be held is bounded by who asks for pages (``protocol.paging``'s window).
    """

    def __init__(self, first: int = 1) -> None:
        self._next = first
        self._held: dict[int, tuple[int, Item]] = {}

    @property
    def held(self) -> int:
        """How many items wait for an earlier one."""
        return len(self._held)

    def put(self, offset: int, count: int, item: Item) -> list[Item]:
        """Take in ``count`` records from the 1-based ``offset`` on; give the items whose turn has come, in order.

        Raises IntegrityError, and changes nothing, for an offset that was given before or is held already.
        """
        if offset < self._next or offset in self._held:
            raise IntegrityError(f"a page at offset {offset} arrived a second time")
        self._held[offset] = (count, item)
        ready: list[Item] = []
        while self._next in self._held:
            count, item = self._held.pop(self._next)
            ready.append(item)
            self._next += count
        return ready
