"""The command line's tree: which commands there are, in the order in which a person meets them.

Decides order, names and the options of the program itself. What a command does is in the module of its name, as the
function of its name, and so are its examples.

Decided: only the module of the command that was given is imported; the others would cost each command a twentieth of a
second. Considered a group that loads its commands when they are looked up, which needs classes that typer keeps to
itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

import extractor
from extractor.cli.console import out
from extractor.cli.options import examples

COMMANDS = (
    "demo",
    "init",
    "schema",
    "plan",
    "doctor",
    "run",
    "backfill",
    "resume",
    "verify",
    "runs",
    "status",
    "coverage",
    "simulate",
    "watermarks",
)


def tree(wanted: str | None = None) -> typer.Typer:
    """Make the tree: all of it, or only the branch of ``wanted``, if there is such a command."""
    app = typer.Typer(
        name="extractor",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # main decides what is said of an exception, and what is not
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(
        epilog=examples(
            "extractor demo", "extractor init nightly.yaml", "extractor plan nightly.yaml", "extractor run nightly.yaml"
        )
    )(program)
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        module = import_module(f"extractor.cli.{name}")
        if isinstance(getattr(module, "app", None), typer.Typer):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, epilog=module.EXAMPLES)(getattr(module, name))
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if wanted:
        out(f"extractor {extractor.__version__}")
        raise typer.Exit


def program(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Export MyPreferences segments in bulk into checked, sharded NDJSON: nothing lost, nothing doubled."""
