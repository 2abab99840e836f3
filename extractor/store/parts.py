"""The staging files of one export: append, sync, seal.

Decides when a part is full, what of a part counts after a crash (what the journal says, and not one byte more), and
that a part whose sync failed is condemned: what was durable of it before is copied into a new file, what was not is
written again, and the old file is never synced a second time, because a second sync may report success for bytes that
the first one lost. Does not journal (``writer`` does, after ``sync``) and does not know records: a frame is bytes.
Called by ``writer``.

Decided: rotation is a function of frame sizes alone, and frames of pages alone, so the same pages give the same parts
whatever crashed in between (design, section 6, rule 9).
"""

from __future__ import annotations

import hashlib
import io
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, cast

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import SealedPart
from extractor.store import durable
from extractor.store.compression import Codec, checksum
from extractor.store.counted import CountedFile
from extractor.store.durable import AppendFile
from extractor.store.failpoints import Failpoint, reached
from extractor.store.identity import Census, ids_of
from extractor.store.sight import file_size, is_folder, paths_in
from extractor.store.witness import Witness

_CHUNK: Final = 1024 * 1024
_LINES: Final = 1000  # read again at once
_ASK_ANEW: Final = (
    "the disk or another program has changed the staging folder. The next `extractor resume` asks for the export anew"
)


class PartDamaged(IntegrityError):  # noqa: N818 - the house's words
    """What an earlier process wrote is not there any more, or is not what it wrote: only a new export can mend it."""


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

    @property
    def part_crc32(self) -> int | None:
        """The checksum of the file; None where an older version of this program did not keep one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How long a part is after an append: ``part`` is 0-based, sizes are bytes."""

    part: int
    part_bytes: int = 0
    part_records: int = 0
    part_uncompressed_bytes: int = 0
    part_crc32: int | None = 0


