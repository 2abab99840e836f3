"""HTTP as it goes wrong, on loopback: raw servers that break off where they are told to."""

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import anyio
import pytest
from aioresponses import aioresponses

from extractor.config.connection import Connection
from extractor.errors import ConfigError, Malformed, Rejected, RemoteError, Unavailable
from extractor.remote import Answer, Request
from extractor.remote.transport import AiohttpTransport

pytestmark = pytest.mark.asyncio

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b"")


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture
def serving() -> Callable[[Serve], contextlib.AbstractAsyncContextManager[str]]:
    """Run a raw server on a free loopback port; gives its address."""

    @contextlib.asynccontextmanager
    async def run(serve: Serve) -> AsyncIterator[str]:
        tasks: set[asyncio.Task[Any]] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await serve(reader, writer)
            except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client went away, or the test is over
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    return run


@pytest.fixture
def saying(serving: Any) -> Callable[..., contextlib.AbstractAsyncContextManager[str]]:
    """A server that answers each connection's first request with these bytes and ends it."""

    def make(answer: bytes, ending: Callable[[asyncio.StreamWriter], None] | None = None) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()
            if ending is not None:
                await asyncio.sleep(0.02)  # so that the bytes before the RST are read and not thrown away by it
                ending(writer)

        return serving(serve)

    return make


@pytest.fixture
def opened(make_connection: Callable[..., Connection], clock: Any) -> Callable[..., Any]:
    """Give the factory of transports; keywords change the connection."""

    def make(**changes: Any) -> AiohttpTransport:
        return AiohttpTransport(make_connection(**changes), connections=4, clock=clock)

    return make


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


async def test_a_complete_answer_of_any_status(saying: Any, opened: Any, clock: Any) -> None:
    """Headers in any case, the body, and when it came."""
    answer = b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\nContent-Length: 2\r\n\r\n{}"
    async with saying(answer) as url, opened() as transport:
        got = await transport.send(ask(url))
    assert (got.status, got.header("Retry-After"), got.body) == (503, "7", b"{}")
    assert got.received_at == pytest.approx(clock.now(), abs=60)


async def test_what_is_sent(serving: Any, opened: Any) -> None:
    """Path as spelled, our name, gzip welcome, the caller's headers; no cookies, no more."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await read_request(reader))
            writer.write(OK + b"Set-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\n{}")

    async with serving(serve) as url, opened() as transport:
        path = "/Export/Segment/a%2Fb%20c%2E%2E?limit=1"
        for _ in range(2):
            await transport.send(Request(about="", method="GET", url=url + path, headers={"Authorization": "X y"}))
        await transport.send(Request(about="", method="POST", url=url + path, body=b'{"a":1}'))
    assert heads[0].startswith(b"GET /Export/Segment/a%2Fb%20c%2E%2E?limit=1 HTTP/1.1\r\n")
    for line in (b"User-Agent: segment-extractor/", b"Accept-Encoding: gzip", b"Authorization: X y\r\n"):
        assert line in heads[0]
    assert b"cookie" not in heads[1].lower()
    assert heads[2].endswith(b'\r\n\r\n{"a":1}')


async def test_gzip_is_unpacked(saying: Any, opened: Any) -> None:
    """Answers may come compressed."""
    packed = gzip.compress(b'{"a":1}' * 1000)
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with saying(answer) as url, opened() as transport:
        assert (await transport.send(ask(url))).body == b'{"a":1}' * 1000


async def test_redirects_are_answers(saying: Any, opened: Any) -> None:
    """A signed header must not follow them anywhere."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
    async with saying(answer) as url, opened() as transport:
        assert (await transport.send(ask(url))).status == 302


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
        pytest.param(OK + b"Content-Length: 9\r\nContent-Encoding: gzip\r\n\r\nnot gzip!", id="not gzip"),
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
async def test_a_slow_but_living_transfer_may_take_its_time(serving: Any, opened: Any) -> None:
    """There is no limit on the whole: one byte every 50 s is alive."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK + b"Content-Length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(50)
            writer.write(b"x")

    async with serving(serve) as url, opened() as transport:
        assert (await transport.send(ask(url))).body == b"x" * 10


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


@pytest.mark.looptime
async def test_waiting_for_a_free_connection_is_no_silence(serving: Any, opened: Any) -> None:
    """Five requests over four connections, each slower than the connect timeout."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(100)
            writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    answers: list[Answer] = []
    async with serving(serve) as url, opened() as transport:

        async def send() -> None:
            answers.append(await transport.send(ask(url)))

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(send)
    assert [each.status for each in answers] == [200] * 5


@pytest.mark.looptime
async def test_cancellation_is_passed_on(serving: Any, opened: Any) -> None:
    """It is no failure of the service."""

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(10_000)

    async with serving(serve) as url, opened() as transport:
        with anyio.move_on_after(5) as scope:
            await transport.send(ask(url))
        assert scope.cancelled_caught


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


async def test_a_connection_seen_to_be_closed_is_not_used_again(serving: Any, opened: Any) -> None:
    """So a POST after a pause is safe as a rule."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    async with serving(serve) as url, opened() as transport:
        for _ in range(3):
            assert (await transport.send(ask(url, "POST"))).status == 200
            await asyncio.sleep(0.05)  # not a wait for us: the loop must see the FIN
    assert connections == 3


async def test_neither_environment_nor_netrc_is_asked(
    serving: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is sent depends on the configuration alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password lovelace\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    async with serving(serve) as url, opened() as transport:
        await transport.send(ask(url))
    assert b"authorization" not in heads[0].lower()


async def test_a_proxy_is_used_with_its_password(serving: Any, opened: Any) -> None:
    """The password goes into a header and stays out of messages."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    async with serving(serve) as proxy, opened(proxy=proxy.replace("//", "//ada:love%20lace@")) as transport:
        assert (await transport.send(ask("http://preferences.test"))).status == 200
    assert heads[0].startswith(b"GET http://preferences.test/Async")
    assert b"Proxy-Authorization: Basic YWRhOmxvdmUgbGFjZQ==" in heads[0]


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


@pytest.mark.parametrize("proxy", ["ftp://ada:lovelace@h", "lovelace", "http://ada:lovelace@h:port"])
async def test_a_proxy_that_is_no_address_is_the_users_fault(opened: Any, proxy: str) -> None:
    """The key is named, the password is not."""
    with pytest.raises(ConfigError, match=r"connection\.proxy") as caught:
        async with opened(proxy=proxy):
            pass
    assert "lovelace" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", [None, "not a certificate"])
async def test_a_ca_file_that_cannot_be_used_is_the_users_fault(opened: Any, tmp_path: Path, text: str | None) -> None:
    """Before anything is sent."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"connection\.ca_file"):
        async with opened(ca_file=str(path)):
            pass


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


async def test_aioresponses_gives_answers(faked_http: aioresponses, opened: Any) -> None:
    """The cure in conftest holds: other tests may use it."""
    request = ask("https://preferences.example")
    faked_http.get(request.url, status=418, payload={"a": 1}, headers={"X-Y": "z"})
    async with opened() as transport:
        answer = await transport.send(request)
    assert (answer.status, json.loads(answer.body), answer.header("x-y")) == (418, {"a": 1}, "z")


async def test_outside_of_its_with_it_is_a_bug(opened: Any) -> None:
    """Ours, so it is not mapped."""
    with pytest.raises(RuntimeError):
        await opened().send(ask("http://127.0.0.1:9"))
