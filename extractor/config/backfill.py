"""The ``backfill`` section: which time of a record decides its window, and at whose midnight windows begin.

Decides what the section may say. The period and the size of windows are the command's. Read by ``plan``.
"""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from extractor.config.fields import MemberPath, Section
from extractor.config.problems import refusal
from extractor.config.zones import ZoneError, zone_named


def _zone(name: str) -> str:
    try:
        zone_named(name)
    except ZoneError as fault:
        raise refusal(str(fault)) from None
    return name


ZoneName = Annotated[str, AfterValidator(_zone), WithJsonSchema({"type": "string", "pattern": r"\S"})]


class Backfill(Section):
    """How ``extractor backfill`` sorts records into windows."""

    zone: ZoneName = Field(
        default="UTC",
        description="The time zone in whose midnights calendar windows (1d, 1w, 1mo, 1y) begin, an IANA name such as "
        "America/New_York. --zone goes before it.",
    )
    change_times: tuple[MemberPath, ...] | None = Field(
        default=None,
        description="Paths of the members whose latest instant is a record's time of change: dots lead into objects, "
        "lists are walked, * is any member. Left out: every LastModifiedDate, ConsentDate and Edited that the service "
        "documents.",
        examples=["[Edited.LastModifiedDate]"],
    )

    @field_validator("change_times")
    @classmethod
    def _change_times_are_some(cls, paths: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if paths is not None and not paths:
            raise refusal("is empty, so that no record would have a window -- name a path, or leave it out")
        return paths
