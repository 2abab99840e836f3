"""What the tests of the transport say over a raw connection: a request that is asked, read, or fails."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from extractor.errors import RemoteError
from extractor.remote import Request
from extractor.remote.transport import AiohttpTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b"")


def ask(url: str, method: Any = "GET", body: bytes | None = None) -> Request:
    """Give a request whose URL holds a token."""
    return Request(
        about="Status of segment 'VIP'", method=method, url=f"{url}/Async/ACME/Export/424242/Status", body=body
    )


async def failure(transport: AiohttpTransport, request: Request) -> RemoteError:
    """Send, expect a RemoteError, and check that nothing of it tells the URL or the token in it."""
    with pytest.raises(RemoteError) as caught:
        await transport.send(request)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert "424242" not in shown
    assert error.__cause__ is error.__context__ is None
    assert str(error).startswith("Status of segment 'VIP': ")
    return error
