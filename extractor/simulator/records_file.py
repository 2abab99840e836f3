"""A user's own NDJSON file as a segment: its very bytes, found by line.

Decides what is acceptable (each line one JSON object, in UTF-8) and refuses the rest when it is opened, by file and
line. The bytes of a line are never touched; only its line feed is left off. Holds the offsets of the lines; the text
stays in the page cache. Called by ``world``.

Decided: lines that the strict reader refuses are tried with the standard library's, because records with NaN, lone
surrogates or huge numbers are just what a rehearsal is for.
"""

from __future__ import annotations

import contextlib
import json
import mmap
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from extractor.errors import ConfigError
from extractor.simulator import ticks
from extractor.simulator.matching import Match

_MOST_PROBLEMS = 10
_TIMES = frozenset({"LastModifiedDate", "ConsentDate", "Edited"})


class RecordsFile:
    """The records of one file, numbered from 0 in the order of its lines."""

    def __init__(self, path: Path) -> None:
        """Open and check a file. Raises ConfigError, which names file and lines."""
        self._path = path
        try:
            with path.open("rb") as file:
                self._text: mmap.mmap | bytes = (
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
                )
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror or error}"]) from None
        self._starts = array("Q", self._lines())
        self._check()
        self.average_bytes = round(len(self._text) / max(1, len(self)))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def records(self, numbers: Iterable[int]) -> list[bytes]:
        """Give lines, in the order asked for."""
        text, starts = self._text, self._starts
        return [text[starts[number] : starts[number + 1] - 1] for number in numbers]

    def changed(self, among: Sequence[int], after: int) -> list[int]:
        """Keep the records whose newest time of change is after a tick; without one, a record is kept.

        A time of change is a ``LastModifiedDate`` or ``ConsentDate``, or any time inside ``Edited``, wherever it stands
        in the record (contract, section 4).
        """
        bound = ticks.moment_at(after)
        return [number for number in among if _is_after(self._parsed(number), bound)]

    def matching(self, among: Sequence[int], match: Match) -> list[int]:
        """Keep the records that satisfy a match; looks at each."""
        return [number for number in among if match.satisfied_by(self._parsed(number))]

    def _parsed(self, number: int) -> dict[str, Any]:
        return _parse(self.records((number,))[0])

    def _lines(self) -> Iterator[int]:
        """List where lines begin, and where one after the last would (as if the last were ended, too)."""
        text, start = self._text, 0
        while start < len(text):
            yield start
            end = text.find(b"\n", start)
            start = (len(text) if end < 0 else end) + 1
        yield start

    def _check(self) -> None:
        problems: list[str] = []
        for number in range(len(self)):
            try:
                _parse(self.records((number,))[0])
            except ValueError as error:
                problems.append(f"{self._path}:{number + 1}: not a JSON object ({_position_free(error)})")
                if len(problems) == _MOST_PROBLEMS:
                    break
        if problems:
            raise ConfigError(problems)


def _parse(line: bytes) -> dict[str, Any]:
    """Read a line leniently. Raises ValueError when it is no JSON object."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = json.loads(line.decode("utf-8"))
    if not isinstance(record, dict):
        raise ValueError("it is JSON of another kind")
    return record


def _position_free(error: ValueError) -> str:
    """Give what is wrong without any of the content."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def _is_after(record: dict[str, Any], bound: datetime) -> bool:
    newest = max(_times(record), default=None)
    return newest is None or newest > bound


def _times(value: object, *, wanted: bool = False) -> Iterator[datetime]:
    """Find the times of change in a JSON value, which is one itself if ``wanted``. One without a zone is no instant."""
    if isinstance(value, list):
        for each in value:
            yield from _times(each, wanted=wanted)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _times(each, wanted=wanted or name in _TIMES)
    elif wanted and isinstance(value, str):
        with contextlib.suppress(ValueError):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                yield moment
