"""After the exports: which of the values matched nobody, and which matched several profiles.

``<state>/reports/<run id>/<dataset folder>/`` holds ``unmatched.ndjson``, ``several.ndjson`` (one line a value:
``criteria``, ``type``, ``value``, ``job``, ``profiles``) and, written last, ``matches.json`` with the counts. Files
0600, folders 0700: the values are people's, and stand nowhere else of what a run writes.

Decides this by the sealed parts, batch by batch, so that no more than a batch of values is in memory; a record counts
for every value that it carries. A value that no record spells so, but for the case of A to Z, has the profiles of
another spelling that differs in case only, by Unicode's rules: of one that was not asked for itself, and of that one
alone which most carry, since two such spellings may be two people.

It is done before a publication, which takes the parts away, and done anew when a publication is: what was written is
then replaced by the same. Does not decide what a record carries (``carried``). Called by ``run.coordinator``, in a
thread.

Decided: from the records, because the service says of no value what became of it; considered one export for each
value, at a thousand times the requests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import orjson

from extractor.errors import IntegrityError, LocalError
from extractor.lists.carried import carried
from extractor.lists.criteria import alike, fold
from extractor.lists.shelf import Reader
from extractor.plan.job import JobSpec, Match
from extractor.store import durable
from extractor.store.compression import codec
from extractor.store.publication import FinishedJob, Publication
from extractor.store.remains import REPORTS

UNMATCHED: Final = "unmatched.ndjson"
SEVERAL: Final = "several.ndjson"
COUNTS: Final = "matches.json"
_CHUNK: Final = 256 * 1024  # bytes written at a time


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """``matches.json``: how many ``values`` were asked for, and what became of them.

    ``strangers`` are records that carry none of the values of their batch, as far as this program can tell: then the
    service compares otherwise, and values may be told as unmatched that are not.
    """

    format: Literal[1] = 1
    values: int
    unmatched: int
    several: int
    strangers: int


def report(publication: Publication, *, state: Path, key: bytes, staging: Path) -> tuple[Counts, Path] | None:
    """Write what became of the values of a dataset; durable on return. Gives the counts and their folder.

    None for a dataset that asks for everybody, and where a part cannot be read: the publication will say so. When the
    parts are gone, because they were published, what was written before stands. May be called again. Raises LocalError
    or IntegrityError when the values are not where they were put, or this machine's disk fails.
    """
    asked = [each for each in publication.jobs if each.job.match is not None]
    if not asked:
        return None
    folder = state / REPORTS / publication.run_id / publication.dataset.folder
    if not all(durable.is_there(staging / part.name) for each in asked for part in each.parts):
        counts = _written(folder)
        return None if counts is None else (counts, folder)
    durable.make_folders(folder)
    unmatched, several = _Lines(folder / UNMATCHED), _Lines(folder / SEVERAL)
    values, sums = Reader(state, key), Counter[str]()
    try:
        for each in asked:
            job = values.ready(each.job) or values.fetch(each.job)
            match = job.match
            if match is not None:
                _judge(job, match, _profiles(each, match, publication, staging, sums), (unmatched, several), sums)
        unmatched.put()
        several.put()
    except IntegrityError as error:
        if not isinstance(error, _UnreadableError):
            raise
        return None
    finally:
        unmatched.close()
        several.close()
    counts = Counts(
        values=sums["values"], unmatched=sums["unmatched"], several=sums["several"], strangers=sums["strangers"]
    )
    durable.write_small(folder / COUNTS, msgspec.json.encode(counts) + b"\n")
    return counts, folder


class _UnreadableError(IntegrityError):
    """A sealed part is damaged."""


class _Lines:
    """A file that is written under a passing name; ``put`` gives it its own, durably but for the folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        passing = path.with_name(f".{path.name}.passing")
        durable.remove_file(passing)  # of a process that died
        self._file = durable.create_file(passing)
        self._pending: list[bytes] = []
        self._size = 0

    def add(self, line: dict[str, object]) -> None:
        """Append a line."""
        self._pending.append(msgspec.json.encode(line) + b"\n")
        self._size += len(self._pending[-1])
        if self._size >= _CHUNK:
            self._flush()

    def put(self) -> None:
        """Finish the file."""
        self._flush()
        self._file.sync()
        durable.replace(self._file.path, self._path)

    def close(self) -> None:
        """Give the descriptor back, and remove what was not finished."""
        self._file.close()
        durable.remove_file(self._file.path)

    def _flush(self) -> None:
        if self._pending:
            self._file.write(b"".join(self._pending))
        self._pending, self._size = [], 0


def _judge(
    job: JobSpec, match: Match, profiles: Counter[str], files: tuple[_Lines, _Lines], sums: Counter[str]
) -> None:
    """Tell the values of one batch, by how many profiles carry each."""
    unmatched, several = files
    wanted = {fold(match.criteria, value) for value in match.values}
    others: dict[str, int] = {}  # the most profiles of one spelling that nobody asked for, by what it is like
    for spelling, number in profiles.items():
        if spelling not in wanted:
            others[alike(spelling)] = max(number, others.get(alike(spelling), 0))
    for value in match.values:
        folded = fold(match.criteria, value)
        found = profiles[folded] or others.get(alike(folded), 0)
        sums["values"] += 1
        if found == 1:
            continue
        line: dict[str, object] = {
            "criteria": match.criteria,
            "type": match.type,
            "value": value,
            "job": job.label,
            "profiles": found,
        }
        if found:
            sums["several"] += 1
            several.add(line)
        else:
            sums["unmatched"] += 1
            unmatched.add(line)


def _profiles(
    finished: FinishedJob, match: Match, publication: Publication, staging: Path, sums: Counter[str]
) -> Counter[str]:
    """Count the profiles of one job by the folded values that they carry and that are like one of its batch."""
    wanted = {alike(fold(match.criteria, value)) for value in match.values}
    profiles: Counter[str] = Counter()
    reader = codec(publication.compression)
    for part in finished.parts:
        path = staging / part.name
        with reader.reader(path) as lines:
            for record in _records(lines, path):
                has = {each for each in carried(match.criteria, match.type, record) if alike(each) in wanted}
                profiles.update(has)
                sums["strangers"] += not has
    return profiles


def _records(lines: Iterable[bytes], path: Path) -> Iterator[Any]:  # Any: JSON values
    try:
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:  # kept text: an integer beyond 64 bits, half a surrogate pair
                yield json.loads(line)
    except IntegrityError as error:
        raise _UnreadableError(str(error)) from None
    except ValueError:
        raise _UnreadableError(f"{path}: a line is not JSON") from None
    except OSError as error:
        raise durable.local_error(error, path) from error


def _written(folder: Path) -> Counts | None:
    try:
        return msgspec.json.decode((folder / COUNTS).read_bytes(), type=Counts)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise durable.local_error(error, folder / COUNTS) from error
    except msgspec.MsgspecError:
        raise LocalError(f"{folder / COUNTS}: it was changed from outside -- remove it") from None
