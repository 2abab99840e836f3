"""A match list's file, as lines: opened, unpacked, decoded, and watched for changes.

Decides what is refused before a row is looked at: a file that is not there, is cut off, has changed while it was read,
has no end of line in sight or is in another encoding. Raises ConfigError for all of these, because the remedy is in the
user's hands and nothing has been asked of the server. Does not know columns. Called by ``intake``.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final, NoReturn, cast

from extractor.config.match_lists import STDIN, ListFile, Packed
from extractor.errors import ConfigError, IntegrityError
from extractor.store.compression import Compression, codec

_LONGEST: Final = 1024 * 1024  # bytes of a line: a row of any list has less, a file of another kind more
_CHUNK: Final = 256 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_MAGIC: Final[dict[bytes, Packed]] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_HEAD: Final = 4  # bytes, of the longest of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a file is known by: a change of any of these is a change of the file. Size in bytes."""

    inode: int
    size: int
    mtime_ns: int


def refuse(name: str, message: str, *, line: int | None = None) -> NoReturn:
    """Raise ConfigError of a list; ``line`` is 1-based."""
    place = name if line is None else f"{name}:{line}"
    raise ConfigError([f"{place}: {message}"])


class Source:
    """An open list. ``stamp`` is None where it is no regular file (standard input, a pipe)."""

    def __init__(self, name: str, stream: BinaryIO, packed: Packed, stamp: Stamp | None) -> None:
        self.name = name
        self.stamp = stamp
        self._packed = packed
        self._stream = stream

    def lines(self) -> Iterator[str]:
        """Give the lines with their ends, the first without its byte order mark.

        Bytes that are not UTF-8 come out as lone surrogates, for whoever judges the row. Raises ConfigError.
        """
        number = 0
        while raw := self._line():
            number += 1
            if number == 1:
                if raw.startswith(_OTHER_BOMS):
                    refuse(self.name, "is UTF-16, and only UTF-8 is read -- save it as UTF-8")
                raw = raw.removeprefix(_BOM)
            if len(raw) > _LONGEST:
                refuse(
                    self.name,
                    "the line is longer than 1MiB -- check that the file, its format and its compression are right",
                    line=number,
                )
            yield raw.decode("utf-8", "surrogateescape")

    def copy_to(self, target: IO[bytes]) -> None:
        """Write everything to ``target``, unpacked."""
        while chunk := self._read(_CHUNK):
            target.write(chunk)
        target.seek(0)

    def _line(self) -> bytes:
        with self._told():
            return self._stream.readline(_LONGEST + 1)

    def _read(self, size: int) -> bytes:
        with self._told():
            return self._stream.read(size)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            wrong = str(error).removeprefix(f"{self.name}: ")
            refuse(self.name, f"{wrong} -- is all of it there, and is it {self._packed}? (compression: none if not)")
        except OSError as error:
            refuse(self.name, f"cannot be read to its end ({error.strerror}) -- check the disk it is on")


@contextmanager
def opened(entry: ListFile) -> Iterator[Source]:
    """Open the file of ``entry`` for as long as the block lasts; at its good end the file must be what it was.

    Raises ConfigError.
    """
    name = name_of(entry.file)
    if entry.file == STDIN:
        yield _source(name, _stdin(name), entry, None)
        return
    with _open(entry.file, name) as file:
        found = os.fstat(file.fileno())
        stamp = _stamp(found) if stat.S_ISREG(found.st_mode) else None
        yield _source(name, file, entry, stamp)
    if stamp is not None and stamp != stamp_of(entry.file):
        refuse(name, "has changed while it was read -- wait until it is written, then give the command again")


def _open(file: Path, name: str) -> io.FileIO:
    try:
        return file.open("rb", buffering=0)
    except FileNotFoundError:
        refuse(name, "no such file -- check the path (relative to the working directory)")
    except IsADirectoryError:
        refuse(name, "is a folder -- name the file in it")
    except OSError as error:
        refuse(name, f"cannot be read ({error.strerror}) -- check the file's owner and mode")


def name_of(file: Path) -> str:
    """What messages call a list's file."""
    return "standard input" if file == STDIN else str(file)


def stamp_of(file: Path) -> Stamp | None:
    """What a file is known by now; None when it is not there, or cannot be looked at."""
    try:
        return _stamp(file.stat())
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)


def _stdin(name: str) -> io.RawIOBase:
    if sys.stdin is None or sys.stdin.closed:
        refuse(name, "is closed -- give the list with <, or through a pipe")
    if sys.stdin.isatty():
        refuse(name, "is a terminal -- give the list with <, or through a pipe")
    return cast("io.RawIOBase", sys.stdin.buffer)  # readinto is all that is asked of it


def _source(name: str, raw: io.RawIOBase, entry: ListFile, stamp: Stamp | None) -> Source:
    whole = _Whole(raw)
    packed = entry.packed or whole.packed
    compression: Compression = packed
    stream = codec(compression).stream(cast("BinaryIO", io.BufferedReader(whole, _CHUNK)), Path(name))
    return Source(name, stream, packed, stamp)


class _Whole(io.RawIOBase):
    """A file of which the first bytes have been looked at, without a step back: a pipe takes none.

    Closing it leaves the file open, which belongs to somebody else.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._head = b""
        while len(self._head) < _HEAD and (more := raw.read(_HEAD - len(self._head))):
            self._head += more

    @property
    def packed(self) -> Packed:
        """The compression, as the first bytes tell."""
        return next((packed for magic, packed in _MAGIC.items() if self._head.startswith(magic)), "none")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast("bytearray", buffer))  # io hands in something writable
        if self._head:
            size = min(len(target), len(self._head))
            target[:size], self._head = self._head[:size], self._head[size:]
            return size
        return self._raw.readinto(target) or 0
