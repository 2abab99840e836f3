"""How a process ends that did not simply succeed: which words, which exit code.

Decides both for each of our errors, and what is kept of a bug: the places it passed through, never the text of the
exception nor any value, because those may hold a secret or a record. Called by ``main`` and ``run``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

import extractor
from extractor.cli.console import say
from extractor.errors import (
    ConfigError,
    Exit,
    ExtractorError,
    Forbidden,
    IntegrityError,
    LocalUnavailable,
    NotFound,
    Rejected,
    RemoteError,
    Unauthorized,
)


def ended_by_error(error: ExtractorError) -> int:
    """Print what is wrong and give the exit code."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            say(problem)
        number = len(error.problems)
        say(f"{number} problem{'' if number == 1 else 's'}: nothing was done.")
    else:
        say(f"error: {error}")
    return exit_code_of(error)


def exit_code_of(error: ExtractorError) -> int:
    """Whose fault it is, as an exit code. A LocalError that reaches ``main`` came before any request."""
    match error:
        case IntegrityError():
            return Exit.INTEGRITY
        case Unauthorized() | Forbidden() | NotFound() | Rejected():
            return Exit.REFUSED
        case RemoteError():
            return Exit.UNAVAILABLE
        case LocalUnavailable():
            return Exit.SOME_FAILED  # no other arguments would have helped
        case _:
            return Exit.USAGE


def ended_by_bug(error: Exception) -> int:
    """Say that it is a bug and where the traceback is. Several of our own errors at once are no bug."""
    ours = _ours(error)
    if ours is not None:
        return ended_by_error(ours)
    say(
        f"This is a bug in extractor {extractor.__version__} ({type(error).__name__}); nothing unfinished is published."
    )
    try:
        say(f"The traceback, without values, is in {_write_down(error)} -- please report it with the command you gave.")
    except OSError:
        say("The traceback could not be written; it follows.")
        say(_places(error))
    return Exit.BUG


def _ours(error: Exception) -> ExtractorError | None:
    """Find the one of our errors that a task group has wrapped; None when anything else is among them."""
    if isinstance(error, ExceptionGroup):
        found = [_ours(each) for each in error.exceptions]
        return None if None in found else found[0]
    return error if isinstance(error, ExtractorError) else None


def _write_down(error: Exception) -> str:
    descriptor, path = tempfile.mkstemp(prefix="extractor-bug-", suffix=".txt")  # created 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"extractor {extractor.__version__}, Python {sys.version}, {sys.platform}\n")
        file.write("The texts of exceptions are left out: they may hold data.\n\n")
        file.write(_places(error))
    return path


def _places(error: BaseException) -> str:
    """Write down where the exception came through, causes first."""
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = [] if origin is None else [_places(origin), "\nwhich led to:\n"]
    parts += [*traceback.format_tb(error.__traceback__), f"{type(error).__module__}.{type(error).__qualname__}\n"]
    if isinstance(error, BaseExceptionGroup):
        parts += [f"\none of its parts:\n{_places(each)}" for each in error.exceptions]
    return "".join(parts)
