"""What is covered of each stream: gathered from the journal, and from manifests where the journal does not know.

Decides which publications count, and what follows from them: holes, what is there twice, a watermark that would leave a
hole, a stream that is stale. The arithmetic is ``plan.coverage``'s. Never writes; safe while a run is going on. Called
by ``cli``, to draw it and before a watermark is moved by hand.

The journal goes before: what it knows of a publication is not read again. A manifest counts where the journal has no
line of it, because the state folder was lost, is another one, or is an older copy. A stream that matches people is the
same only in the state folder that has its key (``plan.job``).

Decided: what was published counts, also where its files are gone from the output folder by now, because readers may
take them away when they have loaded them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from extractor.config.jobs import OVERLAP
from extractor.errors import IntegrityError, LocalError
from extractor.plan.coverage import Piece, ahead, covered, holes, repeated, stale_after
from extractor.plan.job import JobSpec
from extractor.plan.planner import Plan
from extractor.run.history import JOURNAL
from extractor.store import manifest, marks
from extractor.store.durable import is_there
from extractor.store.entries import StreamRow
from extractor.store.journal import Journal, read_journal
from extractor.store.manifest import Manifest
from extractor.store.sight import paths_in

_BACKFILL = "backfill="
_PUBLISHED = ("run=", _BACKFILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A publication of a stream: what it covers, which run made it, and who knows. ``path`` is its folder."""

    run: str
    piece: Piece
    path: str
    known_by: Literal["journal", "manifest"]

    @property
    def is_backfill(self) -> bool:
        """Whether it is of a period, and says nothing of how new the stream is."""
        return Path(self.path).name.startswith(_BACKFILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is known of a stream, and what follows; instants are aware, durations in seconds.

    ``watermark`` is None where there is none or it was reset. ``begins`` is where the next run will begin, None for the
    beginning; only a stream that asks from a watermark has another. ``unknown`` are publications without the server's
    time, of which nobody can say what they cover. Whoever exports a hole begins ``overlap`` before it, as a run would.
    ``config_path`` is the configuration of its newest run, where that is known.
    """

    stream: StreamRow
    exports: tuple[Export, ...]
    watermark: datetime | None
    begins: datetime | None
    stale_after: float
    stale: bool
    unknown: int = 0
    overlap: float = OVERLAP
    config_path: str | None = None
    covered: tuple[Piece, ...] = field(init=False)
    repeated: tuple[Piece, ...] = field(init=False)
    holes: tuple[Piece, ...] = field(init=False)
    coming: Piece | None = field(init=False)  # the hole that the next run would leave

    def __post_init__(self) -> None:
        """Work out what follows from the exports."""
        for name, value in (
            ("covered", covered(self.pieces)),
            ("repeated", repeated(self.pieces)),
            ("holes", holes(self.pieces)),
            ("coming", ahead(self.pieces, self.begins)),
        ):
            object.__setattr__(self, name, value)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What each export covers."""
        return tuple(export.piece for export in self.exports)

    @property
    def as_of(self) -> datetime | None:
        """The end of what is covered; None where nothing is."""
        return self.covered[-1].end if self.covered else None

    @property
    def whole(self) -> bool:
        """Whether there is no hole, and none in the making."""
        return not self.holes and self.coming is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All streams that were asked for; ``unreadable`` says of each manifest that could not be read why."""

    streams: tuple[Coverage, ...]
    unreadable: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Known:
    """What is gathered of a state folder and of output folders."""

    streams: dict[str, StreamRow] = field(default_factory=dict)
    exports: dict[str, list[Export]] = field(default_factory=dict)
    watermarks: dict[str, datetime | None] = field(default_factory=dict)
    configs: dict[str, str | None] = field(default_factory=dict)  # by run
    outputs: dict[Path, None] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    overlaps: dict[str, float] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def add(self, stream: str, export: Export) -> None:
        """Add a publication of a stream."""
        self.exports.setdefault(stream, []).append(export)


def survey(
    state: Path, *, now: datetime, output: Path | None = None, plan: Plan | None = None, stale: float | None = None
) -> Survey:
    """Say what is covered of the streams of ``plan``, in its order, or of all that are known; as of ``now``.

    Manifests are looked for below ``output``; below every output folder that the journal knows, if it is None. A stream
    is stale when its newest run is older than ``stale`` seconds; if that is None, than ``plan.coverage.stale_after``
    says, unless it ran once only and has no watermark. Raises LocalError where there is neither a journal nor an
    ``output``, LocalError or IntegrityError when one of them cannot be read.
    """
    known = _Known()
    if output is None or is_there(state / JOURNAL):
        with read_journal(state / JOURNAL) as journal:
            _read_journal(journal, known)
    for folder in known.outputs if output is None else [output]:
        _read_manifests(folder, known)
    if plan is None:
        wanted = {row.id: known.watermarks.get(row.id) for row in known.streams.values()}
    else:
        jobs = {job.stream.id: job for job in plan.jobs}
        known.streams.update({job.stream.id: _row(job) for job in jobs.values()})
        wanted = {stream: None if job.stream.overlap is None else job.since for stream, job in jobs.items()}
        known.overlaps = {
            stream: OVERLAP if job.stream.overlap is None else job.stream.overlap for stream, job in jobs.items()
        }
    found = [_coverage(known, stream, begins, now=now, stale=stale) for stream, begins in wanted.items()]
    return Survey(streams=tuple(found), unreadable=tuple(known.unreadable))


def _read_journal(journal: Journal, known: _Known) -> None:
    known.streams = {row.id: row for row in marks.streams(journal)}
    known.watermarks = {stream: mark.at for stream, mark in marks.watermarks(journal).items()}
    for run in journal.runs():
        known.configs[run["run_id"]] = run["config_path"]
        known.outputs[Path(run["output"])] = None
    for span in marks.spans(journal):
        piece = Piece(start=span.since, end=span.until)
        known.add(span.stream, Export(run=span.run, piece=piece, path=span.path, known_by="journal"))
        known.outputs[Path(span.path).parent.parent] = None


def _read_manifests(output: Path, known: _Known) -> None:
    """Read what the journal has no line of."""
    there = {_place(Path(export.path)) for exports in known.exports.values() for export in exports}
    for folder in (
        run for dataset in paths_in(output) if "=" in dataset.name for run in paths_in(dataset, *_PUBLISHED)
    ):
        if _place(folder) in there:
            continue
        try:
            read = manifest.load_manifest(folder / manifest.MANIFEST)
        except (LocalError, IntegrityError) as error:
            known.unreadable.append(str(error))
            continue
        for row, piece in _told_by(read):
            known.streams.setdefault(row.id, row)
            if piece is None:
                known.unknown[row.id] = known.unknown.get(row.id, 0) + 1
            else:
                known.add(row.id, Export(run=read.run, piece=piece, path=str(folder), known_by="manifest"))


def _place(folder: Path) -> tuple[str, str]:
    """Where a publication is in its output folder, wherever that lies now."""
    return folder.parent.name, folder.name


def _told_by(read: Manifest) -> Iterator[tuple[StreamRow, Piece | None]]:
    """The streams of a manifest, and what it covers of each; None where it cannot say."""
    for entry in read.streams:
        who = next((job.match for job in read.jobs if job.name == entry.name), None)
        row = StreamRow(
            id=entry.id,
            kind=read.dataset.kind,
            name=read.dataset.name,
            job=entry.name,
            who="everybody" if who is None else who.rpartition(" x ")[0],
            connection="",
        )
        until = marks.read(entry.until)
        yield row, None if until is None else Piece(start=marks.read(entry.since), end=until)


def _row(job: JobSpec) -> StreamRow:
    return StreamRow(**marks.stream_row(job))


def _coverage(known: _Known, stream: str, begins: datetime | None, *, now: datetime, stale: float | None) -> Coverage:
    exports = sorted(known.exports.get(stream, ()), key=_in_order)
    nights = [export.piece.end for export in exports if not export.is_backfill]
    mark = known.watermarks.get(stream)
    usual = stale_after(nights) if stale is None else stale
    watched = stale is not None or len(nights) > 1 or mark is not None
    newest = max(nights, default=mark)
    return Coverage(
        stream=known.streams[stream],
        exports=tuple(exports),
        watermark=mark,
        begins=begins,
        stale_after=usual,
        stale=watched and newest is not None and (now - newest).total_seconds() > usual,
        unknown=known.unknown.get(stream, 0),
        overlap=known.overlaps.get(stream, OVERLAP),
        config_path=next((path for path in (known.configs.get(each.run) for each in reversed(exports)) if path), None),
    )


def _in_order(export: Export) -> tuple[datetime, str]:
    return export.piece.end, export.run


def after_moving(pieces: Iterable[Piece], to: datetime, *, now: datetime) -> tuple[Piece, ...]:
    """The holes that would be left when the next export covered from ``to`` to ``now``."""
    return holes([*pieces, Piece(start=to, end=now)])


def again(pieces: Iterable[Piece], to: datetime) -> float:
    """How many seconds of what lies after ``to`` are covered already, and would be exported once more."""
    late = [piece for piece in covered(pieces) if piece.end > to]
    return sum((piece.end - max(to, piece.start or to)).total_seconds() for piece in late)
