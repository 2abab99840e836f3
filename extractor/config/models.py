"""The whole file, and the sections about load, output and state.

Decides defaults and what the sections must not say together. Does not read files (``loading``) and plans nothing.
Read by every layer above.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from extractor.config.backfill import Backfill
from extractor.config.connection import Connection
from extractor.config.fields import Count, Duration, Encoders, FilePath, Section, Size
from extractor.config.jobs import Job
from extractor.config.problems import refusal
from extractor.config.units import MIB


class Limits(Section):
    """How hard the service may be pressed, and for how long."""

    requests_per_second: float = Field(
        default=20.0,
        gt=0,
        strict=True,
        allow_inf_nan=False,
        description="Requests per second on the whole connection, all exports together, evenly spaced: in no second "
        "more than a tenth above it arrive. A Retry-After holds all, and each round of refusals (429) makes it slower "
        "for a while.",
    )
    exports: Count = Field(
        default=8, gt=0, description="Exports alive at the server at once, a count; each holds files there."
    )
    pages: Count = Field(
        default=16,
        gt=0,
        description="Page requests in flight at once, a count over all exports; bounds memory together with page_size.",
    )
    page_size: Count = Field(
        default=1000,
        gt=0,
        description="Records asked for in one page, a count. 1000 is the service's own default; its maximum is not "
        "documented.",
    )
    retry_for: Duration = Field(
        default=900.0,
        description="Seconds during which one request is tried again after 503, 429 or a lost connection, while others "
        "are answered. 0: never again.",
    )
    outage: Duration = Field(
        default=3600.0,
        description="Seconds that the whole connection may stay unavailable (nothing but 5xx or no answer) before the "
        "run gives up, resumable; it asks ever more calmly meanwhile. 0: do not wait for it.",
    )
    processing_timeout: Duration = Field(
        default=21_600.0,
        gt=0,
        description="Seconds that one export may stay unfinished at the server before it is given up.",
    )
    re_exports: Count = Field(
        default=3,
        ge=0,
        description="New exports of one job after the server reported Error or Expired, a count. Bounded, because a "
        "segment that always fails would be asked for ever.",
    )
    poll_first: Duration = Field(
        default=0.5, gt=0, description="Seconds until the first question whether an export is ready."
    )
    poll_max: Duration = Field(
        default=30.0,
        gt=0,
        validate_default=True,
        description="Seconds between questions at most, once an export takes long. At least poll_first.",
    )
    deadline: Duration | None = Field(
        default=None,
        gt=0,
        description="Seconds for the whole run, after which it stops cleanly. Left out: no limit.",
    )
    grace: Duration = Field(
        default=30.0,
        description="Seconds that what is in flight may take to finish once the run is interrupted or its deadline "
        "comes; then it is cut off, which can be resumed all the same. Keep it below what your scheduler waits before "
        "it kills. 0: at once.",
    )

    @field_validator("poll_max")
    @classmethod
    def _poll_max_is_not_less(cls, poll_max: float, info: ValidationInfo) -> float:
        if poll_max < info.data.get("poll_first", 0.0):
            raise refusal("is less than poll_first -- raise it, or lower poll_first")
        return poll_max


class Output(Section):
    """What the next team reads."""

    path: FilePath = Field(
        default=Path("exports"),
        description="Folder of the published shards, relative to the working directory; ~ is the home folder.",
    )
    compression: Literal["zstd", "gzip", "none"] = Field(
        default="zstd", description="Of the shards. zstd is fastest and smallest; gzip is read by everything."
    )
    records: Literal["canonical", "verbatim"] = Field(
        default="canonical",
        description="How a record is spelled. canonical: compact JSON, the same for the same value. verbatim: the "
        "server's own text of it, on one line, which is faster and keeps numbers and escapes as they came.",
    )
    encoders: Encoders = Field(
        default="auto",
        description="Processes that encode and compress beside the main one, a count. auto: as many as pay on this "
        "machine. 0: none. At most 64. The published bytes are the same.",
    )
    shard_bytes: Size = Field(
        default=256 * MIB,
        gt=0,
        description="Bytes of one shard file, as it lies on disk: it is exceeded only by a single page that is larger.",
    )


class Config(Section):
    """A checked configuration file."""

    connection: Connection = Field(
        description="Which service, and as whom.", examples=["{base_url: ..., client_id: ..., auth: ...}"]
    )
    limits: Limits = Field(default=Limits(), description="How hard the service may be pressed, and for how long.")
    jobs: tuple[Job, ...] = Field(
        # Checked below: pydantic's own minimum also complains when all jobs are malformed.
        json_schema_extra={"minItems": 1},
        description="What to export, in the order of the plan; at least one.",
        examples=["[{segment: NAME}]"],
    )
    output: Output = Field(default=Output(), description="Where the shards go, and their form.")
    backfill: Backfill = Field(default=Backfill(), description="How `extractor backfill` sorts records into windows.")
    state: FilePath = Field(
        default=Path(".extractor"),
        validate_default=True,
        description="Folder of the journal and of unfinished parts, relative to the working directory; ~ is the home "
        "folder. Must not hold output.path or lie in it: readers would meet unfinished data.",
    )

    @field_validator("jobs", mode="wrap")
    @classmethod
    def _names_are_unique(cls, written: Any, validate: ValidatorFunctionWrapHandler) -> tuple[Job, ...]:  # noqa: ANN401 - before validation it is anything
        if isinstance(written, list | tuple) and not written:
            raise refusal('is empty -- add a job, such as "- segment: NAME"')
        # Around the models, not after them: one malformed job must not hide that two others share a name.
        repeated = list(_repeated_names(written))
        try:
            jobs: tuple[Job, ...] = validate(written)
        except ValidationError as error:
            raise ValidationError.from_exception_data("jobs", [*_carried(error), *repeated]) from None
        if repeated:
            raise ValidationError.from_exception_data("jobs", repeated)
        return jobs

    @field_validator("state")
    @classmethod
    def _state_is_apart(cls, state: Path, info: ValidationInfo) -> Path:
        if "output" not in info.data:
            return state
        ours, theirs = state.resolve(), info.data["output"].path.resolve()
        if ours == theirs or ours in theirs.parents or theirs in ours.parents:
            raise refusal("state and output.path lie in each other -- give each a folder of its own")
        return state


def _repeated_names(written: object) -> Iterator[InitErrorDetails]:
    if not isinstance(written, list | tuple):
        return
    names = [job.get("name") if isinstance(job, dict) else getattr(job, "name", None) for job in written]
    first: dict[str, int] = {}
    counted = Counter(name for name in names if isinstance(name, str))
    for index, name in enumerate(names):
        if not isinstance(name, str) or counted[name] == 1:
            continue
        if name in first:
            message = f"is already the name of jobs[{first[name]}] -- rename one, or leave name out"
            yield InitErrorDetails(type=refusal(message), loc=(index, "name"), input=None)
        first.setdefault(name, index)


def _carried(error: ValidationError) -> Iterator[InitErrorDetails]:
    # pydantic cannot re-raise its own errors beside ours; their type and context are all that ``wording`` reads.
    for detail in error.errors(include_url=False):
        carried = PydanticCustomError(detail["type"], "{type}", {"type": detail["type"], **detail.get("ctx", {})})
        yield InitErrorDetails(type=carried, loc=detail["loc"], input=detail["input"])
