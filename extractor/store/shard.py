"""One shard against its manifest entry: bytes, checksum, frames, lines.

Decides whether a file is the shard that the manifest describes, reading it once and line by line; and what may be
opened at all: a regular file of the folder that is checked. Does not know the other shards or the jobs. Called by
``verify``.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from extractor.errors import IntegrityError, LocalError
from extractor.store.compression import Compression, codec
from extractor.store.counted import CountedFile
from extractor.store.durable import local_error
from extractor.store.grammar import NotJson
from extractor.store.manifest import ShardEntry
from extractor.store.spelling import keep

_CHUNK: Final = 1024 * 1024
_NAMED: Final = 10  # bad lines that are named one by one; the others are counted
_RESTORE: Final = "restore it from a copy, or run the dataset anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One damage: which file, what is wrong with it, what to do."""

    file: Path
    problem: str
    remedy: str


def check_shard(
    folder: Path, entry: ShardEntry, compression: Compression, progress: Callable[[int], None]
) -> list[Finding]:
    """Compare a shard in ``folder`` with its entry in the manifest; give all that is wrong. Damage raises nothing."""
    path = folder / entry.name
    try:
        check_regular(path, folder)
        with path.open("rb", buffering=0) as file:
            counted = CountedFile(file, progress)
            problems = list(_compare(counted, path, entry, compression))
    except OSError as error:
        problems = [without_path(local_error(error, path), path)]
    except LocalError as error:
        problems = [without_path(error, path)]
    return [Finding(file=path, problem=problem, remedy=_RESTORE) for problem in problems]


def check_regular(path: Path, folder: Path) -> None:
    """Refuse what must not be opened: a pipe would wait for ever, a link may lead anywhere. Raises LocalError."""
    try:
        mode = path.stat().st_mode
        target = path.resolve()
        inside = target.is_relative_to(folder.resolve())
    except OSError as error:
        raise local_error(error, path) from error
    except ValueError:  # a NUL in it
        raise LocalError(f"{path}: no file can have such a name, so it was not opened") from None
    if not stat.S_ISREG(mode):
        raise LocalError(f"{path}: it is no regular file, so it was not opened")
    if not inside:
        raise LocalError(f"{path}: it leads out of the folder, to {target}, so it was not opened")


def without_path(error: LocalError | IntegrityError, path: Path) -> str:
    """Give an error's text for a finding, which names the file itself."""
    return str(error).removeprefix(f"{path}: ")


def _compare(file: CountedFile, path: Path, entry: ShardEntry, compression: Compression) -> Iterator[str]:
    source = io.BufferedReader(file, _CHUNK)
    stream = codec(compression).stream(source, path)
    lines = _Lines()
    try:
        lines.read(stream)
    except IntegrityError as error:
        yield without_path(error, path)
    yield from lines.problems
    if lines.bad > _NAMED:
        yield f"{lines.bad - _NAMED} more lines are no records"
    while source.read(_CHUNK):  # after a damage: the rest, for the checksum
        pass
    if file.size != entry.bytes:
        yield f"it has {file.size} bytes, but the manifest says {entry.bytes}"
    if file.digest.hexdigest() != entry.sha256:
        yield "its sha256 is not the manifest's: it was changed after it was published"
    if lines.count != entry.records:
        yield f"{lines.count} lines can be read, but the manifest says {entry.records}"
    if lines.size != entry.uncompressed_bytes:
        yield f"its lines have {lines.size} bytes, but the manifest says {entry.uncompressed_bytes}"


class _Lines:
    """Counts lines, and says which are not records."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.bad = 0
        self.problems: list[str] = []

    def read(self, stream: BinaryIO) -> None:
        """Read to the end; raises IntegrityError where a frame is damaged, after counting what came before it."""
        for line in stream:
            self.count += 1
            self.size += len(line)
            problem = _problem(line)
            if problem is not None:
                self.bad += 1
                if self.bad <= _NAMED:
                    self.problems.append(f"line {self.count} {problem}")


def _problem(line: bytes) -> str | None:
    """Say why a line is not one JSON object and a newline; None if it is."""
    if not line.endswith(b"\n"):
        return "does not end in a newline"
    if not line.strip():
        return "is blank"
    try:
        # Kept text is what orjson may refuse, and always begins with its brace.
        return None if isinstance(orjson.loads(line), dict) else "is not a JSON object"
    except orjson.JSONDecodeError:
        pass
    try:
        keep(line)
    except NotJson as error:
        return f"is not JSON: {error.reason}"
    return None if line.startswith(b"{") else "is not a JSON object"
