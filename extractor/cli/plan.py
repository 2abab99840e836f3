"""``extractor plan``: what a run would ask for, and what it would cost at least. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor.cli.console import out, out_json, say, table
from extractor.cli.options import AsJson, ConfigPath, JobNames, examples
from extractor.observe.figures import count, counted, short, span

if TYPE_CHECKING:
    from extractor.plan import Dataset, Forecast, JobSpec, Plan

EXAMPLES = examples("extractor plan nightly.yaml", "extractor plan nightly.yaml --job Winback --json")

_DATASETS = 20  # rows
_JOBS = 20
_WIDTH = 48  # characters of a name


def plan(config: ConfigPath, job: JobNames = None, *, as_json: AsJson = False) -> None:
    """Show what a run would ask for, and its cost.

    Sends nothing. The cost is a floor: how large a segment is, the service says only when it is exported.
    """
    from extractor.cli.loading import load_config, plan_of  # noqa: PLC0415 - keeps --help quick
    from extractor.plan import forecast, planner  # noqa: PLC0415 - as above

    loaded = load_config(config)
    planned = plan_of(loaded, job, notice=lambda sentence: say(f"note: {sentence}"))
    rate = loaded.limits.requests_per_second
    cost = forecast(planned, requests_per_second=rate, page_size=loaded.limits.page_size)
    notices = planner.notices(planned)
    if as_json:
        out_json(_as_object(planned, cost, notices))
        return
    out(f"{counted(len(planned.jobs), 'job')} for {counted(len(planned.datasets), 'dataset')}, plan {planned.plan_id}")
    for line in [*_datasets(planned), *_jobs(planned), *_notices(notices), *_cost(cost, rate)]:
        out(line)


def _datasets(planned: Plan) -> list[str]:
    datasets = list(planned.datasets.items())
    rows = [(short(str(dataset), _WIDTH), count(len(jobs)), _since(jobs)) for dataset, jobs in datasets[:_DATASETS]]
    return [
        "",
        *table(("DATASET", "JOBS", "SINCE"), rows, right=frozenset({1})),
        *_more(len(datasets) - _DATASETS, "dataset"),
    ]


def _since(jobs: tuple[JobSpec, ...]) -> str:
    instants = sorted({job.last_date_time or "everything" for job in jobs})
    return instants[0] if len(instants) == 1 else f"{instants[0]} and {len(instants) - 1} more"


def _jobs(planned: Plan) -> list[str]:
    rows = [
        (
            str(job.ordinal),
            short(job.label, _WIDTH),
            short(str(job.dataset), _WIDTH),
            "everybody" if job.match is None else job.match.summary,
            job.job_id,
        )
        for job in planned.jobs[:_JOBS]
    ]
    return [
        "",
        *table(("#", "JOB", "DATASET", "WHO", "JOB ID"), rows, right=frozenset({0})),
        *_more(len(planned.jobs) - _JOBS, "job"),
    ]


def _more(number: int, noun: str) -> list[str]:
    return [f"… and {counted(number, noun)} more (--json has all)"] if number > 0 else []


def _notices(notices: list[str]) -> list[str]:
    return ["", *(f"note: {notice}" for notice in notices)] if notices else []


def _cost(cost: Forecast, rate: float) -> list[str]:
    exports, requests = counted(cost.exports, "export"), counted(cost.requests, "request")
    million = counted(cost.requests_per_million, "request")
    return [
        "",
        f"At least {exports}, {requests}, {span(cost.seconds)} at {rate:g} requests/s;",
        f"each further million records adds {million}, {span(cost.seconds_per_million)}.",
    ]


def _as_object(planned: Plan, cost: Forecast, notices: list[str]) -> dict[str, Any]:  # Any: JSON values
    return {
        "plan_id": planned.plan_id,
        "datasets": [
            {"dataset": dataset.folder, "kind": dataset.kind, "name": dataset.name, "jobs": len(jobs)}
            for dataset, jobs in planned.datasets.items()
        ],
        "jobs": [_job(job) for job in planned.jobs],
        "notices": notices,
        "forecast": {
            "exports": cost.exports,
            "requests": cost.requests,
            "seconds": cost.seconds,
            "requests_per_million": cost.requests_per_million,
            "seconds_per_million": cost.seconds_per_million,
        },
    }


def _job(job: JobSpec) -> dict[str, Any]:
    dataset: Dataset = job.dataset
    who = job.match
    return {
        "ordinal": job.ordinal,
        "job_id": job.job_id,
        "name": job.name,
        "label": job.label,
        "dataset": dataset.folder,
        "since": job.last_date_time,
        "match": None if who is None else {"criteria": who.criteria, "type": who.type, "values": who.count},
        "batch": job.batch,
        "batches": job.batches,
    }
