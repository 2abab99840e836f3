"""From a path on the command line to a checked configuration and its plan.

Decides how the command line's overrides are laid over the file. The rules themselves are ``config``'s and ``plan``'s.
Imported by commands when they run, not before: pydantic is heavy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from extractor.config import Config, Job, load
from extractor.errors import ConfigError
from extractor.plan import Plan, make_plan, planner, select
from extractor.plan.asked import Asked
from extractor.plan.planner import Basis
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
    notice: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Plan what ``config`` asks for, or only the jobs of ``names``, on what its state folder knows.

    With ``asked`` it is planned again as it was then, whatever has moved since; ``names`` are then those of the run.
    ``lasting`` is for a run, which makes the state folder if need be; a plan that is only looked at leaves no trace.
    ``early`` lets it be planned although a watermark is still to come. ``notice`` is told a sentence of each match
    list. Raises ConfigError for an unknown name, a list that cannot be used, two jobs that ask for the same or a
    watermark that is still to come, LocalError or IntegrityError when the state folder cannot be read or written.
    """
    chosen = planner.wanted_of(
        (name for _, name in planner.named(config)), (names or ()) if asked is None else asked.jobs
    )
    basis = basis_for(config, chosen, asked=asked, lasting=lasting, notice=notice)
    if asked is not None and asked.backfill is not None:
        from extractor.plan.backfill import BackfillRequest, plan_backfill  # noqa: PLC0415 - keeps other plans quick

        return plan_backfill(config, basis, BackfillRequest.of(asked.backfill, asked.jobs))
    plan = select(make_plan(config, basis), chosen)
    wrong = planner.repeated(plan)
    if asked is None and not early:
        wrong += planner.ahead(plan, datetime.now(UTC))
    if wrong:
        raise ConfigError(wrong)
    return plan


def basis_for(
    config: Config,
    names: Collection[str] = (),
    *,
    asked: Asked | None = None,
    lasting: bool = False,
    notice: Callable[[str], None] = lambda _: None,
) -> Basis:
    """Say what a plan of the jobs of ``names`` (none: of all) rests on.

    Their match lists are read now, or those of an earlier run found again. The rest is as in ``plan_of``.
    """
    matched = any(job.match is not None for job in config.jobs)
    basis = basis_of(config.state, asked=asked, lasting=lasting and matched)
    basis = replace(basis, place=str(config.output.path.absolute()))
    listed = {
        place: name
        for place, name in planner.named(config)
        if _is_listed(config.jobs[place]) and (not names or name in names)
    }
    if asked is not None:
        return replace(basis, lists=_recalled(config, listed, asked, basis.key, notice))
    if not listed:
        return basis
    from extractor import lists  # noqa: PLC0415 - keeps plans without lists quick

    state = config.state if lasting else None
    return replace(basis, lists=lists.read_all(config, listed, key=basis.key, state=state, notice=notice))


def _is_listed(job: Job) -> bool:
    return job.match is not None and not job.match.is_inline


def _recalled(
    config: Config, listed: Mapping[int, str], asked: Asked, key: bytes, notice: Callable[[str], None]
) -> dict[int, planner.MatchList]:
    """Find the lists of an earlier run again: what was read then, not what the files hold now."""
    from extractor import lists  # noqa: PLC0415 - keeps plans without lists quick

    found = {}
    for place, name in listed.items():
        match, list_id = config.jobs[place].match, asked.lists.get(name)
        if match is None or list_id is None:
            continue  # it was not of that run: ``planner.recall`` will say so
        found[place] = lists.recall(config.state, list_id, batch=match.batch, key=key)
        changed = lists.source_changed(config.state, list_id)
        if changed:
            notice(changed)
    return found
