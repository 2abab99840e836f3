"""Signatures, against vectors that were computed with openssl, and what a 401 leads to."""

from collections.abc import Callable
from typing import Any

import pytest

from extractor.config.connection import Connection
from extractor.errors import ConfigError
from extractor.protocol.dialect import Dialect
from extractor.protocol.retry import After401
from extractor.remote import Answer
from extractor.remote.pnauthinfo3 import Signer
from extractor.remote.skew import ServerClock

NOW = 1_795_000_005.5
STAMP = "2026-11-18T11:06:40Z"  # NOW less 5 seconds


class FixedClock:
    """Shows NOW."""

    def now(self) -> float:
        """Show NOW."""
        return NOW

    def monotonic(self) -> float:
        """Stand still."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Refuse: nothing here waits."""
        raise AssertionError(seconds)


@pytest.fixture
def make_signer(make_connection: Callable[..., Connection]) -> Callable[..., Signer]:
    """Give the factory of signers."""

    def make(dialect: Dialect | None = None, server_clock: ServerClock | None = None, **auth: Any) -> Signer:
        whole = {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "swordfish-7", **auth}
        connection = make_connection(auth=whole)
        return Signer(
            connection.auth,
            client_id=connection.client_id,
            dialect=dialect or Dialect(),
            server_clock=server_clock or ServerClock(FixedClock()),
        )

    return make


# printf 'ACME:nightly:STAMP' | openssl dgst -HASH -hmac swordfish-7 -binary | base64 -w0
# printf 'ACME:nightly:STAMP:swordfish-7' | openssl dgst -HASH -binary | base64 -w0
VECTORS = {
    (True, "sha256"): "loBbptwaa5BPcSCcL0Kye2BSXwWLzKuUye8YbH7Buk4=",
    (True, "sha384"): "0MGgnTYJg92FnTuF7XGhTHeDbm7/BCFNP7cLV3ADvAvEBRJHHCvHJAlheGlCaUpS",
    (True, "sha512"): "EgFr8K9RRfJb4w0jYxgN0M8pDZZKU/sKvrSC3wBE5FanXPTSlpAJuvK9yhWgwmAeefHXhzokIm9u18iJNHLABQ==",
    (False, "sha256"): "Yzcyn0N1VYDUChhNmoYrJ6lgCo+37N7op4UHb2eQXtQ=",
    (False, "sha384"): "Dh2491OhW8ZYZFSOoXgi+LBHLbIh1CucsmyGpoFSuvfJBUq3Lzqdzt9M+eN6nbza",
    (False, "sha512"): "QYSeDU7GZ38SFzMVYW0QAjCv2yzmMrfGYOyobpyN/Bs6UmN3xijCrtIbhHlDzWpXELj8BonWYYZXZNU8tqEeug==",
}


@pytest.mark.parametrize(("keyed", "hash_name"), VECTORS)
def test_header_matches_openssl(make_signer: Callable[..., Signer], *, keyed: bool, hash_name: str) -> None:
    """All six combinations of scheme and hash, in the documented form of the header."""
    middle = "HMAC-" if keyed else ""
    credential = make_signer(keyed=keyed, hash=hash_name).credential()
    assert credential.value == (
        f"PNAUTHINFO3-{middle}{hash_name.upper()} Credential=nightly/{STAMP} Signature={VECTORS[keyed, hash_name]}"
    )


def test_the_other_candidate_order_is_a_matter_of_dialect(make_signer: Callable[..., Signer]) -> None:
    """Where the un-keyed secret stands is not documented, so it is data."""
    dialect = Dialect(unkeyed_message="{secret}:{clientId}:{userId}:{timestamp}")
    value = make_signer(dialect, keyed=False).credential().value
    assert value.endswith("Signature=+TiKw75clb0Ly7JGpo2GzMK/1m2ZeEx/CRRyuVqGR+M=")


@pytest.mark.parametrize("keyed", [True, False])
def test_a_base64_secret_is_decoded_first(make_signer: Callable[..., Signer], *, keyed: bool) -> None:
    """Raw text and base64 of the same bytes sign alike, bytes that are no text included."""
    decoded = make_signer(Dialect(secret_is_base64=True), keyed=keyed, secret="c3dvcmRmaXNoLTc=").credential()
    assert decoded.value == make_signer(keyed=keyed).credential().value
    assert make_signer(Dialect(secret_is_base64=True), keyed=keyed, secret="/wD+").credential().value


