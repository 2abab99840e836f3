"""Reading sealed parts: every byte once, compared with the seal in the same pass.

Decides what makes a part lost. Does not decide what is done with its bytes or lines. Called by ``publish`` and
``treat``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import SealedPart
from extractor.store import durable
from extractor.store.compression import Compression, codec
from extractor.store.counted import CountedFile

_CHUNK: Final = 1024 * 1024
_ASK_ANEW: Final = (
    "the disk or another program has changed the staging folder, and the dataset cannot be published from it: "
    "`extractor resume` asks for the job anew"
)


class PartLost(IntegrityError):  # noqa: N818 - the house's words
    """A sealed part is gone, or is not what was sealed: only a new export can mend it. ``part`` is its name.

    ``others`` are the same of the other jobs of the publication, one for each that has lost something.
    """

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message)
        self.part = part
        self.others: tuple[PartLost, ...] = ()


def check(part: SealedPart, staging: Path) -> None:
    """Read a part to its end; raise PartLost if it is not what was sealed."""
    feed(part, staging, None, None)


def feed(part: SealedPart, staging: Path, shard: hashlib._Hash | None, file: durable.AppendFile | None) -> None:
    """Read a part to its end, into the shard's hash and file; raise PartLost if it is not what was sealed."""
    path = staging / part.name
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                if shard is not None:
                    shard.update(chunk)
                if file is not None:
                    file.write(chunk)
    except FileNotFoundError:
        raise _gone(path, part) from None
    except OSError as error:
        raise durable.local_error(error, path) from error
    if digest.hexdigest() != part.sha256:
        raise _changed(path, part)


def lines_of(part: SealedPart, staging: Path, compression: Compression) -> Iterator[bytes]:
    """Give the lines of a part, with their newlines; raise PartLost, at the end at the latest, as ``feed`` does.

    So what was made of the lines is worth something only when the end has come.
    """
    path = staging / part.name
    count = 0
    try:
        with path.open("rb", buffering=0) as file:
            counted = CountedFile(file)
            source = io.BufferedReader(counted, _CHUNK)
            try:
                for line in codec(compression).stream(source, path):
                    count += 1
                    yield line
            except IntegrityError:
                raise _changed(path, part) from None
            if counted.digest.hexdigest() != part.sha256 or count != part.records:
                raise _changed(path, part)
    except FileNotFoundError:
        raise _gone(path, part) from None
    except OSError as error:
        raise durable.local_error(error, path) from error


def losses(jobs: Iterable[Sequence[SealedPart]], staging: Path, known: str) -> Iterator[PartLost]:
    """Look through all jobs' parts but those of the job that has lost ``known``: so one new try mends all that is lost.

    One PartLost for each job that has lost something.
    """
    for parts in jobs:
        if known in {part.name for part in parts}:
            continue
        try:
            for part in parts:
                check(part, staging)
        except PartLost as error:
            yield error


def _gone(path: Path, part: SealedPart) -> PartLost:
    return PartLost(f"{path}: it is gone; {_ASK_ANEW}", part.name)


def _changed(path: Path, part: SealedPart) -> PartLost:
    return PartLost(f"{path}: its bytes are not those that were sealed; {_ASK_ANEW}", part.name)
