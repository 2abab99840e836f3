"""HTTP as it goes wrong, on loopback: raw servers that break off where they are told to."""

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import anyio
import pytest
from aioresponses import aioresponses

from extractor.errors import Malformed, Rejected, RemoteError, Unavailable
from extractor.remote import Request
from tests.remote.wire import OK, ask, failure, read_request

pytestmark = pytest.mark.asyncio


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 O", id="status line"),
        pytest.param(OK, id="headers"),
        pytest.param(OK + b"Content-Length: 100\r\n\r\n", id="before the body"),
        pytest.param(OK + b'Content-Length: 100\r\n\r\n{"Count":1,', id="mid-JSON"),
        pytest.param(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"Cou\r\n', id="between chunks"),
        pytest.param(OK + b'Transfer-Encoding: chunked\r\n\r\n50\r\n{"Cou', id="in a chunk"),
        pytest.param(OK + b"Content-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), id="gzip"),
    ],
)
@pytest.mark.parametrize("ending", [None, reset], ids=["closed", "reset"])
async def test_an_answer_cut_anywhere_is_no_answer(
    saying: Any, opened: Any, answer: bytes, ending: Callable[[asyncio.StreamWriter], None] | None
) -> None:
    """Unavailable and ambiguous: the server may have done what was asked."""
    async with saying(answer, ending) as url, opened() as transport:
        error = await failure(transport, ask(url, "POST"))
    assert (type(error), error.ambiguous) == (Unavailable, True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\x16\x03\x01 this is not HTTP\r\n\r\n", id="not HTTP"),
        pytest.param(OK + b"Content-Length: 16\r\nContent-Encoding: gzip\r\n\r\nthis is not gzip", id="not gzip"),
        pytest.param(OK + b"Content-Length: many\r\n\r\n{}", id="no length"),
        pytest.param(OK + b"Content-Length: 100\r\n\r\n" + b"x" * 100, id="too large, announced"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + b"x" * 64 + b"\r\n0\r\n\r\n", id="too large"),
        pytest.param(OK + b"\r\n" + b"x" * 100, id="too large, without a length"),
        pytest.param(
            OK + b"Content-Length: 29\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 100_000)[:29],
            id="too large when unpacked, or damaged",
        ),
    ],
)
async def test_an_answer_that_cannot_be_taken_is_malformed(saying: Any, opened: Any, answer: bytes) -> None:
    """It came, so the server may have done what was asked; it is never data."""
    async with saying(answer) as url, opened(max_response=50) as transport:
        error = await failure(transport, ask(url, "POST"))
    assert (type(error), error.ambiguous) == (Malformed, True)


async def test_a_gzip_bomb_is_refused_early(saying: Any, opened: Any) -> None:
    """The bound is on the unpacked size."""
    packed = gzip.compress(b"\0" * 50_000_000)
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with saying(answer) as url, opened(max_response=100_000) as transport:
        assert "max_response (100000 bytes)" in str(await failure(transport, ask(url)))


async def test_a_cut_gzip_stream_in_a_complete_body_is_not_taken_for_the_whole(saying: Any, opened: Any) -> None:
    """What aiohttp could unpack is handed out: it is no JSON then, which ``answers`` sees."""
    packed = gzip.compress(json.dumps({"a": list(range(1000))}).encode())[:-200]
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with saying(answer) as url, opened() as transport:
        try:
            body = (await transport.send(ask(url))).body
        except Malformed:
            return
    with pytest.raises(ValueError, match="line 1"):
        json.loads(body)


async def test_a_refused_connection_is_not_ambiguous(opened: Any) -> None:
    """Nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        async with opened() as transport:
            error = await failure(transport, ask(f"http://127.0.0.1:{taken.getsockname()[1]}", "POST"))
    assert (type(error), error.ambiguous) == (Unavailable, False)
    assert "connection.base_url" in str(error)


async def test_a_server_without_tls_is_not_ambiguous(saying: Any, opened: Any) -> None:
    """The handshake comes before the request."""
    async with saying(b"HTTP/1.1 400 Bad\r\n\r\n") as url, opened() as transport:
        error = await failure(transport, ask(url.replace("http:", "https:"), "POST"))
    assert (type(error), error.ambiguous) == (Unavailable, False)


async def test_an_address_that_is_none_is_rejected(opened: Any) -> None:
    """No retry will cure it."""
    async with opened() as transport:
        assert type(await failure(transport, ask("http://"))) is Rejected


@pytest.mark.looptime
async def test_silence_after_a_late_beginning_is_as_long_as_any(serving: Any, opened: Any) -> None:
    """The answer began after 30 s, well within the patience for it; the 60 s for its rest count from there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(30)
        writer.write(OK + b"Content-Length: 10\r\n\r\n{")
        await asyncio.sleep(10_000)

    async with serving(serve) as url, opened() as transport:
        begun = anyio.current_time()
        error = await failure(transport, ask(url))
    assert "waited 60 s for the rest of the answer" in str(error)
    assert anyio.current_time() - begun == pytest.approx(90, abs=5)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("said", "waits", "seconds"),
    [
        (b"", "first byte", 120.0),
        (b"HTTP/1.1 200 O", "first byte", 120.0),
        (OK + b"Content-Length: 10\r\n\r\n{", "rest of the answer", 60.0),
    ],
)
async def test_silence_has_a_limit_for_each_phase(
    serving: Any, opened: Any, said: bytes, waits: str, seconds: float
) -> None:
    """First byte and between bytes are told apart; both are ambiguous."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)
        await asyncio.sleep(10_000)

    async with serving(serve) as url, opened() as transport:
        begun = anyio.current_time()
        error = await failure(transport, ask(url, "POST"))
        took = anyio.current_time() - begun
    assert (type(error), error.ambiguous) == (Unavailable, True)
    assert waits in str(error)
    assert took == pytest.approx(seconds, abs=10)


@pytest.mark.looptime
async def test_a_connection_that_never_stands_is_not_ambiguous(opened: Any, monkeypatch: Any) -> None:
    """Neither is a name that is never resolved: both are before the request."""

    async def never(*_args: object, **_kwargs: object) -> None:
        await asyncio.sleep(10_000)

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", never)
    async with opened() as transport:
        error = await failure(transport, ask("http://127.0.0.1:9", "POST"))
        assert anyio.current_time() == pytest.approx(10.0, abs=1)
    assert (type(error), error.ambiguous) == (Unavailable, False)
    assert "waited 10 s for a connection" in str(error)


@pytest.mark.parametrize(("method", "survives"), [("GET", True), ("POST", False)])
async def test_a_kept_connection_that_was_closed_meanwhile(
    serving: Any, opened: Any, method: str, *, survives: bool
) -> None:
    """A GET is sent again on a fresh one, by aiohttp; a POST is not, and is ambiguous."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        if connections == 1:
            await read_request(reader)  # and close without an answer

    async with serving(serve) as url, opened() as transport:
        await transport.send(ask(url))
        if survives:
            assert (await transport.send(ask(url, method))).status == 200
            assert connections == 2
        else:
            assert (await failure(transport, ask(url, method))).ambiguous


