"""The front door: commands, messages, exit codes.

One small module per command holds its options, its help and how its result is written; whatever is heavy (aiohttp,
pydantic, rich) is imported inside the command, typer itself and the command's module when it is known which one was
given (``app``), and ``front`` answers ``--help`` without them. Results go to stdout, progress and messages to stderr.

Decided: no command ends the process; each raises ``typer.Exit`` or one of our errors, and ``main`` alone turns them
into an exit code, because there the promise "no traceback for an expected error" is kept in one place. Considered a
decorator on each command, which one of them would lack some day.
Decided: help is plain text without boxes, because it is read in logs, mails and the README as well.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from extractor.cli.console import finish_output, out
from extractor.cli.front import answer
from extractor.errors import Exit, ExtractorError, LocalError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; ``arguments`` default to those of the process. Never raises."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    ready = answer(words)
    return finish_output(_performed(words) if ready is None else _told(ready))


def _told(text: str) -> int:
    try:
        out(text)
    except LocalError as error:
        from extractor.cli.ending import ended_by_error  # noqa: PLC0415 - keeps --help quick

        return ended_by_error(error)
    return Exit.DONE


def _performed(words: list[str]) -> int:
    import typer  # noqa: PLC0415 - keeps --help quick

    from extractor.cli.app import tree  # noqa: PLC0415 - as above
    from extractor.cli.ending import ended_by_bug, ended_by_error  # noqa: PLC0415 - as above

    try:
        tree(words[0] if words else None)(args=words, prog_name="extractor")
    except SystemExit as ended:
        # Ctrl-C before a run takes the signals over, or at a question: typer would call it 1, which is a bug's number.
        aborted = isinstance(ended.__context__, typer.Abort)
        return Exit.INTERRUPTED if aborted else ended.code if isinstance(ended.code, int) else 0
    except ExtractorError as error:
        return ended_by_error(error)
    except Exception as error:  # noqa: BLE001 - the one place that turns a bug into exit code 1
        return ended_by_bug(error)
    return 0  # not reached: the app always exits
