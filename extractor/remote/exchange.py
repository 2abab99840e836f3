"""What travels: a request, an answer, and the seam at which they change hands.

Decides nothing. ``client`` and ``oauth`` make requests and read answers; ``transport`` carries them over HTTP, and a
test carries them elsewhere, for instance straight into a simulator on virtual time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. ``about`` is how people hear of it, such as ``Status of segment 'VIP'``.

    The rest is not in the repr: the URL may hold an AccessToken, a header a signature, the body match values.
    """

    about: str
    method: Literal["GET", "POST"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete HTTP answer, of any status; the body is decompressed.

    ``received_at`` is this machine's wall clock when the headers came (Unix seconds); None means "just now".
    """

    status: int
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")
    received_at: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def header(self, name: str) -> str | None:
        """Look a header up in any spelling of its name."""
        if (value := self.headers.get(name)) is not None:
            return value
        wanted = name.casefold()
        return next((value for key, value in self.headers.items() if key.casefold() == wanted), None)


class Transport(Protocol):
    """Whoever carries requests. May be used by any number of tasks at once."""

    async def send(self, request: Request) -> Answer:
        """Carry one request to its complete answer, whatever its status; redirects are answers and not followed.

        Raises Unavailable when the network fails, ``ambiguous`` only if the request may have reached the server, and
        Malformed for an answer that came and cannot be read or is too large. Neither names the URL.
        """
        ...
