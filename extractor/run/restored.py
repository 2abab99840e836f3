"""An old copy of a journal over newer output: recognised, and refused.

Whoever restores a state folder from a backup brings back a journal that knows nothing of what was published since. A
run on it would ask again for what is done, and incremental runs from where they once began. Every publication carries
its journal's id and a number that only grows; a number that this journal has not given yet tells. Reads the manifests
of the plan's datasets; changes nothing. Called by ``extraction``, before anything is asked.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from extractor.errors import IntegrityError, LocalError
from extractor.plan.planner import Plan
from extractor.store import manifest, roll
from extractor.store.journal import Journal


def refuse_old_copy(journal: Journal, output: Path, plan: Plan, run_id: str | None) -> None:
    """Compare the journal with what stands in ``output``; ``run_id`` is that of a run that is taken up.

    Raises IntegrityError naming what the journal should know of. What cannot be read says nothing.
    """
    known = journal.identity()
    for dataset in plan.datasets:
        folder = output / dataset.folder
        kind = "run" if plan.partitions is None else "backfill"
        places = [_latest(folder), None if run_id is None else f"{kind}={run_id}"]
        for path in [folder / place / manifest.MANIFEST for place in places if place is not None]:
            entry = _entry(path)
            if entry is not None and entry.id == known.id and entry.publication > known.publications:
                raise IntegrityError(
                    f"{path}: it is publication {entry.publication} of this state folder's journal, which knows of "
                    f"{known.publications} only: the journal is an old copy -- bring the newest one back, or use "
                    "another state folder (--state)"
                )


def _latest(folder: Path) -> str | None:
    with suppress(LocalError, IntegrityError):
        return f"run={manifest.load_latest(folder / manifest.LATEST).run}"
    return None


def _entry(path: Path) -> manifest.JournalEntry | None:
    with suppress(LocalError, IntegrityError):
        return roll.head_of(path).journal
    return None
