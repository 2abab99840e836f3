"""The front door: commands, messages, exit codes.

One small module per command holds its options, its help and how its result is written; whatever is heavy (aiohttp,
pydantic, rich) is imported inside the command, so that ``extractor --help`` is quick. Results go to stdout, progress
and messages to stderr.

Decided: no command ends the process; each raises ``typer.Exit`` or one of our errors, and ``main`` alone turns them
into an exit code, because there the promise "no traceback for an expected error" is kept in one place. Considered a
decorator on each command, which one of them would lack some day.
Decided: help is plain text without boxes, because it is read in logs, mails and the README as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from extractor.cli.app import app
from extractor.cli.ending import ended_by_bug, ended_by_error, finish_output
from extractor.errors import Exit, ExtractorError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; ``arguments`` default to those of the process. Never raises."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="extractor")
        code = 0  # not reached: the app always exits
    except SystemExit as ended:
        # Ctrl-C before a run takes the signals over, or at a question: typer would call it 1, which is a bug's number.
        aborted = isinstance(ended.__context__, typer.Abort)
        code = Exit.INTERRUPTED if aborted else ended.code if isinstance(ended.code, int) else 0
    except ExtractorError as error:
        code = ended_by_error(error)
    except Exception as error:  # noqa: BLE001 - the one place that turns a bug into exit code 1
        code = ended_by_bug(error)
    return finish_output(code)
