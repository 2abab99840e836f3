"""What old runs may leave behind, and removing it: unpublished data first, the journal's lines last.

Decides what goes (``choose``, pure) and in which order. Published data is never touched, and no run that is alive. Does
not ask anybody: that is ``cli.pruning``'s, which calls this.

Decided: files before lines, because a line without files is found again by the next call, and files without a line are
only found in the state folder. Whatever stops a removal half-way, the same call again finishes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from extractor import lists
from extractor.errors import Exit, IntegrityError, LocalError
from extractor.plan.asked import decode
from extractor.plan.job import Dataset
from extractor.run.history import JOURNAL
from extractor.run.vitals import RunState, read_with_living, state_of
from extractor.store.durable import erase_tree, remove_tree
from extractor.store.journal import Journal, open_journal, read_journal
from extractor.store.lock import hold_lock, holder, in_use
from extractor.store.remains import QUARANTINE, REPORTS, STAGING, measure, owners, stands

_FRESH = 3600.0  # seconds from the reading of a list to the beginning of its run, at the very most


class Cause(StrEnum):
    """Why something goes."""

    OLD = "old"  # it began longer ago than was asked for
    COMPLETE = "complete"  # all of it is published: its staging is not needed any more
    ORPHAN = "orphan"  # no run in the journal owns it
    LIST = "list"  # a match list that no run uses any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A folder with all that is in it; bytes."""

    path: Path
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What has to be known of a journaled run; ``started_at`` in Unix seconds. Pieces are those that stand."""

    run_id: str
    plan_id: str
    started_at: float
    state: RunState
    staging: tuple[Piece, ...] = ()
    others: tuple[Piece, ...] = ()  # quarantine, reports and half-built publications


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What goes of one run, or of one match list (``run_id`` is then the list's).

    ``forgets``: its lines in the journal go, too, so that it is not known any more.
    """

    run_id: str
    cause: Cause
    pieces: tuple[Piece, ...]
    forgets: bool = False
    started_at: float | None = None
    state: RunState | None = None

    @property
    def bytes(self) -> int:
        """The bytes of its files."""
        return sum(piece.bytes for piece in self.pieces)

    @property
    def unfinished(self) -> bool:
        """Whether a run goes that could still be resumed."""
        return self.state not in {None, RunState.DONE}


def choose(
    runs: Sequence[RunFacts], orphans: Mapping[str, tuple[Piece, ...]], *, now: float, older_than: float
) -> list[Removal]:
    """Say what goes, runs in the order given and then orphans; ``older_than`` in seconds.

    The newest complete run of each plan keeps its lines, however old: what such a run takes is told from them.
    """
    kept: dict[str, str] = {}
    for run in runs:
        if run.state is RunState.DONE:
            kept[run.plan_id] = max(run.run_id, kept.get(run.plan_id, ""))
    found = []
    for run in runs:
        old = _is_old(run, now - older_than)
        if run.state is RunState.RUNNING or not (old or run.state is RunState.DONE):
            continue
        removal = Removal(
            run_id=run.run_id,
            cause=Cause.OLD if old else Cause.COMPLETE,
            pieces=(*run.staging, *run.others) if old else run.staging,
            forgets=old and run.run_id != kept.get(run.plan_id),
            started_at=run.started_at,
            state=run.state,
        )
        if removal.pieces or removal.forgets:
            found.append(removal)
    return [
        *found,
        *(Removal(run_id=run_id, cause=Cause.ORPHAN, pieces=pieces) for run_id, pieces in orphans.items()),
    ]


def _is_old(run: RunFacts, before: float) -> bool:
    """Whether a run is over and began ``before`` (Unix seconds), whatever it still holds."""
    return run.state is not RunState.RUNNING and run.started_at < before


def look(state: Path, *, now: float, older_than: float) -> list[Removal]:
    """Say what would go from a state folder. Writes nothing. Raises LocalError when there is no journal."""
    with read_journal(state / JOURNAL) as journal:
        return _look(state, journal, now=now, older_than=older_than)


def refuse_while_alive(state: Path) -> None:
    """Raise LocalError when a run is using the state folder."""
    by = holder(state)
    if by is not None:
        raise in_use(state, by)


