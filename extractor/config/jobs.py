"""The ``jobs`` section: which segments or groups, since when, and for whom.

Decides what one entry may say. Does not split values into batches, derive names or notice two entries that ask for the
same: that is planning. Read by ``plan``.
"""

import re
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, WithJsonSchema, field_validator

from extractor.config.fields import Count, Duration, Instant, MemberPath, Name, Section, Since
from extractor.config.match_lists import ListFile
from extractor.config.problems import TAGS, refusal

_INTEGER = re.compile("-?[0-9]+")
OVERLAP = 900.0  # seconds, where a job does not say
_NOT_OF_A_SCHEDULE = {
    "since": "which is asked by whole days and knows no last change (extractor backfill does that)",
    "match": "which gives the rows of everybody in it",
    "dedupe": "whose rows have no id that is theirs alone",
}

_Value = TypeVar("_Value")


def _as_written(value: object) -> str:
    """Text as it stands in the file; a whole number is kept as its digits, other types have lost their spelling."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise refusal("must be text or a whole number -- put the value in quotes")
    if not value.strip():
        raise refusal("is blank -- write the value, or remove the line")
    return value


MatchValue = Annotated[
    str,
    BeforeValidator(_as_written),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "integer"}]}),
]


_INLINE, _FILE = TAGS


def _where(written: object) -> str:
    return _FILE if isinstance(written, dict | ListFile) else _INLINE


class Match(Section):
    """Only the people named by ``values`` come out, of those that the segment holds."""

    criteria: Literal["ProfileId", "AlternateId", "PhoneNumber", "EmailAddress"] = Field(
        description="What the values are. The service's own spelling.", examples=["EmailAddress"]
    )
    type: Name | None = Field(
        default=None,
        validate_default=True,
        description="Keeps only people who carry this type: an AlternateIdType (required for AlternateId), a customer, "
        "phone or email type.",
    )
    values: Annotated[
        Annotated[tuple[MatchValue, ...], Tag(_INLINE)] | Annotated[ListFile, Tag(_FILE)], Discriminator(_where)
    ] = Field(
        repr=False,
        description="The identifiers: a list, sent exactly as written (whole numbers are kept as their digits, exact "
        "repetitions are asked for once; quote what YAML would read as something else, such as 1.50 or true); or a "
        "file that holds them.",
        examples=["[...]"],
    )
    batch: Count = Field(
        default=1000,
        gt=0,
        description="Values in one export request, a count. The service's limit is not documented; lower it if the "
        "service refuses with 400.",
    )

    @property
    def is_inline(self) -> bool:
        """Whether the values stand in the configuration itself."""
        return not isinstance(self.values, ListFile)

    @property
    def inline(self) -> tuple[str, ...]:
        """The values that stand in the configuration itself; none, where they are elsewhere."""
        return () if isinstance(self.values, ListFile) else self.values

    @field_validator("type")
    @classmethod
    def _alternate_id_has_type(cls, kind: str | None, info: ValidationInfo) -> str | None:
        if kind is None and info.data.get("criteria") == "AlternateId":
            raise refusal('AlternateId needs a type (the AlternateIdType\'s name) -- add "type: CRM" or similar')
        return kind

    @field_validator("values")
    @classmethod
    def _values_fit_criteria(
        cls, values: tuple[str, ...] | ListFile, info: ValidationInfo
    ) -> tuple[str, ...] | ListFile:
        criteria = info.data.get("criteria")
        if isinstance(values, ListFile):
            if values.region is not None and criteria not in {None, "PhoneNumber"}:
                raise refusal("is for PhoneNumber only -- remove it", at=("region",))
            return values
        if not values:
            raise refusal("is empty, which would ask for nobody -- add a value, or remove match")
        if criteria == "ProfileId":
            wrong = [index for index, value in enumerate(values) if _INTEGER.fullmatch(value) is None]
            if wrong:
                also = f" (nor are {len(wrong) - 1} later values)" if len(wrong) > 1 else ""
                raise refusal(f"is not an integer{also} -- ProfileId values are whole numbers", at=(wrong[0],))
        return tuple(dict.fromkeys(values))


class Dedupe(Section):
    """Leave out what the dataset's readers have already: records unchanged since they were last published."""

    key: Name = Field(default="ProfileId", description="The member that says whose record it is, a whole number.")
    version: tuple[MemberPath, ...] | None = Field(
        default=None,
        description="Paths of the members that together say which state a record is in: dots lead into objects, lists "
        "are walked. Left out: the whole record.",
        examples=["[Edited.LastModifiedDate]"],
    )

    @field_validator("version")
    @classmethod
    def _version_is_not_empty(cls, version: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if version is not None and not version:
            raise refusal("is empty, so that every record would count as unchanged -- name a path, or leave it out")
        return version


class Job(Section):
    """One thing to export: a segment or a group, whole or narrowed, or a schedule of the legacy API."""

    name: Name | None = Field(
        default=None,
        description="What --job selects and messages show; unique in the file. Derived from the rest when left out.",
    )
    segment: Name | None = Field(
        default=None,
        description="The segment's name as in the service, spaces included. Either this, group or schedule.",
    )
    group: Name | None = Field(
        default=None,
        description="The segment group's name as in the service. Either this, segment or schedule.",
    )
    schedule: Name | None = Field(
        default=None,
        validate_default=True,
        description="A schedule's name as in the service's legacy API: its rows are single preferences, not people. "
        "Either this, segment or group; since, match and dedupe do not go with it.",
    )
    since: Since | None = Field(
        default=None,
        description='Only what changed at or after this instant, ISO 8601 with zone (Z is UTC); or "watermark": what '
        "changed since the last run of this job that was published. Left out: everything.",
    )
    initial: Instant | None = Field(
        default=None,
        validate_default=True,
        description="With since: watermark, where the very first run begins. Left out: it exports everything.",
    )
    overlap: Duration = Field(
        default=OVERLAP,
        validate_default=True,
        description="With since: watermark, the seconds that two runs overlap. A change is stamped before it can be "
        "exported, and the service's own machines may differ as much as it lets a signature be old (15 minutes).",
    )
    dedupe: Dedupe | None = Field(
        default=None,
        description="Leave out records that are unchanged since they were last published, such as those of the "
        "overlap. Left out: all that the service gives is published.",
    )
    match: Match | None = Field(default=None, description="Only these people. Left out: everybody in the segment.")

    @field_validator("initial")
    @classmethod
    def _initial_is_of_a_watermark(cls, initial: datetime | None, info: ValidationInfo) -> datetime | None:
        if initial is not None and "since" in info.data and info.data["since"] != "watermark":
            raise refusal('is of no use without "since: watermark" -- add that, or move the instant to since')
        return initial

    @field_validator("overlap")
    @classmethod
    def _overlap_is_of_a_watermark(cls, overlap: float, info: ValidationInfo) -> float:
        if overlap != OVERLAP and "since" in info.data and info.data["since"] != "watermark":
            raise refusal('is of no use without "since: watermark" -- add that, or remove it')
        return overlap

    @field_validator("schedule")
    @classmethod
    def _one_dataset(cls, schedule: str | None, info: ValidationInfo) -> str | None:
        if not {"segment", "group"} <= set(info.data):  # its own problem is already reported
            return schedule
        known = {"segment": info.data["segment"], "group": info.data["group"], "schedule": schedule}
        named = [kind for kind, name in known.items() if name is not None]
        if not named:
            raise refusal('needs a segment, a group or a schedule -- add "segment: NAME" or one of the others', up=1)
        if len(named) > 1:
            both = " and ".join(f"a {kind}" for kind in named)
            raise refusal(f"has {both} -- keep one, and write another job for each of the others", up=1)
        return schedule

    @field_validator("since", "dedupe", "match")
    @classmethod
    def _goes_with_a_schedule(cls, value: _Value, info: ValidationInfo) -> _Value:
        if value is None or info.data.get("schedule") is None:
            return value
        raise refusal(
            f"does not go with a schedule, {_NOT_OF_A_SCHEDULE[info.field_name or '']} -- remove it, or ask for a "
            "segment or group instead"
        )
