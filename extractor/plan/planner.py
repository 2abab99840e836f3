"""From a configuration to a plan: which jobs, in which order, under which names.

Decides the order (that of the file, then of the batches), the names, and what is refused because it would ask the same
question twice. Does not decide how fast or through which connection. Called by ``cli`` and ``run``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from extractor.config import Config, Job, Problem
from extractor.errors import ConfigError
from extractor.plan.asked import Asked
from extractor.plan.job import Dataset, Dedupe, JobSpec, ListPart, Match, Stream, digest_of, identify, identify_stream
from extractor.plan.partitions import Partitions
from extractor.plan.windows import last_date_time


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchList:
    """The values of one job, read from a file: ``batches`` in order, with the count and the keyed digest of each.

    ``list_id`` finds the values again in the state folder; ``digest`` is that of all of them.
    """

    list_id: str
    digest: str
    count: int
    batches: tuple[tuple[ListPart, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a plan rests on beside the configuration: what this state folder knows, and what was read from files.

    ``key`` is the state folder's, for digests of match values. ``watermarks`` are instants by stream id; a stream that
    is not among them has none yet. ``place`` is the output folder, whole: what is known of a
    stream is known of what stands there. ``lists`` are by the place of the job in the configuration.
    """

    key: bytes = field(default=b"", repr=False)
    place: str = ""
    watermarks: Mapping[str, datetime] = field(default_factory=dict)
    lists: Mapping[int, MatchList] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen list of jobs; ``form`` is whatever else decides the published bytes, as text.

    ``partitions`` are the windows of a backfill; None for a run. ``asked`` is what a run must write down to be planned
    again; it says nothing that the jobs do not.
    """

    form: str
    jobs: tuple[JobSpec, ...]
    partitions: Partitions | None = None
    asked: Asked = field(default=Asked(), compare=False)

    @property
    def plan_id(self) -> str:
        """Name the questions and the form: the same for the same, however the jobs were chosen."""
        return plan_id_of(self.form, self.partitions, self.streams.values(), (job.job_id for job in self.jobs))

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams of the jobs by id, in plan order."""
        return {job.stream.id: job.stream for job in self.jobs}

    @property
    def datasets(self) -> dict[Dataset, tuple[JobSpec, ...]]:
        """The jobs of each dataset, datasets in the order of their first job."""
        found: dict[Dataset, list[JobSpec]] = {}
        for job in self.jobs:
            found.setdefault(job.dataset, []).append(job)
        return {dataset: tuple(jobs) for dataset, jobs in found.items()}


def plan_id_of(form: str, partitions: Partitions | None, streams: Iterable[Stream], job_ids: Iterable[str]) -> str:
    """Hash what is asked, and what else decides the published bytes, into 16 hexadecimal digits."""
    dedupe = [f"{stream.id} {stream.dedupe!a}" for stream in streams if stream.dedupe is not None]
    windows = [] if partitions is None else [f"{partitions!a}"]
    decided = "\n".join(["plan/1", form, *windows, *dedupe, *job_ids])
    return hashlib.sha256(decided.encode()).hexdigest()[:16]


def make_plan(config: Config, basis: Basis | None = None) -> Plan:
    """Work out every job of ``config``. Raises nothing: ``problems`` has already refused what cannot be planned."""
    basis = basis or Basis()
    plan = Plan(form=form_of(config), jobs=tuple(numbered(_expand(config, basis))))
    return replace(plan, asked=Asked(watermarks=began(plan), lists=lists_of(config, basis)))


def began(plan: Plan) -> dict[str, str]:
    """Where each stream of a plan begins, of those that have a watermark to begin at: ISO instants by stream id."""
    return {
        job.stream.id: job.since.isoformat()
        for job in plan.jobs
        if job.stream.overlap is not None and job.since is not None
    }


def lists_of(config: Config, basis: Basis) -> dict[str, str]:
    """The lists that jobs have their values from: list ids by job name."""
    return {name: basis.lists[place].list_id for place, name in named(config) if place in basis.lists}


