"""Bearers: one login for everybody, in time, and what the token endpoint's answers mean."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import anyio
import pytest

from extractor.config.connection import Connection
from extractor.errors import Forbidden, Malformed, Rejected, RemoteError, Throttled, Unauthorized, Unavailable
from extractor.protocol.retry import After401
from extractor.remote import Answer, Request
from extractor.remote.oauth import BearerKeeper

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def issued(bearer: str = "b-1", **members: Any) -> Answer:
    """Give the token endpoint's answer; a member of ... is left out."""
    body = {"access_token": bearer, "token_type": "Bearer", "expires_in": 3600, **members}
    kept = {name: value for name, value in body.items() if value is not ...}
    return Answer(status=200, headers={"Content-Type": "application/json"}, body=json.dumps(kept).encode())


@pytest.fixture
def make_keeper(
    make_connection: Callable[..., Connection], oauth_section: dict[str, Any], clock: Any
) -> Callable[..., BearerKeeper]:
    """Give the factory of bearer keepers over a transport."""

    def make(transport: Any, **auth: Any) -> BearerKeeper:
        connection = make_connection(auth={**oauth_section, **auth})

        async def send(request: Request) -> tuple[Answer, float]:
            sent_at = clock.monotonic()
            return await transport.send(request), sent_at

        return BearerKeeper(connection.auth, client_id=connection.client_id, send=send, clock=clock)

    return make


def value_of(keeper: BearerKeeper) -> str | None:
    """Give the header that would be sent now."""
    credential = keeper.credential()
    return None if credential is None else credential.value


async def test_login_with_basic_credentials(script: Any, make_keeper: Any) -> None:
    """Id and secret are form-encoded before they are joined; the form has grant and scope only."""
    transport = script(issued())
    keeper = make_keeper(transport, client_secret="s:w/rd%", credentials="basic")
    await keeper.ready()
    (request,) = transport.sent
    assert (request.method, request.url) == ("POST", "https://login.example/oauth/token")
    scheme, _, pair = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"client-one:s%3Aw%2Frd%25")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["ACME/nightly"]}
    assert value_of(keeper) == "Bearer b-1"


async def test_login_with_credentials_in_the_body(script: Any, make_keeper: Any) -> None:
    """The other documented way, and then no header."""
    transport = script(issued())
    await make_keeper(transport, client_secret="s&w=rd", credentials="body").ready()
    form = parse_qs(transport.sent[0].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["client-one"], ["s&w=rd"])
    assert "Authorization" not in transport.sent[0].headers


async def test_fifty_tasks_share_one_login(script: Any, make_keeper: Any) -> None:
    """Single flight: whoever comes during a login waits for it."""

    async def slow(_request: Request) -> Answer:
        await anyio.sleep(2)
        return issued()

    transport = script(slow)
    keeper, seen = make_keeper(transport), []

    async def work() -> None:
        await keeper.ready()
        seen.append(value_of(keeper))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(work)
    assert (len(transport.sent), seen) == (1, ["Bearer b-1"] * 50)


async def test_fifty_tasks_share_one_failed_login(script: Any, make_keeper: Any) -> None:
    """A dead token endpoint is asked once for all who waited, and again only by who comes later."""

    async def slow(_request: Request) -> Answer:
        await anyio.sleep(2)
        raise Unavailable("down", ambiguous=True, retry_after=3.0)

    transport = script(slow)
    keeper, seen = make_keeper(transport), []

    async def work() -> None:
        with pytest.raises(Unavailable) as caught:
            await keeper.ready()
        seen.append((caught.value.ambiguous, caught.value.retry_after))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(work)
    assert (len(transport.sent), seen) == (1, [(False, 3.0)] * 50)
    await work()
    assert len(transport.sent) == 2


async def test_who_is_cancelled_in_a_login_leaves_it_to_the_next(script: Any, make_keeper: Any) -> None:
    """Cancellation is nobody's failure."""

    async def stuck(_request: Request) -> Answer:
        await anyio.sleep(1000)
        raise AssertionError

    transport = script(stuck, issued("b-2"))
    keeper = make_keeper(transport)
    async with anyio.create_task_group() as group:

        async def impatient() -> None:
            with anyio.move_on_after(1):
                await keeper.ready()

        group.start_soon(impatient)
        await anyio.sleep(0.5)
        await keeper.ready()
    assert value_of(keeper) == "Bearer b-2"


@pytest.mark.parametrize(
    ("expires_in", "renewed_at", "dead_at"),
    [
        (3600, 3540.0, 3600.0), ("3600", 3540.0, 3600.0), (100.0, 90.0, 100.0), (..., 270.0, 300.0),
        (None, 270.0, 300.0), (0, 270.0, 300.0), (-5, 270.0, 300.0), ("soon", 270.0, 300.0), (True, 270.0, 300.0),
        ("nan", 270.0, 300.0), ("inf", 270.0, 300.0), ([60], 270.0, 300.0),
    ],
)  # fmt: skip
async def test_renewed_before_its_end(
    script: Any, make_keeper: Any, expires_in: Any, renewed_at: float, dead_at: float
) -> None:
    """By 60 s or a tenth of its life, five minutes where it is not said; used until its very end, and not beyond."""
    transport = script(issued("b-1", expires_in=expires_in), issued("b-2"))
    keeper = make_keeper(transport)
    await keeper.ready()
    await anyio.sleep(renewed_at - 0.01)
    await keeper.ready()
    assert (len(transport.sent), value_of(keeper)) == (1, "Bearer b-1")
    await anyio.sleep(dead_at - renewed_at)
    assert value_of(keeper) == "Bearer b-1"
    await anyio.sleep(0.02)
    assert value_of(keeper) is None
    await keeper.ready()
    assert (len(transport.sent), value_of(keeper)) == (2, "Bearer b-2")


async def test_life_is_counted_from_before_the_request(script: Any, make_keeper: Any) -> None:
    """A slow answer has used up a part of it."""

    async def slow(_request: Request) -> Answer:
        await anyio.sleep(30)
        return issued(expires_in=100)

    keeper = make_keeper(script(slow))
    await keeper.ready()
    await anyio.sleep(69.9)
    assert value_of(keeper) is not None
    await anyio.sleep(0.2)
    assert value_of(keeper) is None


async def test_one_dead_bearer_reported_by_many_is_renewed_once(script: Any, make_keeper: Any) -> None:
    """Reports are compared by generation; a late one finds the work done."""
    transport = script(issued("b-1"), issued("b-2"))
    keeper = make_keeper(transport)
    await keeper.ready()
    keeper.accepted(1)
    assert {keeper.rejected(1) for _ in range(20)} == {After401.RENEW}
    assert keeper.credential() is None
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(keeper.ready)
    assert keeper.rejected(1) is After401.RESEND
    assert (len(transport.sent), value_of(keeper)) == (2, "Bearer b-2")


async def test_a_bearer_refused_from_its_first_use_is_not_renewed_for_ever(script: Any, make_keeper: Any) -> None:
    """One login after a 401; if that bearer is refused too, the credentials are wrong."""
    transport = script(issued("b-1"), issued("b-2"))
    keeper = make_keeper(transport)
    await keeper.ready()
    assert keeper.rejected(1) is After401.RENEW
    await keeper.ready()
    assert keeper.rejected(2) is After401.STOP
    keeper.accepted(2)
    assert keeper.rejected(2) is After401.RENEW


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, '{"error":"invalid_client"}', Unauthorized, "auth.client_secret"),
        (401, '{"error":"invalid_client","error_description":"Nope."}', Unauthorized, "Nope."),
        (400, '{"error":"invalid_scope"}', Unauthorized, "connection.client_id/auth.user_id"),
        (400, '{"error":"unauthorized_client"}', Unauthorized, "support"),
        (401, "", Unauthorized, "auth.client_id"),
        (403, "", Forbidden, "403"),
        (404, "", Rejected, "auth.token_url"),
        (405, "", Rejected, "auth.token_url"),
        (302, "", Malformed, "auth.token_url"),
        (204, "", Malformed, "auth.token_url"),
        (429, "", Throttled, "too many"),
        (500, "", Unavailable, "500"),
        (503, "", Unavailable, "503"),
        (200, "<html>", Malformed, "JSON"),
        (200, "{}", Malformed, "access_token"),
        (200, '{"access_token":""}', Malformed, "access_token"),
        (200, '{"access_token":"a\\r\\nX: y"}', Malformed, "access_token"),
        (200, '{"access_token":"a","token_type":"mac"}', Malformed, "bearer"),
    ],
)
async def test_what_the_token_endpoint_means(
    script: Any, make_keeper: Any, *, status: int, body: str, kind: type[RemoteError], says: str
) -> None:
    """Each refusal says what to check; none of them is ambiguous, because nothing else was sent."""
    answer = Answer(status=status, headers={"Content-Type": "application/json"}, body=body.encode())
    with pytest.raises(RemoteError) as caught:
        await make_keeper(script(answer)).ready()
    assert (type(caught.value), caught.value.status, caught.value.ambiguous) == (kind, status, False)
    assert says in str(caught.value)


async def test_html_is_no_login(script: Any, make_keeper: Any) -> None:
    """A company's proxy may answer instead."""
    answer = Answer(status=200, headers={"Content-Type": "text/html"}, body=b'{"access_token":"a"}')
    with pytest.raises(Malformed, match="text/html"):
        await make_keeper(script(answer)).ready()


async def test_no_error_repeats_the_secret(script: Any, make_keeper: Any) -> None:
    """Even if the endpoint does."""
    body = json.dumps({"error": "invalid_client", "error_description": "swordfish-7 of client-one is wrong"}).encode()
    answer = Answer(status=400, headers={"Content-Type": "application/json"}, body=body)
    with pytest.raises(Unauthorized) as caught:
        await make_keeper(script(answer)).ready()
    assert "swordfish" not in str(caught.value)
    assert "client-one" not in str(caught.value)
