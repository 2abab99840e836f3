"""The command line's tree: which commands there are, in the order in which a person meets them.

Decides order, names and the options of the program itself. What a command does is in the module of its name, and so are
its examples.
"""

from __future__ import annotations

from typing import Annotated

import typer

import extractor
from extractor.cli import (
    backfill,
    coverage,
    demo,
    doctor,
    init,
    plan,
    resume,
    run,
    runs,
    schema,
    simulate,
    status,
    verify,
    watermarks,
)
from extractor.cli.console import out
from extractor.cli.options import examples

app = typer.Typer(
    name="extractor",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # main decides what is said of an exception, and what is not
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("init", epilog=init.EXAMPLES)(init.init)
app.command("schema", epilog=schema.EXAMPLES)(schema.schema)
app.command("plan", epilog=plan.EXAMPLES)(plan.plan)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("backfill", epilog=backfill.EXAMPLES)(backfill.backfill)
app.command("resume", epilog=resume.EXAMPLES)(resume.resume)
app.command("verify", epilog=verify.EXAMPLES)(verify.verify)
app.command("runs", epilog=runs.EXAMPLES)(runs.runs)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("coverage", epilog=coverage.EXAMPLES)(coverage.coverage)
app.command("simulate", epilog=simulate.EXAMPLES)(simulate.simulate)
app.add_typer(watermarks.app, name="watermarks")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if wanted:
        out(f"extractor {extractor.__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "extractor demo", "extractor init nightly.yaml", "extractor plan nightly.yaml", "extractor run nightly.yaml"
    )
)
def program(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Export MyPreferences segments in bulk into checked, sharded NDJSON: nothing lost, nothing doubled."""
