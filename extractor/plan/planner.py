"""From a configuration to a plan: which jobs, in which order, under which names.

Decides the order (that of the file, then of the batches), the names, and what is refused because it would ask the same
question twice. Does not decide how fast or through which connection. Called by ``cli`` and ``run``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from extractor.config import Config, Job, Problem
from extractor.errors import ConfigError
from extractor.plan.job import Dataset, JobSpec, Match, identify
from extractor.plan.windows import last_date_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen list of jobs; ``form`` is whatever else decides the published bytes, as text."""

    form: str
    jobs: tuple[JobSpec, ...]

    @property
    def plan_id(self) -> str:
        """Name the questions and the form: the same for the same, however the jobs were chosen."""
        decided = "\n".join(["plan/1", self.form, *(job.job_id for job in self.jobs)])
        return hashlib.sha256(decided.encode("ascii")).hexdigest()[:16]

    @property
    def datasets(self) -> dict[Dataset, tuple[JobSpec, ...]]:
        """The jobs of each dataset, datasets in the order of their first job."""
        found: dict[Dataset, list[JobSpec]] = {}
        for job in self.jobs:
            found.setdefault(job.dataset, []).append(job)
        return {dataset: tuple(jobs) for dataset, jobs in found.items()}


def make_plan(config: Config) -> Plan:
    """Work out every job of ``config``. Raises nothing: ``problems`` has already refused what cannot be planned."""
    form = f"{config.output.compression}\n{config.output.shard_bytes}\n{config.limits.page_size}"
    return Plan(form=form, jobs=tuple(_number(_expand(config))))


def select(plan: Plan, names: Iterable[str]) -> Plan:
    """Keep the jobs of these names, in plan order, renumbered; no name keeps all.

    Raises ConfigError for a name that no job has.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return plan
    known = {job.name for job in plan.jobs}
    missing = [name for name in wanted if name not in known]
    if missing:
        listed = ", ".join(sorted(known)[:20])
        raise ConfigError([f"--job {name!r}: no such job -- the file has: {listed}" for name in missing])
    return _part_of(plan, [job for job in plan.jobs if job.name in wanted])


def recall(plan: Plan, job_ids: Sequence[str], plan_id: str) -> Plan:
    """Find the plan of an earlier run again in today's: the same jobs, asked in the same way.

    Raises ConfigError when the configuration has changed since, in what is asked or in the form of the output.
    """
    asked = set(job_ids)
    found = _part_of(plan, [job for job in plan.jobs if job.job_id in asked])
    if [job.job_id for job in found.jobs] != list(job_ids):
        asks = "the configuration asks for something else than when the run began"
        raise ConfigError([f"{asks} -- restore it, or start a new run (--job NAME asks for single jobs)"])
    if found.plan_id != plan_id:
        changed = "output.compression, output.shard_bytes or limits.page_size has changed since the run began"
        raise ConfigError([f"{changed} -- restore it, or start a new run"])
    return found


def _part_of(plan: Plan, jobs: Sequence[JobSpec]) -> Plan:
    return Plan(form=plan.form, jobs=tuple(_number(jobs)))


def problems(config: Config) -> Iterator[Problem]:
    """Find what no plan can hold: the same question asked by two jobs, which would double every record."""
    first: dict[str, int] = {}
    for place, job in enumerate(config.jobs):
        asked = {spec.job_id for spec in _batches(config, job, "")}
        for job_id in sorted(asked):
            if job_id in first:
                other = first[job_id]
                yield Problem(
                    location=("jobs", place),
                    message=f"asks for exactly what jobs[{other}] asks for -- remove one of them, every record "
                    "would be exported twice",
                )
                break
        for job_id in asked:
            first.setdefault(job_id, place)


def notices(plan: Plan) -> list[str]:
    """What is legal but worth a second look, one sentence each."""
    found = []
    for dataset, jobs in plan.datasets.items():
        names = list(dict.fromkeys(job.name for job in jobs))
        if len(names) > 1:
            found.append(
                f"{dataset} is asked for by {len(names)} jobs: a profile that several of them select is in the "
                "dataset once for each (the manifest says which lines are whose)"
            )
    return found


def _expand(config: Config) -> Iterator[JobSpec]:
    taken: set[str] = {job.name for job in config.jobs if job.name is not None}
    for job in config.jobs:
        name = job.name
        if name is None:
            name = _free_name(_default_name(job), taken)
            taken.add(name)
        yield from _batches(config, job, name)


def _batches(config: Config, job: Job, name: str) -> Iterator[JobSpec]:
    dataset = (
        Dataset(kind="group", name=job.group)
        if job.group is not None
        else Dataset(kind="segment", name=job.segment or "")
    )
    since = None if job.since is None else last_date_time(job.since)
    matches: list[Match | None] = [None]
    if job.match is not None:
        values, size = job.match.values, job.match.batch
        matches = [
            Match(criteria=job.match.criteria, type=job.match.type, values=values[start : start + size])
            for start in range(0, len(values), size)
        ]
    for index, match in enumerate(matches):
        job_id = identify(
            base_url=config.connection.base_url,
            client_id=config.connection.client_id,
            dataset=dataset,
            last_date_time=since,
            match=match,
        )
        yield JobSpec(
            ordinal=0,
            job_id=job_id,
            name=name,
            dataset=dataset,
            last_date_time=since,
            match=match,
            batch=index + 1,
            batches=len(matches),
        )


def _number(jobs: Iterable[JobSpec]) -> Iterator[JobSpec]:
    for ordinal, job in enumerate(jobs):
        yield replace(job, ordinal=ordinal)


def _default_name(job: Job) -> str:
    name = job.group if job.group is not None else job.segment or ""
    return name if job.match is None else f"{name} by {job.match.criteria}"


def _free_name(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name} ({count})"
    return candidate
