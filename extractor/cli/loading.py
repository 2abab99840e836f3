"""From a path on the command line to a checked configuration and its plan.

Decides how the command line's overrides are laid over the file. The rules themselves are ``config``'s and ``plan``'s.
Imported by commands when they run, not before: pydantic is heavy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from extractor.config import Config, load
from extractor.errors import ConfigError
from extractor.plan import Plan, make_plan, planner, select
from extractor.protocol import dialect


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


def plan_of(config: Config, names: Iterable[str] | None) -> Plan:
    """Plan what ``config`` asks for, or only the jobs of ``names``. Raises ConfigError for an unknown name."""
    return select(make_plan(config), names or ())
