"""Contract, section 2.1: OAuth 2.0 client credentials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pydantic
import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Segment, SimulatorSettings
from tests.contract.stage import OAUTH, Played, assert_published, assert_withheld, play, truth, world
from tests.rehearsal import config_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def logins(played: Played) -> list[Request]:
    """The token requests as they left."""
    return [each for each in played.wire.asked if each.url == OAUTH["token_url"]]


@pytest.mark.parametrize("credentials", ["basic", "body"])
async def test_client_credentials_fetch_an_export(tmp_path: Path, credentials: str) -> None:
    """Id and secret travel in a Basic header or in the body; either way one login serves the whole run."""
    auth = {"auth": OAUTH | {"credentials": credentials}}
    played = await play(tmp_path, world(schemes=("bearer",)), connection=auth, limits={"page_size": 100})
    assert_published(played)
    (login,) = logins(played)
    assert (credentials == "basic") == ("Authorization" in login.headers)
    assert (credentials == "body") == (b"client_secret" in (login.body or b""))


async def test_a_login_is_a_form_with_grant_type_and_scope(tmp_path: Path) -> None:
    """The scope is the account's client id, a slash and the user id; the form is RFC 6749's."""
    played = await play(tmp_path, world(), connection={"auth": OAUTH})
    (login,) = logins(played)
    assert "application/x-www-form-urlencoded" == login.headers["Content-Type"]
    assert {"grant_type": ["client_credentials"], "scope": ["DEMO/nightly"]} == parse_qs((login.body or b"").decode())


async def test_every_call_carries_the_bearer(tmp_path: Path) -> None:
    """Initiate, Status, Retrieve and Commit all carry ``Authorization: Bearer`` and nothing else of the login."""
    played = await play(tmp_path, world(), connection={"auth": OAUTH})
    calls = [each for each in played.wire.asked if each.url != OAUTH["token_url"]]
    assert {"Bearer"} == {each.headers["Authorization"].partition(" ")[0] for each in calls}
    assert 1 == len({each.headers["Authorization"] for each in calls})


async def test_a_bearer_that_ends_is_renewed_before_it_does(tmp_path: Path) -> None:
    """Lifetimes are the server's word: the run outlives several bearers and no call meets a 401."""
    server = world(bearer_lifetime=100.0, processing=250.0)
    played = await play(tmp_path, server, connection={"auth": OAUTH}, limits={"poll_max": 10.0})
    assert_published(played)
    assert 3 == len(logins(played))
    assert 401 not in {each.status for each in played.history}


async def test_a_revoked_bearer_is_renewed_once_for_all(tmp_path: Path) -> None:
    """Many jobs meet the dead bearer; one login follows, and every job goes on."""
    server = SimulatorSettings(
        segments=tuple(Segment(name=f"S{n}", count=300, first=n) for n in range(6)),
        faults={"page": "ok ok ok revoke"},
    )
    jobs = [{"segment": f"S{n}"} for n in range(6)]
    played = await play(tmp_path, server, jobs, connection={"auth": OAUTH}, limits={"page_size": 50})
    assert [Verdict.DONE] * 6 == played.verdicts()
    assert 2 == len(logins(played))
    for n in range(6):
        assert truth(played, f"S{n}") == played.lines(f"segment=S{n}")


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"client_secret": "another-secret"}, "auth.client_secret"),
        ({"client_id": "another-client"}, "auth.client_id"),
        ({"user_id": "nobody"}, "connection.client_id/auth.user_id"),
        ({"token_url": "http://127.0.0.1:8080/oauth/elsewhere"}, "auth.token_url"),
    ],
    ids=["secret", "client", "scope", "address"],
)
async def test_a_refused_login_stops_the_job_with_a_remedy(
    tmp_path: Path, changed: dict[str, str], remedy: str
) -> None:
    """RFC 6749's error body is read; no call of the API is made, and nothing is tried for ever."""
    played = await play(tmp_path, world(), connection={"auth": OAUTH | changed})
    assert_withheld(played, 4)
    assert remedy in played.only().message
    assert {"token", "unknown"} >= set(played.kinds())
    assert 1 == len(played.history)


async def test_a_login_that_fails_in_passing_is_tried_again(tmp_path: Path) -> None:
    """503, a lost answer and a login page from somebody in between cost time, not the run."""
    server = world(faults={"token": "503:2s lost html empty ok"})
    played = await play(tmp_path, server, connection={"auth": OAUTH})
    assert_published(played)
    assert 4 == sum(played.service.playbook.fired.values())
    assert 0 == played.closed.possible_orphans


async def test_a_token_answer_without_a_lifetime_is_used_for_a_few_minutes(tmp_path: Path) -> None:
    """``expires_in`` is only recommended: without it the bearer is renewed after five minutes at most."""

    def without_lifetime(_request: Request, answer: Answer) -> Answer:
        if b"access_token" not in answer.body:
            return answer
        told = {name: value for name, value in orjson.loads(answer.body).items() if name != "expires_in"}
        return replace(answer, body=orjson.dumps(told))

    server = world(processing=500.0)
    played = await play(tmp_path, server, connection={"auth": OAUTH}, spoil=without_lifetime)
    assert_published(played)
    assert 2 == len(logins(played))


async def test_a_bearer_that_is_never_accepted_stops_the_job(tmp_path: Path) -> None:
    """A fresh bearer that is refused is renewed once and then given up: nothing is renewed for ever."""
    played = await play(tmp_path, world(schemes=("keyed",)), connection={"auth": OAUTH})
    assert_withheld(played, 4)
    assert "the bearer is not accepted" in played.only().message
    assert len(logins(played)) <= 2
    assert len(played.history) <= 4


async def test_a_certificate_is_refused_by_the_configuration(tmp_path: Path) -> None:
    """Its mechanics are unknown, so the configuration offers the secret only, and no request is made."""
    auth: dict[str, Any] = OAUTH | {"credentials": "certificate"}
    with pytest.raises(pydantic.ValidationError):
        config_of(tmp_path, [{"segment": "A"}], connection={"auth": auth})
