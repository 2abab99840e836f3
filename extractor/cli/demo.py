"""``extractor demo``: the whole way of a record, on this machine, in half a minute. The playing is in ``playing``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extractor.cli.options import examples

EXAMPLES = examples("extractor demo", "extractor demo --dir /tmp/rehearsal", "extractor demo --no-keep")


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where configuration, output and state go.")
    ] = Path("extractor-demo"),
    *,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep what was exported, to look at; configuration and state too.")
    ] = True,
) -> None:
    """Run a real export against the simulator, and verify it.

    Starts the simulator on a free port of this machine, with a few faults planned, writes a configuration, runs it
    over real HTTP, checks every byte of what came out, and says what to try next. Takes less than half a minute.
    """
    from extractor.cli.playing import play  # noqa: PLC0415 - keeps --help quick

    raise typer.Exit(play(folder, keep=keep))
