"""What the readers of a stream have already: an exact index on disk, key -> digest of the last published state.

Decides how it is kept: one SQLite file a stream, ``<state>/seen/<stream id>.sqlite``, brought up to date in one
transaction a publication, together with the number of that publication. Does not decide when that is, or whether it may
be used (``remembering`` does, its only caller); holds no record, but keys, which are personal data (0600, as all).

Memory is bounded whatever its size: SQLite's cache is 16 MiB, and keys are looked up and written a sorted batch at a
time. Measured with ten million ids on one core, consecutive / scattered over 60 bits: 667,000 / 265,000 ids a second
taken in, 925,000 / 327,000 looked up a thousand at a time, 684,000 / 175,000 updated; 26 / 35 bytes an id on disk (and
twice that while a publication is taken in); 70 / 74 MB of resident memory, of which 20 are Python's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from extractor.store import durable
from extractor.store.database import Database, connect, kept

SEEN: Final = "seen"  # the folder of the indexes, in the state folder
_SEEN: Final = kept("seen.sql", noun="memory of published records", application=0x53584D31, format=1)  # "SXM1"
_BATCH: Final = 100_000  # records whose states are written at a time
_ABOVE: Final = 1 << 63
_BITS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an index holds: everything up to publication number ``publication`` of a journal.

    ``until`` is the server's time up to which that is complete (ISO, UTC; None if unknown), ``rule`` how states are
    recognised. ``announced`` is the number of the last publication that was about to be made beside it.
    """

    journal: str
    publication: int
    announced: int
    until: str | None
    rule: str


class Seen(Database):
    """An open index."""

    @property
    def standing(self) -> Standing | None:
        """What it holds; None of a new one."""
        rows = self.rows("standing", {})
        return Standing(**rows[0]) if rows else None

    def recall(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The digests of those keys that it knows; keys have 64 bits without sign, and there are at most thousands."""
        rows = self.rows("recall", {"keys": json.dumps(sorted({_signed(key) for key in keys}))})
        return {_unsigned(row["key"]): row["version"] for row in rows}

    def remember(self, states: Iterable[tuple[int, bytes]], standing: Standing) -> None:
        """Take in keys and digests, the later of the same key wins, and note what it holds then: all, or nothing.

        Durable on return. ``states`` is walked once; what it raises is raised on, and nothing has changed.
        """
        rest = iter(states)
        with self.transaction():
            while batch := [(_signed(key), version) for key, version in islice(rest, _BATCH)]:
                batch.sort(key=lambda state: state[0])  # stable: the later of the same key comes later
                self.change_all("remember", ({"key": key, "version": version} for key, version in batch))
            self.change("stand", {name: getattr(standing, name) for name in Standing.__slots__})

    def announce(self, number: int) -> None:
        """Note that publication ``number`` may come to stand before it is taken in. Durable on return."""
        standing = self.standing
        if standing is not None and standing.announced != number:
            with self.transaction():
                self.change("announce", {"number": number})


def open_seen(path: Path) -> Seen:
    """Open the index at ``path`` (0600), and make it if it is not there.

    Raises LocalError when it cannot be used, IntegrityError when it is damaged or another program's.
    """
    if not durable.is_there(path):
        durable.make_folders(path.parent)
        durable.create_file(path).close()
        durable.sync_folder(path.parent)
    seen = connect(Seen, path, _SEEN, writable=True)
    seen.change("tune", {})
    return seen


def throw_away(path: Path) -> None:
    """Remove the index at ``path``, durably, with what SQLite keeps beside it."""
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        durable.remove_file(each)
    durable.sync_folder(path.parent)


def _signed(key: int) -> int:
    return key - (1 << _BITS) if key >= _ABOVE else key


def _unsigned(key: int) -> int:
    return key + (1 << _BITS) if key < 0 else key
