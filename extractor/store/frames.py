"""A page as it came, into the frame that is kept of it: a pure function of bytes, fit for any thread or process.

Decides what belongs together: the spelling of the lines (``records``) and their compression (``compression``); and
whether the page is what was read of it when it came: where its records leave room for more than that, all of its
envelope is read once more, and compared. Does not write (``parts``). Called by ``run``, wherever encoding is done.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

from extractor.errors import IntegrityError
from extractor.protocol import envelope
from extractor.protocol.envelope import facts_of
from extractor.protocol.vocabulary import KeptText, PageFetched
from extractor.store.compression import Compression, codec
from extractor.store.records import PageSpoiled, encode_page

Spelling = Literal["canonical", "verbatim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How frames are made: ``records_member`` holds a page's records, ``record_id`` tells them apart."""

    records_member: str
    record_id: str
    compression: Compression = "zstd"
    spelling: Spelling = "canonical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A page, encoded and compressed: ``data`` is one self-contained frame of ``lines`` lines."""

    data: bytes = field(repr=False)
    lines: int
    uncompressed_bytes: int
    kept: tuple[KeptText, ...]
    ids: array[int] = field(repr=False)


def make_frame(page: PageFetched, form: Form) -> Frame:
    """Encode a page into a frame.

    Raises IntegrityError when a record cannot be a line; and PageSpoiled, a kind of it, when the page is not JSON as a
    whole, does not hold as many records as its Count says, or says something else than was read of it when it came.
    """
    try:
        encoded = encode_page(
            page.body,
            records_member=form.records_member,
            record_id=form.record_id,
            count=page.count,
            first=page.offset,
            verbatim=form.spelling == "verbatim",
        )
    except PageSpoiled:
        raise
    except IntegrityError:
        _check_envelope(page)  # a page that was cut short ends in a record that is none
        raise
    if not encoded.plain:
        _check_envelope(page)
    return Frame(
        data=codec(form.compression).frame(encoded.lines),
        lines=encoded.records,
        uncompressed_bytes=len(encoded.lines),
        kept=encoded.kept,
        ids=encoded.ids,
    )


def _check_envelope(page: PageFetched) -> None:
    """Read the whole envelope, and compare. Raises PageSpoiled."""
    members = envelope.whole(page.body)
    if isinstance(members, str):
        raise PageSpoiled(f"page at offset {page.offset}: {members}; ask for it again")
    facts = facts_of(members)
    said = (facts.count, facts.has_more, facts.offset, facts.total)
    read = (page.count, page.has_more, page.offset, page.total)
    if any(now is not None and now != then for now, then in zip(said, read, strict=True)):
        raise PageSpoiled(f"page at offset {page.offset}: its envelope contradicts itself; ask for it again")
