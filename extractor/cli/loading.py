"""From a path on the command line to a checked configuration and its plan.

Decides how the command line's overrides are laid over the file. The rules themselves are ``config``'s and ``plan``'s.
Imported by commands when they run, not before: pydantic is heavy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from extractor.config import Config, load
from extractor.errors import ConfigError
from extractor.plan import Plan, make_plan, planner, select
from extractor.plan.asked import Asked
from extractor.protocol import dialect
from extractor.run.basis import basis_of


def load_config(
    path: Path,
    *,
    output: Path | None = None,
    state: Path | None = None,
    deadline: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Load and check ``path``; the folders and the deadline (seconds) given here go before those of the file.

    Raises ConfigError.
    """
    config = load(path, environ=os.environ if environ is None else environ, checks=(planner.problems, dialect.problems))
    if output is not None:
        config = config.model_copy(update={"output": config.output.model_copy(update={"path": output})})
    if state is not None:
        config = config.model_copy(update={"state": state})
    if deadline is not None:
        config = config.model_copy(update={"limits": config.limits.model_copy(update={"deadline": deadline})})
    ours, theirs = config.state.resolve(), config.output.path.resolve()
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise ConfigError([f"--output {theirs} and --state {ours} lie in each other -- give each a folder of its own"])
    return config


def plan_of(
    config: Config,
    names: Iterable[str] | None,
    *,
    asked: Asked | None = None,
    lasting: bool = False,
    early: bool = False,
) -> Plan:
    """Plan what ``config`` asks for, or only the jobs of ``names``, on what its state folder knows.

    With ``asked`` it is planned again as it was then, whatever has moved since; ``names`` are then those of the run.
    ``lasting`` is for a run, which makes the state folder if need be; a plan that is only looked at leaves no trace.
    ``early`` lets it be planned although a watermark is still to come.
    Raises ConfigError for an unknown name or a watermark that is still to come, LocalError or IntegrityError when the
    journal cannot be read.
    """
    matched = any(job.match is not None for job in config.jobs)
    basis = basis_of(config.state, asked=asked, lasting=lasting and matched)
    plan = select(make_plan(config, basis), (names or ()) if asked is None else asked.jobs)
    if asked is None and not early:
        late = planner.ahead(plan, datetime.now(UTC))
        if late:
            raise ConfigError(late)
    return plan
