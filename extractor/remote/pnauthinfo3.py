"""PNAUTHINFO3: every request carries a signature of who asks and when (contract, section 2.2).

Decides what is signed, in the dialect's spelling, and by which clock. Method, path and body are not signed. Does not
send anything. Made by ``open_client``, asked by ``client``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from datetime import UTC, datetime

from extractor.config.connection import PnAuth
from extractor.errors import ConfigError
from extractor.protocol.dialect import Dialect
from extractor.protocol.retry import After401, after_401
from extractor.remote.authorization import Credential
from extractor.remote.skew import ServerClock

_SECRET_HERE = "\0"  # noqa: S105 - no secret: marks its place; names hold no control characters


class Signer:
    """Signs at the moment of sending, a little in the past: the server refuses instants in its future.

    Raises ConfigError when the dialect says that the secret is base64 and it is not.
    """

    scheme = "pnauthinfo3"

    def __init__(self, auth: PnAuth, *, client_id: str, dialect: Dialect, server_clock: ServerClock) -> None:
        self._auth = auth
        self._client_id = client_id
        self._dialect = dialect
        self._server_clock = server_clock
        self._secret = _secret_bytes(auth.secret.get_secret_value(), is_base64=dialect.secret_is_base64)
        self._renewals = 0
        self._accepted_generation = 0
        self._whole_seconds = "%f" not in dialect.timestamp
        self._latest: tuple[float, Credential] | None = None  # the second it was made for, and the signature

    @property
    def _generation(self) -> int:
        # The clock's correction is the one thing in a signature that can be outdated.
        return 1 + self._renewals + self._server_clock.changes

    async def ready(self) -> None:
        """Nothing to prepare: there is no login."""

    def credential(self) -> Credential:
        """Sign for now, by the server's clock.

        All requests of a second carry the same signature where the timestamp tells no less than seconds: neither
        method nor path is signed, and it is what the same words would give.
        """
        now = self._server_clock.now() - self._auth.backdate
        if self._whole_seconds:
            now = math.floor(now)
        if self._latest is not None and self._latest[0] == now and self._latest[1].generation == self._generation:
            return self._latest[1]
        credential = self._sign(datetime.fromtimestamp(now, UTC))
        self._latest = now, credential
        return credential

    def _sign(self, instant: datetime) -> Credential:
        timestamp = instant.strftime(self._dialect.timestamp)
        template = self._dialect.keyed_scheme if self._auth.keyed else self._dialect.unkeyed_scheme
        scheme = template.format(hash=self._auth.hash.upper())
        signature = base64.b64encode(self._digest(timestamp)).decode("ascii")
        return Credential(
            generation=self._generation,
            value=f"{scheme} Credential={self._auth.user_id}/{timestamp} Signature={signature}",
        )

    def rejected(self, generation: int) -> After401:
        """Sign again if the clock's correction has changed since, or if this very secret has been accepted before.

        A signature is fresh by nature, so its first 401 is already one "after renewal": without news of the clock the
        same secret would fail again. After a success one more try is due, for a machine that slept between signing and
        sending.
        """
        decision = after_401(
            used=generation,
            current=self._generation,
            renewed_for_401=True,
            accepted=self._accepted_generation == self._generation,
        )
        if decision is After401.RENEW:
            self._renewals += 1
        return decision

    def accepted(self, generation: int) -> None:
        """Remember it for ``rejected``."""
        self._accepted_generation = max(self._accepted_generation, generation)

    def _digest(self, timestamp: str) -> bytes:
        places = {"clientId": self._client_id, "userId": self._auth.user_id, "timestamp": timestamp}
        if self._auth.keyed:
            message = self._dialect.keyed_message.format(**places).encode()
            return hmac.new(self._secret, message, self._auth.hash).digest()
        text = self._dialect.unkeyed_message.format(**places, secret=_SECRET_HERE)
        message = text.encode().replace(_SECRET_HERE.encode(), self._secret)
        return hashlib.new(self._auth.hash, message).digest()


def _secret_bytes(secret: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return secret.encode()
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ConfigError(["connection.auth.secret is not base64 -- check it, or remove dialect.secret_is_base64"])
