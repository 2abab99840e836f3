from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from extractor.config import Connection, OAuth, PnAuth, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor.config import Config

SIGNED: dict[str, Any] = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "hunter2"}


def _connection(**keys: Any) -> Connection:
    written = {"base_url": "https://preferences.example", "client_id": "ACME", "auth": SIGNED}
    return Connection.model_validate(written | keys)


def test_defaults_are_what_the_reference_says() -> None:
    """Seconds and bytes."""
    connection = _connection()
    assert Timeouts(connect=10, first_byte=120, between_bytes=60) == connection.timeouts
    assert (None, None, {}, 512 * 1024 * 1024) == (
        connection.ca_file,
        connection.proxy,
        connection.dialect,
        connection.max_response,
    )


def test_signed_scheme_has_defaults() -> None:
    """Keyed SHA-256, five seconds in the past."""
    auth = _connection().auth
    assert isinstance(auth, PnAuth)
    assert ("sha256", True, 5.0) == (auth.hash, auth.keyed, auth.backdate)


def test_oauth_is_chosen_by_its_scheme(loads: Callable[..., Config]) -> None:
    """The keys of the section follow the scheme."""
    config = loads(
        "connection:\n  base_url: https://preferences.example\n  client_id: ACME\n  auth:\n    scheme: oauth\n"
        "    token_url: https://login.example/token\n    client_id: id\n    client_secret: ${env:S}\n"
        "    user_id: nightly\n"
        "jobs: [{segment: A}]\n",
        environ={"S": "hunter2"},
    )
    auth = config.connection.auth
    assert isinstance(auth, OAuth)
    assert ("basic", "hunter2") == (auth.credentials, auth.client_secret.get_secret_value())


def test_nothing_can_be_changed() -> None:
    """A configuration means the same from the first request to the last."""
    with pytest.raises(ValidationError, match="frozen"):
        _connection().client_id = "OTHER"  # type: ignore[misc] # what is tested


def test_secrets_never_show() -> None:
    """Neither in repr nor when the section is written as JSON."""
    connection = _connection(proxy="http://user:hunter2@proxy.example")
    assert "hunter2" not in repr(connection) + str(connection) + connection.model_dump_json()


@pytest.mark.parametrize("key", ["connect", "first_byte", "between_bytes"])
def test_no_timeout_is_zero(key: str) -> None:
    """A timeout of zero would refuse every answer."""
    with pytest.raises(ValidationError, match="greater than 0"):
        Timeouts.model_validate({key: "0s"})


def test_backdate_may_be_zero() -> None:
    """Clocks may be exact."""
    auth = _connection(auth=SIGNED | {"backdate": 0}).auth
    assert isinstance(auth, PnAuth)
    assert auth.backdate == 0
