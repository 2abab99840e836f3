"""How lines are compressed: the one place that knows zstd and gzip.

Decides the settings of each codec and how a file of several frames is read back. Does not open files for writing
(``durable`` does) or know lines. Called by ``writer`` (frames) and ``verify`` (reading).

Decided: one self-contained frame per page, so that a file can be cut after any page, frames can be made on any thread,
and shards are made by putting parts behind each other; one frame a page costs under 2 % of size against one a shard,
measured at 1.6 MB a page. zstd level 1 with its own checksum (600 k records/s of 1.7 kB here, to a tenth of their size;
level 3: two thirds as fast, 11 % smaller). gzip by ISA-L, level 2 (690 k/s, 15 %; its level 3 takes 2.5 times as long
for 7 % less, zlib's level 3 seven times for 16 % less, its level 6 eleven times for 36 % less): whoever wants small
files takes zstd. Frames depend on their input alone: no time, no name; those of gzip also on the kind of processor, for
which ISA-L has a way each, so ISA-L is required and nothing else ever writes in its place.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol, cast

import zstandard
from isal import isal_zlib

from extractor.errors import IntegrityError
from extractor.store.durable import local_error

Compression = Literal["zstd", "gzip", "none"]

_CHUNK: Final = 64 * 1024  # compressed bytes at a time: bounds what one step can unfold to
_GZIP: Final = 16 + isal_zlib.MAX_WBITS  # zlib's way to say: a gzip frame, with mtime 0 and no name
_GZIP_LEVEL: Final = 2


class _Decompressor(Protocol):
    """What ISA-L's and zstandard's one-frame decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A way to compress. Stateless and picklable: one instance serves any number of threads."""

    name: Compression
    extension: str
    _compress: Callable[[bytes], bytes] = field(repr=False)
    _decompressor: Callable[[], _Decompressor] | None = field(repr=False)
    _magic: bytes = field(default=b"", repr=False)  # what each frame begins with

    def frame(self, data: bytes) -> bytes:
        """Give one self-contained frame of ``data``; of nothing, nothing."""
        return self._compress(data) if data else b""

    def reader(self, path: Path) -> BinaryIO:
        """Open a file of frames for reading what is in them. Raises LocalError if it cannot be opened."""
        try:
            return self.stream(path.open("rb"), path)
        except OSError as error:
            raise local_error(error, path) from error

    def stream(self, source: BinaryIO, path: Path) -> BinaryIO:
        """Read what is in the frames of ``source``, and close it at the end; ``path`` is for messages.

        Reading raises IntegrityError at a damaged or unfinished frame, after giving what came before it.
        """
        if self._decompressor is None:
            return source
        return io.BufferedReader(
            cast("io.RawIOBase", _Frames(source, path, self._decompressor, self._magic)), 1024 * 1024
        )


class _Frames(io.RawIOBase):
    """The content of concatenated frames, one after the other.

    The libraries' own readers end quietly in the middle of a cut frame (zstandard), or read one frame only (ISA-L). The
    latter also waits for more where a few bytes follow that are no frame's beginning.
    """

    def __init__(self, source: BinaryIO, path: Path, decompressor: Callable[[], _Decompressor], magic: bytes) -> None:
        self._source = source
        self._path = path
        self._magic = magic
        self._new = decompressor
        self._frame: _Decompressor | None = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        while not self._output:
            self._input = self._input or self._source.read(_CHUNK)
            if not self._input:
                if self._frame is not None:
                    raise IntegrityError(f"{self._path}: it ends in the middle of a frame; it was cut off")
                return 0
            self._output = memoryview(self._unfold())
        target = memoryview(cast("bytearray", buffer))
        size = min(len(target), len(self._output))
        target[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def _unfold(self) -> bytes:
        frame = self._frame or self._begin()
        try:
            data = frame.decompress(self._input)
        except (isal_zlib.error, zstandard.ZstdError):  # type: ignore[misc] # the stubs say instance for class
            raise self._damaged() from None
        self._frame, self._input = (None, frame.unused_data) if frame.eof else (frame, b"")
        return data

    def _begin(self) -> _Decompressor:
        if not self._input.startswith(self._magic[: len(self._input)]):
            raise self._damaged()
        return self._new()

    def _damaged(self) -> IntegrityError:
        return IntegrityError(f"{self._path}: a frame is damaged and cannot be decompressed")

    def close(self) -> None:
        self._source.close()
        super().close()


def _zstd(data: bytes) -> bytes:
    # A new compressor each time: it is not thread-safe, and making one is not measurable beside a page.
    return zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True).compress(data)


def _gzip(data: bytes) -> bytes:
    return isal_zlib.compress(data, _GZIP_LEVEL, _GZIP)


def _plain(data: bytes) -> bytes:
    return data


def _from_zstd() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


def _from_gzip() -> _Decompressor:
    return isal_zlib.decompressobj(_GZIP)


_CODECS: Final[dict[Compression, Codec]] = {
    "zstd": Codec(
        name="zstd", extension=".ndjson.zst", _compress=_zstd, _decompressor=_from_zstd, _magic=b"\x28\xb5\x2f\xfd"
    ),
    "gzip": Codec(name="gzip", extension=".ndjson.gz", _compress=_gzip, _decompressor=_from_gzip, _magic=b"\x1f\x8b"),
    "none": Codec(name="none", extension=".ndjson", _compress=_plain, _decompressor=None),
}


def codec(name: Compression) -> Codec:
    """Give the codec of a configured name."""
    return _CODECS[name]


def checksum(data: bytes | memoryview, value: int = 0) -> int:
    """Give the CRC-32 of what has the checksum ``value``, followed by ``data``."""
    return isal_zlib.crc32(data, value)  # zlib's own number, at ten times the speed
