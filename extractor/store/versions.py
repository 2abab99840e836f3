"""Whose record a line is, and which state of it: what two publications are compared by.

Decides what counts as the same state: the whole line, byte for byte, or the values at the configured paths, in a
spelling that does not depend on the order of members. A record without a whole number as its key, or with no value at
any of the paths, has no state that could be recognised, and is never taken for unchanged; nor has one whose values are
nested too deeply to be written. Called by ``remembering``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import orjson

from extractor.plan.job import Dedupe
from extractor.store.identity import id_in
from extractor.store.paths import grow, parsed, values_at

SIZE: Final = 16  # bytes of a digest: two of 10 million states meet by chance once in 10**24 such indexes


class Versions:
    """Reads key and state of lines, by one rule."""

    def __init__(self, rule: Dedupe) -> None:
        self._key = rule.key
        self._paths = None if rule.version is None else [grow([path]) for path in rule.version]

    def of(self, line: bytes) -> tuple[int, bytes] | None:
        """The key (64 bits without sign) and the digest of the state (16 bytes) of a line with its newline."""
        record = parsed(line)
        key = id_in(record, self._key)
        if key is None:
            return None
        if self._paths is None:
            return key, _digest(line)
        values = [list(values_at(record, path)) for path in self._paths]
        spelled = _spelled(values) if any(values) else None
        return None if spelled is None else (key, _digest(spelled))


def rule_text(rule: Dedupe) -> str:
    """Write a rule down, so that an index made by another one is recognised."""
    return json.dumps([rule.key, rule.version])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SIZE).digest()


def _spelled(values: list[list[Any]]) -> bytes | None:
    try:
        return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what orjson refuses: half a surrogate pair, a number beyond 64 bits, 255 levels
        pass
    try:
        return json.dumps(values, sort_keys=True).encode("ascii")
    except RecursionError:
        return None
