"""``extractor run``: the main job. The driving is in ``running``, which is imported when it is needed."""

from __future__ import annotations

from typing import Annotated

import typer

from extractor.cli.options import AsJson, ConfigPath, Deadline, JobNames, OutputFolder, Quiet, StateOverride, examples

EXAMPLES = examples(
    "extractor run nightly.yaml",
    "extractor run nightly.yaml --job Winback --output /data/exports",
    "extractor run nightly.yaml --deadline 6h",
    "extractor run nightly.yaml --json > run.jsonl",
)


def run(
    config: ConfigPath,
    job: JobNames = None,
    output: OutputFolder = None,
    state: StateOverride = None,
    deadline: Deadline = None,
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up the unfinished run of this plan, if there is one.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="A new run, whatever is unfinished, and no word of it.")] = False,
) -> None:
    """Export every job of CONFIG and publish what is complete.

    Progress goes to stderr (bars on a terminal, plain lines otherwise), the report to stdout; with --json stdout has
    one JSON object a line for each thing that happens, and the report is printed to stderr when something failed.

    The first Ctrl-C (or SIGTERM), and the deadline, let what is in flight be finished, within limits.grace (30 s unless
    the configuration says otherwise); a second one stops at once. Either way `extractor resume` takes the run up.
    """
    if resume and new:
        raise typer.BadParameter("--resume and --new exclude each other")
    from extractor.cli.running import Display, Earlier, Request, perform  # noqa: PLC0415 - keeps --help quick

    display = Display.JSON if as_json else Display.NOTHING if quiet else Display.PROGRESS
    earlier = Earlier.TAKE_UP if resume else Earlier.IGNORE if new else Earlier.MENTION
    request = Request(
        config=config,
        jobs=tuple(job or ()),
        output=output,
        state=state,
        deadline=deadline,
        display=display,
        earlier=earlier,
    )
    raise typer.Exit(perform(request))