class ExportParts:
    """The parts of one export, in ``folder``. At most one file is open; an export without records has no folder.

    Single-threaded. After an error the object is of no use any more: what is on the disk is only known again
    after ``reopen`` with the journaled marks.
    """

    def __init__(
        self,
        folder: Path,
        codec: Codec,
        shard_bytes: int,
        *,
        root: Path,
        record_id: str,
        witness: Witness | None = None,
    ) -> None:
        """Touch nothing yet. ``root`` is the run's staging folder, to which the names of sealed parts are relative.

        ``record_id`` is the member that tells one record from another, for parts that must be read again. ``witness``
        is told of each part that is sealed.
        """
        self._witness = witness
        self._folder = folder
        self._root = root
        self._codec = codec
        self._shard_bytes = shard_bytes
        self._record_id = record_id
        self._marks: list[Mark] = []  # one of each part
        self._hashes: list[hashlib._Hash | None] = []  # None: of a reopened part, to be read from the file
        self._census: Census | None = Census()  # None: of reopened parts, to be read from the files
        self._file: AppendFile | None = None
        self._new_names = False
        self._durable_bytes = 0  # of the last part
        self._unsynced: list[bytes] = []  # the frames behind them
        self._failed = False
        self._identities: dict[int, durable.Identity] = {}  # of the parts that this object wrote, when last synced
        self._anew: set[int] = set()  # parts that were written anew
        self.rewritten = 0  # parts that had to be written anew

    @property
    def repeated(self) -> int:
        """How many records carry an id that came before. To be asked after ``recount``."""
        return 0 if self._census is None else self._census.repeated

    def append(self, frame: bytes, *, records: int, uncompressed_bytes: int, ids: array[int]) -> Mark:
        """Append a frame; durable after ``sync``. A part that would outgrow ``shard_bytes`` is closed before.

        An empty frame changes nothing and gives the present mark. Raises LocalError.
        """
        if self._census is not None:
            self._census.add(ids)
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
            part_crc32=None if mark.part_crc32 is None else checksum(frame, mark.part_crc32),
        )
        return self._marks[-1]

    def sync(self) -> None:
        """Make everything appended so far durable, names included. Raises LocalError."""
        self._refuse_if_failed()
        self._guarded(self._sync)

    def recount(self) -> None:
        """Read what an earlier process wrote, for checksums and ids. Slow; before ``seal``, when all is appended.

        Does nothing when everything was written by this object. Raises LocalError, or PartDamaged where a file cannot
        be read to its end, or is not what the journal says it was.
        """
        if self._census is not None:
            return
        census = Census()
        for part, mark in enumerate(self._marks):
            path = self._path(part)
            try:
                with path.open("rb", buffering=0) as file:
                    counted = _Checked(file)
                    lines = self._codec.stream(io.BufferedReader(counted, _CHUNK), path)
                    while batch := list(islice(lines, _LINES)):
                        census.add(ids_of(batch, self._record_id))
            except OSError as error:
                raise durable.local_error(error, path) from error
            except IntegrityError as error:
                raise PartDamaged(f"{error}: {_ASK_ANEW}") from None
            if mark.part_crc32 not in {None, counted.crc32}:
                raise PartDamaged(f"{path}: its bytes are not those that were written; {_ASK_ANEW}")
            self._hashes[part] = counted.digest
        self._census = census

    def seal(self) -> tuple[SealedPart, ...]:
        """Make everything durable, close the files and give what they are, in order. May be called twice."""
        self._refuse_if_failed()
        self._guarded(self._close)
        self.recount()
        if self._witness is not None:
            for part, identity in self._identities.items():
                self._witness.sealed(self._path(part), identity)
        return tuple(
            SealedPart(
                name=self._path(mark.part).relative_to(self._root).as_posix(),
                records=mark.part_records,
                bytes=mark.part_bytes,
                uncompressed_bytes=mark.part_uncompressed_bytes,
                sha256=digest.hexdigest(),
            )
            for mark, digest in zip(self._marks, self._hashes, strict=True)
            if digest is not None
        )

    def drop(self) -> None:
        """Remove every file and the folder, durably. May be called twice, and before anything was appended."""
        self.close()
        self._marks.clear()
        self._identities.clear()
        self._anew.clear()
        self._hashes.clear()
        self._census = Census()
        self._new_names = self._failed = False
        self._synced(0)
        self._remove_beyond(0)
        durable.remove_empty(self._folder)

    def set_aside(self, folder: Path) -> bool:
        """Move the folder with everything in it to ``folder``, durably; False when there is nothing to move."""
        self.close()
        if not is_folder(self._folder) or durable.is_there(folder):
            return False
        durable.make_folders(folder.parent)
        durable.replace(self._folder, folder)
        durable.sync_folder(folder.parent)
        durable.sync_folder(self._folder.parent)
        return True

    def reopen(self, marks: Iterable[Marked]) -> None:
        """Go back to what is journaled: cut every part to its last mark, remove what no mark names.

        ``marks`` are those of the export's appends, in order. Durable on return. Raises PartDamaged when a file is
        missing or shorter than its mark: then the journal is ahead of the data, and the export must be asked for again.
        """
        self.close()
        last = {mark.part: mark for mark in marks if mark.part_bytes}
        if sorted(last) != list(range(len(last))):
            raise PartDamaged(f"{self._folder}: the journal names parts with a gap between them")
        for part, mark in last.items():
            path = self._path(part)
            size = file_size(path) or 0
            if size < mark.part_bytes:
                raise PartDamaged(
                    f"{path}: the journal knows {mark.part_bytes} bytes of it, but there are {size}; {_ASK_ANEW}"
                )
            durable.truncate(path, mark.part_bytes)
        self._remove_beyond(len(last))
        self._marks = [
            Mark(
                part=part,
                part_bytes=last[part].part_bytes,
                part_records=last[part].part_records,
                part_uncompressed_bytes=last[part].part_uncompressed_bytes,
                part_crc32=last[part].part_crc32,
            )
            for part in range(len(last))
        ]
        self._hashes = [None] * len(last)
        self._identities.clear()
        self._census = None if last else Census()
        self._new_names = self._failed = False
        self._synced(self._marks[-1].part_bytes if self._marks else 0)

    def close(self) -> None:
        """Give the open file back without syncing it. May be called twice; an append opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _path(self, part: int) -> Path:
        return self._folder / f"part-{part:05d}{self._codec.extension}"

    def _start(self) -> None:
        self._marks.append(Mark(part=len(self._marks)))
        self._hashes.append(hashlib.sha256())
        self._synced(0)

    def _write(self, frame: bytes) -> None:
        mark = self._marks[-1]
        if self._file is None and mark.part_bytes == 0:
            durable.make_folders(self._folder)
            self._file = durable.create_file(self._path(mark.part))
            self._new_names = True
        elif self._file is None:
            self._file = durable.open_to_append(self._path(mark.part))
        self._unsynced.append(frame)
        self._file.write(frame)
        digest = self._hashes[-1]
        if digest is not None:
            digest.update(frame)

    def _sync(self) -> None:
        if self._unsynced:
            path = self._path(self._marks[-1].part)
            # A file that was closed while dirty is opened again: fsync is about the file, not the descriptor.
            self._file = self._file or durable.open_to_append(path)
            try:
                self._file.sync()
            except LocalError:
                self._write_anew(path)
            else:
                self._identify(self._file)
            self._synced(self._marks[-1].part_bytes)
        if self._new_names:
            durable.sync_folder(self._folder)
            self._new_names = False

    def _identify(self, file: AppendFile) -> None:
        """Keep in mind what the last part is, just synced, unless it is not what was written, or was not at first."""
        mark, identity = self._marks[-1], file.identity()
        if identity[2] == mark.part_bytes and mark.part not in self._anew:
            self._identities[mark.part] = identity
        else:
            self._identities.pop(mark.part, None)

    def _synced(self, size: int) -> None:
        self._durable_bytes = size
        self._unsynced.clear()

    def _write_anew(self, path: Path) -> None:
        """Replace a condemned part; one more failure is the end of it."""
        self.close()
        anew = path.with_name(f"{path.name}.anew")
        durable.remove_file(anew)
        self._file = durable.create_file(anew)
        for chunk in _chunks(path, self._durable_bytes):
            self._file.write(chunk)
        for frame in self._unsynced:
            self._file.write(frame)
        self._file.sync()
        reached(Failpoint.PART_REWRITTEN)
        durable.replace(anew, path)
        self._file.path = path
        self._new_names = True
        self._anew.add(self._marks[-1].part)
        self._identities.pop(self._marks[-1].part, None)
        self.rewritten += 1

    def _close(self) -> None:
        self._sync()
        self.close()

    def _remove_beyond(self, count: int) -> None:
        """Remove what is in the folder beside the first ``count`` parts."""
        wanted = {self._path(part) for part in range(count)}
        strangers = [path for path in paths_in(self._folder) if path not in wanted]
        for path in strangers:
            durable.remove_file(path)
        if strangers:
            durable.sync_folder(self._folder)

    def _guarded(self, act: Callable[..., None], *arguments: bytes) -> None:
        try:
            act(*arguments)
        except (LocalError, IntegrityError):
            self._failed = True
            self.close()
            raise

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise LocalError(f"{self._folder}: an earlier write failed; resume the run once the cause is gone")


class _Checked(CountedFile):
    """A file whose CRC-32 is known, too, when it has been read."""

    crc32 = 0

    def readinto(self, buffer: object) -> int:
        """Read, and take in what was read."""
        size = super().readinto(buffer)
        self.crc32 = checksum(memoryview(cast("bytearray", buffer))[:size], self.crc32)
        return size


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """Read the first ``size`` bytes of a file. Raises IntegrityError if there are fewer."""
    try:
        with path.open("rb") as file:
            while size and (chunk := file.read(min(size, _CHUNK))):
                size -= len(chunk)
                yield chunk
    except OSError as error:
        raise durable.local_error(error, path) from error
    if size:
        raise IntegrityError(f"{path}: it is shorter than what was durable of it; the disk has lost data")
