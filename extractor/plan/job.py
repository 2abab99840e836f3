"""The nouns of a plan: dataset, match, stream, window, job.

Decides how a job and a stream are identified and what they are called. Does not decide which jobs there are
(``planner``) or how they are asked (``remote``, in the spelling of ``protocol.dialect``).

Match values are hashed with a key (the state folder's own), because a hash of one telephone number is soon guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args
from urllib.parse import quote

_LONGEST_NAME = 200  # bytes, of the 255 that file systems take

Kind = Literal["segment", "group", "schedule"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dataset:
    """One segment, segment group, or schedule of the legacy API: what is published as a folder."""

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
class ListPart:
    """One batch of a match list that was read from a file: where its values stand in the list's spool.

    ``start`` and ``length`` are bytes of the file ``values`` of the list's folder; one value a line.
    """

    list_id: str
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which people of the dataset are asked for (contract, section 3.2). The values never show in a repr.

    ``values`` stand in the configuration; those of a file are looked up by ``part`` when they are asked for, and
    ``values`` is empty until then. ``count`` is how many they are, ``digest`` the keyed digest of them.
    """

    criteria: str
    type: str | None
    values: tuple[str, ...] = field(default=(), repr=False)
    part: ListPart | None = None
    count: int
    digest: str

    @property
    def summary(self) -> str:
        """Say what is matched, without the values: ``EmailAddress/Home x 1000``."""
        typed = self.criteria if self.type is None else f"{self.criteria}/{self.type}"
        return f"{typed} x {self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedupe:
    """How an unchanged record is recognised: the member ``key`` says whose it is, ``version`` which state it is in.

    ``version`` are paths of members whose values together are the state; None is the whole record.
    """

    key: str
    version: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One entry of the configuration's jobs over all its nights: what has a watermark, and a memory of its records.

    ``id`` names connection, dataset, match set and output folder; ``name``, ``who`` and ``connection`` say the same to
    people. ``overlap`` is in seconds; None where no watermark is asked from (then none is moved).
    """

    id: str
    name: str
    who: str = "everybody"
    connection: str = ""
    overlap: float | None = None
    dedupe: Dedupe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open piece of time, ``start`` <= t < ``end`` (aware, UTC), and its name in a folder: ``2026-01-01``.

    ``first_day`` to ``last_day`` (both in it) are the same as days of the window's zone, where it is whole days: only
    such a window can be asked of a schedule (contract, section 7).
    """

    name: str
    start: datetime
    end: datetime
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One thing to ask the server. Picklable; equal specs ask for the same thing in the same place of the plan.

    ``ordinal`` is the 0-based place in the plan, and so in the published order. ``since`` is the first instant that is
    wanted (None: everything) and ``last_date_time`` the text that is sent for it (UTC, milliseconds, ``Z``). ``window``
    is set where the export is of one window only. ``batch`` of ``batches`` is 1-based.
    """

    ordinal: int
    job_id: str
    name: str
    dataset: Dataset
    stream: Stream
    since: datetime | None
    last_date_time: str | None
    match: Match | None
    window: Window | None = None
    batch: int = 1
    batches: int = 1

    @property
    def label(self) -> str:
        """What people see: the job's name, with its batch and its window when there are several."""
        windowed = self.name if self.window is None else f"{self.name} {self.window.name}"
        return windowed if self.batches == 1 else f"{windowed} [{self.batch}/{self.batches}]"


def identify(
    *,
    base_url: str,
    client_id: str,
    dataset: Dataset,
    last_date_time: str | None,
    match: Match | None,
    window: Window | None = None,
) -> str:
    """Hash what is asked into 16 hexadecimal digits. Stable across runs and Python versions, and machines, too.

    (Where values are matched, only among those that have the same key.)
    """
    asked: list[object] = [
        "job/1",
        base_url.rstrip("/"),
        client_id,
        dataset.kind,
        dataset.name,
        last_date_time,
        None if match is None else [match.criteria, match.type, match.digest],
    ]
    if window is not None:
        asked.append([window.start.isoformat(), window.end.isoformat()])
    return _hashed(asked)


def identify_stream(
    *,
    base_url: str,
    client_id: str,
    dataset: Dataset,
    criteria: str | None,
    kind: str | None,
    digest: str | None,
    place: str,
) -> str:
    """Hash whom a stream is about, and where it goes, into 16 hexadecimal digits.

    ``digest`` is that of all values together, ``place`` the output folder: another one has none of what was published.
    """
    whom = [dataset.kind, dataset.name, criteria, kind, digest]
    return _hashed(["stream/1", base_url.rstrip("/"), client_id, *whom, place])


def digest_of(values: Iterable[str], key: bytes) -> str:
    """The keyed digest of match values, in their order: 32 hexadecimal digits. The key has at most 64 bytes."""
    digest = hashlib.blake2b(key=key, digest_size=16)
    for value in values:
        encoded = value.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def _hashed(asked: list[object]) -> str:
    text = json.dumps(asked, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
