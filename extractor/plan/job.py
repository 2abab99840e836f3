"""The nouns of a plan: dataset, match, job.

Decides how a job is identified and what it is called. Does not decide which jobs there are (``planner``) or how they
are asked (``remote``, in the spelling of ``protocol.dialect``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

_LONGEST_NAME = 200  # bytes, of the 255 that file systems take

Kind = Literal["segment", "group"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dataset:
    """One segment, or one segment group: what is published as a folder."""

    kind: Kind
    name: str

    @property
    def folder(self) -> str:
        """The Hive-style folder name, e.g. ``segment=Newsletter%20OptIns``: every reserved character is encoded.

        File systems take 255 bytes: a longer name is cut and ended with a hash of it. The manifest has it in full.
        """
        encoded = quote(self.name, safe="")
        if len(encoded) > _LONGEST_NAME:
            whole = hashlib.sha256(self.name.encode("utf-8")).hexdigest()[:16]
            kept = self.name
            while len(quote(kept, safe="")) > _LONGEST_NAME - len(whole) - 1:
                kept = kept[:-1]
            encoded = f"{quote(kept, safe='')}~{whole}"
        return f"{self.kind}={encoded}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which people of the dataset are asked for (contract, section 3.2). The values never show in a repr."""

    criteria: str
    type: str | None
    values: tuple[str, ...] = field(repr=False)

    @property
    def summary(self) -> str:
        """Say what is matched, without the values: ``EmailAddress/Home x 1000``."""
        typed = self.criteria if self.type is None else f"{self.criteria}/{self.type}"
        return f"{typed} x {len(self.values)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One thing to ask the server. Picklable; equal specs ask for the same thing in the same place of the plan.

    ``ordinal`` is the 0-based place in the plan, and so in the published order. ``last_date_time`` is the text that is
    sent (UTC, milliseconds, ``Z``), or None for a full export. ``batch`` of ``batches`` is 1-based.
    """

    ordinal: int
    job_id: str
    name: str
    dataset: Dataset
    last_date_time: str | None
    match: Match | None
    batch: int = 1
    batches: int = 1

    @property
    def label(self) -> str:
        """What people see: the job's name, with its batch when there are several."""
        return self.name if self.batches == 1 else f"{self.name} [{self.batch}/{self.batches}]"


def identify(
    *, base_url: str, client_id: str, dataset: Dataset, last_date_time: str | None, match: Match | None
) -> str:
    """Hash what is asked into 16 hexadecimal digits. Stable across machines, runs and Python versions."""
    asked = [
        "job/1",
        base_url.rstrip("/"),
        client_id,
        dataset.kind,
        dataset.name,
        last_date_time,
        None if match is None else [match.criteria, match.type, list(match.values)],
    ]
    text = json.dumps(asked, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
