"""A file that is hashed and counted while somebody reads it: a checksum without a second pass.

Decides nothing. Called by ``shard`` and ``parts``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import cast


class CountedFile(io.RawIOBase):
    """Reads on from ``file``; ``progress`` is told the bytes of each read. ``digest`` is that of ``size`` bytes."""

    def __init__(self, file: io.FileIO, progress: Callable[[int], None] = lambda _size: None) -> None:
        self._file = file
        self._progress = progress
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        """Tell ``io`` what this is for."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read what there is into ``buffer``, as ``io`` wants it."""
        target = cast("bytearray", buffer)  # io hands in something writable
        size = self._file.readinto(target) or 0
        self.digest.update(memoryview(target)[:size])
        self.size += size
        self._progress(size)
        return size
