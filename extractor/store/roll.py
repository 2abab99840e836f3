"""A manifest piece by piece: written and read without all of its jobs in memory at once.

A match list of some millions of people is a hundred thousand jobs, and the manifest names each of them: 110 MB of
text, and as much again as values. Only the head of it is small. So ``publish`` spells the jobs one after the other, and
compares them one after the other when it reads back what it wrote.

Decides how the text is cut; its form is ``manifest``'s, and what is written here is byte for byte what
``manifest.encode`` would give of the whole. Reading relies on that layout: what is valid JSON in another one is not
what this program wrote. Called by ``publish``, and by ``run.restored`` for the head alone.

Decided: entry by entry, cut at the indentation that no other line of the text has. Considered: another file for the
jobs, which would be a new format; a parser that streams, which costs a dependency or twenty times the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from extractor.errors import IntegrityError
from extractor.store import manifest
from extractor.store.durable import local_error
from extractor.store.manifest import JobEntry, Manifest

_CHUNK: Final = 256 * 1024  # bytes written or read at a time
_JOBS: Final = b'\n  "jobs": ['  # the last member; nothing deeper has this indentation
_NONE: Final = b"]\n}\n"
_BETWEEN: Final = b"\n    },\n"
_END: Final = b"\n    }\n  ]\n}\n"


def spell(head: Manifest, jobs: Iterable[JobEntry]) -> Iterator[bytes]:
    """Give the text of a manifest in pieces of about 256 KiB; ``head`` is all of it but the jobs, which follow it.

    Raises ValueError if reading a piece back would not give the same.
    """
    text = manifest.encode(head)
    if head.jobs or not text.endswith(_JOBS + _NONE):
        raise ValueError("the head of a manifest has no jobs, and ends where they begin")
    piece = bytearray(text.removesuffix(_NONE))
    between = b"\n    "
    for job in jobs:
        entry = msgspec.json.encode(job)
        if msgspec.json.decode(entry, type=JobEntry) != job:
            raise ValueError("an entry of a manifest does not read back as it was written")
        piece += between
        piece += msgspec.json.format(entry, indent=2).replace(b"\n", b"\n    ")  # no string holds a raw newline
        between = b",\n    "
        if len(piece) >= _CHUNK:
            yield bytes(piece)
            piece.clear()
    piece += _NONE if between == b"\n    " else b"\n  ]\n}\n"
    yield bytes(piece)


def walk(path: Path, each: Callable[[JobEntry], None]) -> tuple[Manifest, str]:
    """Read a manifest file as strictly as ``manifest.load_manifest``, and call ``each`` with its jobs, in order.

    Gives the manifest without its jobs, and the file's sha256. Raises LocalError if the file cannot be read,
    IntegrityError if it is not a manifest as this program writes it; ``each`` may have been called before.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            chunks = _hashed(file, digest)
            head, rest = _head(path, chunks)
            if rest is None:
                raise _not_ours(path)
            if rest == _NONE[: len(rest)]:
                rest += b"".join(chunks)
            if rest != _NONE:
                for entry in _entries(path, rest, chunks):
                    each(entry)
    except OSError as error:
        raise local_error(error, path) from error
    return head, digest.hexdigest()


def head_of(path: Path) -> Manifest:
    """Read a manifest without its jobs, which are not even looked at, in whatever layout. Raises as ``walk``."""
    try:
        with path.open("rb") as file:
            return msgspec.structs.replace(_head(path, _hashed(file, hashlib.sha256()))[0], jobs=())
    except OSError as error:
        raise local_error(error, path) from error


def _hashed(file: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        yield chunk


def _head(path: Path, chunks: Iterator[bytes]) -> tuple[Manifest, bytes | None]:
    """Read to where the jobs begin; give what came before as a manifest, and what was read beyond.

    None, and all of the manifest, where it is spelled otherwise.
    """
    text = b""
    for chunk in chunks:
        text += chunk
        head, found, rest = text.partition(_JOBS)
        if found:
            return manifest.decode_manifest(head + _JOBS + _NONE, path), rest
    return manifest.decode_manifest(text, path), None


def _entries(path: Path, text: bytes, chunks: Iterator[bytes]) -> Iterator[JobEntry]:
    """Decode what stands between the brackets, entry by entry."""
    while True:
        *whole, text = text.split(_BETWEEN)
        for entry in whole:
            yield _entry(path, entry)
        chunk = next(chunks, None)
        if chunk is None:
            break
        text += chunk
    if not text.endswith(_END):
        raise _not_ours(path)
    yield _entry(path, text.removesuffix(_END))


def _entry(path: Path, text: bytes) -> JobEntry:
    try:
        return msgspec.json.decode(text + b"}", type=JobEntry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{path}: not what extractor writes: {error}") from None


def _not_ours(path: Path) -> IntegrityError:
    return IntegrityError(f"{path}: not what extractor writes: it was cut off, or spelled anew by another program")
