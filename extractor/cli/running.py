"""Doing a run for a person or a program: configuration in, listeners on, report out, exit code back.

Decides who listens and where the report goes. Everything that touches server and disk is ``extractor.run``'s. Called by
the commands ``run`` and ``demo``.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import IO, cast

import anyio
from rich.console import Console

from extractor.cli.console import out, say, stderr
from extractor.cli.loading import load_config, plan_of
from extractor.clock import SystemClock
from extractor.config import Config
from extractor.errors import Exit, LocalError
from extractor.observe.jsonlog import JsonLog
from extractor.observe.lines import Lines
from extractor.observe.news import Listener, RunClosed
from extractor.observe.outlet import Outlet
from extractor.observe.progress import Progress
from extractor.observe.report import Place, report
from extractor.observe.tally import Tally, listen_to
from extractor.plan import planner
from extractor.run import extract


class Display(Enum):
    """What is shown while the run goes on."""

    PROGRESS = auto()
    NOTHING = auto()
    JSON = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for. ``environ`` is where ``${env:..}`` looks."""

    config: Path
    jobs: tuple[str, ...] = ()
    output: Path | None = None
    state: Path | None = None
    display: Display = Display.PROGRESS
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def perform(request: Request) -> int:
    """Do the run and give the process's exit code.

    Raises ConfigError or LocalError for what stops it before it starts.
    """
    config = load_config(request.config, output=request.output, state=request.state, environ=request.environ)
    plan = plan_of(config, request.jobs)
    if request.display is not Display.JSON:
        for notice in planner.notices(plan):
            say(f"note: {notice}")
    tally = Tally()
    try:
        with _display(request.display) as listener:
            told = listen_to(tally, listener)
            closed = anyio.run(partial(extract, config, plan, config_path=request.config, listener=told))
    except LocalError as error:  # of this machine, while running; what was published before is safe
        if tally.opened is None:
            raise
        say(f"error: {error}")
        return Exit.SOME_FAILED
    _print_report(request, config, tally, closed)
    return closed.exit_code


@contextmanager
def _display(display: Display) -> Iterator[Listener]:
    errors = stderr()
    if display is Display.JSON:
        clock = SystemClock()
        yield JsonLog(Outlet(sys.stdout), now=clock.now, monotonic=clock.monotonic)
    elif display is Display.NOTHING:
        yield listen_to()
    elif errors.isatty() and os.environ.get("TERM") != "dumb":
        # rich asks of a file what Outlet has; its annotation wants all of a text stream.
        with Progress(Console(file=cast("IO[str]", errors))) as progress:
            yield progress
    else:
        yield Lines(errors, monotonic=SystemClock().monotonic)


def _print_report(request: Request, config: Config, tally: Tally, closed: RunClosed) -> None:
    place = Place(
        config=str(request.config),
        output=str(config.output.path),
        state=str(config.state),
        options=_options(request),
    )
    headline, *rest = report(tally, closed, place)
    if request.display is Display.JSON:
        if closed.exit_code:
            for line in (headline, *rest):
                say(line)
        return
    out(headline, style="green" if closed.exit_code == 0 else "red")
    for line in rest:
        out(line)


def _options(request: Request) -> str:
    """Spell the overrides again, for the command that does the same once more."""
    words = [word for name in request.jobs for word in ("--job", name)]
    for option, folder in (("--output", request.output), ("--state", request.state)):
        if folder is not None:
            words += [option, str(folder)]
    return f" {shlex.join(words)}" if words else ""
