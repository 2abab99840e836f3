"""Arguments and options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="The configuration file (YAML); `extractor init` writes one.")
]
JobNames = Annotated[
    list[str] | None,
    typer.Option("--job", metavar="NAME", help="Only the jobs of this name; may be given several times."),
]
OutputFolder = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="Instead of output.path of the configuration.")
]
StateOverride = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="Instead of state of the configuration.")
]
StateFolder = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="The state folder (state of the configuration).")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the report at the end.")]

DEFAULT_STATE = Path(".extractor")


def examples(*lines: str) -> str:
    """Make a command's epilog of command lines, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
