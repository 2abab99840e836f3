"""The OAuth token endpoint: client credentials in, bearer out (contract, section 2.1; RFC 6749, sections 4.4 and 5).

Decides which bearers are alive. Does not decide what they open (``authorization``). Called by ``service``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote_plus

from extractor.simulator.exchange import Reply, Request, json_reply
from extractor.simulator.settings import SimulatorSettings

_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Bearers:
    """The bearers that were issued. ``now`` is the server's own time, in seconds."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._until: dict[str, float] = {}
        self._issued = 0

    def alive(self, bearer: str, now: float) -> bool:
        """Tell whether a bearer opens the door."""
        return now < self._until.get(bearer, float("-inf"))

    def revoke(self) -> None:
        """Let every bearer die."""
        self._until.clear()

    def issue(self, request: Request, now: float) -> Reply:
        """Answer a token request; a refusal has RFC 6749's error body."""
        if (request.header("Content-Type") or "").partition(";")[0].strip().lower() != _FORM:
            return _refusal("invalid_request", f"The body must be {_FORM}.")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        settings = self._settings
        if not self._is_client(request, form):
            challenge = {"WWW-Authenticate": 'Basic realm="token"'}
            return _refusal("invalid_client", "The client is not known here.", HTTPStatus.UNAUTHORIZED, challenge)
        match form.get("grant_type"):
            case None | "":
                return _refusal("invalid_request", "grant_type is missing.")
            case "client_credentials":
                pass
            case _:
                return _refusal("unsupported_grant_type", "Only client_credentials is supported.")
        scope = f"{settings.client_id}/{settings.user_id}"
        if form.get("scope") != scope:
            return _refusal("invalid_scope", "The scope must be the clientId, a slash and the userId.")
        lifetime = settings.bearer_lifetime
        told = {"access_token": self._new(now + lifetime), "token_type": "Bearer", "expires_in": int(lifetime)}
        return json_reply(told | {"scope": scope}, headers=_NO_STORE)

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        client, secret = _basic(request.header("Authorization")) or (form.get("client_id"), form.get("client_secret"))
        right = hmac.compare_digest((secret or "").encode(), self._settings.oauth_client_secret.encode())
        return client == self._settings.oauth_client_id and right

    def _new(self, until: float) -> str:
        self._issued += 1
        bearer = "sim-" + hashlib.blake2b(f"{self._settings.seed}/bearer/{self._issued}".encode()).hexdigest()[:48]
        self._until[bearer] = until
        return bearer


def _basic(header: str | None) -> tuple[str, str] | None:
    """Read Basic credentials, form-encoded as RFC 6749 (section 2.3.1) wants them; None if there are none."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)


def _refusal(
    error: str, description: str, status: int = HTTPStatus.BAD_REQUEST, headers: Mapping[str, str] | None = None
) -> Reply:
    told = {"error": error, "error_description": description}
    return json_reply(told, status=status, headers={**_NO_STORE, **(headers or {})})
