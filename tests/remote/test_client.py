"""One command in, one event out: the order of steps, 401, holds, and that nothing private comes out."""

import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import anyio
import pytest

from extractor.errors import (
    Forbidden,
    Malformed,
    NotFound,
    Rejected,
    RemoteError,
    Throttled,
    TokenGone,
    Unauthorized,
    Unavailable,
)
from extractor.plan.job import JobSpec
from extractor.protocol.vocabulary import (
    Commit,
    Committed,
    Fault,
    FetchPage,
    Initiate,
    Meaning,
    PageFetched,
    PollStatus,
    RequestFailed,
    StatusReported,
    TokenIssued,
)
from extractor.remote import Answer, Request
from tests.asking import match_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

INITIATE = Initiate(export=1)
STATUS = PollStatus(token=77)
PAGE = FetchPage(token=77, offset=1, limit=2)
COMMIT = Commit(token=77)
TOO_OLD = "The difference between the issued timestamp and the current time is too large"


def issued(bearer: str, life: float = 3600) -> Answer:
    """Give the token endpoint's answer."""
    body = json.dumps({"access_token": bearer, "expires_in": life}).encode()
    return Answer(status=200, headers={"Content-Type": "application/json"}, body=body)


def bearers(transport: Any) -> list[str]:
    """Give the Authorization headers of the API requests."""
    return [each.headers.get("Authorization", "") for each in transport.sent if "oauth" not in each.url]


async def test_each_command_becomes_its_event(
    client_over: Any, script: Any, json_answer: Any, make_job: Callable[..., JobSpec]
) -> None:
    """The whole life of a token, in four requests."""
    page = '{"Count":0,"HasMore":false,"Limit":2,"Offset":1,"TotalResults":0,"UserProfilePreferences":[]}'
    transport = script(
        json_answer('{"AccessToken":77}', Date="Wed, 18 Nov 2026 11:06:40 GMT"),
        json_answer('{"AccessToken":77,"Status":"Complete","RowCount":0}'),
        json_answer(page),
        Answer(status=200),
    )
    async with client_over(transport) as client:
        events = [await client.perform(command, make_job()) for command in (INITIATE, STATUS, PAGE, COMMIT)]
    assert events == [
        TokenIssued(token=77, server_time=1_795_000_000.0, local_time=events[0].local_time),
        StatusReported(meaning=Meaning.COMPLETE, spelled="Complete", row_count=0),
        PageFetched(asked=1, offset=1, count=0, total=0, has_more=False, body=page.encode()),
        Committed(),
    ]
    assert [each.method for each in transport.sent] == ["POST", "GET", "GET", "POST"]
    assert client.requests == 4


@pytest.mark.parametrize("answer", [Answer(status=204), Answer(status=202, body=b"<html>")])
async def test_any_2xx_commits(client_over: Any, script: Any, make_job: Any, answer: Answer) -> None:
    """The body is not documented."""
    async with client_over(script(answer)) as client:
        assert await client.perform(COMMIT, make_job()) == Committed()


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Rejected, Fault.REJECTED), (Unauthorized, Fault.UNAUTHORIZED), (Forbidden, Fault.FORBIDDEN),
        (NotFound, Fault.NOT_FOUND), (TokenGone, Fault.TOKEN_GONE), (Throttled, Fault.THROTTLED),
        (Unavailable, Fault.UNAVAILABLE), (Malformed, Fault.MALFORMED),
    ],
)  # fmt: skip
async def test_every_remote_error_is_an_event(
    client_over: Any, script: Any, make_job: Any, kind: type[RemoteError], fault: Fault
) -> None:
    """With its facts, the command that failed, and a draw for the retry's jitter."""
    error = kind("said so", status=599, retry_after=3.0, ambiguous=True)
    async with client_over(script(error)) as client:
        event = await client.perform(INITIATE, make_job())
    assert isinstance(event, RequestFailed)
    assert (event.command, event.draw, event.failure.fault) == (INITIATE, 0.25, fault)
    assert (event.failure.message, event.failure.status, event.failure.retry_after, event.failure.ambiguous) == (
        "said so", 599, 3.0, True,
    )  # fmt: skip


