"""Paths of members in a parsed record: ``Emails.EmailPreferences.LastModifiedDate``, ``Edited.*``.

Decides what a path leads to: dots lead into objects, lists are walked without being named, ``*`` is any member of an
object, names are matched exactly, or by ``folded_texts_at`` without regard to case. Several paths are walked together,
once. Does not decide what the values mean. Called by ``moments`` and ``versions``.

Decided: a walk is as deep as its paths are long, however deeply a record nests its lists and objects: what the service
sends must not be able to exhaust Python's stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

ANY: Final = "*"
_DIGITS: Final = 1000  # of a number that is read; Python refuses those of 4,301


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What is looked for in an object: ``members`` by name, ``anything`` in each; ``leaf`` where a path ends."""

    leaf: bool
    members: tuple[tuple[str, Branch], ...]
    anything: Branch | None


def grow(paths: Iterable[str]) -> Branch:
    """Make one tree of several paths."""
    return _grown([path.split(".") for path in paths])


def _grown(paths: Iterable[list[str]]) -> Branch:
    leaf, below = False, dict[str, list[list[str]]]()
    for path in paths:
        if path:
            below.setdefault(path[0], []).append(path[1:])
        else:
            leaf = True
    branches = {name: _grown(rests) for name, rests in below.items()}
    anything = branches.pop(ANY, None)
    return Branch(leaf=leaf, members=tuple(branches.items()), anything=anything)


def texts_at(value: Any, branch: Branch, found: list[str]) -> None:  # noqa: ANN401 - whatever JSON can be
    """Add every text that a path of ``branch`` leads to from ``value`` to ``found``. Called for every record: quick."""
    kind = type(value)
    if kind is dict:
        for name, child in branch.members:
            inner = value.get(name)
            if inner:
                texts_at(inner, child, found)
        if branch.anything is not None:
            for inner in value.values():
                texts_at(inner, branch.anything, found)
    elif kind is list:
        for inner in _flat(value):
            texts_at(inner, branch, found)
    elif kind is str and branch.leaf:
        found.append(value)


def folded_texts_at(value: Any, branch: Branch, found: list[str]) -> None:  # noqa: ANN401 - as above
    """Do the same without regard to case, for a ``branch`` that was grown of paths in ``casefold``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            folded = name.casefold()
            for member, child in branch.members:
                if member == folded:
                    folded_texts_at(inner, child, found)
            if branch.anything is not None:
                folded_texts_at(inner, branch.anything, found)
    elif isinstance(value, list):
        for inner in _flat(value):
            folded_texts_at(inner, branch, found)
    elif isinstance(value, str) and branch.leaf:
        found.append(value)


def _flat(items: list[Any]) -> Iterator[Any]:
    """Give what a list holds, and what the lists in it hold, in order and without recursion; never a list."""
    under_way = [iter(items)]
    while under_way:
        for item in under_way[-1]:
            if type(item) is list:
                under_way.append(iter(item))
                break
            yield item
        else:
            under_way.pop()


def values_at(value: Any, branch: Branch) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Give every value that a path of ``branch`` leads to, but null; lists at the end of a path one by one."""
    if isinstance(value, list):
        for inner in _flat(value):
            yield from values_at(inner, branch)
        return
    if branch.leaf and value is not None:
        yield value
    if isinstance(value, dict):
        for name, child in branch.members:
            yield from values_at(value.get(name), child)
        if branch.anything is not None:
            for _, inner in sorted(value.items()):
                yield from values_at(inner, branch.anything)


def parsed(line: bytes) -> Any:  # noqa: ANN401 - as above
    """Parse a record's line once; None where no parser can. A number of more digits than fit is None inside it."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parsed_slowly(line)


def _parsed_slowly(line: bytes) -> Any:  # noqa: ANN401 - as above
    """What orjson refuses and a record may hold all the same: half a surrogate pair, a number beyond 64 bits."""
    try:
        return json.loads(line, parse_int=_whole_number)
    except (ValueError, RecursionError):
        return None


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS else None
