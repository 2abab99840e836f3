"""``extractor backfill``: a past period, cut into windows. The work is in ``backfilling`` and ``running``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from extractor.cli.options import AsJson, ConfigPath, Deadline, JobNames, OutputFolder, Quiet, StateOverride, examples

EXAMPLES = examples(
    "extractor backfill nightly.yaml --from 2025-01-01 --to 2026-01-01 --window 1mo --dry-run",
    "extractor backfill nightly.yaml --from 2025-01-01 --to 2026-01-01 --window 1d --zone America/New_York",
    "extractor backfill nightly.yaml --from 2026-03-01T06:00:00Z --to 2026-03-02T06:00:00Z --window 6h --job Winback",
    "extractor backfill nightly.yaml --from 2026-01-01 --to 2026-04-01 --window 1mo --strategy fan-out",
)


class Strategy(StrEnum):
    """How the windows are filled."""

    ROUTE = "route"
    FAN_OUT = "fan-out"


def backfill(
    config: ConfigPath,
    *,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WHEN",
            help="The first instant: a date (midnight in the zone), or an instant such as 2026-01-01T06:00:00Z.",
        ),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="WHEN", help="The first instant after the period. Not in the future.")
    ],
    window: Annotated[
        str,
        typer.Option(
            "--window", metavar="SIZE", help="By the calendar (1d, 7d, 1w, 1mo, 3mo, 1y) or elapsed (24h, 90m)."
        ),
    ],
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Of dates and calendar windows; else backfill.zone, which is UTC."),
    ] = None,
    strategy: Annotated[
        Strategy, typer.Option("--strategy", metavar="route|fan-out", help="One export for all windows, or one each.")
    ] = Strategy.ROUTE,
    job: JobNames = None,
    output: OutputFolder = None,
    state: StateOverride = None,
    deadline: Deadline = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show windows, exports and what either strategy costs; send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it although it is wasteful.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up the unfinished run of this backfill, if there is one.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="A new run, whatever is unfinished, and no word of it.")] = False,
) -> None:
    """Export what changed in a past period, sorted into windows of time.

    Each record is published in the window=NAME folder of its time of change: the latest of the times at
    backfill.change_times. Windows are half-open and tile the period: FROM belongs to it, TO does not. Both must be
    borders of windows, so that a folder always holds the whole of its day or month. Records that changed at TO or later
    are counted and left out; those without a time go to window=__unknown__.

    The service takes only a lower bound, so an export reaches from there to now. "route" exports once since FROM.
    "fan-out" exports once for each window since its start, for accounts whose exports must stay small; it reads most
    records many times, and is refused without --yes where that is wasteful.

    since, initial, overlap and dedupe of the configuration's jobs are left aside, and no watermark moves. The service
    knows only the latest change of a record: one that changed again since is in the window of that change, or outside.
    `extractor resume` takes an unfinished backfill up, with the same windows.
    """
    if resume and new:
        raise typer.BadParameter("--resume and --new exclude each other")
    from extractor.cli.backfilling import Wish  # noqa: PLC0415 - keeps --help quick
    from extractor.cli.running import Display, Earlier, Request, perform, rehearse  # noqa: PLC0415 - as above

    wish = Wish(start=start, end=end, window=window, zone=zone, strategy=strategy.value, yes=yes)
    request = Request(
        config=config,
        jobs=tuple(job or ()),
        output=output,
        state=state,
        deadline=deadline,
        display=Display.JSON if as_json else Display.NOTHING if quiet else Display.PROGRESS,
        earlier=Earlier.TAKE_UP if resume else Earlier.IGNORE if new else Earlier.MENTION,
        backfill=wish,
    )
    if dry_run:
        rehearse(request, wish)
        return
    raise typer.Exit(perform(request))
