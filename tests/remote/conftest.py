"""One factory per noun: a connection, a job, a clock on virtual time, a transport that plays a script, a raw server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import anyio
import pytest
from aioresponses import aioresponses

from extractor.config.connection import Connection
from extractor.errors import RemoteError
from extractor.plan.job import Dataset, JobSpec, Match
from extractor.protocol.dialect import Dialect
from extractor.remote import Answer, Client, Request, open_client
from extractor.remote.transport import AiohttpTransport
from tests.asking import STREAM
from tests.remote.wire import Serve, read_request

EPOCH = 1_795_000_000.0  # 2026-11-18
SECRET = "swordfish-7"

Step = Answer | RemoteError | Callable[[Request], Any]


class LoopClock:
    """The event loop's time as a wall clock; ``ahead`` seconds wrong, and may be set in the middle of a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Show the wall clock of this machine."""
        return EPOCH + anyio.current_time() + self.ahead

    def server_now(self) -> float:
        """Show the right time."""
        return EPOCH + anyio.current_time()

    def monotonic(self) -> float:
        """Show the loop's time."""
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the loop."""
        await anyio.sleep(seconds)


class Script:
    """A transport that answers with the next step, the last one for ever; ``sent`` is what it was given, and when."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent: list[Request] = []
        self.at: list[float] = []

    async def send(self, request: Request) -> Answer:
        """Note the request and play the next step."""
        self.sent.append(request)
        self.at.append(anyio.current_time())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if callable(step):
            step = step(request)
            if isinstance(step, Awaitable):
                step = await step
        if isinstance(step, RemoteError):
            raise step
        return step


@pytest.fixture
def clock() -> LoopClock:
    """Give a clock on the loop's time."""
    return LoopClock()


@pytest.fixture
def script() -> Callable[..., Script]:
    """Give the scripted transport."""
    return Script


@pytest.fixture
def make_connection() -> Callable[..., Connection]:
    """Give the factory of connections."""

    def make(**changes: Any) -> Connection:
        auth = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": SECRET}
        whole = {"base_url": "https://preferences.example/Profiles/v4", "client_id": "ACME", "auth": auth}
        return Connection.model_validate({**whole, **changes})

    return make


@pytest.fixture
def oauth_section() -> dict[str, Any]:
    """Give an ``auth`` section for OAuth."""
    return {
        "scheme": "oauth",
        "token_url": "https://login.example/oauth/token",
        "client_id": "client-one",
        "client_secret": SECRET,
        "user_id": "nightly",
    }


@pytest.fixture
def make_job() -> Callable[..., JobSpec]:
    """Give the factory of jobs."""

    def make(
        name: str = "VIP",
        *,
        kind: Any = "segment",
        since: str | None = None,
        match: Match | None = None,
        **changes: Any,
    ) -> JobSpec:
        whole: dict[str, Any] = {
            "ordinal": 0,
            "job_id": "0" * 16,
            "name": name,
            "dataset": Dataset(kind=kind, name=name),
            "stream": STREAM,
            "since": None,
            "last_date_time": since,
            "match": match,
        }
        return JobSpec(**{**whole, **changes})

    return make


@pytest.fixture
def json_answer() -> Callable[..., Answer]:
    """Give the factory of JSON answers; keywords are headers, with underscores for hyphens."""

    def make(body: bytes | str = b"{}", status: int = 200, **headers: str) -> Answer:
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        whole = {"Content-Type": "application/json; charset=utf-8", **spelled}
        return Answer(status=status, headers=whole, body=body.encode() if isinstance(body, str) else body)

    return make


@pytest.fixture
def client_over(
    make_connection: Callable[..., Connection], clock: LoopClock
) -> Callable[..., contextlib.AbstractAsyncContextManager[Client]]:
    """Open a client over a script; ``connection`` and ``dialect`` may be replaced."""

    @contextlib.asynccontextmanager
    async def opened(
        transport: Any, *, connection: Connection | None = None, dialect: Dialect | None = None, **changes: Any
    ) -> AsyncIterator[Client]:
        whole = {"requests_per_second": 1000.0, "connections": 4, "clock": clock, "draw": lambda: 0.25, **changes}
        async with open_client(
            connection or make_connection(), dialect or Dialect(), transport=transport, **whole
        ) as client:
            yield client

    return opened


class _PatientResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 builds responses without ``stream_writer``, which aiohttp 3.14 demands (its issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        class Writer:
            output_size = 0

        super().__init__(*args, **{"stream_writer": Writer(), **kwargs})


@pytest.fixture
def faked_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Fake aiohttp's requests."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", _PatientResponse)
    with aioresponses() as faked:
        yield faked


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
