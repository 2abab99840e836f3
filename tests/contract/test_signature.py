"""Contract, section 2.2: the custom scheme PNAUTHINFO3."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from extractor.observe.news import ClockCorrected
from extractor.simulator import Zone
from tests.contract.stage import Played, assert_published, assert_withheld, play, world
from tests.rehearsal import NOW

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

_HEADER = re.compile(
    r"(?P<scheme>PNAUTHINFO3-(HMAC-)?SHA(256|384|512)) "
    r"Credential=nightly/(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) "
    r"Signature=[A-Za-z0-9+/]+={0,2}"
)


def signed(**changes: Any) -> dict[str, Any]:
    """The ``connection`` section of a signed scheme with some keys changed."""
    return {"auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret", **changes}}


def headers(played: Played) -> list[str]:
    """The Authorization headers as they left."""
    return [each.headers["Authorization"] for each in played.wire.asked]


def refusals(played: Played) -> int:
    """How many calls met a 401."""
    return sum(each.status == 401 for each in played.history)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "unkeyed"])
async def test_each_scheme_and_hash_fetches_an_export(tmp_path: Path, keyed: bool, digest: str) -> None:
    """Six schemes, one export each, without a single refusal by a server that knows only that family."""
    server = world(schemes=("keyed",) if keyed else ("unkeyed",))
    played = await play(tmp_path, server, connection=signed(hash=digest, keyed=keyed), limits={"page_size": 100})
    assert_published(played)
    assert 0 == refusals(played)
    expected = f"PNAUTHINFO3-{'HMAC-' if keyed else ''}{digest.upper()}"
    assert {expected} == {each.partition(" ")[0] for each in headers(played)}


async def test_the_keyed_scheme_is_the_default(tmp_path: Path) -> None:
    """The recommended form, with SHA256, is what a configuration that does not say gets."""
    played = await play(tmp_path, world())
    assert {"PNAUTHINFO3-HMAC-SHA256"} == {each.partition(" ")[0] for each in headers(played)}


async def test_the_spelling_of_the_scheme_is_dialect_data(tmp_path: Path) -> None:
    """Its case does not matter to the service; whoever must have it otherwise can say so."""
    connection = signed() | {"dialect": {"keyed_scheme": "pnauthinfo3-hmac-{hash}"}}
    played = await play(tmp_path, world(), connection=connection)
    assert_published(played)
    assert 0 == refusals(played)


async def test_the_header_has_single_spaces_and_no_comma(tmp_path: Path) -> None:
    """``<scheme> Credential=<user>/<timestamp> Signature=<base64>``, on every request."""
    played = await play(tmp_path, world())
    assert [] == [each for each in headers(played) if not _HEADER.fullmatch(each)]


async def test_the_timestamp_is_utc_with_z_and_back_dated(tmp_path: Path) -> None:
    """Never undesignated, never in the server's future: by default five seconds before the request."""
    played = await play(tmp_path, world())
    (first, *_) = [_HEADER.fullmatch(each) for each in headers(played)]
    assert first is not None
    assert datetime.fromtimestamp(NOW - 5, UTC) == datetime.fromisoformat(first["timestamp"])


@pytest.mark.parametrize("zone", list(Zone))
async def test_the_zone_of_undesignated_timestamps_does_not_matter(tmp_path: Path, zone: Zone) -> None:
    """The documents are silent about it; ``Z`` is understood under either reading."""
    played = await play(tmp_path, world(timestamp_zone=zone))
    assert_published(played)
    assert 0 == refusals(played)


async def test_every_request_is_signed_anew(tmp_path: Path) -> None:
    """An export that takes an hour needs no longer window than a short one: 20 seconds are enough."""
    server = world(authorization_window=20.0, processing=3600.0)
    played = await play(tmp_path, server, limits={"poll_max": 30.0})
    assert_published(played)
    assert 0 == refusals(played)
    assert len(set(headers(played))) > 50


@pytest.mark.parametrize(
    "message", ["{clientId}:{userId}:{timestamp}:{secret}", "{secret}:{clientId}:{userId}:{timestamp}"]
)
async def test_the_unkeyed_message_is_dialect_data(tmp_path: Path, message: str) -> None:
    """Its order is unknown, so either candidate is one line of configuration."""
    connection = signed(keyed=False) | {"dialect": {"unkeyed_message": message}}
    assert_published(await play(tmp_path, world(unkeyed_message=message), connection=connection))


async def test_a_secret_beyond_ascii_is_signed_as_utf_8(tmp_path: Path) -> None:
    """Message and key are UTF-8 text."""
    secret = "s\u00e9same-\u043a\u043b\u044e\u0447"
    for keyed in (True, False):
        played = await play(tmp_path, world(secret=secret), fresh=True, connection=signed(secret=secret, keyed=keyed))
        assert_published(played)


async def test_a_base64_secret_can_be_decoded_first(tmp_path: Path) -> None:
    """Whether the secret is raw text is inferred, so the other reading is a switch of the dialect."""
    connection = signed(secret="c2ltdWxhdG9yLXNlY3JldA==") | {"dialect": {"secret_is_base64": True}}
    assert_published(await play(tmp_path, world(), connection=connection))


@pytest.mark.parametrize("seconds", [300.0, -300.0, 7200.0, -7200.0])
async def test_a_server_clock_far_away_is_learned(tmp_path: Path, seconds: float) -> None:
    """Minutes or hours ahead or behind: the Date header corrects it, at the cost of one refusal at most."""
    played = await play(tmp_path, world(clock_offset=seconds), limits={"page_size": 100})
    assert_published(played)
    (told,) = [each for each in played.news if isinstance(each, ClockCorrected)]
    assert abs(told.seconds + seconds) <= 2
    assert refusals(played) <= 1


@pytest.mark.parametrize("seconds", [2.0, -2.0, -4.0])
async def test_back_dating_covers_small_differences(tmp_path: Path, seconds: float) -> None:
    """A server a few seconds behind never sees a timestamp of its future."""
    played = await play(tmp_path, world(clock_offset=seconds))
    assert_published(played)
    assert 0 == refusals(played)


async def test_a_window_that_support_changed_needs_no_setting(tmp_path: Path) -> None:
    """Fifteen minutes is only the default: a window of ten seconds works as it is."""
    played = await play(tmp_path, world(authorization_window=10.0, processing=60.0))
    assert_published(played)
    assert 0 == refusals(played)


async def test_an_unknown_user_is_refused_before_any_export(tmp_path: Path) -> None:
    """The user id belongs to the signature; a wrong one costs one request and names the key."""
    played = await play(tmp_path, world(), connection=signed(user_id="nobody"))
    assert_withheld(played, 4)
    assert "auth.user_id" in played.only().message
    assert 1 == len(played.history)
