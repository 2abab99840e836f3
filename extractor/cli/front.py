"""What can be answered at the door, before the program is there: ``--version`` and ``--help``.

Decides which words these are. The help stands in ``help.txt`` as the command line makes it for a terminal of 80 columns
and more (a test compares the two; ``python -m extractor.cli.reference`` writes it). Called by ``main``.

Decided: a text that is ready, because typer alone takes five times as long to be imported as Python takes to start, and
shells, editors and people ask for help often; considered importing less of ours, which leaves typer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import extractor

HELP = os.path.join(os.path.dirname(__file__), "help.txt")  # noqa: PTH118, PTH120 - pathlib takes as long as Python
WIDTH = 80  # columns: the help is never made wider


def answer(words: Sequence[str]) -> str | None:
    """Give what is printed for ``words``, without the last newline; None if the program itself has to be asked."""
    if list(words) == ["--version"]:
        return f"extractor {extractor.__version__}"
    if list(words) in (["--help"], ["-h"]) and _columns() >= WIDTH:
        with open(HELP, encoding="utf-8") as text:  # noqa: PTH123 - as above
            return text.read().removesuffix("\n")
    return None


def _columns() -> int:
    """How wide the terminal is, as ``shutil`` finds it out, which takes a while to be imported."""
    written = os.environ.get("COLUMNS", "")
    if written.isdecimal() and int(written) > 0:
        return int(written)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else -1).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH
