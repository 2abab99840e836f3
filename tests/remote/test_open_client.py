"""The layer as a whole, against the other end of the wire: neither end knows how the other spells the contract."""

from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from extractor import simulator
from extractor.clock import SystemClock
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import (
    Commit,
    Committed,
    Fault,
    FetchPage,
    Initiate,
    Meaning,
    PageFetched,
    PollStatus,
    StatusReported,
    TokenIssued,
)
from extractor.remote import Answer, Client, Request, open_client, probe
from tests.asking import match_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SETTINGS = simulator.SimulatorSettings(
    client_id="ACME", segments=(simulator.Segment(name="VIP", count=25),), processing=20.0
)
SIGNED = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"}


class Wireless:
    """A transport that asks the simulator's service directly, on virtual time."""

    def __init__(self, service: simulator.Service, clock: Any) -> None:
        self.service = service
        self.clock = clock

    async def send(self, request: Request) -> Answer:
        """Carry a request over no wire at all."""
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        asked = simulator.Request.of(request.method, target, headers=request.headers, body=request.body or b"")
        reply = self.service.handle(asked, self.clock.server_now())
        await anyio.sleep(reply.delay)
        return Answer(status=reply.status, headers=reply.headers, body=reply.body)


@pytest.fixture
def dial(client_over: Any, make_connection: Any, clock: Any) -> Any:
    """Open a client to a simulator, on virtual time."""

    def make(settings: Any = SETTINGS, *, auth: Any = None, base_path: str = "/Profiles/v4", **changes: Any) -> Any:
        connection = make_connection(auth=auth or SIGNED, base_url=f"https://preferences.example{base_path}")
        return client_over(Wireless(simulator.Service(settings), clock), connection=connection, **changes)

    return make


async def whole_life(client: Client, job: Any) -> list[Any]:
    """Take an export from Initiate to Commit; gives the events."""
    issued = await client.perform(Initiate(export=1), job)
    assert isinstance(issued, TokenIssued), issued
    events: list[Any] = [issued]
    while not (isinstance(events[-1], StatusReported) and events[-1].meaning is Meaning.COMPLETE):
        await anyio.sleep(5)
        events.append(await client.perform(PollStatus(token=issued.token), job))
        assert isinstance(events[-1], StatusReported), events[-1]
    offset = 1
    while True:
        page = await client.perform(FetchPage(token=issued.token, offset=offset, limit=10), job)
        assert isinstance(page, PageFetched), page
        events.append(page)
        offset = page.offset + page.count
        if not page.has_more:
            break
    events.append(await client.perform(Commit(token=issued.token), job))
    return events


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("keyed", [True, False])
async def test_both_ends_agree_on_every_signature(dial: Any, make_job: Any, *, keyed: bool, hash_name: str) -> None:
    """All six forms take an export through its whole life."""
    async with dial(auth={**SIGNED, "keyed": keyed, "hash": hash_name}) as client:
        events = await whole_life(client, make_job())
    pages = [each for each in events if isinstance(each, PageFetched)]
    assert [(each.offset, each.count, each.total) for each in pages] == [(1, 10, 25), (11, 10, 25), (21, 5, 25)]
    assert events[-1] == Committed()


@pytest.mark.parametrize("credentials", ["basic", "body"])
async def test_both_ends_agree_on_bearers(
    dial: Any, make_job: Any, oauth_section: dict[str, Any], credentials: str
) -> None:
    """Login, the export, and a re-login when the bearer's life is over."""
    auth = {
        **oauth_section,
        "token_url": "https://preferences.example/oauth/token",
        "client_id": "simulator-client",
        "client_secret": "simulator-secret",
        "credentials": credentials,
    }
    settings = simulator.SimulatorSettings(
        client_id="ACME", segments=SETTINGS.segments, processing=20.0, bearer_lifetime=8.0
    )
    async with dial(settings, auth=auth) as client:
        events = await whole_life(client, make_job())
    assert events[-1] == Committed()
    assert client.requests > len(events) + 1


async def test_a_machine_two_hours_ahead_gets_its_export(dial: Any, make_job: Any, clock: Any) -> None:
    """The server refuses the first signature; its Date makes the others good."""
    clock.ahead = 7200.0
    async with dial() as client:
        assert (await whole_life(client, make_job()))[-1] == Committed()


async def test_refusals_come_with_their_faults(dial: Any, make_job: Any) -> None:
    """Unknown names, unknown tokens and wrong secrets are told apart."""
    async with dial() as client:
        unknown = await client.perform(Initiate(export=1), make_job("Nobody's"))
        gone = await client.perform(FetchPage(token=12345, offset=1, limit=1), make_job())
        odd = make_job(match=match_of("AlternateId", None, ("A-1",)))
        incomplete = await client.perform(Initiate(export=1), odd)
    async with dial(auth={**SIGNED, "secret": "guessed"}) as client:
        stranger = await client.perform(Initiate(export=1), make_job())
    faults = [each.failure.fault for each in (unknown, gone, incomplete, stranger)]
    assert faults == [Fault.NOT_FOUND, Fault.TOKEN_GONE, Fault.REJECTED, Fault.UNAUTHORIZED]


async def test_doctor_is_content_with_the_simulator(dial: Any) -> None:
    """And makes no export."""
    async with dial() as client:
        assert all(each.ok for each in await probe(client))


@pytest.mark.looptime(False)  # noqa: FBT003 - the marker knows no name for it
async def test_the_same_over_real_http(make_connection: Any, make_job: Any) -> None:
    """One export over loopback, with the transport that users have."""
    settings = simulator.SimulatorSettings(client_id="ACME", segments=SETTINGS.segments)
    async with simulator.serve(simulator.Service(settings), port=0) as running:
        connection = make_connection(auth=SIGNED, base_url=running.base_url)
        async with open_client(
            connection, Dialect(), requests_per_second=500.0, connections=2, clock=SystemClock()
        ) as client:
            issued = await client.perform(Initiate(export=1), make_job())
            assert isinstance(issued, TokenIssued)
            assert issued.server_time is not None
            page = await client.perform(FetchPage(token=issued.token, offset=1, limit=100), make_job())
            assert isinstance(page, PageFetched)
            assert (page.count, page.total) == (25, 25)
