"""The token endpoint and what its bearers open (contract, section 2.1)."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from extractor.simulator import Reply, Request, Service, SimulatorSettings

NOW = 1795435200.0
GOOD = {
    "grant_type": "client_credentials",
    "scope": "DEMO/nightly",
    "client_id": "simulator-client",
    "client_secret": "simulator-secret",
}


@pytest.fixture
def service(make_world: Callable[..., SimulatorSettings]) -> Service:
    """Give a service."""
    return Service(make_world())


def post(service: Service, form: dict[str, str], now: float = NOW, **headers: str) -> Reply:
    """Ask for a bearer."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return service.handle(Request.of("POST", "/oauth/token", headers=sent, body=urlencode(form).encode()), now)


def knock(service: Service, bearer: str, now: float) -> int:
    """Use a bearer for a token that does not exist: 404 is an open door."""
    headers = {"Authorization": f"Bearer {bearer}"}
    return service.handle(Request.of("GET", "/Profiles/v4/Async/DEMO/Export/1/Status", headers=headers), now).status


def test_a_bearer_opens_the_door_until_it_is_over(service: Service) -> None:
    """An hour, unless set otherwise; a second one does not end the first."""
    told = orjson.loads(post(service, GOOD).body)
    assert ("Bearer", 3600, "DEMO/nightly") == (told["token_type"], told["expires_in"], told["scope"])
    assert orjson.loads(post(service, GOOD).body)["access_token"] != told["access_token"]
    times = (0, 3599, 3600)
    assert [404, 404, 401] == [knock(service, told["access_token"], NOW + later) for later in times]


def test_credentials_may_stand_in_a_basic_header(service: Service) -> None:
    """As well as in the body."""
    basic = base64.b64encode(b"simulator-client:simulator-secret").decode()
    form = {name: GOOD[name] for name in ("grant_type", "scope")}
    assert 200 == post(service, form, Authorization=f"Basic {basic}").status


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"scope": "DEMO/daily"}, 400, "invalid_scope"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_a_refusal_has_the_error_body_of_the_standard(
    service: Service, changes: dict[str, str], status: int, error: str
) -> None:
    """RFC 6749, section 5.2."""
    reply = post(service, GOOD | changes)
    assert (status, error) == (reply.status, orjson.loads(reply.body)["error"])
    assert "no-store" == reply.headers["Cache-Control"]


def test_a_body_that_is_no_form_is_refused(service: Service) -> None:
    """JSON, for example."""
    assert 400 == post(service, GOOD, **{"Content-Type": "application/json"}).status


@pytest.mark.parametrize("basic", ["!!!", "", base64.b64encode(b"\xff\xfe").decode()])
def test_a_broken_basic_header_is_no_client(service: Service, basic: str) -> None:
    """And no crash."""
    assert 401 == post(service, GOOD, Authorization=f"Basic {basic}").status


def test_the_token_endpoint_fails_by_script_and_bearers_can_be_revoked(call: Any) -> None:
    """So that signing in anew can be rehearsed."""
    service = call(faults="token: 503 ok\nstatus: revoke").service
    statuses = [post(service, GOOD).status, post(service, GOOD).status]
    bearer = orjson.loads(post(service, GOOD).body)["access_token"]
    assert [503, 200] == statuses
    assert [401, 401] == [knock(service, bearer, NOW), knock(service, bearer, NOW)]
