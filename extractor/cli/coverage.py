"""``extractor coverage``: what is covered of each stream, drawn; holes, and how to close them.

Decides what is said and the exit code. What is covered is ``run.coverage``'s, the drawing ``picture``'s.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extractor.cli.console import out, out_json, say, table
from extractor.cli.instants import age, exact, exact_or_none, now
from extractor.cli.options import DEFAULT_STATE, AsJson, again, examples, positive_seconds_of
from extractor.errors import Exit
from extractor.observe.figures import count, counted, short, span

if TYPE_CHECKING:
    from extractor.plan.coverage import Piece
    from extractor.run.coverage import Coverage, Survey

EXAMPLES = examples(
    "extractor coverage",
    "extractor coverage nightly.yaml",
    "extractor coverage nightly.yaml --stale 36h --json",
    "extractor coverage --state /var/lib/extractor --output exports",
)

_SHOWN = 50  # streams
_WIDTH = 40  # characters of a name in the table
_LABEL = 30  # characters of a name beside the picture
_NARROWEST = 20  # cells of the picture
_DAY = timedelta(days=1)


def coverage(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="CONFIG", help="Only the streams of this configuration; all that are known otherwise."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Instead of state of the configuration; .extractor without one."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Where published data lies, instead of where runs have put it."),
    ] = None,
    stale: Annotated[
        float | None,
        typer.Option(
            "--stale",
            metavar="DURATION",
            parser=positive_seconds_of,
            help="A stream is stale when its newest run is older than this, such as 36h.",
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Draw what is covered of each stream, and what is not.

    Read from the journal and, where it does not know, from the manifests of what is published; sends nothing. A hole is
    what no export holds between two that do; a hole in the making is what the next run would skip, because its
    watermark lies after what is covered. Either makes the exit code 6. An export of everything closes all holes before
    it. What lies before the first export of a stream is no hole.

    A stream that has a watermark, or ran more than once, is stale when its newest run is older than twice the usual
    distance of its runs, and 26 hours at least. That alone leaves the exit code 0.
    """
    from extractor.run.coverage import survey  # noqa: PLC0415 - keeps --help quick

    plan, folder = None, state or DEFAULT_STATE
    if config is not None:
        from extractor.cli.loading import load_config, plan_of  # noqa: PLC0415 - as above

        loaded = load_config(config, output=output, state=state)
        plan, folder, output = plan_of(loaded, None, early=True), loaded.state, loaded.output.path
    at = now()
    found = survey(folder, now=at, output=output, plan=plan, stale=stale)
    if as_json:
        out_json(_as_object(found, config, at))
    else:
        _show(found, config, folder, at)
    whole = all(each.whole for each in found.streams)
    raise typer.Exit(Exit.DONE if whole else Exit.INTEGRITY)


def _show(found: Survey, config: Path | None, state: Path, at: datetime) -> None:
    if not found.streams:
        out(f"Nothing is known of any stream in {state}: a run makes its streams known.")
    else:
        streams = sorted(found.streams, key=lambda each: each.whole)  # those with holes are why somebody looks
        for line in [*_table(streams[:_SHOWN]), *_picture(streams[:_SHOWN], at)]:
            out(line)
        if len(streams) > _SHOWN:
            out(f"… and {counted(len(streams) - _SHOWN, 'stream')} more (--json has all)")
        out()
        for each in streams:
            for line in _sentences(each, config, state, at):
                out(line, style="red" if line.startswith("HOLE") else None)
        broken = sum(not each.whole for each in streams)
        if not broken:
            out("No hole.", style="green")
    for problem in found.unreadable[:_SHOWN]:
        say(f"not counted: {problem}")
    if len(found.unreadable) > _SHOWN:
        say(f"not counted: {count(len(found.unreadable) - _SHOWN)} more (--json has all)")


def _table(streams: Sequence[Coverage]) -> list[str]:
    header = ("DATASET", "JOB", "WHO", "COVERED SINCE", "AS OF", "MORE THAN ONCE", "WATERMARK")
    rows = [
        (
            short(_dataset(each), _WIDTH),
            short(each.stream.job, _WIDTH),
            each.stream.who,
            _since(each),
            "-" if each.as_of is None else exact(each.as_of),
            _twice(each.repeated),
            "-" if each.watermark is None else exact(each.watermark),
        )
        for each in streams
    ]
    return table(header, rows)


def _dataset(each: Coverage) -> str:
    return f"{each.stream.kind} {each.stream.name!r}"


def _named(each: Coverage) -> str:
    return f"job {each.stream.job!r} ({_dataset(each)}, {each.stream.who})"


def _since(each: Coverage) -> str:
    if not each.covered:
        return "never exported"
    return "the beginning" if each.covered[0].start is None else exact(each.covered[0].start)


def _twice(repeated: Sequence[Piece]) -> str:
    """Say how much is there more than once: all up to an instant, or how long together."""
    seconds = sum(piece.seconds or 0.0 for piece in repeated)
    words = [f"all to {exact(piece.end)}" for piece in repeated if piece.start is None]
    return " and ".join([*words, *([span(seconds)] if seconds else [])]) or "-"


