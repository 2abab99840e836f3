"""Contract, sections 2 and 3: what went over the wire for authorization and matching is repeated nowhere."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest

from extractor.remote import Answer, Request
from extractor.simulator import Segment, SimulatorSettings
from tests.contract.stage import OAUTH, Played, play, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SECRET = "0penSesame/+WithSlash=and?marks-4711"
VALUES = ["zoe.private@example.test", "grace.hidden@example.test"]
PN = {"auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": SECRET}}
SCENARIOS: dict[str, dict[str, Any]] = {
    "quiet": {},
    "refused": {"faults": {"initiate": "400"}},
    "unauthorized": {"faults": {"page": "401x*"}},
    "forbidden": {"faults": {"page": "403"}},
    "gone": {"faults": {"page": "404x*"}},
    "down": {"faults": {"status": "503:1s 500 lost html truncate@9 drop@3 429:1s ok"}},
    "never up": {"faults": {"page": "503x*"}},
    "login page": {"faults": {"page": "htmlx*"}},
    "unreadable": {"faults": {"initiate": "truncate@9x*"}},
    "unknown status": {"faults": {"status": "status=Pausedx*"}},
    "mixed up": {"faults": {"page": "total+1"}},
    "lost exports": {"faults": {"status": "errorx*"}},
    "silent commit": {"faults": {"commit": "lost"}},
    "refused commit": {"faults": {"commit": "403"}},
}


def private(played: Played) -> list[str]:
    """Everything that must not be repeated: secrets, signatures, bearers, AccessTokens, match values."""
    found = [SECRET, quote_plus(SECRET), base64.b64encode(SECRET.encode()).decode(), *VALUES]
    for request in played.wire.asked:
        header = request.headers.get("Authorization", "")
        found += re.findall(r"Signature=(\S+)", header) + re.findall(r"(?:Bearer|Basic) (\S+)", header)
    for answer in played.wire.answered:
        found += [value.decode() for value in re.findall(rb'"access_token":"([^"]+)"', answer.body)]
        found += [value.decode() for value in re.findall(rb'"accesstoken":(\d+)', answer.body, re.IGNORECASE)]
    return [*found, *map(str, played.tokens())]


def assert_silent(played: Played) -> None:
    """No private text is in any news, manifest or message; what is private was really there."""
    words = played.words()
    assert len(private(played)) > 6
    assert [] == [each for each in private(played) if each in words]


def matched(folder: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """A job that names people."""
    return [{"segment": "A", "match": {"criteria": "EmailAddress", "values": VALUES}, **(folder or {})}]


@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize("scheme", ["pnauthinfo3", "oauth"])
async def test_nothing_private_is_repeated(tmp_path: Path, scheme: str, scenario: str) -> None:
    """In fair weather and foul, under both schemes: news, manifests and messages hold none of it."""
    server = world(5, secret=SECRET, oauth_client_secret=SECRET, **SCENARIOS[scenario])
    connection = PN if scheme == "pnauthinfo3" else {"auth": OAUTH | {"client_secret": SECRET}}
    limits = {"re_exports": 1, "retry_for": 60.0}
    jobs = [*matched(), {"segment": "A", "name": "all"}]
    assert_silent(await play(tmp_path, server, jobs, connection=connection, limits=limits))


@pytest.mark.parametrize("scheme", ["pnauthinfo3", "oauth"])
async def test_a_wrong_secret_is_not_repeated_by_the_refusal(tmp_path: Path, scheme: str) -> None:
    """The server knows another secret: ours is in no message."""
    connection = PN if scheme == "pnauthinfo3" else {"auth": OAUTH | {"client_secret": SECRET}}
    played = await play(tmp_path, world(), matched(), connection=connection)
    assert 4 == played.exit_code
    assert [] == [each for each in private(played) if each in played.words()]


@pytest.mark.parametrize("call", ["Initiate", "Status", "Page", "Commit"])
@pytest.mark.parametrize("scheme", ["pnauthinfo3", "oauth"])
async def test_a_server_that_quotes_the_request_is_not_quoted(tmp_path: Path, scheme: str, call: str) -> None:
    """An error whose text repeats header, address and body: the message keeps the sense and drops the rest."""

    def quoting(request: Request, answer: Answer) -> Answer:
        if not request.about.startswith(call):
            return answer
        body = (request.body or b"").decode()
        text = f"Cannot do {request.method} {request.url} with {request.headers.get('Authorization')} for {body}"
        return replace(answer, status=403, body=orjson.dumps({"Message": text}))

    server = world(5, secret=SECRET, oauth_client_secret=SECRET)
    connection = PN if scheme == "pnauthinfo3" else {"auth": OAUTH | {"client_secret": SECRET}}
    played = await play(tmp_path, server, matched(), connection=connection, spoil=quoting)
    assert [] == [each for each in private(played) if each in played.words()]
    assert "Cannot do" in played.words()


async def test_no_record_is_repeated(tmp_path: Path) -> None:
    """A record that cannot be stored is named by page and index, never shown."""

    def damaged(request: Request, answer: Answer) -> Answer:
        if request.about.startswith("Page"):
            return replace(answer, body=answer.body.replace(b'"ProfileId":10000003', b'"ProfileId":NaN'))
        return answer

    played = await play(tmp_path, world(5), spoil=damaged)
    assert 6 == played.exit_code
    assert "offset 1" in played.only().message
    assert "@" not in played.words().replace("@nightly", "")


async def test_match_values_are_in_no_manifest_or_folder_name(tmp_path: Path) -> None:
    """Only how many there are is kept: names of folders and files hold none either."""
    server = SimulatorSettings(segments=(Segment(name="A", count=50),))
    played = await play(tmp_path, server, matched({"name": "two"}))
    assert 0 == played.exit_code
    places = "\n".join(str(each) for each in (played.config.output.path).rglob("*"))
    assert [] == [value for value in VALUES if value in places + played.words()]
    assert "EmailAddress x 2" in played.words()
