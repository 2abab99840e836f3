"""Kept lines into shards, many windows at once, in bounded memory.

Decides where frames and shards end: by the lines of a window alone and by how many windows there are, never by which
job brought them when, so that ``route`` and ``fan-out`` write the same bytes, today and in a second try. Does not
decide which lines are kept (``sieve``). Called by ``treat``.

A window's lines are buffered until they fill a frame: 64 MiB of all windows together, at most 1 MiB and at least 1 KiB
each. So the buffers hold less than 64 MiB and one line a window with up to 65,536 windows (seven years of hours), and
about 2 KiB of bookkeeping a window beside; small frames compress worse (365 windows: as
parts do; 8,760: 2.3 times as large). At most 64 files are open. Everything is synced
once, at the end.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extractor.store import durable
from extractor.store.compression import Compression, codec
from extractor.store.manifest import ShardEntry
from extractor.store.packing import Range

_BUDGET: Final = 64 * 1024 * 1024
_LARGEST: Final = 1024 * 1024
_SMALLEST: Final = 1024
_OPEN: Final = 64  # files


def frame_bytes(windows: int) -> int:
    """How many bytes of lines fill a frame when there are so many windows."""
    return max(_SMALLEST, min(_LARGEST, _BUDGET // max(1, windows)))


@dataclass(slots=True)
class _Shard:
    """One file. ``spans`` are its lines by job: job, first line, lines."""

    name: str
    records: int = 0
    bytes: int = 0
    uncompressed_bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    spans: list[list[int]] = field(default_factory=list)


@dataclass(slots=True)
class _Window:
    """A window's shards, and the lines that wait for their frame: ``waiting`` by job, job and lines."""

    folder: str
    shards: list[_Shard] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    waiting: list[list[int]] = field(default_factory=list)
    records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: ``shards`` by window, ``ranges`` of each job that kept a line, ``records`` of each window."""

    shards: tuple[ShardEntry, ...]
    ranges: dict[int, tuple[Range, ...]]
    records: tuple[int, ...]


class WindowWriter:
    """Writes below ``folder``: the lines of window N into the shards in ``folders[N]`` ("" for ``folder`` itself)."""

    def __init__(self, folder: Path, *, folders: Sequence[str], compression: Compression, shard_bytes: int) -> None:
        self._folder = folder
        self._codec = codec(compression)
        self._shard_bytes = shard_bytes
        self._frame = frame_bytes(len(folders))
        self._windows = [_Window(name) for name in folders]
        self._files: OrderedDict[str, durable.AppendFile] = OrderedDict()

    def add(self, window: int, job: int, line: bytes) -> None:
        """Take in a line with its newline. ``job`` is any number that grows; a job's lines come one after the other."""
        target = self._windows[window]
        target.lines.append(line)
        target.size += len(line)
        if target.waiting and target.waiting[-1][0] == job:
            target.waiting[-1][1] += 1
        else:
            target.waiting.append([job, 1])
        if target.size >= self._frame:
            self._flush(target)

    def finish(self) -> Written:
        """Write what waits, and make all of it durable: files, their folders' names, but not the name of ``folder``."""
        for window in self._windows:
            self._flush(window)
        self.close()
        shards: list[ShardEntry] = []
        ranges: dict[int, list[Range]] = {}
        for window in self._windows:
            for shard in window.shards:
                file = durable.open_to_append(self._folder / shard.name)
                try:
                    file.sync()
                finally:
                    file.close()
                for job, first, records in shard.spans:
                    ranges.setdefault(job, []).append(Range(shard=len(shards), first=first, records=records))
                shards.append(_entry(shard))
            if window.shards and window.folder:
                durable.sync_folder(self._folder / window.folder)
        durable.sync_folder(self._folder)
        return Written(
            shards=tuple(shards),
            ranges={job: tuple(found) for job, found in ranges.items()},
            records=tuple(window.records for window in self._windows),
        )

    def close(self) -> None:
        """Give the open files back; what was not finished is not durable."""
        while self._files:
            self._files.popitem()[1].close()

    def _flush(self, window: _Window) -> None:
        if not window.lines:
            return
        frame = self._codec.frame(b"".join(window.lines))
        shard = self._shard_for(window, len(frame))
        self._file(window, shard).write(frame)
        shard.digest.update(frame)
        for job, records in window.waiting:
            if shard.spans and shard.spans[-1][0] == job:
                shard.spans[-1][2] += records
            else:
                shard.spans.append([job, shard.records, records])
            shard.records += records
            window.records += records
        shard.bytes += len(frame)
        shard.uncompressed_bytes += window.size
        window.lines.clear()
        window.waiting.clear()
        window.size = 0

    def _shard_for(self, window: _Window, size: int) -> _Shard:
        """The shard that a frame goes to: a new one where the last would grow beyond its bound."""
        if not window.shards or window.shards[-1].bytes + size > self._shard_bytes:
            name = f"part-{len(window.shards):05d}{self._codec.extension}"
            window.shards.append(_Shard(f"{window.folder}/{name}" if window.folder else name))
        return window.shards[-1]

    def _file(self, window: _Window, shard: _Shard) -> durable.AppendFile:
        """The shard's file, open: one of the last 64 that were used, or opened again."""
        file = self._files.get(shard.name)
        if file is not None:
            self._files.move_to_end(shard.name)
            return file
        if len(self._files) >= _OPEN:
            self._files.popitem(last=False)[1].close()
        path = self._folder / shard.name
        if shard.bytes:
            file = durable.open_to_append(path)
        else:
            if window.folder and len(window.shards) == 1:
                durable.make_folders(path.parent)
            file = durable.create_file(path)
        self._files[shard.name] = file
        return file


def _entry(shard: _Shard) -> ShardEntry:
    return ShardEntry(
        name=shard.name,
        records=shard.records,
        bytes=shard.bytes,
        uncompressed_bytes=shard.uncompressed_bytes,
        sha256=shard.digest.hexdigest(),
    )
