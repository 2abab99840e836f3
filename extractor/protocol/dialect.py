"""The API's paths and spellings, as data (contract, sections 1-3 and 10).

What the documents leave open is a field here with the likeliest value as its default and an override under
``connection.dialect`` in the configuration; nowhere else does the code branch on it. Decides how a word is spelled, not
when it is said. Called by ``remote``; ``problems`` by ``cli`` when the configuration is loaded.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from extractor.config import Config, Problem
from extractor.config.zones import zone_named
from extractor.plan.job import Kind
from extractor.protocol.vocabulary import Meaning

_PLACES = {
    "initiate_segment": {"clientId", "name"},
    "initiate_group": {"clientId", "name"},
    "initiate_schedule": {"clientId", "name"},
    "status": {"clientId", "accessToken", "kind"},
    "retrieve": {"clientId", "accessToken", "kind"},
    "commit": {"clientId", "accessToken", "kind"},
    "schedule_status": {"clientId", "accessToken"},
    "schedule_retrieve": {"clientId", "accessToken"},
    "schedule_commit": {"clientId", "accessToken"},
    "keyed_message": {"clientId", "userId", "timestamp"},
    "unkeyed_message": {"clientId", "userId", "timestamp", "secret"},
    "keyed_scheme": {"hash"},
    "unkeyed_scheme": {"hash"},
}
_CHOICES = {"random_access": ("probe", "yes", "no")}
_INITIATES: Mapping[Kind, str] = {
    "segment": "initiate_segment",
    "group": "initiate_group",
    "schedule": "initiate_schedule",
}
_OTHERWISE: Mapping[Kind, Mapping[str, str]] = {  # what a kind of dataset spells otherwise: field -> the field instead
    "segment": {},
    "group": {},
    "schedule": {
        "status": "schedule_status",
        "retrieve": "schedule_retrieve",
        "commit": "schedule_commit",
        "records": "schedule_records",
        "record_id": "schedule_record_id",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One spelling of the API. Paths are relative to the base URL; ``{places}`` are percent-encoded when filled."""

    # Paths. ``{kind}`` is ``Segment`` or ``SegmentGroup``.
    initiate_segment: str = "Async/{clientId}/Export/Segment/{name}"
    initiate_group: str = "Async/{clientId}/Export/SegmentGroup/{name}"
    status: str = "Async/{clientId}/Export/{accessToken}/Status"
    retrieve: str = "Async/{clientId}/Export/{accessToken}"
    commit: str = "Async/{clientId}/Export/{accessToken}/Commit"

    # What the request says.
    profile_id_as_number: bool = False
    true: str = "true"
    false: str = "false"
    keep_files: bool = False

    # What the answers say.
    records: str = "UserProfilePreferences"
    statuses: Mapping[str, Meaning] = field(
        default_factory=lambda: {
            "Processing": Meaning.PROCESSING,
            "Complete": Meaning.COMPLETE,
            "Retrieved": Meaning.RETRIEVED,
            "Expired": Meaning.EXPIRED,
            "Error": Meaning.ERROR,
            "Failed": Meaning.FAILED,
        }
    )
    record_id: str = "ProfileId"  # the member that tells one record from another
    record_id_is_unique: bool = True  # within one export, so a repetition is a contradiction
    row_count_is_total: bool = True  # RowCount counts profiles, so it must equal TotalResults
    token_gone: tuple[int, ...] = (404, 410)
    content_types: tuple[str, ...] = ("application/json", "text/json")
    expires: str = "Expires"  # of a Status: until when the export can be read, where the server says so
    random_access: str = "probe"  # pages may be asked for in any order: try it once a run, or take it as "yes" or "no"

    # Schedules, of the legacy API (contract, section 7). A row is one preference, so many are of one person; name a
    # member under ``schedule_record_id`` only if no two rows share it. Empty: rows have no id.
    initiate_schedule: str = "{clientId}/export/Schedule/{name}"
    schedule_status: str = "{clientId}/status/Token/{accessToken}"
    schedule_retrieve: str = "{clientId}/export/Schedule/{accessToken}"
    schedule_commit: str = "{clientId}/export/Schedule/Commit/{accessToken}"
    schedule_start: str = "startDate"
    schedule_end: str = "endDate"
    schedule_end_is_inclusive: bool = True  # the end date's own changes come out, too
    schedule_date: str = "%Y-%m-%d"  # strftime
    schedule_zone: str = "America/New_York"  # whose days these are: as other times without a zone, likely
    schedule_records: str = "Preferences"
    schedule_record_id: str = ""

    # PNAUTHINFO3 (contract, section 2.2).
    keyed_scheme: str = "PNAUTHINFO3-HMAC-{hash}"
    unkeyed_scheme: str = "PNAUTHINFO3-{hash}"
    keyed_message: str = "{clientId}:{userId}:{timestamp}"
    unkeyed_message: str = "{clientId}:{userId}:{timestamp}:{secret}"
    timestamp: str = "%Y-%m-%dT%H:%M:%SZ"  # strftime, of UTC
    secret_is_base64: bool = False

    def initiate(self, kind: Kind) -> str:
        """Give the path of the Initiate of a kind of dataset."""
        return str(getattr(self, _INITIATES[kind]))

    def of(self, kind: Kind) -> Dialect:
        """Give the spelling of the other calls for a kind of dataset: its own under the common names."""
        otherwise = _OTHERWISE[kind]
        return replace(self, **{name: getattr(self, other) for name, other in otherwise.items()}) if otherwise else self

    def meaning(self, spelled: str | None) -> Meaning:
        """Read a Status: case does not matter, an unlisted word is UNKNOWN (contract, section 3.3)."""
        wanted = (spelled or "").casefold()
        for word, meaning in self.statuses.items():
            if word.casefold() == wanted:
                return meaning
        return Meaning.UNKNOWN


