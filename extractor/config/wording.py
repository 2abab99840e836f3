"""pydantic's errors in the words of the file.

Decides what each kind of error says, and its remedy. Never repeats a value: ``input`` is looked at for its type only,
because it may be a secret or a match value. Does not know lines. Called by ``loading``.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from extractor.config.problems import REFUSED, TAGS, Location, Problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_AUTH: Location = ("connection", "auth")
_KINDS = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}

_MAPPING = "must be a mapping, but is {found} -- write indented key: value lines"
_WRONG_KINDS = {
    "string_type": "must be text, but is {found} -- put it in quotes",
    "path_type": "must be text, but is {found} -- put it in quotes",
    "int_type": "must be a whole number, but is {found} -- write digits only, without quotes or fraction",
    "float_type": "must be a number, but is {found} -- write it without quotes",
    "bool_type": "must be true or false, but is {found} -- write one of the two, without quotes",
    "greater_than": "must be more than {gt:g} -- raise it",
    "greater_than_equal": "must be at least {ge:g} -- raise it",
    "finite_number": "must be a finite number -- write a smaller one",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "tuple_type": 'must be a list, but is {found} -- write indented lines that begin with "- "',
}


def problems_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Every error of ``error``, which ``model`` raised, at its place in the file."""
    for detail in error.errors(include_url=False):
        yield _problem(detail, model)


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> Problem:
    location, context = detail["loc"], detail.get("ctx", {})
    place = _without_tag(location)
    match detail["type"]:
        case kind if kind == REFUSED:
            message = context["message"]
            place = (*place[: len(place) - context["up"]], *context["at"])
        case "extra_forbidden":
            message = _unknown_key(location, model)
        case "missing":
            message = f'is required -- add "{place[-1]}: {_example(location, model)}"'
        case "union_tag_not_found":
            message = 'is required -- add "scheme: pnauthinfo3" or "scheme: oauth"'
            place = (*place, "scheme")
        case "union_tag_invalid":
            message = "is no known scheme -- write pnauthinfo3 or oauth"
            place = (*place, "scheme")
        case "literal_error":
            message = _not_listed(context["expected"], detail["input"])
        case kind:
            message = _wrong_kind(kind, context, detail["input"])
    return Problem(location=place, message=message)


def _wrong_kind(kind: str, context: dict[str, Any], written: object) -> str:
    if written is None:
        return "is empty -- write a value, or remove the key"
    # A kind that no field can raise today: its name is safe to show, pydantic's message might hold the value.
    unforeseen = f"is not acceptable ({kind}) -- see the configuration reference"
    found = _KINDS.get(type(written), "something else")
    return _WRONG_KINDS.get(kind, unforeseen).format(found=found, **context)


def _not_listed(expected: str, written: object) -> str:
    # pydantic spells the list as "'zstd', 'gzip' or 'none'".
    choices = expected.split("'")[1::2]
    if len(choices) == 1:
        return f"must be {choices[0]}, the only one there is -- write that"
    near = difflib.get_close_matches(written, choices, n=1, cutoff=0.5) if isinstance(written, str) else []
    remedy = f'did you mean "{near[0]}"?' if near else "write one of them"
    return f"must be {', '.join(choices[:-1])} or {choices[-1]} -- {remedy}"


def _unknown_key(location: Location, model: type[BaseModel]) -> str:
    section, key = _model_at(location[:-1], model), str(location[-1])
    allowed = list(section.model_fields)
    near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.6)
    remedy = f'did you mean "{near[0]}"?' if near else f"the keys here are {', '.join(allowed)}"
    return f"unknown key {shown(location)} -- {remedy}"


def _example(location: Location, model: type[BaseModel]) -> str:
    examples = _model_at(location[:-1], model).model_fields[str(location[-1])].examples
    return str(examples[0]) if examples else "..."


def _without_tag(location: Location) -> Location:
    """Drop what pydantic puts there and the file does not have: the scheme behind ``auth``, the kind of ``values``."""
    location = tuple(key for key in location if key not in TAGS)
    return _AUTH + location[3:] if location[:2] == _AUTH else location


def _model_at(location: Location, model: type[BaseModel]) -> type[BaseModel]:
    candidates = [model]
    for key in location:
        if isinstance(key, int) or key in TAGS:
            continue
        field = candidates[0].model_fields.get(key)
        if field is not None:
            candidates = list(_models_in(field.annotation))
        else:  # no field, so the chosen scheme: one of the models that auth may be
            candidates = [
                variant for variant in candidates if key in get_args(variant.model_fields["scheme"].annotation)
            ]
    return candidates[0]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
