"""The service over real HTTP, on this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from yarl import URL

from extractor.simulator import Running, SimulatorSettings, serve


@dataclass
class Wire:
    """A running simulator and a client that signs."""

    running: Running
    session: aiohttp.ClientSession
    sign: Callable[..., str]

    async def __call__(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        """Call the API below ``Export/``."""
        headers = {"Authorization": self.sign(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))}
        url = URL(f"{self.running.base_url}/Async/DEMO/Export/{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, **options) as answer:
            return answer.status, await answer.read()

    async def export(self, name: str, **body: Any) -> int:
        """Begin an export."""
        _, answer = await self("POST", f"Segment/{name}", json=body)
        return int(orjson.loads(answer)["AccessToken"])


Connect = Callable[..., AbstractAsyncContextManager[Wire]]


@pytest.fixture
def connect(make_world: Callable[..., SimulatorSettings], sign: Callable[..., str]) -> Connect:
    """Give the factory of running simulators."""

    @asynccontextmanager
    async def connect(**settings: Any) -> AsyncIterator[Wire]:
        async with serve(make_world(**settings)) as running, aiohttp.ClientSession() as session:
            session._retry_connection = (  # noqa: SLF001 - aiohttp has no public switch for its own resending
                False  # as aiohttp's own test client: else it repeats a GET that breaks, unasked
            )
            yield Wire(running, session, sign)

    return connect


@pytest.mark.asyncio
async def test_the_whole_lifecycle(connect: Connect) -> None:
    """Initiate, status, pages, commit, and every byte as it should be."""
    async with connect() as wire:
        token = await wire.export("100%25%20Caf%C3%A9%2FBar")
        status, told = await wire("GET", f"{token}/Status")
        assert (200, "Complete", 5) == (status, orjson.loads(told)["Status"], orjson.loads(told)["RowCount"])
        records = b""
        for offset in (1, 3, 5):
            _, page = await wire("GET", f"{token}?limit=2&offset={offset}&keepAlive=true")
            records += page.partition(b'"UserProfilePreferences":[')[2].removesuffix(b"]}") + b","
        assert b",".join(wire.running.service.truth("100% Café/Bar")) == records.rstrip(b",")
        assert (200, b"") == await wire("POST", f"{token}/Commit?keepFiles=false")
        status, _ = await wire("GET", f"{token}")
        assert 404 == status


@pytest.mark.asyncio
async def test_a_bearer_over_the_wire(connect: Connect) -> None:
    """From the token URL to the API."""
    async with connect() as wire:
        form = {"grant_type": "client_credentials", "scope": "DEMO/nightly"}
        basic = {"Authorization": aiohttp.encode_basic_auth("simulator-client", "simulator-secret")}
        async with wire.session.post(wire.running.token_url, data=form, headers=basic) as answer:
            bearer = (await answer.json())["access_token"]
        url = f"{wire.running.base_url}/Async/DEMO/Export/Segment/All"
        async with wire.session.post(url, headers={"Authorization": f"Bearer {bearer}"}) as answer:
            assert 200 == answer.status


@pytest.mark.asyncio
@pytest.mark.parametrize("compression", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("word", ["reset", "lost", "drop@1000", "drop@-1", "head@30", "head@-1"])
async def test_a_connection_that_breaks(connect: Connect, word: str, compression: bool) -> None:
    """The client sees it break, compressed or not; the next call is well."""
    async with connect(faults=f"page: {word}", compression=compression) as wire:
        token = await wire.export("All")
        with pytest.raises(aiohttp.ClientError):
            await wire("GET", f"{token}?keepAlive=true")
        status, _ = await wire("GET", f"{token}?keepAlive=true")
        assert (200, {("page", word): 1}) == (status, dict(wire.running.service.playbook.fired))


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["stall@10", "silent"])
async def test_an_answer_that_stalls_ends_with_the_client(connect: Connect, word: str) -> None:
    """Or with the server: neither hangs."""
    async with connect(faults=f"page: {word}x2") as wire:
        token = await wire.export("All")
        with pytest.raises(TimeoutError):
            await wire("GET", f"{token}?keepAlive=true", timeout=aiohttp.ClientTimeout(total=0.1))


@pytest.mark.asyncio
@pytest.mark.parametrize("compression", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("word", ["trickle@50", "trickle@-1", "hangup", "slow:0.01s"])
async def test_an_answer_that_is_odd_but_whole(connect: Connect, word: str, compression: bool) -> None:
    """A client must not lose a byte of it."""
    async with connect(faults=f"page: {word}", compression=compression) as wire:
        token = await wire.export("Evens")
        status, page = await wire("GET", f"{token}?keepAlive=true")
        assert 200 == status
        assert page.endswith(b'"UserProfilePreferences":[' + b",".join(wire.running.service.truth("Evens")) + b"]}")


@pytest.mark.asyncio
async def test_compression_is_the_wires_own_affair(connect: Connect) -> None:
    """The client asks for it and sees the same bytes."""
    async with connect(compression=True) as wire:
        token = await wire.export("Evens")
        headers = {"Authorization": wire.sign(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))}
        url = f"{wire.running.base_url}/Async/DEMO/Export/{token}?keepAlive=true"
        async with wire.session.get(url, headers=headers) as answer:
            page = await answer.read()
        assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
        assert b",".join(wire.running.service.truth("Evens")) in page


@pytest.mark.asyncio
async def test_history_and_state_can_be_read_beside_the_api(connect: Connect) -> None:
    """Without authorization, and without a trace in the history."""
    async with connect(faults="initiate: ok 503") as wire:
        token = await wire.export("Evens")
        await wire("POST", "Segment/Evens")
        async with wire.session.get(wire.running.origin + "/_simulator/state") as answer:
            state = await answer.json()
        async with wire.session.get(wire.running.origin + "/_simulator/history") as answer:
            history = [orjson.loads(line) for line in (await answer.read()).splitlines()]
        async with wire.session.get(wire.running.origin + "/_simulator/else") as answer:
            assert 404 == answer.status
    assert {"kind": "Segment", "name": "All", "records": 1000, "forbidden": False} == state["datasets"][0]
    assert [token] == [export["token"] for export in state["exports"]]
    assert [{"call": "initiate", "word": "503", "times": 1}] == state["faults"]
    assert [("initiate", 200), ("initiate", 503)] == [(each["kind"], each["status"]) for each in history]


@pytest.mark.asyncio
async def test_a_callback_is_posted_and_tried_again(connect: Connect) -> None:
    """The first attempt is refused; the second brings the Status object."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    answers = iter((500, 200))

    async def listen(request: web.BaseRequest) -> web.Response:
        heard.put_nowait(await request.json())
        return web.Response(status=next(answers))

    runner = web.ServerRunner(web.Server(listen))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with connect() as wire:
        token = await wire.export("Evens", CallbackURL=f"http://127.0.0.1:{runner.addresses[0][1]}/")
        told = [await heard.get(), await heard.get()]
    assert [(token, "Complete")] * 2 == [(each["AccessToken"], each["Status"]) for each in told]
    await runner.cleanup()


