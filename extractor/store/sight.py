"""What stands on the disk: looked at, never changed.

Decides that "it is not there" and "it cannot be told" are two answers: the first is a value, the second a LocalError.
``pathlib`` mixes them: ``is_dir`` raises a bare OSError for the one error, says no to the other, and which is which
differs between versions of Python; ``glob`` takes a folder that cannot be read for an empty one. Called by ``store``,
wherever what is on the disk decides what comes next.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from extractor.store.durable import Identity, identity, local_error


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder, or leads to one."""
    found = _look(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def identity_of(path: Path) -> Identity | None:
    """What tells whether the file at ``path`` is the same one, unchanged; None if there is none."""
    found = _look(path)
    return None if found is None else identity(found)


def file_size(path: Path) -> int | None:
    """The bytes of the file that ``path`` is, or leads to; None if there is no file."""
    found = _look(path)
    return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None


def paths_in(folder: Path, *beginnings: str) -> list[Path]:
    """What is in ``folder``, sorted, if its name begins with one of these or none is given; of no folder, nothing."""
    try:
        return sorted(path for path in folder.iterdir() if not beginnings or path.name.startswith(beginnings))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise local_error(error, folder) from error


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: nothing can have such a name
        return None
    except OSError as error:
        raise local_error(error, path) from error
