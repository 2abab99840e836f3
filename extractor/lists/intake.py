"""Reading what the configuration names: every row judged, the good ones kept, the bad ones written down.

Decides which rows become values (trimmed, fit, not met before), how many bad ones are borne, and what a person is told.
In memory are one row, one batch and 16 bytes for each value. Called by ``cli``, before a plan is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extractor.config import Config, ListFile, Match
from extractor.config.match_lists import STDIN
from extractor.errors import ConfigError
from extractor.lists.criteria import Check, Unfit, check_of, fold
from extractor.lists.rows import Row, rows_of
from extractor.lists.shelf import LISTS, REJECTS, ListEntry, Spool, cut
from extractor.lists.source import Stamp, name_of, opened, refuse
from extractor.observe.figures import count, counted
from extractor.plan.planner import MatchList

_NAMED: Final = 5  # bad rows that a refusal names one by one
_DIGEST: Final = 16  # bytes: no two values of any list share it by chance

Notice = Callable[[str], None]


def read_all(
    config: Config, places: Iterable[int], *, key: bytes, state: Path | None, notice: Notice = lambda _: None
) -> dict[int, MatchList]:
    """Read the lists of the jobs at ``places`` (of the configuration) into ``<state>/lists``; durable on return.

    ``state`` None: nothing is kept, for a plan that is only looked at. ``key`` is the state folder's; ``notice`` is
    told a sentence of each list. Raises ConfigError for what the user can mend, LocalError for this machine's disk.
    """
    wanted = [(place, match) for place in places if (match := config.jobs[place].match) is not None]
    files = [(place, match, match.values) for place, match in wanted if isinstance(match.values, ListFile)]
    from_stdin = [f"jobs[{place}]" for place, _, entry in files if entry.file == STDIN]
    if len(from_stdin) > 1:
        raise ConfigError(
            [f"{' and '.join(from_stdin)} both read standard input -- it can be read once: give one of them a file"]
        )
    return {
        place: _read(match, entry, key=key, folder=None if state is None else state / LISTS, notice=notice)
        for place, match, entry in files
    }


def _read(match: Match, entry: ListFile, *, key: bytes, folder: Path | None, notice: Notice) -> MatchList:
    check = check_of(match.criteria, entry.region)
    name = name_of(entry.file)
    spool = Spool(folder)
    try:
        with opened(entry) as source:
            intake = _Intake(criteria=match.criteria, check=check, key=key, spool=spool)
            found = cut(intake.values(rows_of(source, entry, check)), batch=match.batch, key=key)
            intake.refuse_if_bad(name, entry)
        kept = spool.keep(_entry(found, intake, match, entry, source.stamp))
    finally:
        spool.discard()
    notice(_told(name, found, intake, kept))
    return found


@dataclass(slots=True, kw_only=True)
class _Intake:
    """One list on its way: what has been counted of its rows so far."""

    criteria: str
    check: Check
    key: bytes = field(repr=False)
    spool: Spool
    rows: int = 0  # the blank ones are not among them
    blank: int = 0
    rejected: int = 0
    repeated: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)  # the line and reason of the first bad rows

    def values(self, rows: Iterable[Row]) -> Iterator[str]:
        """Give each value once, as it is sent, in the order of the file; it is in the spool by then."""
        met: set[bytes] = set()
        for line, text, reason in rows:
            if text is None and not reason:
                self.blank += 1
                continue
            self.rows += 1
            if text is None:
                self._reject(line, reason, None)
                continue
            try:
                value = self.check(text.strip())
            except Unfit as fault:
                self._reject(line, str(fault), text)
                continue
            known = self._digest(value)
            if known in met:
                self.repeated += 1
                continue
            met.add(known)
            self.spool.value(value)
            yield value

    def refuse_if_bad(self, name: str, entry: ListFile) -> None:
        """Raise ConfigError when the list has no value, or more bad rows than it may have."""
        if not self.rows:
            refuse(
                name,
                "is empty: it has no row that holds a value -- it would ask for nobody; remove the job, or mend it",
            )
        allowed = entry.allowed(self.rows)
        if self.rejected == self.rows:
            line, reason = self.first[0]
            none = "its only row cannot" if self.rows == 1 else f"not one of its {count(self.rows)} rows can"
            column = "" if entry.column is None else f" Is {entry.column!r} the right column?"
            refuse(
                name,
                f"{none} be asked for by {self.criteria}: the first {reason} -- "
                f"check the file and the criteria.{column}",
                line=line,
            )
        if self.rejected > allowed:
            problems = [f"{name}:{line}: {reason}" for line, reason in self.first]
            bad = f"{count(self.rejected)} of {counted(self.rows, 'row')} {'is' if self.rejected == 1 else 'are'} bad"
            total = f"{bad}, and {count(allowed)} may be"
            remedy = f"mend them, or let them be left out: max_rejects: {self.rejected}"
            raise ConfigError([*problems, f"{name}: {total} -- {remedy}"])

    def _reject(self, line: int, reason: str, text: str | None) -> None:
        self.rejected += 1
        if len(self.first) < _NAMED:
            self.first.append((line, reason))
        self.spool.reject(line, reason, text)

    def _digest(self, value: str) -> bytes:
        folded = fold(self.criteria, value).encode()
        return hashlib.blake2b(folded, key=self.key, digest_size=_DIGEST).digest()


def _entry(found: MatchList, intake: _Intake, match: Match, entry: ListFile, stamp: Stamp | None) -> ListEntry:
    return ListEntry(
        digest=found.digest,
        criteria=match.criteria,
        source=name_of(entry.file) if entry.file == STDIN else str(entry.file.absolute()),
        inode=None if stamp is None else stamp.inode,
        size=None if stamp is None else stamp.size,
        mtime_ns=None if stamp is None else stamp.mtime_ns,
        rows=intake.rows,
        blank=intake.blank,
        rejected=intake.rejected,
        repeated=intake.repeated,
        values=found.count,
    )


def _told(name: str, found: MatchList, intake: _Intake, kept: Path | None) -> str:
    parts = [
        f"{count(number)} {what}"
        for number, what in (
            (intake.repeated, "repeated"),
            (intake.rejected, "rejected"),
            (intake.blank, "blank"),
        )
        if number
    ]
    where = f" (see {kept / REJECTS})" if kept is not None and intake.rejected else ""
    left_out = f"; {', '.join(parts)}{where}" if parts else ""
    return f"{name}: {counted(found.count, 'value')} of {counted(intake.rows, 'row')}{left_out}"
