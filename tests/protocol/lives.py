"""Events and walks from which the tests of the lifecycle are made: one factory for each noun."""

from extractor.protocol.life import Life, LifePolicy
from extractor.protocol.lifecycle import begin, step
from extractor.protocol.vocabulary import (
    Command,
    Commit,
    CommitIntended,
    Event,
    ExportSealed,
    Failure,
    Fault,
    FetchPage,
    Initiate,
    InitiateIntended,
    Meaning,
    PageFetched,
    PageStored,
    PollStatus,
    RequestFailed,
    SealedPart,
    StatusReported,
    TokenIssued,
)

TOKEN = 4711
POLICY = LifePolicy(page_size=10)
INTENDED = InitiateIntended(export=1)
ISSUED = TokenIssued(token=TOKEN)


def status(meaning: Meaning, spelled: str = "x", row_count: int | None = None) -> StatusReported:
    """A Status answer."""
    return StatusReported(meaning=meaning, spelled=spelled, row_count=row_count)


def fetched(offset: int, count: int, total: int) -> PageFetched:
    """An honest page."""
    more = offset + count - 1 < total
    return PageFetched(asked=offset, offset=offset, count=count, total=total, has_more=more, body=b"")


def stored(offset: int, count: int, total: int, lines: int | None = None) -> PageStored:
    """The same page, durable."""
    return PageStored(
        offset=offset,
        count=count,
        total=total,
        has_more=offset + count - 1 < total,
        lines=count if lines is None else lines,
        part=0,
        part_bytes=1,
        part_records=1,
        part_uncompressed_bytes=1,
    )


def sealed(records: int) -> ExportSealed:
    """A seal over so many records."""
    part = SealedPart(name="p", records=records, bytes=1, uncompressed_bytes=1, sha256="0")
    return ExportSealed(parts=(part,) if records else ())


def failed(command: Command, fault: Fault, *, ambiguous: bool = False) -> RequestFailed:
    """A request that failed; the message is what people will read."""
    assert isinstance(command, Initiate | PollStatus | FetchPage | Commit)
    failure = Failure(fault=fault, message=f"it was {fault}", ambiguous=ambiguous)
    return RequestFailed(command=command, failure=failure, draw=0.5)


def walk(*events: Event, policy: LifePolicy = POLICY) -> tuple[Life, list[Command]]:
    """Step through events from the beginning; give the last commands."""
    life, commands = begin(policy)
    for event in events:
        life, commands = step(life, event, 0.0)
    return life, commands


COMPLETE = status(Meaning.COMPLETE, "Complete")
RETRIEVED_15 = (INTENDED, ISSUED, COMPLETE, fetched(1, 10, 15), stored(1, 10, 15), fetched(11, 5, 15))
SEALED_15 = (*RETRIEVED_15, stored(11, 5, 15), sealed(15))
COMMITTING_15 = (*SEALED_15, CommitIntended())
