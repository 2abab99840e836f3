"""``extractor resume``: take up a run that was cut off or that failed in part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extractor.cli.options import DEFAULT_STATE, AsJson, Deadline, Quiet, StateFolder, examples

EXAMPLES = examples(
    "extractor resume",
    "extractor resume 20261123T020000Z-7f3a",
    "extractor resume --config nightly.yaml --deadline 2h",
)


def resume(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The run's id; the newest unfinished one when left out.")
    ] = None,
    state: StateFolder = DEFAULT_STATE,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Where the configuration lies now, if it was moved."),
    ] = None,
    deadline: Deadline = None,
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take up an unfinished run where its journal ends.

    What is done is not asked for again; exports that still live at the server are read on from the last page that is
    on disk; jobs that had failed are asked for anew. The configuration must ask for what it asked for when the run
    began; limits and credentials may have changed. A deadline counts from now.
    """
    from extractor.cli.running import Display, take_up  # noqa: PLC0415 - keeps --help quick

    display = Display.JSON if as_json else Display.NOTHING if quiet else Display.PROGRESS
    raise typer.Exit(take_up(Path(state), run, config=config, deadline=deadline, display=display))
