"""HTTP as it goes right, on loopback: what is sent, over which connection, and what is taken."""

import asyncio
import gzip
import json
import traceback
from pathlib import Path
from typing import Any

import anyio
import pytest
from aioresponses import aioresponses

from extractor.errors import ConfigError
from extractor.remote import Answer, Request
from tests.remote.wire import OK, ask, read_request

pytestmark = pytest.mark.asyncio


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
