"""Each documented 401, in the documented order (contract, section 2.3)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from extractor.simulator import Reply, Request, Service, SimulatorSettings, Zone

MISSING = "Missing Authorization Header"
SCHEME = "The scheme is invalid"
FORMAT = "The specified date does not match an expected ISO 8601 format"
AGE = "The difference between the issued timestamp and the current time is too large"
REFUSED = "Unable to authenticate request"

NOON = 1795435200.0  # 2026-11-23T12:00:00Z
STAMP = "2026-11-23T12:00:00Z"


@pytest.fixture
def ask(make_world: Callable[..., SimulatorSettings]) -> Callable[..., Reply]:
    """Give a function that asks for something harmless with this Authorization header, at noon."""

    def ask(header: str | None, **settings: Any) -> Reply:
        service = Service(make_world(**settings))
        headers = {} if header is None else {"authorization": header}
        return service.handle(Request.of("GET", "/Profiles/v4/Async/DEMO/Export/1/Status", headers=headers), NOON)

    return ask


def passed(reply: Reply) -> bool:
    """Tell whether the door was open: the token behind it does not exist."""
    return reply.status == 404


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("keyed", [True, False])
def test_both_schemes_open_the_door_with_each_hash(ask: Any, sign: Any, algorithm: str, keyed: bool) -> None:
    """Whatever the case of the scheme."""
    header = sign(STAMP, algorithm=algorithm, keyed=keyed)
    assert passed(ask(header))
    assert passed(ask(header.replace("SHA", "sha").replace("PNAUTH", "pnauth")))


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_header(ask: Any, header: str | None) -> None:
    """Is refused first."""
    assert_refused(ask(header), MISSING)


@pytest.mark.parametrize("scheme", ["PNAUTHINFO100-HMAC-SHA256", "Basic", "PNAUTHINFO3-HMAC-MD5", "PNAUTHINFO3"])
def test_an_unknown_scheme(ask: Any, sign: Any, scheme: str) -> None:
    """Before the date is looked at."""
    parameters = sign("not a date").partition(" ")[2]
    assert_refused(ask(f"{scheme} {parameters}"), SCHEME)


@pytest.mark.parametrize("stamp", ["2026-11-23", "2026-11-23T25:00:00Z", "now", "", "2026-11-23T12:00:01Z"])
def test_a_bad_date_or_one_in_the_future(ask: Any, sign: Any, stamp: str) -> None:
    """Before the signature; the documents place every future timestamp here."""
    assert_refused(ask(sign(stamp, secret="wrong")), FORMAT)


def test_a_timestamp_older_than_the_window(ask: Any, sign: Any) -> None:
    """15 minutes are allowed, a second more is not, unless it was set otherwise."""
    assert passed(ask(sign("2026-11-23T11:45:00Z")))
    assert_refused(ask(sign("2026-11-23T11:44:59Z", secret="wrong")), AGE)
    assert passed(ask(sign("2026-11-23T11:44:59Z"), authorization_window=901))


@pytest.mark.parametrize(
    "header",
    [
        f"PNAUTHINFO3-HMAC-SHA256 Credential=nightly/{STAMP} Signature=AAAA",
        f"PNAUTHINFO3-HMAC-SHA256 Credential=nightly/{STAMP}",
        "PNAUTHINFO3-HMAC-SHA256 Signature=AAAA",
        "PNAUTHINFO3-HMAC-SHA256",
        "Bearer nobody",
    ],
)
def test_incomplete_parameters_or_a_wrong_signature(ask: Any, header: str) -> None:
    """All of them in the same words, so that nobody learns more."""
    reply = ask(header)
    assert (401, {"Message": REFUSED}) == (reply.status, orjson.loads(reply.body))


def test_a_wrong_secret_or_another_user(ask: Any, sign: Any) -> None:
    """The signature binds client, user and timestamp."""
    assert_refused(ask(sign(STAMP, secret="wrong")), REFUSED)
    assert_refused(ask(sign(STAMP, user="daily")), REFUSED)
    assert_refused(ask(sign(STAMP).replace("SHA256", "SHA512")), REFUSED)


def test_a_signature_of_another_timestamp_is_wrong(ask: Any, sign: Any) -> None:
    """The text in Credential is the text that was signed."""
    assert_refused(ask(sign("2026-11-23T11:59:59Z").replace("11:59:59", "11:59:58")), REFUSED)


def test_an_accepted_skew_lets_the_near_future_in(ask: Any, sign: Any) -> None:
    """The documents state none, so it is 0 unless set."""
    assert passed(ask(sign("2026-11-23T12:00:05Z"), accepted_skew=5.0))
    assert_refused(ask(sign("2026-11-23T12:00:06Z"), accepted_skew=5.0), FORMAT)


def test_a_timestamp_without_z_is_eastern_unless_set_otherwise(ask: Any, sign: Any) -> None:
    """UTC written without Z lies hours in the future, then."""
    assert passed(ask(sign("2026-11-23T07:00:00")))
    assert_refused(ask(sign("2026-11-23T12:00:00")), FORMAT)
    assert passed(ask(sign("2026-11-23T12:00:00"), timestamp_zone=Zone.UTC))


def test_the_clock_of_the_server_is_the_one_that_counts(ask: Any, sign: Any) -> None:
    """An hour behind, it finds good timestamps in its future."""
    assert_refused(ask(sign(STAMP), clock_offset=-3600.0), FORMAT)
    assert_refused(ask(sign(STAMP), clock_offset=3600.0), AGE)
    assert "Mon, 23 Nov 2026 13:00:00 GMT" == ask(sign(STAMP), clock_offset=3600.0).headers["Date"]


def test_the_order_of_the_unkeyed_message_can_be_switched(ask: Any, sign: Any) -> None:
    """The documents do not tell it."""
    header = sign(STAMP, keyed=False)
    assert_refused(ask(header, unkeyed_message="{secret}:{clientId}:{userId}:{timestamp}"), REFUSED)


def test_a_scheme_can_be_switched_off(ask: Any, sign: Any) -> None:
    """For an account that allows only one."""
    assert_refused(ask(sign(STAMP, keyed=False), schemes=("keyed",)), SCHEME)


def assert_refused(reply: Reply, message: str) -> None:
    """Compare the whole documented answer."""
    assert (401, {"Message": message}) == (reply.status, orjson.loads(reply.body))
    expected = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache", "Pragma": "no-cache"}
    assert expected | {"Expires": "-1"} == {name: reply.headers[name] for name in (*expected, "Expires")}
    assert reply.headers["WWW-Authenticate"].startswith('PNAUTHINFO3 realm="')
