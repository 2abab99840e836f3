"""Arguments and options that several commands share, so that they read and behave alike."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def seconds_of(written: str) -> float:
    """Parse a duration as the configuration spells it; a plain number is seconds. Raises a usage error."""
    from extractor.config.units import UnitError, parse_duration  # noqa: PLC0415 - keeps --help quick

    text = written.strip()
    plain = text.isascii() and text.replace(".", "", 1).isdigit()
    try:
        return parse_duration(float(text) if plain else text)
    except UnitError as fault:
        raise typer.BadParameter(str(fault)) from None


def positive_seconds_of(written: str) -> float:
    """Parse a duration that is not zero. Raises a usage error."""
    seconds = seconds_of(written)
    if seconds <= 0:
        raise typer.BadParameter("must be more than 0")
    return seconds


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
Deadline = Annotated[
    float | None,
    typer.Option(
        "--deadline",
        metavar="DURATION",
        parser=positive_seconds_of,
        help="Stop cleanly after this time, such as 90m, 2h or 7200 (seconds), instead of limits.deadline.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show only what is asked otherwise than by the last run.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the report at the end.")]

DEFAULT_STATE = Path(".extractor")


def again(state: Path) -> str:
    """Spell the state folder for a command that is to be given later; nothing, where it is the usual one."""
    return "" if state == DEFAULT_STATE else f" --state {shlex.quote(str(state))}"


def examples(*lines: str) -> str:
    """Make a command's epilog of command lines, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
