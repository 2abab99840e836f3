"""Durable events as rows: the kind is the class's name, the body its fields as JSON.

Decides the journal's spelling of a fact (format 1), and nothing else. The body of an event that holds an AccessToken
holds it in clear: the journal needs it to take the export up again. Called by ``journal``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import (
    Commit,
    CommitIntended,
    Committed,
    Event,
    ExportSealed,
    Failure,
    FetchPage,
    Initiate,
    InitiateIntended,
    PageRefused,
    PageStored,
    PartsLost,
    PollStatus,
    RequestFailed,
    StatusReported,
    TakenUp,
    TokenIssued,
)

_EVENTS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        InitiateIntended,
        TokenIssued,
        StatusReported,
        PageStored,
        PageRefused,
        PartsLost,
        ExportSealed,
        CommitIntended,
        Committed,
        TakenUp,
    )
}
_COMMANDS: dict[str, Any] = {kind.__name__: kind for kind in (Initiate, PollStatus, FetchPage, Commit)}


def encode_event(event: Event) -> tuple[str, bytes]:
    """Give the kind and the JSON body of a durable event."""
    kind = type(event).__name__
    if isinstance(event, RequestFailed):
        body = {
            "request": type(event.command).__name__,
            "command": event.command,
            "failure": event.failure,
            "draw": event.draw,
        }
        return kind, msgspec.json.encode(body)
    return kind, msgspec.json.encode(event)


def decode_event(kind: str, body: bytes) -> Event:
    """Turn a row back into its event. Raises IntegrityError for a row that no version of this format has written."""
    try:
        if kind == "RequestFailed":
            raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            command = msgspec.json.decode(raw["command"], type=_COMMANDS[msgspec.json.decode(raw["request"])])
            failure = msgspec.json.decode(raw["failure"], type=Failure)
            return RequestFailed(command=command, failure=failure, draw=msgspec.json.decode(raw["draw"], type=float))
        event: Event = msgspec.json.decode(body, type=_EVENTS[kind])
    except (KeyError, msgspec.MsgspecError):
        raise IntegrityError(f"the journal holds an event of kind {kind!r} that cannot be read") from None
    return event