def test_a_secret_that_is_not_base64_is_the_users_fault(make_signer: Callable[..., Signer]) -> None:
    """The message names the key and not the secret."""
    with pytest.raises(ConfigError, match=r"connection\.auth\.secret") as caught:
        make_signer(Dialect(secret_is_base64=True), secret="not base64!")
    assert "not base64!" not in str(caught.value)


def test_spellings_come_from_the_dialect(make_signer: Callable[..., Signer]) -> None:
    """Scheme and timestamp as the account wants them."""
    dialect = Dialect(keyed_scheme="PN-{hash}", timestamp="%Y-%m-%dT%H:%M:%S")
    assert make_signer(dialect).credential().value.startswith("PN-SHA256 Credential=nightly/2026-11-18T11:06:40 ")


def test_the_signature_is_not_in_the_repr(make_signer: Callable[..., Signer]) -> None:
    """A logged credential tells its generation."""
    assert repr(make_signer().credential()) == "Credential(generation=1)"


def test_signed_by_the_servers_clock(make_signer: Callable[..., Signer]) -> None:
    """A machine an hour ahead signs what the server accepts, once an answer has told."""
    server_clock = ServerClock(FixedClock())
    signer = make_signer(server_clock=server_clock)
    headers = {"Date": "Wed, 18 Nov 2026 10:06:45 GMT"}
    server_clock.observe(Answer(status=401, headers=headers), elapsed=0.1)
    assert "/2026-11-18T10:06:" in signer.credential().value


def test_a_first_401_is_final_unless_the_clock_was_wrong(make_signer: Callable[..., Signer]) -> None:
    """A wrong secret is not sent twice: accounts are locked for less."""
    server_clock = ServerClock(FixedClock())
    signer = make_signer(server_clock=server_clock)
    used = signer.credential().generation
    assert signer.rejected(used) is After401.STOP
    server_clock.observe(Answer(status=401, headers={"Date": "Wed, 18 Nov 2026 10:06:45 GMT"}), elapsed=0.1)
    assert signer.rejected(used) is After401.RESEND
    assert signer.rejected(signer.credential().generation) is After401.STOP


def test_after_a_success_a_401_is_worth_one_more_signature(make_signer: Callable[..., Signer]) -> None:
    """A machine may have slept between signing and sending; a secret changed meanwhile fails the second time."""
    signer = make_signer()
    used = signer.credential().generation
    signer.accepted(used)
    assert [signer.rejected(used) for _ in range(3)] == [After401.RENEW, After401.RESEND, After401.RESEND]
    assert signer.rejected(signer.credential().generation) is After401.STOP


def test_an_old_signatures_success_says_nothing_about_the_newest(make_signer: Callable[..., Signer]) -> None:
    """Late answers must not reopen the question."""
    signer = make_signer()
    signer.accepted(1)
    assert signer.rejected(1) is After401.RENEW
    signer.accepted(1)
    assert signer.rejected(2) is After401.STOP


@pytest.mark.parametrize(("timestamp", "distinct"), [("%Y-%m-%dT%H:%M:%SZ", 2), ("%Y-%m-%dT%H:%M:%S.%fZ", 4)])
def test_a_signature_is_as_fresh_as_its_timestamp_tells(make_connection: Any, timestamp: str, distinct: int) -> None:
    """Four requests in two seconds: each carries the signature that belongs to its own instant."""
    clock = FixedClock()
    connection = make_connection()
    dialect = Dialect(timestamp=timestamp)
    whole = {"client_id": "ACME", "dialect": dialect, "server_clock": ServerClock(clock)}
    kept, seen = Signer(connection.auth, **whole), []
    for moment in (NOW, NOW + 0.25, NOW + 0.75, NOW + 1.25):
        clock.now = lambda moment=moment: moment  # type: ignore[method-assign]  # the clock goes on
        seen.append(kept.credential().value)
        assert seen[-1] == Signer(connection.auth, **whole).credential().value
    assert len(set(seen)) == distinct


def test_the_generation_of_a_kept_signature_is_the_current_one(make_signer: Callable[..., Signer]) -> None:
    """A 401 within the same second leads to another generation, or the next 401 would be taken for the first."""
    signer = make_signer()
    first = signer.credential()
    signer.accepted(first.generation)
    assert signer.rejected(first.generation) is After401.RENEW
    assert signer.credential().generation == first.generation + 1
