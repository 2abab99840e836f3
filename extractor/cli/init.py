"""``extractor init``: a first configuration file, commented."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from extractor.cli.console import out
from extractor.cli.options import examples
from extractor.errors import LocalError

EXAMPLES = examples("extractor init", "extractor init nightly.yaml --force")


def init(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")] = Path("extractor.yaml"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a first configuration file, with comments."""
    from extractor.config import starter  # noqa: PLC0415 - keeps --help quick

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(starter())
    except FileExistsError:
        raise LocalError(f"{path} is already there -- give another name, or --force to overwrite it") from None
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {error.strerror}") from None
    name = shlex.quote(str(path))
    out(f"Written: {path}")
    out("Next:")
    out(f"  1. put your base_url, client_id, credentials and segments into {path}")
    out(f"  2. extractor plan {name}     # what would be asked; sends nothing")
    out(f"  3. extractor doctor {name}   # clock, authorization, reachability")
    out(f"  4. extractor run {name}")
