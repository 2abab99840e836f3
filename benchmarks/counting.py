"""How many records lie in a folder, each once: the check on everything that is measured.

Decides what counts as a record: its ProfileId, which stands in every form that a subject writes. Two records with one
id are one. Called by ``measure`` through the subjects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import zstandard

_ID = re.compile(rb'"(?:ProfileId|profile_id)": ?([0-9]+)')
_CHUNK = 1 << 22  # bytes
_TAIL = 64  # bytes; more than an id with its name has


def distinct_records(files: Iterator[Path]) -> int:
    """Count the ids in files of lines, some of them zstd. Only what stands in a line of its own record counts."""
    found: set[bytes] = set()
    for path in files:
        for text in _texts(path):
            found.update(_ID.findall(text))
    return len(found)


def _texts(path: Path) -> Iterator[bytes]:
    """Give a file's lines, many at a time."""
    rest = b""
    with path.open("rb") as file:
        stream = (
            file if path.suffix != ".zst" else zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        )
        while chunk := stream.read(_CHUNK):
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            yield whole
    yield rest
