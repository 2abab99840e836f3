"""``extractor watermarks``: where each stream's next run begins, how it came there, and moving it by hand.

What moving means, and whether a person agrees, is ``marking``'s.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extractor.cli.console import out, out_json, table
from extractor.cli.instants import age, exact, exact_or_none, instant_of, now
from extractor.cli.options import DEFAULT_STATE, AsJson, StateFolder, examples
from extractor.cli.runs import instant
from extractor.observe.figures import count, short

if TYPE_CHECKING:
    from extractor.run.watermarks import Mark, Marks

EXAMPLES = examples(
    "extractor watermarks",
    "extractor watermarks --history",
    "extractor watermarks set 'All Profiles' 2026-11-20T00:00:00Z",
    "extractor watermarks reset 'All Profiles' --state /var/lib/extractor --yes",
)
_SET = examples(
    "extractor watermarks set 'All Profiles' 2026-11-20T00:00:00Z",
    "extractor watermarks set 3f9c 2026-11-20T01:00:00+01:00 --yes",
)
_RESET = examples("extractor watermarks reset 'All Profiles'", "extractor watermarks reset 3f9c --yes")

_SHOWN = 50  # rows
_WIDTH = 40  # characters of a name

StreamName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Which stream: its job, its dataset, its id or how its id begins."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def watermarks(
    context: typer.Context,
    state: StateFolder = DEFAULT_STATE,
    *,
    history: Annotated[bool, typer.Option("--history", help="Every move of every watermark, newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where the next run of each stream begins.

    A stream is one entry of the configuration's jobs over all its nights: connection, dataset, and whom it is about.
    With since: watermark its next run asks for what changed since its watermark. A run moves it when its dataset is
    published, to the server's time at the beginning of the export less the overlap; a run that fails leaves it.

    Only set and reset change anything. Both ask first, and are refused while a run is using the state folder.
    """
    if context.invoked_subcommand is not None:
        if history or as_json or state != DEFAULT_STATE:
            raise typer.BadParameter(f"options stand behind the word {context.invoked_subcommand}")
        return
    from extractor.run.watermarks import read_marks  # noqa: PLC0415 - keeps --help quick

    found = read_marks(Path(state))
    if history:
        _show_history(found, as_json=as_json)
    elif as_json:
        at = now()
        out_json([_as_object(mark, at) for mark in found.streams])
    else:
        _show(found, Path(state))


@app.command("set", epilog=_SET)
def set_watermark(
    name: StreamName,
    at: Annotated[
        datetime,
        typer.Argument(metavar="INSTANT", parser=instant_of, help="With its zone, such as 2026-11-20T00:00:00Z."),
    ],
    state: StateFolder = DEFAULT_STATE,
    *,
    yes: Yes = False,
) -> None:
    """Set the watermark of a stream: its next run asks for what changed since then.

    Set back, the next run exports again what was exported since. Set forward, what changed before and was not exported
    is skipped: that is a hole, which is named before anything is changed, and which extractor coverage shows.
    """
    from extractor.cli.marking import Move, perform  # noqa: PLC0415 - keeps --help quick

    raise typer.Exit(perform(Move(state=Path(state), name=name, to=at, yes=yes)))


@app.command("reset", epilog=_RESET)
def reset_watermark(name: StreamName, state: StateFolder = DEFAULT_STATE, *, yes: Yes = False) -> None:
    """Forget the watermark of a stream: its next run begins as the first one did.

    It exports everything, or what changed since the job's initial. What was published stays.
    """
    from extractor.cli.marking import Move, perform  # noqa: PLC0415 - keeps --help quick

    raise typer.Exit(perform(Move(state=Path(state), name=name, to=None, yes=yes)))


def _show(found: Marks, state: Path) -> None:
    if not found.streams:
        out(f"No streams in {state} yet: a run makes its streams known.")
        return
    at = now()
    rows = [
        (
            short(f"{mark.stream.kind} {mark.stream.name!r}", _WIDTH),
            short(mark.stream.job, _WIDTH),
            mark.stream.who,
            _where(mark),
            "-" if mark.at is None else age(mark.at, at),
            "-" if mark.moved is None else instant(mark.moved.changed_at),
            "-" if mark.moved is None else mark.moved.reason,
            mark.stream.id,
        )
        for mark in found.streams[:_SHOWN]
    ]
    for line in table(("DATASET", "JOB", "WHO", "WATERMARK", "AGE", "MOVED", "BY", "STREAM"), rows):
        out(line)
    _more(len(found.streams), "streams")


def _where(mark: Mark) -> str:
    if mark.at is not None:
        return exact(mark.at)
    return "none" if mark.moved is None else "reset"


def _show_history(found: Marks, *, as_json: bool) -> None:
    streams = {mark.stream.id: mark.stream for mark in found.streams}
    if as_json:
        out_json(
            [
                {
                    "stream": change.stream,
                    "job": streams[change.stream].job if change.stream in streams else None,
                    "from": exact_or_none(change.was),
                    "to": exact_or_none(change.at),
                    "moved_at": instant(change.changed_at),
                    "moved_by": change.reason,
                }
                for change in found.changes
            ]
        )
        return
    if not found.changes:
        out("No watermark has moved yet.")
        return
    rows = [
        (
            instant(change.changed_at),
            short(streams[change.stream].job, _WIDTH) if change.stream in streams else "-",
            exact_or_none(change.was) or "-",
            exact_or_none(change.at) or "reset",
            change.reason,
            change.stream,
        )
        for change in found.changes[:_SHOWN]
    ]
    for line in table(("MOVED", "JOB", "FROM", "TO", "BY", "STREAM"), rows):
        out(line)
    _more(len(found.changes), "moves")


def _more(number: int, nouns: str) -> None:
    if number > _SHOWN:
        out(f"… and {count(number - _SHOWN)} more {nouns} (--json has all)")


def _as_object(mark: Mark, at: datetime) -> dict[str, Any]:  # Any: JSON values
    return {
        "stream": mark.stream.id,
        "kind": mark.stream.kind,
        "name": mark.stream.name,
        "job": mark.stream.job,
        "who": mark.stream.who,
        "connection": mark.stream.connection,
        "watermark": exact_or_none(mark.at),
        "age_seconds": None if mark.at is None else round((at - mark.at).total_seconds(), 3),
        "moved_at": None if mark.moved is None else instant(mark.moved.changed_at),
        "moved_by": None if mark.moved is None else mark.moved.reason,
    }
