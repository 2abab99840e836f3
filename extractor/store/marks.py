"""What is known of streams over many nights: watermarks, their history, and what each publication covered.

Decides when a watermark moves: with the journal's line that a dataset is published, in the same transaction, and never
over what was not exported. Does not decide where it moves to (``run.publication``) or what follows from a hole
(``run.coverage``). Lives in the journal's file, but not with its runs: pruning a run forgets nothing here.

Decided: a watermark keeps the number of the run that moved it, or how many runs had begun when it was moved by hand;
only a run that began after that moves it. So a run that is taken up late cannot set it back, nor move it over the piece
between where it was set by hand and where that run began.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from extractor.plan.job import JobSpec
from extractor.store import experience
from extractor.store.database import Database
from extractor.store.entries import Span, StreamRow, Stride, Watermark, WatermarkChange

_STREAMS_SINCE = 3  # the journal's format


def stride(
    journal: Database, run_id: str, strides: Iterable[Stride], *, publication: int, path: str, now: float
) -> list[str]:
    """Note what a publication of a run covers and cost, inside a transaction; give what a person should know.

    ``path`` is the published folder, ``publication`` its number, ``now`` Unix seconds.
    """
    (run,) = journal.rows("run", {"run_id": run_id})
    said: list[str] = []
    for each in strides:
        if each.cost is not None:
            experience.note(journal, each.stream.id, each.cost, number=run["number"], now=now)
        if each.until is None:
            if each.stream.overlap is not None:
                said.append(f"{each.stream.name}: {each.doubt}; the watermark stays")
            continue
        span = {
            "stream": each.stream.id,
            "run": run_id,
            "number": run["number"],
            "publication": publication,
            "since": written(each.since),
            "until": written(each.until),
            "published_at": now,
            "path": path,
        }
        journal.change("add_span", span)
        if each.watermark is not None:
            said += _move(journal, each, run_id, run["number"], now)
    return said


def _move(journal: Database, each: Stride, run_id: str, number: int, now: float) -> list[str]:
    name, current = each.stream.name, watermark(journal, each.stream.id)
    if current is not None and current.number >= number:
        return [f"{name}: the watermark was moved since the run began, by a later run or by hand; it stays"]
    _change(journal, each.stream.id, each.watermark, number=number, reason=f"run {run_id}", now=now)
    return []


def move_by_hand(journal: Database, stream: str, at: datetime | None, *, reason: str, now: float) -> None:
    """Set a watermark (aware instant), or reset it (None); one transaction, with its line of history."""
    with journal.transaction():
        (head,) = journal.rows("journal", {})
        _change(journal, stream, at, number=head["runs"], reason=reason, now=now)


def _change(journal: Database, stream: str, at: datetime | None, *, number: int, reason: str, now: float) -> None:
    before = watermark(journal, stream)
    was = None if before is None else written(before.at)
    journal.change("move_watermark", {"stream": stream, "at": written(at), "number": number})
    row = {"stream": stream, "was": was, "at": written(at), "changed_at": now, "reason": reason}
    journal.change("add_watermark_change", row)


def watermark(journal: Database, stream: str) -> Watermark | None:
    """Where a stream's watermark is; None if it never had one."""
    rows = [] if journal.format < _STREAMS_SINCE else journal.rows("watermark", {"stream": stream})
    return _watermark(rows[0]) if rows else None


def watermarks(journal: Database) -> dict[str, Watermark]:
    """Every watermark, by stream id; those that were reset, too."""
    rows = [] if journal.format < _STREAMS_SINCE else journal.rows("watermarks", {})
    return {row["stream"]: _watermark(row) for row in rows}


def streams(journal: Database) -> list[StreamRow]:
    """Every stream that a run has asked for, by kind and name of its dataset."""
    rows = [] if journal.format < _STREAMS_SINCE else journal.rows("streams", {})
    return [StreamRow(**row) for row in rows]


def changes(journal: Database) -> list[WatermarkChange]:
    """Every move of every watermark, newest first."""
    rows = [] if journal.format < _STREAMS_SINCE else journal.rows("watermark_changes", {})
    return [WatermarkChange(**{**row, "was": read(row["was"]), "at": read(row["at"])}) for row in rows]


def spans(journal: Database) -> list[Span]:
    """What every publication covered, by stream, then in the order of the runs."""
    rows = [] if journal.format < _STREAMS_SINCE else journal.rows("spans", {})
    return [Span(**{**row, "since": read(row["since"]), "until": _moment(row["until"])}) for row in rows]


def stream_row(job: JobSpec) -> dict[str, Any]:
    """Spell a job's stream as a row."""
    return {
        "id": job.stream.id,
        "kind": job.dataset.kind,
        "name": job.dataset.name,
        "job": job.stream.name,
        "who": job.stream.who,
        "connection": job.stream.connection,
    }


def written(moment: datetime | None) -> str | None:
    """Spell an instant so that texts sort as instants do: UTC, microseconds, ``Z``."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def read(text: str | None) -> datetime | None:
    """Read what ``written`` has spelled."""
    return None if text is None else _moment(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _watermark(row: dict[str, Any]) -> Watermark:
    return Watermark(stream=row["stream"], at=read(row["at"]), number=row["number"])
