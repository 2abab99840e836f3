"""``extractor plan``: what a run would ask for, what it would cost, and what is otherwise than last time.

Sends nothing. The words about cost and difference are ``foretelling``'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from extractor.cli.console import out, out_json, say, table
from extractor.cli.foretelling import cost_lines, cost_object, difference_lines, difference_object
from extractor.cli.options import AsJson, ConfigPath, Diff, JobNames, examples
from extractor.observe.figures import count, counted, short

if TYPE_CHECKING:
    from extractor.plan import Dataset, Forecast, JobSpec, Plan

EXAMPLES = examples(
    "extractor plan nightly.yaml",
    "extractor plan nightly.yaml --diff",
    "extractor plan nightly.yaml --job Winback --json",
)

_DATASETS = 20  # rows
_JOBS = 20
_WIDTH = 48  # characters of a name


def plan(config: ConfigPath, job: JobNames = None, *, diff: Diff = False, as_json: AsJson = False) -> None:
    """Show what a run would ask for, and its cost.

    Sends nothing. The cost is foreseen from the published runs of the state folder, as a range. Where there is none it
    is a floor: how large a segment is, the service says only when it is exported.

    --diff shows instead what is asked otherwise than by the last run. A watermark that has moved on is no difference.
    """
    from extractor.cli.loading import load_config, plan_of  # noqa: PLC0415 - keeps --help quick
    from extractor.plan import forecast, planner  # noqa: PLC0415 - as above
    from extractor.plan.difference import compare  # noqa: PLC0415 - as above
    from extractor.run.lessons import last_run, read_lessons  # noqa: PLC0415 - as above

    loaded = load_config(config)
    planned = plan_of(loaded, job, notice=lambda sentence: say(f"note: {sentence}"))
    limits, now = loaded.limits, datetime.now(UTC)
    cost = forecast(
        planned,
        requests_per_second=limits.requests_per_second,
        page_size=limits.page_size,
        exports=limits.exports,
        now=now,
        lessons=read_lessons(loaded.state, planned, limits, now).costs,
    )
    notices = planner.notices(planned)
    earlier = last_run(loaded.state, planned) if diff else None
    difference = None if earlier is None else compare(planned, earlier, whole=not job)
    if as_json:
        told = {"diff": difference_object(difference)} if diff else {}
        out_json(_as_object(planned, cost, notices) | told)
        return
    if diff:
        for line in difference_lines(difference, str(loaded.state)):
            out(line)
        return
    out(f"{counted(len(planned.jobs), 'job')} for {counted(len(planned.datasets), 'dataset')}, plan {planned.plan_id}")
    for line in [
        *_datasets(planned),
        *_jobs(planned),
        *_notices(notices),
        *cost_lines(cost, limits.requests_per_second),
    ]:
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


def _as_object(planned: Plan, cost: Forecast, notices: list[str]) -> dict[str, Any]:  # Any: JSON values
    return {
        "plan_id": planned.plan_id,
        "datasets": [
            {"dataset": dataset.folder, "kind": dataset.kind, "name": dataset.name, "jobs": len(jobs)}
            for dataset, jobs in planned.datasets.items()
        ],
        "jobs": [_job(job) for job in planned.jobs],
        "notices": notices,
        "forecast": cost_object(cost),
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
