"""The passing name of a small file that is being written: nobody else's, and not left for ever by who died.

Decides that name (a random one, beside the file's own), and which such names are abandoned: a lock on the file says
that its writer lives, and falls with it, as that of a state folder does (``lock``). Process ids would not do: they are
used again, and mean nothing to another container or machine that writes into the same output. Where the file system
has no locks nothing counts as abandoned, and two writers are still safe from each other. Removes nothing. Called by
``durable``.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_END: Final = ".passing"


def name_beside(path: Path) -> Path:
    """Give a name to write ``path`` under; another one each time."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{_END}")


def hold(descriptor: int, name: Path) -> bool:
    """Lock the new file ``name`` for as long as ``descriptor`` is open.

    False if somebody took it for abandoned before it was locked: then it is, and another one must be made.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks here, so nobody removes it
    return os.path.lexists(name)


def abandoned(path: Path) -> Iterator[Path]:
    """Give the files that writers of ``path`` left when they died, each locked until the next is asked for."""
    for name in sorted(os.listdir(path.parent)):  # noqa: PTH208 - names are all that is needed
        if name.startswith(f".{path.name}.") and name.endswith(_END):
            yield from _locked(path.with_name(name))


def _locked(name: Path) -> Iterator[Path]:
    """Give ``name`` if it could be locked. What cannot be opened or locked is somebody else's."""
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        yield name
    finally:
        os.close(descriptor)