def remove(state: Path, shown: Iterable[Removal], *, now: float, older_than: float) -> list[Removal]:
    """Remove what was shown and still may go; give what went, durably.

    May be called again after it was stopped anywhere. Raises LocalError when a run is using the state folder, or, when
    everything else is gone, for what could not be removed.
    """
    agreed = {(each.run_id, each.cause, each.forgets) for each in shown}
    gone: list[Removal] = []
    stuck: list[LocalError] = []
    with hold_lock(state), open_journal(state / JOURNAL) as journal:
        for removal in _look(state, journal, now=now, older_than=older_than):
            if (removal.run_id, removal.cause, removal.forgets) not in agreed:
                continue  # somebody took the run up meanwhile
            if stuck and removal.cause is Cause.LIST:
                continue  # perhaps of a run that is still known
            try:
                for piece in removal.pieces:
                    erase_tree(piece.path)
            except LocalError as error:
                stuck.append(error)
            else:
                gone.append(removal)
        journal.forget([each.run_id for each in gone if each.forgets])
    if stuck:
        raise LocalError(f"{stuck[0]} ({len(stuck)} of {len(agreed)} not removed; the rest is gone)")
    return gone


def sweep(state: Path, journal: Journal) -> None:
    """Remove what is certainly of no use: staging of complete runs, and empty folders of runs that never began.

    For the holder of the lock. What cannot be removed stays, and is ``runs --prune``'s to name.
    """
    ended = {row["run_id"]: row["exit_code"] for row in journal.runs()}
    for run_id in owners(state):
        folder = state / STAGING / run_id
        if ended.get(run_id) == Exit.DONE or (run_id not in ended and measure(folder) == 0):
            remove_tree(folder)


def _look(state: Path, journal: Journal, *, now: float, older_than: float) -> list[Removal]:
    rows, living = read_with_living(state, journal.runs)
    known = {row["run_id"] for row in rows} | set(living)
    orphans = {run_id: _pieces(state, run_id) for run_id in owners(state) if run_id not in known}
    facts = [_facts(state, journal, row, alive=row["run_id"] in living) for row in rows]
    found = choose(facts, orphans, now=now, older_than=older_than)
    return [*found, *_lists(state, journal, {run.run_id for run in facts if _is_old(run, now - older_than)}, rows, now)]


def _lists(
    state: Path, journal: Journal, going: Collection[str], rows: Sequence[dict[str, Any]], now: float
) -> Iterable[Removal]:
    """The match lists that none of the runs uses but those that are ``going``. A fresh one may be of a run to come.

    Old runs are going, also the newest complete one of a plan, of which the journal keeps no more than the lines.
    """
    used = {
        list_id
        for row in rows
        if row["run_id"] not in going
        for list_id in decode(journal.request(row["run_id"])).lists.values()
    }
    for folder in lists.unused(state, used, before=now - _FRESH):
        yield Removal(run_id=folder.name, cause=Cause.LIST, pieces=_standing([folder]))


def _facts(state: Path, journal: Journal, row: dict[str, Any], *, alive: bool) -> RunFacts:
    run_id = row["run_id"]
    if Path(run_id).name != run_id or run_id == "..":  # it names folders that are removed
        raise IntegrityError(
            f"{state / JOURNAL}: a run with an impossible name -- the journal was changed from outside"
        )
    return RunFacts(
        run_id=run_id,
        plan_id=row["plan_id"],
        started_at=row["started_at"],
        state=state_of(row["exit_code"], alive=alive),
        staging=_standing([state / STAGING / run_id]),
        others=_standing([state / QUARANTINE / run_id, state / REPORTS / run_id, *_half_built(journal, row)]),
    )


def _half_built(journal: Journal, row: dict[str, Any]) -> Iterable[Path]:
    """Where ``store.publish`` builds, until it renames."""
    for each in journal.datasets(row["run_id"]):
        dataset = Dataset(kind=each["kind"], name=each["name"])
        for kind in ("run", "backfill"):
            yield Path(row["output"]) / dataset.folder / f".{kind}={row['run_id']}.publishing"


def _pieces(state: Path, run_id: str) -> tuple[Piece, ...]:
    return _standing([state / place / run_id for place in (STAGING, QUARANTINE, REPORTS)])


def _standing(folders: Iterable[Path]) -> tuple[Piece, ...]:
    return tuple(Piece(path=folder, bytes=measure(folder)) for folder in folders if stands(folder))