def _picture(streams: Sequence[Coverage], at: datetime) -> Iterator[str]:
    from extractor.cli.picture import LEGEND, Row, axis_of, drawn  # noqa: PLC0415 - keeps --help quick

    rows = [
        Row(
            covered=each.covered,
            repeated=each.repeated,
            holes=each.holes if each.coming is None else (*each.holes, each.coming),
            watermark=each.watermark,
        )
        for each in streams
    ]
    labels = [short(f"{each.stream.job} {_dataset(each)}", _LABEL) for each in streams]
    margin = max(len(label) for label in labels) + 2
    width = max(shutil.get_terminal_size().columns - margin - 1, _NARROWEST)
    axis = axis_of(rows, now=at, width=width)
    yield ""
    for label, row in zip(labels, rows, strict=True):
        yield f"{label:<{margin}}{drawn(row, axis)}".rstrip()
    yield f"{'':<{margin}}{axis}"
    yield LEGEND


def _sentences(each: Coverage, config: Path | None, state: Path, at: datetime) -> Iterator[str]:
    for hole in each.holes:
        yield f"HOLE {_named(each)}: nothing covers what changed {_between(hole)} ({_long(hole)})."
        yield f"  Close it: {_remedy(each, hole, config, at)}"
    if each.coming is not None:
        lies = f"the next run begins {exact(each.coming.end)}, after what is covered"
        yield f"HOLE in the making, {_named(each)}: {lies}; what changed {_between(each.coming)} would be skipped."
        yield f"  Close it: {_set_back(each, each.coming, state)}"
    if each.stale:
        newest = max((night.piece.end for night in each.exports if not night.is_backfill), default=each.watermark)
        old = "unknown" if newest is None else age(newest, at)
        yield f"stale: {_named(each)}: its newest run is {old} old, more than {span(each.stale_after)}."
    if each.unknown:
        told = counted(each.unknown, "publication")
        yield f"note: {_named(each)}: {told} without the server's time; what they cover is not known."


def _between(hole: Piece) -> str:
    return f"from {exact_or_none(hole.start) or 'the beginning'} to {exact(hole.end)}"


def _long(hole: Piece) -> str:
    return span(hole.seconds or 0.0)


def _remedy(each: Coverage, hole: Piece, config: Path | None, at: datetime) -> str:
    """Give the backfill that covers a hole, and the overlap before it.

    Whole days; where the last of them is not over yet, 24 hours and more, up to the end of the hole.
    """
    start = (hole.start or hole.end).astimezone(UTC) - timedelta(seconds=each.overlap)
    end = hole.end.astimezone(UTC)
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    last = end.replace(hour=0, minute=0, second=0, microsecond=0)
    last += _DAY if last < end else timedelta(0)
    if last <= at:
        period = f"--from {first:%Y-%m-%d} --to {last:%Y-%m-%d} --window 1d --zone UTC"
    else:
        period = f"--from {exact(end - -((start - end) // _DAY) * _DAY)} --to {exact(end)} --window 24h"
    name = config or each.config_path
    return f"extractor backfill {'CONFIG' if name is None else shlex.quote(str(name))} {period} --job {_job(each)}"


def _job(each: Coverage) -> str:
    return shlex.quote(each.stream.job)


def _set_back(each: Coverage, coming: Piece, state: Path) -> str:
    """Give the command that moves the watermark back to where a run would have left it."""
    to = exact((coming.start or coming.end) - timedelta(seconds=each.overlap))
    return f"extractor watermarks set {each.stream.id} {to}{again(state)}"


def _as_object(found: Survey, config: Path | None, at: datetime) -> dict[str, Any]:  # Any: JSON values
    return {
        "at": exact(at),
        "whole": all(each.whole for each in found.streams),
        "streams": [_stream(each, config, at) for each in found.streams],
        "unreadable": list(found.unreadable),
    }


def _stream(each: Coverage, config: Path | None, at: datetime) -> dict[str, Any]:
    return {
        "stream": each.stream.id,
        "kind": each.stream.kind,
        "name": each.stream.name,
        "job": each.stream.job,
        "who": each.stream.who,
        "exported": bool(each.exports),
        "as_of": exact_or_none(each.as_of),
        "watermark": exact_or_none(each.watermark),
        "covered": [_piece(piece) for piece in each.covered],
        "holes": [{**_piece(hole), "remedy": _remedy(each, hole, config, at)} for hole in each.holes],
        "coming_hole": None if each.coming is None else _piece(each.coming),
        "repeated": [_piece(piece) for piece in each.repeated],
        "repeated_seconds": sum(piece.seconds or 0.0 for piece in each.repeated),
        "stale": each.stale,
        "stale_after_seconds": each.stale_after,
        "unknown": each.unknown,
        "exports": [
            {"run": export.run, **_piece(export.piece), "path": export.path, "known_by": export.known_by}
            for export in each.exports
        ],
    }


def _piece(piece: Piece) -> dict[str, str | None]:
    return {"from": exact_or_none(piece.start), "to": exact(piece.end)}
