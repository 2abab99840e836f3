"""How lines are compressed: the one place that knows zstd and gzip.

Decides the settings of each codec and how a file of several frames is read back. Does not open files for writing
(``durable`` does) or know lines. Called by ``writer`` (frames) and ``verify`` (reading).

Decided: one self-contained frame per page, so that a file can be cut after any page, frames can be made on any thread,
and shards are made by putting parts behind each other; one frame a page costs under 2 % of size against one a shard,
measured at 1.6 MB a page. zstd level 1 with its own checksum (660 k records/s of 1.8 kB here; level 3: 450, 11 %
smaller); gzip level 3 (168 k/s; level 1 is no faster, level 6 half as fast and 8 % smaller). Frames depend on their
input alone: no time, no name.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol, cast

import zstandard

from extractor.errors import IntegrityError
from extractor.store.durable import local_error

Compression = Literal["zstd", "gzip", "none"]

_CHUNK: Final = 64 * 1024  # compressed bytes at a time: bounds what one step can unfold to
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: a gzip frame, with mtime 0 and no name


class _Decompressor(Protocol):
    """What zlib's and zstandard's one-frame decompressors have in common."""

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
        return io.BufferedReader(cast("io.RawIOBase", _Frames(source, path, self._decompressor)), 1024 * 1024)


class _Frames(io.RawIOBase):
    """The content of concatenated frames, one after the other.

    The libraries' own readers end quietly in the middle of a cut frame (zstandard), or read one frame only (zlib).
    """

    def __init__(self, source: BinaryIO, path: Path, decompressor: Callable[[], _Decompressor]) -> None:
        self._source = source
        self._path = path
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
        frame = self._frame or self._new()
        try:
            data = frame.decompress(self._input)
        except (zlib.error, zstandard.ZstdError):
            raise IntegrityError(f"{self._path}: a frame is damaged and cannot be decompressed") from None
        self._frame, self._input = (None, frame.unused_data) if frame.eof else (frame, b"")
        return data

    def close(self) -> None:
        self._source.close()
        super().close()


def _zstd(data: bytes) -> bytes:
    # A new compressor each time: it is not thread-safe, and making one is not measurable beside a page.
    return zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True).compress(data)


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(3, zlib.DEFLATED, _GZIP)
    return compressor.compress(data) + compressor.flush()


def _plain(data: bytes) -> bytes:
    return data


def _from_zstd() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


def _from_gzip() -> _Decompressor:
    return zlib.decompressobj(_GZIP)


_CODECS: Final[dict[Compression, Codec]] = {
    "zstd": Codec(name="zstd", extension=".ndjson.zst", _compress=_zstd, _decompressor=_from_zstd),
    "gzip": Codec(name="gzip", extension=".ndjson.gz", _compress=_gzip, _decompressor=_from_gzip),
    "none": Codec(name="none", extension=".ndjson", _compress=_plain, _decompressor=None),
}


def codec(name: Compression) -> Codec:
    """Give the codec of a configured name."""
    return _CODECS[name]
