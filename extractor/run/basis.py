"""What a state folder knows that a plan rests on: its key, and where each stream begins.

Reads the journal before a run; makes it only where digests need a key that lasts. Decides, under the lock, whether a
plan still rests on what the journal says. Called by ``cli`` (before) and ``extraction`` (then).
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from extractor.errors import LocalError
from extractor.plan.asked import Asked
from extractor.plan.planner import Basis, Plan
from extractor.store import marks
from extractor.store.database import Empty
from extractor.store.durable import is_there, make_folders
from extractor.store.journal import Journal, open_journal, read_journal
from extractor.store.remains import JOURNAL

_KEY = 32  # bytes


def basis_of(state: Path, *, asked: Asked | None = None, lasting: bool = False) -> Basis:
    """Read what a plan rests on; the lists of values are not part of it.

    With ``asked`` the streams begin where they did for that run. ``lasting`` makes the folder and its journal where
    there are none, so that digests have a key that the run will find again; without it they get a key of the moment.
    Raises LocalError or IntegrityError when the journal cannot be read.
    """
    path = state / JOURNAL
    if lasting:
        make_folders(state)
        open_journal(path).close()  # of an older format, it has no key before it is opened for writing
    if not is_there(path):
        return Basis(key=secrets.token_bytes(_KEY))
    try:
        opened = read_journal(path)
    except Empty:  # whoever made it was killed before anything was in it
        return Basis(key=secrets.token_bytes(_KEY))
    with opened as journal:
        key = journal.key() or secrets.token_bytes(_KEY)
        if asked is not None:
            return Basis(key=key, watermarks=_began(asked))
        known = marks.watermarks(journal)
        return Basis(key=key, watermarks={mark.stream: mark.at for mark in known.values() if mark.at is not None})


def refuse_moved(journal: Journal, plan: Plan) -> None:
    """Make sure that no watermark has moved since ``plan`` was made of it. Raises LocalError."""
    known = marks.watermarks(journal)
    for job in plan.jobs:
        mark = known.get(job.stream.id)
        if job.stream.overlap is not None and mark is not None and mark.at not in {None, job.since}:
            raise LocalError(
                f"the watermark of job {job.name!r} has moved while the run was being planned -- run again"
            )


def _began(asked: Asked) -> dict[str, datetime]:
    return {stream: datetime.fromisoformat(since) for stream, since in asked.watermarks.items()}
