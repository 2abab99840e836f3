"""What runs hold in a state folder beside the journal: the unfinished parts of people's data.

Decides where that lies (``<state>/staging/<run id>`` and ``<state>/quarantine/<run id>``, beside ``<state>/reports/<run
id>``, which is written for people and does not count as held) and how much it is. Only
looks: what may go is decided in ``run.pruning`` and removed through ``durable``. A run may be writing meanwhile: what
has gone between two looks is not counted. No symbolic link is followed, and none is anybody's.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from extractor.store.durable import local_error

JOURNAL: Final = "journal.sqlite"
STAGING: Final = "staging"
QUARANTINE: Final = "quarantine"
REPORTS: Final = "reports"  # what became of match values (``lists.outcome``)


def owners(state: Path) -> list[str]:
    """The ids of all runs that hold a folder, sorted. Raises LocalError when that cannot be told."""
    found: set[str] = set()
    for place in (STAGING, QUARANTINE, REPORTS):
        try:
            with os.scandir(state / place) as entries:
                found.update(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise local_error(error, state / place) from error
    return sorted(found)


def stands(folder: Path) -> bool:
    """Whether ``folder`` is there; a symbolic link to one is not."""
    try:
        return stat.S_ISDIR(folder.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise local_error(error, folder) from error


def measure(folder: Path) -> int:
    """The bytes of all files in ``folder``, 0 when it is not there. Raises LocalError when that cannot be told.

    A part that is a published shard at the same time (a hard link) is counted.
    """
    total = 0
    pending = [folder] if stands(folder) else []
    while pending:
        inner = pending.pop()
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        total += _size(entry)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise local_error(error, inner) from error
    return total


def held(state: Path, run_id: str) -> int:
    """The bytes that a run holds in the state folder, beside its lines in the journal."""
    return sum(measure(state / place / run_id) for place in (STAGING, QUARANTINE))


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0
