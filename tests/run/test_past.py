"""What a journal says of a job's latest export."""

from __future__ import annotations

from extractor.protocol.vocabulary import (
    Event,
    ExportSealed,
    Failure,
    Fault,
    FetchPage,
    InitiateIntended,
    KeptText,
    Meaning,
    PageStored,
    RequestFailed,
    SealedPart,
    StatusReported,
    TokenIssued,
)
from extractor.run.past import latest_export

COMPLETE = StatusReported(meaning=Meaning.COMPLETE, spelled="Complete", row_count=5)


def page(offset: int, count: int, *, part: int, part_bytes: int = 10, kept: tuple[KeptText, ...] = ()) -> PageStored:
    """A page of an export of five records."""
    return PageStored(
        offset=offset,
        count=count,
        total=5,
        has_more=offset + count <= 5,
        lines=count,
        part=part,
        part_bytes=part_bytes,
        part_records=count,
        part_uncompressed_bytes=part_bytes,
        kept=kept,
    )


def test_only_the_last_export_is_told_of() -> None:
    """Pages, seals and answers of one that was lost are history."""
    lost, kept = KeptText(record=1, reason="of the lost one"), KeptText(record=2, reason="duplicate key")
    gone = Failure(fault=Fault.TOKEN_GONE, message="gone")
    last = [page(1, 2, part=0, kept=(kept,)), page(3, 1, part=0, part_bytes=15), page(4, 2, part=1)]
    sealed = ExportSealed(parts=(SealedPart(name="p", records=5, bytes=25, uncompressed_bytes=25, sha256="0" * 64),))
    events: list[Event] = [
        InitiateIntended(export=1), TokenIssued(token=1), COMPLETE, page(1, 3, part=0, kept=(lost,)),
        RequestFailed(command=FetchPage(token=1, offset=4, limit=1000), failure=gone),
        InitiateIntended(export=2), TokenIssued(token=2), COMPLETE, *last, sealed,
    ]  # fmt: skip
    found = latest_export(iter(events))
    assert (2, TokenIssued(token=2), 3, 2) == (found.number, found.issued, found.pages, found.largest)
    assert ((last[1], last[2]), (kept,)) == (found.marks, found.kept)
    assert (sealed, False, COMPLETE, False) == (found.sealed, found.open, found.ready, found.taken_up)


def test_an_export_that_may_go_on_is_open_and_its_parts_end_where_the_last_page_does() -> None:
    """Of each part the last mark is enough; the events may come one by one."""
    begun = [InitiateIntended(export=1), TokenIssued(token=1), COMPLETE]
    found = latest_export(iter([*begun, page(1, 2, part=0), page(3, 2, part=0, part_bytes=20)]))
    assert (2, True) == (found.pages, found.open)
    assert (page(3, 2, part=0, part_bytes=20),) == found.marks


def test_nothing_is_known_of_a_job_that_never_began() -> None:
    """No export, no pages."""
    found = latest_export([])
    assert (0, None, 0, 0, (), None, False) == (
        found.number, found.issued, found.pages, found.largest, found.marks, found.sealed, found.open,
    )  # fmt: skip
