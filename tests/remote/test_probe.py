"""What doctor finds out, and that it is said with a remedy."""

from email.utils import formatdate
from typing import Any

import pytest

from extractor.errors import Unavailable
from extractor.remote import Answer, Request, probe

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def verdicts(findings: Any) -> list[tuple[str, bool]]:
    """Give names and verdicts."""
    return [(each.name, each.ok) for each in findings]


@pytest.mark.parametrize("status", [404, 400, 200, 410])
async def test_all_is_well_when_the_service_knows_us(
    client_over: Any, script: Any, json_answer: Any, status: int
) -> None:
    """Being told that there is no such export is being let in."""
    transport = script(json_answer("{}", 401), json_answer('{"Message":"No such token."}', status))
    async with client_over(transport) as client:
        assert verdicts(await probe(client)) == [("reachability", True), ("clock", True), ("authorization", True)]
    assert "Authorization" not in transport.sent[0].headers
    assert {each.method for each in transport.sent} == {"GET"}


async def test_an_unreachable_service_ends_the_examination(client_over: Any, script: Any) -> None:
    """The rest would only repeat it."""
    async with client_over(script(Unavailable("Status of segment 'doctor': no connection -- check it"))) as client:
        (finding,) = await probe(client)
    assert (finding.name, finding.ok, finding.text) == ("reachability", False, "no connection -- check it")


@pytest.mark.parametrize(
    ("status", "says"), [(401, "auth.secret"), (403, "user group"), (503, "temporarily"), (302, "base_url")]
)
async def test_a_refusal_comes_with_its_remedy(
    client_over: Any, script: Any, json_answer: Any, status: int, says: str
) -> None:
    """The same words as in a run."""
    async with client_over(script(json_answer("{}", status))) as client:
        finding = (await probe(client))[-1]
    assert (finding.name, finding.ok) == ("authorization", False)
    assert says in finding.text
    assert "doctor" not in finding.text


async def test_a_wrong_clock_is_found(client_over: Any, script: Any, json_answer: Any, clock: Any) -> None:
    """And does not hide whether the credentials are right."""
    clock.ahead = -300.0

    def serve(_request: Request) -> Answer:
        return json_answer("{}", 404, Date=formatdate(int(clock.server_now()), usegmt=True))

    async with client_over(script(serve)) as client:
        findings = await probe(client)
    assert verdicts(findings) == [("reachability", True), ("clock", False), ("authorization", True)]
    assert "300 s behind" in findings[1].text


async def test_an_agreeing_clock_is_said_to_agree(client_over: Any, script: Any, json_answer: Any, clock: Any) -> None:
    """And one that is not told is not praised."""
    date = formatdate(int(clock.server_now()), usegmt=True)
    for headers, says in (({"Date": date}, "agrees"), ({}, "not compared")):
        async with client_over(script(json_answer("{}", 404, **headers))) as client:
            assert says in (await probe(client))[1].text


async def test_a_connection_lost_half_way_is_a_finding(client_over: Any, script: Any, json_answer: Any) -> None:
    """No error comes out of an examination."""
    async with client_over(script(json_answer("{}", 401), Unavailable("the network failed"))) as client:
        finding = (await probe(client))[-1]
    assert (finding.name, finding.ok, finding.text) == ("authorization", False, "the network failed")


async def test_oauth_is_tried_on_its_own(
    client_over: Any, script: Any, json_answer: Any, make_connection: Any, oauth_section: Any
) -> None:
    """A failed login and a refused bearer have different remedies."""
    connection = make_connection(auth=oauth_section)
    refused = script(json_answer("{}", 404), json_answer('{"error":"invalid_client"}', 401))
    async with client_over(refused, connection=connection) as client:
        findings = await probe(client)
    assert verdicts(findings) == [("reachability", True), ("clock", True), ("login", False)]
    granted = script(json_answer("{}", 404), json_answer('{"access_token":"b"}'), json_answer("{}", 404))
    async with client_over(granted, connection=connection) as client:
        findings = await probe(client)
    assert verdicts(findings)[2:] == [("login", True), ("authorization", True)]