async def test_a_hold_that_begins_while_an_intent_is_journaled_is_obeyed(
    client_over: Any, script: Any, json_answer: Any, make_job: Callable[..., JobSpec]
) -> None:
    """The disk took its time between the turn and the sending: the request waits again, and counts once."""
    transport = script(json_answer("{}", 503, Retry_After="20"), json_answer('{"AccessToken":77}'))
    async with client_over(transport) as client:

        async def journaling() -> None:
            await client.perform(STATUS, make_job())  # brings the hold

        await client.perform(INITIATE, make_job(), leaving=journaling)
    held, sent = transport.at
    assert sent - held == pytest.approx(20.0, abs=0.1)
    assert 2 == client.requests


async def test_signed_when_its_turn_has_come(
    client_over: Any, script: Any, json_answer: Any, make_job: Any, clock: Any
) -> None:
    """A request that waited an hour is signed for the instant at which it leaves."""
    transport = script(json_answer('{"Status":"Processing"}'))
    async with client_over(transport) as client:
        client.wire.limiter.hold(3600.0)
        await client.perform(STATUS, make_job())
    stamp = transport.sent[0].headers["Authorization"].partition("/")[2].partition(" ")[0]
    assert stamp == "2026-11-18T12:06:35Z"  # an hour after the start, back-dated by 5 s
    assert transport.at == [3600.0]
    assert clock.ahead == 0.0


async def test_a_wrong_clock_costs_one_401(
    client_over: Any, script: Any, json_answer: Any, make_job: Any, clock: Any
) -> None:
    """The 401's Date corrects the signature; it is sent once more, and never again."""
    clock.ahead = 7200.0
    heard: list[float] = []

    def strict(request: Request) -> Answer:
        date = formatdate(int(clock.server_now()), usegmt=True)
        if "/2026-11-18T11:06:" in request.headers["Authorization"]:
            return json_answer('{"Status":"Processing"}', Date=date)
        return json_answer(json.dumps({"Message": TOO_OLD}), 401, Date=date)

    transport = script(strict)
    async with client_over(transport, on_skew=heard.append) as client:
        for _ in range(3):
            assert isinstance(await client.perform(STATUS, make_job()), StatusReported)
    assert len(transport.sent) == 4
    assert [round(each, -1) for each in heard] == [7200.0]


async def test_a_wrong_secret_is_sent_once(client_over: Any, script: Any, json_answer: Any, make_job: Any) -> None:
    """Without news of the clock, the same signature would fail again."""
    transport = script(json_answer('{"Message":"Unable to authenticate request"}', 401))
    async with client_over(transport) as client:
        event = await client.perform(INITIATE, make_job())
    assert event.failure.fault is Fault.UNAUTHORIZED
    assert "auth.secret" in event.failure.message
    assert len(transport.sent) == 1


async def test_a_signature_that_aged_on_the_way_is_made_anew_once(
    client_over: Any, script: Any, json_answer: Any, make_job: Any
) -> None:
    """The machine slept after signing: the credential has worked before, so it is worth one resend."""
    fine, refused = json_answer('{"Status":"Processing"}'), json_answer(json.dumps({"Message": TOO_OLD}), 401)
    transport = script(fine, refused, fine, refused, refused, refused)
    async with client_over(transport) as client:
        events = [await client.perform(STATUS, make_job()) for _ in range(4)]
    assert [type(each) for each in events] == [StatusReported, StatusReported, RequestFailed, RequestFailed]
    assert len(transport.sent) == 1 + 2 + 2 + 1