def field_of(kind: Kind, name: str) -> str:
    """Name the field in which a kind of dataset has its spelling of ``name``, for messages."""
    return _OTHERWISE[kind].get(name, name)


def dialect_of(config: Config) -> Dialect:
    """Give the configured dialect. Call after ``problems`` found none."""
    changes: dict[str, Any] = {}
    for key, value in config.connection.dialect.items():
        changes[key] = _read(key, value)
    return replace(Dialect(), **changes)


def problems(config: Config) -> Iterator[Problem]:
    """Check ``connection.dialect``: unknown keys, wrong types, templates with unknown places."""
    known = [each.name for each in fields(Dialect)]
    for key, value in config.connection.dialect.items():
        where = ("connection", "dialect", key)
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"the keys are {', '.join(known)}"
            yield Problem(location=where, message=f'unknown key "{key}" -- {hint}')
            continue
        try:
            _read(key, value)
        except ValueError as error:
            yield Problem(location=where, message=str(error))


def _read(key: str, value: object) -> object:
    """Turn one override into a field's value; raises ValueError with the remedy."""
    default = getattr(Dialect(), key)
    if key == "statuses":
        return {**default, **_statuses(value)}
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if isinstance(default, tuple):
        kind = type(default[0])
        if not isinstance(value, list) or not all(type(each) is kind for each in value):
            raise ValueError(f"must be a list like {list(default)}")
        return tuple(value)
    if not isinstance(value, str) or not (value or not default):
        raise ValueError(f'must be text like "{default}"' if default else "must be text")
    if value not in _CHOICES.get(key, (value,)):
        raise ValueError(f"is none of the words that it may be -- write one of {', '.join(_CHOICES[key])}")
    _check_places(key, value)
    if key == "schedule_zone":
        zone_named(value)
    return value


def _statuses(value: object) -> dict[str, Meaning]:
    meanings = ", ".join(Meaning)
    if not isinstance(value, dict):
        raise ValueError(f"must map the server's words to meanings, like {{Ready: complete}}; meanings: {meanings}")
    try:
        return {str(word): Meaning(meaning) for word, meaning in value.items()}
    except ValueError:
        raise ValueError(f"unknown meaning -- the meanings are {meanings}") from None


def _check_places(key: str, template: str) -> None:
    allowed = _PLACES.get(key)
    if allowed is None:
        return
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"is not a template ({error}) -- write places as {{name}}") from None
    if not used <= allowed:
        listed = ", ".join(f"{{{name}}}" for name in sorted(allowed))
        raise ValueError(f"has a place that is not known here -- the places are {listed}")
    needed = "accessToken" if "accessToken" in allowed else "name" if "name" in allowed else None
    if needed is not None and needed not in used:
        raise ValueError(f"must hold {{{needed}}}")