@pytest.mark.asyncio
async def test_a_callback_to_another_machine_is_not_sent(connect: Connect) -> None:
    """A rehearsal reaches nobody else; the history tells."""
    async with connect() as wire:
        await wire.export("Evens", CallbackURL="https://hook.example/")
        while wire.running.service.history[-1].kind != "callback":  # noqa: ASYNC110 - the history has no event
            await asyncio.sleep(0.01)
        assert [None] == [each.status for each in wire.running.service.history if each.kind == "callback"]


@pytest.mark.asyncio
async def test_the_server_shows_its_own_clock(connect: Connect) -> None:
    """A client can measure the difference from the Date header."""
    async with connect(clock_offset=-86400.0) as wire, wire.session.get(wire.running.base_url) as answer:
        shown = datetime.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert 86390 < (datetime.now(UTC) - shown).total_seconds() < 86410


@pytest.mark.asyncio
async def test_a_service_can_be_served_again(connect: Connect) -> None:
    """A restart of the door does not forget the exports."""
    async with connect() as wire:
        token = await wire.export("Evens")
        service, sign = wire.running.service, wire.sign
    async with serve(service) as running, aiohttp.ClientSession() as session:
        status, _ = await Wire(running, session, sign)("GET", f"{token}/Status")
        assert 200 == status