def form_of(config: Config) -> str:
    """Say what of the configuration decides the published bytes, beside what is asked."""
    form = f"{config.output.compression}\n{config.output.shard_bytes}\n{config.limits.page_size}"
    return form if config.output.records == "canonical" else f"{form}\n{config.output.records}"


def select(plan: Plan, names: Iterable[str]) -> Plan:
    """Keep the jobs of these names, in plan order, renumbered; no name keeps all.

    Raises ConfigError for a name that no job has.
    """
    wanted = wanted_of((job.name for job in plan.jobs), names)
    if not wanted:
        return plan
    chosen = _part_of(plan, [job for job in plan.jobs if job.name in wanted])
    return replace(chosen, asked=msgspec.structs.replace(plan.asked, jobs=tuple(wanted)))


def wanted_of(known: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names that were asked for, each once. Raises ConfigError for one that is not ``known``."""
    wanted, there = list(dict.fromkeys(names)), set(known)
    missing = [name for name in wanted if name not in there]
    if missing:
        listed = ", ".join(sorted(there)[:20])
        raise ConfigError([f"--job {name!r}: no such job -- the file has: {listed}" for name in missing])
    return wanted


def recall(plan: Plan, job_ids: Sequence[str], plan_id: str) -> Plan:
    """Find the plan of an earlier run again in today's: the same jobs, asked in the same way.

    Raises ConfigError when the configuration has changed since, in what is asked or in the form of the output.
    """
    asked = set(job_ids)
    found = _part_of(plan, [job for job in plan.jobs if job.job_id in asked])
    if [job.job_id for job in found.jobs] != list(job_ids):
        asks = "the configuration asks for something else than when the run began"
        if any(job.match is not None for job in plan.jobs):
            asks += " (or an older version began it, which told lists of values apart in another way)"
        raise ConfigError([f"{asks} -- restore it, or start a new run (--job NAME asks for single jobs)"])
    if found.plan_id != plan_id:
        keys = ["output.compression", "output.records", "output.shard_bytes", "limits.page_size"]
        keys += ["backfill.change_times"] if plan.partitions is not None else []
        changed = f"{', '.join(keys[:-1])} or {keys[-1]} has changed since the run began"
        raise ConfigError([f"{changed} -- restore it, or start a new run"])
    return found


def _part_of(plan: Plan, jobs: Sequence[JobSpec]) -> Plan:
    return replace(plan, jobs=tuple(numbered(jobs)))


def problems(config: Config) -> Iterator[Problem]:
    """Find what no plan can hold: the same question asked by two jobs, which would double every record."""
    first: dict[str, int] = {}
    for place, job in enumerate(config.jobs):
        if job.match is not None and not job.match.is_inline:
            continue  # its values are not known yet; a list is compared when it is read
        asked = {spec.job_id for spec in batches_of(config, place, "", Basis())}
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


def repeated(plan: Plan) -> list[str]:
    """Say which jobs ask for the same, of those whose values are known only now: every record would come twice."""
    first: dict[str, str] = {}
    streams: dict[str, JobSpec] = {}
    found = {}
    for job in plan.jobs:
        same = streams.setdefault(job.stream.id, job)
        if same.name != job.name and not (same.stream.overlap is None and job.stream.overlap is None):
            found[job.name] = (
                f"job {job.name!r} is about the same people of the same dataset as job {same.name!r}, and both would "
                "have one watermark -- keep one of them"
            )
        other = first.setdefault(job.job_id, job.name)
        if other != job.name:
            found[job.name] = (
                f"job {job.name!r} asks for exactly what job {other!r} asks for -- remove one of them, every record "
                "would be exported twice"
            )
    return list(found.values())


def ahead(plan: Plan, now: datetime) -> list[str]:
    """Say which watermarks lie after ``now``: a run from there would skip what changes until then."""
    late = {
        job.stream.id: f"the watermark of job {job.name!r} is {job.since:%Y-%m-%dT%H:%M:%SZ}, which is still to come: "
        "what changes until then would be skipped -- set it back (extractor watermarks set), or put the clock right"
        for job in plan.jobs
        if job.stream.overlap is not None and job.since is not None and job.since > now
    }
    return list(late.values())


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


def named(config: Config) -> Iterator[tuple[int, str]]:
    """Give the place and the name of each job of the configuration, the derived names made unique."""
    taken: set[str] = {job.name for job in config.jobs if job.name is not None}
    for place, job in enumerate(config.jobs):
        name = job.name
        if name is None:
            name = _free_name(_default_name(job), taken)
            taken.add(name)
        yield place, name


def _expand(config: Config, basis: Basis) -> Iterator[JobSpec]:
    for place, name in named(config):
        yield from batches_of(config, place, name, basis)


def dataset_of(job: Job) -> Dataset:
    """The dataset that an entry of the configuration names."""
    if job.group is not None:
        return Dataset(kind="group", name=job.group)
    if job.schedule is not None:
        return Dataset(kind="schedule", name=job.schedule)
    return Dataset(kind="segment", name=job.segment or "")


def stream_of(config: Config, place: int, name: str, basis: Basis) -> Stream:
    """The stream of the job at ``place``."""
    job = config.jobs[place]
    digest, who = None, "everybody"
    if job.match is not None:
        listed = basis.lists.get(place)
        digest = digest_of(job.match.inline, basis.key) if listed is None else listed.digest
        typed = job.match.criteria if job.match.type is None else f"{job.match.criteria}/{job.match.type}"
        who = f"{typed} x {len(job.match.inline) if listed is None else listed.count}"
    dedupe = None
    if job.dedupe is not None:
        dedupe = Dedupe(key=job.dedupe.key, version=job.dedupe.version)
    return Stream(
        id=identify_stream(
            base_url=config.connection.base_url,
            client_id=config.connection.client_id,
            dataset=dataset_of(job),
            criteria=None if job.match is None else job.match.criteria,
            kind=None if job.match is None else job.match.type,
            digest=digest,
            place=basis.place,
        ),
        name=name,
        who=who,
        connection=f"{config.connection.client_id} at {config.connection.base_url}",
        overlap=job.overlap if job.since == "watermark" else None,
        dedupe=dedupe,
    )


def matches_of(config: Config, place: int, basis: Basis) -> list[Match | None]:
    """The batches of the job at ``place``; one None when it asks for everybody."""
    match = config.jobs[place].match
    if match is None:
        return [None]
    listed = basis.lists.get(place)
    if listed is not None:
        return [
            Match(criteria=match.criteria, type=match.type, part=part, count=count, digest=digest)
            for part, count, digest in listed.batches
        ]
    cut = [match.inline[start : start + match.batch] for start in range(0, len(match.inline), match.batch)]
    return [
        Match(
            criteria=match.criteria,
            type=match.type,
            values=values,
            count=len(values),
            digest=digest_of(values, basis.key),
        )
        for values in cut
    ]


def batches_of(config: Config, place: int, name: str, basis: Basis) -> Iterator[JobSpec]:
    """Give the jobs of the entry at ``place``, one for each batch of its values, not yet numbered."""
    job = config.jobs[place]
    dataset, stream = dataset_of(job), stream_of(config, place, name, basis)
    since = job.since if isinstance(job.since, datetime) else None
    if job.since == "watermark":
        since = basis.watermarks.get(stream.id, job.initial)
    bound = None if since is None else last_date_time(since)
    matches = matches_of(config, place, basis)
    for index, match in enumerate(matches):
        job_id = identify(
            base_url=config.connection.base_url,
            client_id=config.connection.client_id,
            dataset=dataset,
            last_date_time=bound,
            match=match,
        )
        yield JobSpec(
            ordinal=0,
            job_id=job_id,
            name=name,
            dataset=dataset,
            stream=stream,
            since=since,
            last_date_time=bound,
            match=match,
            batch=index + 1,
            batches=len(matches),
        )


def numbered(jobs: Iterable[JobSpec]) -> Iterator[JobSpec]:
    """Give the jobs their places."""
    for ordinal, job in enumerate(jobs):
        yield replace(job, ordinal=ordinal)


def _default_name(job: Job) -> str:
    name = dataset_of(job).name
    return name if job.match is None else f"{name} by {job.match.criteria}"


def _free_name(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name} ({count})"
    return candidate
