"""One HTTP exchange as values: what was asked, what is answered, and how the answer reaches the wire.

Decides the shapes only; nothing here knows the API or opens a socket. Used by every module of the simulator; ``app``
turns the web server's requests into ``Request`` and delivers each ``Reply``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson

JSON = "application/json; charset=utf-8"


class Delivery(enum.Enum):
    """How a reply reaches the wire. ``Reply.after`` counts bytes of the body, from its end if it is below zero."""

    WHOLE = "whole"
    CUT = "cut"  # ``after`` bytes, though Content-Length promised the whole body; then the connection is closed
    HEAD = "head"  # ``after`` bytes of the status line and headers, then the connection is closed
    STALL = "stall"  # ``after`` bytes, then silence until the client gives up
    TRICKLE = "trickle"  # ``after`` bytes one by one, then the rest
    SILENCE = "silence"  # nothing at all until the client gives up
    NOTHING = "nothing"  # the connection is closed before the status line


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``path`` is as it stands on the wire, still percent-encoded; ``query`` is decoded."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """Make a request of a target like ``/path?name=value``."""
        path, _, query = target.partition("?")
        return cls(
            method=method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers or {},
            body=body,
        )

    def header(self, name: str) -> str | None:
        """Give a header's value, whatever the case of its name."""
        wanted = name.lower()
        for each, value in self.headers.items():
            if each.lower() == wanted:
                return value
        return None

    def argument(self, name: str) -> str | None:
        """Give a query argument's value, whatever the case of its name."""
        wanted = name.lower()
        for each, value in self.query.items():
            if each.lower() == wanted:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. ``delay`` is in seconds, from the arrival of the request to the first byte of the answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    delivery: Delivery = Delivery.WHOLE
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history. Never holds a header's value, a body or a match value.

    ``number`` counts from 1. ``at`` is the server's own time in seconds since the epoch. ``status`` is None when no
    answer was sent. ``path`` is the template of the path, ``dataset`` the segment's or group's name.
    """

    number: int
    at: float
    kind: str
    path: str = ""
    dataset: str | None = None
    token: int | None = None
    offset: int | None = None
    limit: int | None = None
    count: int | None = None
    keep_alive: bool | None = None
    keep_files: bool | None = None
    status: int | None = None
    fault: str | None = None
    header_names: tuple[str, ...] = ()


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the simulator
    """The request is answered with an error status and ``{"Message": ..}`` (contract, section 6)."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def reply(self) -> Reply:
        """Give the answer."""
        return json_reply({"Message": self.message}, status=self.status, headers=self.headers)


def json_reply(body: object, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with a JSON body. ``headers`` are added to the content type."""
    return Reply(status=status, headers={"Content-Type": JSON, **(headers or {})}, body=orjson.dumps(body))


def lowered(body: Mapping[str, Any]) -> dict[str, Any]:
    """Spell the names as one sample of the documents does: the first letter is small (contract, section 1)."""
    return {name[:1].lower() + name[1:]: value for name, value in body.items()}
