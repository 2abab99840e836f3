"""Whether anybody has touched a file since this process made it durable.

Decides when a sealed part need not be read a second time before it is published: when this process wrote and synced it,
and neither its size nor its times nor its place on the disk have changed since its last sync. Does not compare contents
(``sealed`` does, wherever there is a doubt; a part that had to be written anew is one). One a run; ``parts`` tells it,
``publish`` asks it.

Decided: the moment of the last change of the file (ctime) is the proof, because no program can set it back; a change of
as many bytes within the same tick of the file system's clock, some milliseconds, would go unseen. Considered reading
everything again, as after a resume, which sees what a disk loses without a word, and cost a third of a run without
compression (measured); ``verify`` does it whenever it is wanted. Small parts are not remembered: to read them costs
less than to keep a hundred thousand of them in mind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from extractor.store.durable import Identity
from extractor.store.sight import identity_of

_SMALL: Final = 1024 * 1024  # bytes of a part that is read again in any case


class Witness:
    """Knows files by their paths; of no use to another process."""

    def __init__(self) -> None:
        self._known: dict[Path, Identity] = {}

    def sealed(self, path: Path, identity: Identity) -> None:
        """Note what the file was when it was last synced; it is closed now."""
        if identity[2] >= _SMALL:
            self._known[path] = identity

    def vouches(self, path: Path) -> bool:
        """Whether it is the file that was sealed here, untouched. It is asked once, and forgets the file."""
        known = self._known.pop(path, None)
        return known is not None and identity_of(path) == known