@pytest.mark.parametrize(("status", "kind"), [(407, Rejected), (502, Unavailable)])
async def test_a_proxy_that_refuses_is_named_without_its_password(
    saying: Any, opened: Any, status: int, kind: type[RemoteError]
) -> None:
    """Nothing reached the server."""
    answer = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
    async with saying(answer) as proxy, opened(proxy=proxy.replace("//", "//ada:lovelace@")) as transport:
        error = await failure(transport, ask("https://preferences.test", "POST"))
    assert (type(error), error.ambiguous) == (kind, False)
    assert "connection.proxy" in str(error)
    assert "lovelace" not in str(error)


async def test_a_proxy_that_is_not_there(opened: Any) -> None:
    """It is told apart from a service that is not there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with opened(proxy=f"http://ada:lovelace@127.0.0.1:{taken.getsockname()[1]}") as transport:
            error = await failure(transport, ask("http://preferences.test", "POST"))
    assert (type(error), error.ambiguous) == (Unavailable, False)
    assert "the proxy cannot be reached" in str(error)


async def test_tls_is_verified_unless_an_authority_is_configured(opened: Any, tmp_path: Path) -> None:
    """A self-signed certificate is refused, not ambiguous; its own authority makes it good."""
    pem, key = await self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await read_request(reader)
            writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with opened() as transport:
            error = await failure(transport, ask(url, "POST"))
        assert (type(error), error.ambiguous) == (Unavailable, False)
        assert "connection.ca_file" in str(error)
        async with opened(ca_file=str(pem)) as transport:
            assert (await transport.send(ask(url))).status == 200


async def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that is its own authority."""
    pem, key = folder / "own.pem", folder / "own.key"
    arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=invented.test"
    try:
        made = await asyncio.create_subprocess_exec(
            "openssl", *arguments.split(), "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(key), "-out", str(pem),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    assert await made.wait() == 0
    return pem, key


@pytest.mark.parametrize(
    ("raised", "kind", "ambiguous"),
    [
        (aiohttp.ServerDisconnectedError("http://h/424242"), Unavailable, False),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), Unavailable, False),
        (ConnectionResetError(104, "Connection reset by peer"), Unavailable, False),
        (aiohttp.ClientPayloadError("http://h/424242"), Unavailable, False),
        (aiohttp.ClientError("http://h/424242"), Unavailable, False),
        (aiohttp.InvalidURL("http://h/424242"), Rejected, False),
        (aiohttp.NonHttpUrlClientError("x://h/424242"), Rejected, False),
    ],
)
async def test_every_error_of_aiohttp_is_ours_before_the_request_has_left(
    faked_http: aioresponses, opened: Any, raised: Exception, kind: type[RemoteError], *, ambiguous: bool
) -> None:
    """With no connection signalled nothing was sent, so nothing is ambiguous, and nothing of its text remains."""
    request = ask("https://preferences.example")
    faked_http.get(request.url, exception=raised)
    async with opened() as transport:
        error = await failure(transport, request)
    assert (type(error), error.ambiguous) == (kind, ambiguous)


async def test_an_unknown_host_is_said_to_be_unknown(faked_http: aioresponses, opened: Any) -> None:
    """It is a slip in the configuration more often than a fault of the network."""
    key: Any = SimpleNamespace(host="preferences.example", port=443, ssl=True, is_ssl=True)
    request = ask("https://preferences.example")
    faked_http.post(request.url, exception=aiohttp.ClientConnectorDNSError(key, OSError(-2, "Name not known")))
    async with opened() as transport:
        error = await failure(transport, Request(about=request.about, method="POST", url=request.url))
    assert (type(error), error.ambiguous) == (Unavailable, False)
    assert "the host name is not known -- check connection.base_url" in str(error)