async def test_many_tasks_with_one_dead_bearer_cause_one_login(
    client_over: Any, script: Any, json_answer: Any, *, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """Fifty 401s, one login, fifty resends."""
    logins = iter(["b-1", "b-2"])

    async def serve(request: Request) -> Answer:
        await anyio.sleep(0.2)
        if "oauth" in request.url:
            return issued(next(logins))
        if request.headers["Authorization"] == "Bearer b-1":
            return json_answer("{}", 401)
        return json_answer('{"Status":"Processing"}')

    transport, events = script(serve), []
    async with client_over(transport, connection=make_connection(auth=oauth_section)) as client:

        async def ask() -> None:
            events.append(await client.perform(STATUS, make_job()))

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(ask)
    assert {type(each) for each in events} == {StatusReported}
    assert len(transport.sent) == client.requests == 2 + 50 + 50


async def test_a_bearer_refused_twice_ends_the_request(
    client_over: Any, script: Any, json_answer: Any, *, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """One re-login and one resend for the first request, and neither for those after it."""

    def serve(request: Request) -> Answer:
        return issued("b") if "oauth" in request.url else json_answer("{}", 401)

    transport = script(serve)
    async with client_over(transport, connection=make_connection(auth=oauth_section)) as client:
        faults = [(await client.perform(STATUS, make_job())).failure.fault for _ in range(3)]
    assert faults == [Fault.UNAUTHORIZED] * 3
    assert len(bearers(transport)) == 2 + 1 + 1
    assert len(transport.sent) == len(bearers(transport)) + 2


async def test_a_failed_login_is_not_a_possible_orphan(
    client_over: Any, script: Any, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """The POST was never sent, however the login broke."""
    lost = Unavailable("lost", ambiguous=True)
    async with client_over(script(lost), connection=make_connection(auth=oauth_section)) as client:
        event = await client.perform(INITIATE, make_job())
    assert (event.failure.fault, event.failure.ambiguous) == (Fault.UNAVAILABLE, False)


async def test_a_login_does_not_let_a_crowd_through(
    client_over: Any, script: Any, json_answer: Any, *, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """Who waited for a slow login is still spaced by the rate afterwards."""

    async def serve(request: Request) -> Answer:
        if "oauth" in request.url:
            await anyio.sleep(5)
            return issued("b")
        return json_answer('{"Status":"Processing"}')

    transport = script(serve)
    connection = make_connection(auth=oauth_section)
    async with (
        client_over(transport, connection=connection, requests_per_second=10.0) as client,
        anyio.create_task_group() as group,
    ):
        for _ in range(30):
            group.start_soon(client.perform, STATUS, make_job())
    for at in transport.at:
        assert sum(1 for each in transport.at if at <= each < at + 1.0) <= 11.25


async def test_a_bearer_too_short_lived_for_the_queue_gives_up(
    client_over: Any, script: Any, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """It does not log in for ever."""
    transport = script(issued("b", life=0.01))
    connection = make_connection(auth=oauth_section)
    async with client_over(transport, connection=connection, requests_per_second=1.0) as client:
        event = await client.perform(STATUS, make_job())
    assert event.failure.fault is Fault.UNAVAILABLE
    assert "requests_per_second" in event.failure.message
    assert len(transport.sent) == 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_retry_after_holds_everybody(
    client_over: Any, script: Any, json_answer: Any, make_job: Any, *, clock: Any, status: int, form: str
) -> None:
    """No request leaves inside the hold, whoever got the answer; it is told once."""
    heard: list[tuple[float, int]] = []
    header = "30" if form == "seconds" else formatdate(clock.now() + 31, usegmt=True)

    async def throttled(_request: Request) -> Answer:
        await anyio.sleep(0.5)
        return json_answer('{"Message":null}', status, Retry_After=header)

    transport = script(throttled, throttled, json_answer('{"Status":"Processing"}'))
    async with client_over(
        transport, requests_per_second=4.0, on_hold=lambda *told: heard.append(told)
    ) as client, anyio.create_task_group() as group:  # fmt: skip
        for _ in range(6):
            group.start_soon(client.perform, STATUS, make_job())
    early = [each for each in transport.at if each < 30.0]
    assert len(early) <= 2
    assert len(transport.sent) == 6
    assert [told[1] for told in heard] == [status]
    assert heard[0][0] == pytest.approx(30.0, abs=1.0)


async def test_pages_go_before_polls_and_a_login_before_all(
    client_over: Any, script: Any, *, make_job: Any, make_connection: Any, oauth_section: Any
) -> None:
    """Whoever came first: while the rate is the limit, each turn is given to what is worth most."""

    def serve(request: Request) -> Answer:
        return issued("b", life=1.0 if len(transport.sent) == 1 else 3600.0) if "oauth" in request.url else Answer(
            status=404
        )  # fmt: skip

    transport = script(serve)
    urgent = FetchPage(token=77, offset=1, limit=1, urgent=True)
    async with client_over(
        transport, connection=make_connection(auth=oauth_section), requests_per_second=5.0
    ) as client, anyio.create_task_group() as group:  # fmt: skip
        await client.perform(STATUS, make_job())
        for command in (STATUS, INITIATE, COMMIT, urgent, STATUS, PAGE):
            group.start_soon(client.perform, command, make_job())
            await anyio.sleep(0.01)
        await anyio.sleep(0.8)  # the bearer ends: one more login, although others wait
        group.start_soon(client.perform, STATUS, make_job())
    abouts = [each.about.split()[0] for each in transport.sent]
    assert abouts[:2] == ["OAuth", "Status"]
    rest = [each for each in abouts[2:] if each != "OAuth"]
    assert rest == ["Page", "Commit", "Page", "Initiate", "Status", "Status", "Status"]
    assert "OAuth" in abouts[3:-3]


async def test_a_429_slows_down_and_a_503_does_not(
    client_over: Any, script: Any, json_answer: Any, make_job: Any
) -> None:
    """A sentence for each change; 503 only holds, with or without a Retry-After."""
    told: list[str] = []
    busy, refused = json_answer("{}", 503, Retry_After="1"), json_answer("{}", 429, Retry_After="2")
    transport = script(busy, json_answer("{}", 503), refused, json_answer('{"Status":"Processing"}'))
    async with client_over(transport, requests_per_second=20.0, on_pace=told.append) as client:
        for _ in range(2):
            await client.perform(STATUS, make_job())
        assert told == []
        await client.perform(STATUS, make_job())
        assert ["asking for 14 a second" in each for each in told] == [True]
        began = anyio.current_time()
        for _ in range(29):
            await client.perform(STATUS, make_job())
    assert anyio.current_time() - began == pytest.approx(2.0 + 28 * 1.01 / 14, abs=0.2)


async def test_a_401_without_an_end_costs_two_requests(
    client_over: Any, script: Any, json_answer: Any, make_job: Any, clock: Any
) -> None:
    """Even if every answer brings news of the clock."""
    wander = iter(range(0, 100_000, 1000))

    def serve(_request: Request) -> Answer:
        date = formatdate(int(clock.server_now()) + next(wander), usegmt=True)
        return json_answer("{}", 401, Date=date)

    transport = script(json_answer("{}", 503), serve)
    async with client_over(transport) as client:
        await client.perform(STATUS, make_job())
        await client.perform(STATUS, make_job())
    assert len(transport.sent) <= 3


async def test_nothing_private_comes_out(
    client_over: Any, script: Any, json_answer: Any, make_job: Callable[..., JobSpec]
) -> None:
    """Secret, signature, token and values are in no event's message or repr, whatever the server repeats."""
    job = make_job(match=match_of("EmailAddress", "Home", ("ada@example.test", "lovelace")))
    private = ["swordfish-7", "424242", "ada@example.test", "lovelace"]

    def echo(request: Request) -> Answer:
        said = f"{request.url} {request.headers['Authorization']} {(request.body or b'').decode()} 424242 lovelace"
        private.append(request.headers["Authorization"].rpartition("=")[0].rpartition("=")[2])
        return json_answer(json.dumps({"Message": said}), statuses.pop())

    for command in (INITIATE, PollStatus(token=424242), FetchPage(token=424242, offset=1, limit=1), COMMIT):
        statuses = [400, 403, 404, 409, 429, 500, 503, 401]
        async with client_over(script(echo)) as client:
            while statuses:
                shown = repr(await client.perform(command, job))
                for each in private:
                    assert each not in shown
