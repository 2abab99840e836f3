"""The kinds of field that the models are made of: human units, addresses, names, instants, secrets.

Decides what each kind accepts and how the JSON Schema describes it. Does not know any particular field. Used by the
model modules only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from extractor.config.problems import refusal
from extractor.config.secrets import REFERENCE_PATTERN, SIMULATOR_SECRET, is_loopback
from extractor.config.units import DURATION_PATTERN, SIZE_PATTERN, UnitError, parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANT_FORM = "write an instant such as 2026-01-01T00:00:00Z"
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
MOST_ENCODERS = 64
_FIRST_YEAR = 1753  # of SQL Server's date-times, whose ticks the service rounds to
_REFERENCE = {"type": "string", "pattern": REFERENCE_PATTERN}


class Section(BaseModel):
    """A mapping of the file: immutable, without unknown keys, and silent about values when one is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _in_units(parse: Callable[[object], float]) -> Callable[[object], float]:
    def parsed(written: object) -> float:
        try:
            return parse(written)
        except UnitError as fault:
            raise refusal(str(fault)) from None

    return parsed


def _name(text: str) -> str:
    if not text.strip():
        raise refusal("is blank -- write the name")
    if not text.isprintable():
        raise refusal("holds a line break, tab or other control character -- remove it")
    return text


def _account_name(text: str) -> str:
    # It travels in a header and in a signed text whose parts are separated, so white space would change the meaning.
    if any(character.isspace() for character in _name(text)):
        raise refusal("holds white space -- remove it")
    return text


def _address(text: str) -> str:
    remedy = "write it like https://host.example/Profiles/v4"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refusal(f"is not an address -- {remedy}") from None
    if parts.scheme not in {"http", "https"} or not host or not text.isprintable() or " " in text:
        raise refusal(f"is not an http or https address -- {remedy}")
    if parts.username is not None or parts.password is not None:
        raise refusal("holds a user or password -- remove it, credentials belong under auth")
    if "?" in text or "#" in text:
        raise refusal("holds a query (?) or fragment (#) -- remove it, the tool adds its own")
    if parts.scheme == "http" and not is_loopback(text):
        raise refusal("is plain http, which would send credentials and people's data readable -- write https://...")
    return text.rstrip("/")


def _path(path: Path) -> Path:
    if "\x00" in str(path):
        raise refusal("holds a NUL character -- remove it")
    try:
        return path.expanduser()
    except RuntimeError:
        raise refusal("names a home folder that is unknown -- write the whole path") from None


def _path_text(written: object) -> object:
    if isinstance(written, str) and not written.strip():
        raise refusal('is blank -- write a path, or "." for the working directory')
    return written


def _instant(written: object) -> datetime:
    if isinstance(written, datetime):
        instant = written
    else:
        if not isinstance(written, str) or _INSTANT.fullmatch(written) is None:
            raise refusal(f"is not a date with time and zone -- {INSTANT_FORM}")
        try:
            instant = datetime.fromisoformat(written)
        except ValueError:
            raise refusal(f"is a date or time that does not exist -- {INSTANT_FORM}") from None
    if instant.tzinfo is None:
        raise refusal(f"has no time zone -- add Z for UTC: {INSTANT_FORM}")
    try:
        moment = instant.astimezone(UTC)
    except OverflowError:
        raise refusal(f"is out of range -- {INSTANT_FORM}") from None
    if moment.year < _FIRST_YEAR:
        raise refusal(f"is before {_FIRST_YEAR}, which the service's clock does not know -- {INSTANT_FORM}")
    return moment


def _since(written: object) -> datetime | str:
    return "watermark" if written == "watermark" else _instant(written)


def _secret(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise refusal("is blank -- give the variable or file its text")
    return secret


def _encoders(written: object) -> int | str:
    if written == "auto":
        return "auto"
    if not isinstance(written, int) or isinstance(written, bool) or not 0 <= written <= MOST_ENCODERS:
        raise refusal(f"is neither auto nor a whole number from 0 to {MOST_ENCODERS} -- write auto, or how many")
    return written


def _also_reference(*schemas: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*schemas, _REFERENCE]})


def _member_path(path: str) -> str:
    steps = path.split(".")
    if any(not step.strip() for step in steps):
        raise refusal("has an empty step between its dots -- write member names joined by single dots")
    if any("*" in step and step != "*" for step in steps):
        raise refusal("has a * within a name -- a * stands alone between dots, for any member; write whole names")
    return path


# A bare str would do for the schema of names; the pattern says "not blank" to editors.
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": r"\S"})]
MemberPath = Annotated[Name, AfterValidator(_member_path)]
AccountName = Annotated[str, AfterValidator(_account_name), WithJsonSchema({"type": "string", "pattern": r"\S"})]
Address = Annotated[str, AfterValidator(_address), _also_reference({"type": "string", "pattern": "^https?://[^?#]+$"})]
FilePath = Annotated[Path, BeforeValidator(_path_text), AfterValidator(_path), WithJsonSchema({"type": "string"})]
Instant = Annotated[
    datetime, BeforeValidator(_instant), _also_reference({"type": "string", "pattern": f"^{_INSTANT.pattern}$"})
]
Since = Annotated[
    datetime | Literal["watermark"],
    BeforeValidator(_since),
    _also_reference({"type": "string", "pattern": f"^{_INSTANT.pattern}$"}, {"type": "string", "const": "watermark"}),
]
# What the file may say instead of the text is decided before the models see it (``secrets``); editors learn it here.
Hidden = Annotated[SecretStr, AfterValidator(_secret), _also_reference()]
Secret = Annotated[SecretStr, AfterValidator(_secret), _also_reference({"type": "string", "const": SIMULATOR_SECRET})]
# Whole numbers and switches are strict: true is not 1, and "8" is text.
Count = Annotated[int, Field(strict=True)]
Encoders = Annotated[
    int | Literal["auto"],
    BeforeValidator(_encoders),
    _also_reference({"type": "integer", "minimum": 0, "maximum": MOST_ENCODERS}, {"type": "string", "const": "auto"}),
]
Switch = Annotated[bool, Field(strict=True)]
Size = Annotated[
    int,
    BeforeValidator(_in_units(parse_size)),
    _also_reference({"type": "integer", "minimum": 1}, {"type": "string", "pattern": SIZE_PATTERN}),
]
Duration = Annotated[
    float,
    BeforeValidator(_in_units(parse_duration)),
    _also_reference({"type": "number", "minimum": 0}, {"type": "string", "pattern": DURATION_PATTERN}),
]
