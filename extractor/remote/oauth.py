"""OAuth 2.0 client credentials: one bearer for everybody, renewed by one (contract, section 2.1).

Decides when a bearer is renewed, and what the token endpoint's answers mean. Many tasks share one bearer: whoever first
finds it missing, outdated or refused logs in, the others wait for that one login, and also share its failure. Made by
``open_client``, asked by ``client``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote_plus, urlencode

import anyio

from extractor.clock import Clock
from extractor.config.connection import OAuth
from extractor.errors import Forbidden, Malformed, Rejected, RemoteError, Unauthorized
from extractor.protocol.retry import After401, after_401
from extractor.remote.answers import read_object, server_message
from extractor.remote.authorization import Credential
from extractor.remote.exchange import Answer, Request
from extractor.remote.redaction import quotable
from extractor.remote.refusals import other_refusal

_ABOUT = "OAuth login"
_ASSUMED_LIFE = 300.0  # seconds, when the endpoint does not say; the documents do not either
_JSON_TYPES = ("application/json", "text/json")
_REFUSALS = {
    "invalid_client": "check auth.client_id and auth.client_secret, and that they belong to this token_url's "
    "environment; auth.credentials says where they travel",
    "unauthorized_client": "ask PossibleNOW support to allow client credentials for this auth.client_id",
    "invalid_scope": "the scope is connection.client_id/auth.user_id: check both, and that the user is active",
    "invalid_grant": "check auth.user_id and that it is active",
    "unsupported_grant_type": "check auth.token_url: it does not know client credentials",
}


class BearerKeeper:
    """Keeps the bearer. ``send`` carries a request within the connection's rate and hold."""

    scheme = "oauth"

    def __init__(
        self, auth: OAuth, *, client_id: str, send: Callable[[Request], Awaitable[tuple[Answer, float]]], clock: Clock
    ) -> None:
        self._auth = auth
        self._scope = f"{client_id}/{auth.user_id}"
        self._send = send
        self._clock = clock
        self._one_login = anyio.Lock()
        self._logins = 0  # attempts, failed ones too
        self._failure: RemoteError | None = None  # of the latest attempt
        self._bearer = ""
        self._generation = 0
        self._accepted = False
        self._renew_at = self._ends_at = -math.inf  # on the monotonic clock
        self._refused = False  # the current generation got a 401
        self._renewed_for_401 = False

    async def ready(self) -> None:
        """Log in if there is no bearer, or it is refused, or it ends soon (60 s, or a tenth of a short life)."""
        seen = self._logins
        if self._clock.monotonic() < self._renew_at:
            return
        async with self._one_login:
            if self._clock.monotonic() < self._renew_at:
                return
            if self._logins != seen and self._failure is not None:
                raise _again(self._failure)
            self._logins += 1
            self._failure = None
            try:
                await self._login()
            except RemoteError as error:
                error.ambiguous = False  # whatever was to follow the login was not sent
                self._failure = error
                raise

    def credential(self) -> Credential | None:
        """Give the bearer while it lives."""
        if self._clock.monotonic() >= self._ends_at:
            return None
        return Credential(generation=self._generation, value=f"Bearer {self._bearer}")

    def rejected(self, generation: int) -> After401:
        """Have the bearer renewed once, however many requests carried it; the next ``ready`` logs in."""
        decision = after_401(
            used=generation,
            current=self._generation,
            renewed_for_401=self._renewed_for_401,
            accepted=self._accepted,
        )
        if decision is After401.RENEW:
            self._refused = True
            self._renew_at = self._ends_at = -math.inf
        return decision

    def accepted(self, generation: int) -> None:
        """Remember that the server took this bearer."""
        if generation == self._generation:
            self._accepted = True

    async def _login(self) -> None:
        answer, asked_at = await self._send(self._request())
        if answer.status != HTTPStatus.OK:  # RFC 6749, section 5.1: success is 200
            raise self._refusal(answer)
        members = read_object(answer, _ABOUT, content_types=_JSON_TYPES)
        bearer = members.get("access_token")
        # It goes into a header: anything but visible ASCII is no token (RFC 6750, section 2.1) and would be an attack.
        if not isinstance(bearer, str) or not bearer or not all("!" <= each <= "~" for each in bearer):
            raise Malformed(f"{_ABOUT}: the answer has no usable access_token", status=answer.status)
        kind = members.get("token_type")
        if isinstance(kind, str) and kind.casefold() != "bearer":
            raise Malformed(f"{_ABOUT}: the token is not a bearer", status=answer.status)
        life = _life(members.get("expires_in"))
        self._bearer = bearer
        self._generation += 1
        self._accepted = False
        self._renewed_for_401, self._refused = self._refused, False
        # Counted from before the request: the server began to count at some time during it.
        self._ends_at = asked_at + life
        self._renew_at = self._ends_at - min(60.0, life / 10)

    def _request(self) -> Request:
        auth = self._auth
        secret = auth.client_secret.get_secret_value()
        form = {"grant_type": "client_credentials", "scope": self._scope}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if auth.credentials == "basic":
            # Each part is form-encoded first (RFC 6749, section 2.3.1).
            pair = f"{quote_plus(auth.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        else:
            form |= {"client_id": auth.client_id, "client_secret": secret}
        body = urlencode(form).encode("ascii")
        return Request(about=_ABOUT, method="POST", url=auth.token_url, headers=headers, body=body)

    def _refusal(self, answer: Answer) -> RemoteError:
        status = answer.status
        secret = self._auth.client_secret.get_secret_value()
        message = quotable(server_message(answer), hidden=[secret, self._auth.client_id])
        said = f', "{message}"' if message else ""
        if status in {400, 401}:
            remedy = _REFUSALS.get(_error_code(answer), _REFUSALS["invalid_client"])
            return Unauthorized(f"{_ABOUT}: refused ({status}){said} -- {remedy}", status=status)
        if status == HTTPStatus.FORBIDDEN:
            return Forbidden(
                f"{_ABOUT}: not permitted (403){said} -- {_REFUSALS['unauthorized_client']}", status=status
            )
        if status in {404, 405, 410}:
            return Rejected(
                f"{_ABOUT}: no token endpoint answers there ({status}) -- check auth.token_url", status=status
            )
        if status < HTTPStatus.BAD_REQUEST:
            return Malformed(f"{_ABOUT}: answered with {status} -- check auth.token_url", status=status)
        return other_refusal(answer, _ABOUT, said, now=self._clock.now(), ambiguous=False)


def _error_code(answer: Answer) -> str:
    try:
        code = read_object(answer, _ABOUT, content_types=_JSON_TYPES).get("error")
    except Malformed:
        return ""
    return code if isinstance(code, str) else ""


def _life(written: object) -> float:
    """Read expires_in, in seconds: a number, or one in a string; anything else counts as not said."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return _ASSUMED_LIFE
    try:
        life = float(written)
    except ValueError:
        return _ASSUMED_LIFE
    return life if 0.0 < life < math.inf else _ASSUMED_LIFE


def _again(error: RemoteError) -> RemoteError:
    """Copy an error for another task, so that their tracebacks do not grow into one."""
    return type(error)(str(error), status=error.status, retry_after=error.retry_after, ambiguous=error.ambiguous)
