"""The two streams: results to stdout, everything else to stderr.

Decides how a result, a message, a table and JSON are written, and what happens when the reader of stdout has gone
(nothing: the work goes on, the exit code is that of the work). Used by every command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from extractor.errors import LocalError
from extractor.observe.outlet import Outlet


def out(text: str = "", *, style: str | None = None) -> None:
    """Write a line of the result. ``style`` is a colour, used when a person is looking.

    Raises LocalError when it cannot be written, but not when the reader has gone.
    """
    if style is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        import typer  # noqa: PLC0415 - keeps --help quick

        text = typer.style(text, fg=style, bold=True)
    try:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, errors="backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        out_nothing_more()
    except OSError as error:
        raise LocalError(f"standard output cannot be written: {error.strerror}") from None


def out_json(value: object) -> None:
    """Write a result for a program: indented, keys in the order given, Unix line ends."""
    import json  # noqa: PLC0415 - keeps --help quick

    out(json.dumps(value, ensure_ascii=False, indent=2))


def say(text: str) -> None:
    """Write a message to stderr; a reader that has gone does not matter."""
    stderr().line(text)


def out_nothing_more() -> None:
    """Send what is left for stdout to nowhere: nobody reads it, and the interpreter would trip over it at exit."""
    Outlet(sys.stdout).close_quietly()


def finish_output(code: int) -> int:
    """Flush stdout, so that a reader that has gone is met here and not at the interpreter's exit."""
    try:
        sys.stdout.flush()
    except OSError:
        out_nothing_more()
    return int(code)


def stderr() -> Outlet:
    """Give stderr as it is now, made safe."""
    return Outlet(sys.stderr)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Align ``rows`` under ``header`` in plain columns; the columns in ``right`` (0-based) are numbers."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return lines
