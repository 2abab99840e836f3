"""Doing a run for a person or a program: configuration in, listeners on, report out, exit code back.

Decides who listens and where the report goes. Everything that touches server and disk is ``extractor.run``'s. Called by
the commands ``run``, ``backfill`` and ``demo``.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import IO, cast

import anyio
from rich.console import Console

from extractor.cli import backfilling
from extractor.cli.backfilling import Wish
from extractor.cli.console import out, say, stderr
from extractor.cli.loading import basis_for, load_config, plan_of
from extractor.cli.options import again
from extractor.cli.signals import too_late_once
from extractor.clock import SystemClock
from extractor.config import Config
from extractor.errors import ConfigError, Exit, LocalError
from extractor.observe.figures import counted, size
from extractor.observe.jsonlog import JsonLog
from extractor.observe.lines import Lines
from extractor.observe.news import Listener, RunClosed
from extractor.observe.outlet import Outlet
from extractor.observe.progress import Progress
from extractor.observe.report import Place, report
from extractor.observe.tally import Tally, listen_to
from extractor.plan import Plan, planner
from extractor.run import extract, history
from extractor.run.history import Unfinished
from extractor.run.tuning import tuned


class Display(Enum):
    """What is shown while the run goes on."""

    PROGRESS = auto()
    NOTHING = auto()
    JSON = auto()


class Earlier(Enum):
    """What is done about an unfinished run of the same plan."""

    MENTION = auto()
    TAKE_UP = auto()
    IGNORE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for. ``environ`` is where ``${env:..}`` looks. ``backfill`` is None for a run."""

    config: Path
    jobs: tuple[str, ...] = ()
    output: Path | None = None
    state: Path | None = None
    deadline: float | None = None  # seconds
    display: Display = Display.PROGRESS
    earlier: Earlier = Earlier.IGNORE
    backfill: Wish | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def perform(request: Request) -> int:
    """Do the run and give the process's exit code.

    Raises ConfigError or LocalError for what stops it before it starts.
    """
    config = _load(request)
    plan = _plan(request, config)
    earlier = None if request.earlier is Earlier.IGNORE else history.unfinished_of(config.state, plan.plan_id)
    if earlier is not None and request.earlier is Earlier.MENTION:
        say(f"note: run {earlier.run_id} of this plan is unfinished; this is a new one (--resume takes that one up)")
        earlier = None
    if earlier is not None and Path(earlier.output) != config.output.path.absolute():
        raise ConfigError(
            [
                (
                    f"run {earlier.run_id} of this plan is unfinished, but publishes in {earlier.output} -- "
                    f"`extractor resume {earlier.run_id}{again(config.state)}` takes it up there, --new begins one here"
                )
            ]
        )
    if earlier is None and request.earlier is not Earlier.IGNORE:
        _mention_leftovers(config.state)
    return _drive(request, config, plan, earlier)


def rehearse(request: Request, wish: Wish) -> None:
    """Show what a backfill would ask for; sends nothing and leaves no trace. Raises as ``perform`` does."""
    config, now = _load(request), datetime.now(UTC)
    period = backfilling.period_of(config, wish, now)
    plan = backfilling.planned(config, basis_for(config, request.jobs, notice=_note), wish, period, request.jobs)
    backfilling.show_plan(plan, now=now, as_json=request.display is Display.JSON)


def _plan(request: Request, config: Config) -> Plan:
    if request.backfill is None:
        return plan_of(config, request.jobs, lasting=True, notice=_note)
    now = datetime.now(UTC)
    period = backfilling.period_of(config, request.backfill, now)  # before lists are read and folders made
    basis = basis_for(config, request.jobs, lasting=True, notice=_note)
    plan = backfilling.planned(config, basis, request.backfill, period, request.jobs)
    backfilling.refuse_waste(plan, request.backfill, now)
    return plan


def _mention_leftovers(state: Path) -> None:
    """Say that older runs hold people's data that nobody reads, and both ways out."""
    left = history.leftovers(state)
    if left.runs:
        runs, hold = counted(left.runs, "unfinished run"), "holds" if left.runs == 1 else "hold"
        say(
            f"note: {runs} in {state} {hold} {size(left.bytes)} of unpublished data: "
            f"`extractor resume{again(state)}` takes the newest up, "
            f"`extractor runs --prune{again(state)}` removes old ones"
        )


def take_up(state: Path, run_id: str | None, *, config: Path | None, deadline: float | None, display: Display) -> int:
    """Resume an unfinished run and give the process's exit code.

    Raises ConfigError or LocalError for what stops it before it starts.
    """
    earlier = history.unfinished(state, run_id)
    path = config or (None if earlier.config_path is None else Path(earlier.config_path))
    if path is None:
        raise ConfigError([f"run {earlier.run_id} was not begun from a file -- give its configuration with --config"])
    request = Request(config=path, output=Path(earlier.output), state=state, deadline=deadline, display=display)
    loaded = _load(request)
    plan = planner.recall(plan_of(loaded, (), asked=earlier.asked, notice=_note), earlier.job_ids, earlier.plan_id)
    return _drive(request, loaded, plan, earlier)


def _note(sentence: str) -> None:
    say(f"note: {sentence}")


def _load(request: Request) -> Config:
    """The configuration, with what the command line says instead. Raises ConfigError."""
    return load_config(
        request.config,
        output=request.output,
        state=request.state,
        deadline=request.deadline,
        environ=request.environ,
    )


def _drive(request: Request, config: Config, plan: Plan, earlier: Unfinished | None) -> int:
    if request.display is not Display.JSON:
        windowed = [] if plan.partitions is None else backfilling.notices(plan, datetime.now(UTC))
        for notice in [*windowed, *planner.notices(plan)]:
            say(f"note: {notice}")
        if earlier is not None:
            say(f"note: taking up run {earlier.run_id}, {len(earlier.done)} of {len(plan.jobs)} jobs are done")
    tally = Tally()
    work = partial(extract, config, plan, config_path=request.config, earlier=earlier)
    try:
        with too_late_once(lambda: tally.opened is not None), tuned(), _display(request.display) as listener:
            closed = anyio.run(partial(work, listener=listen_to(tally, listener)))
    except LocalError as error:  # of this machine, while running; what was published before is safe
        if tally.opened is None:
            raise
        say(f"error: {error}")
        return Exit.SOME_FAILED
    try:
        _print_report(request, config, tally, closed)
    except LocalError as error:  # stdout is full; what the run did, it did
        say(f"error: {error}")
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
