"""Who may call: PNAUTHINFO3 and Bearer, from the server's side (contract, sections 2.2, 2.3 and 9).

Decides in the documented order, header, scheme, date, age, signature, and answers with the documented texts. Does not
issue bearers (``bearers``) and does not decide what the API user may read. Called by ``service`` for each API call.

Decided: a timestamp from the future is a format error, as the documents have it; method, path and body are not signed.
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import datetime
from hashlib import new as new_hash
from http import HTTPStatus
from typing import NoReturn

from extractor.simulator import ticks
from extractor.simulator.bearers import Bearers
from extractor.simulator.exchange import Refused
from extractor.simulator.settings import SimulatorSettings

MESSAGES = {
    "header": "Missing Authorization Header",
    "scheme": "The scheme is invalid",
    "date": "The specified date does not match an expected ISO 8601 format",
    "age": "The difference between the issued timestamp and the current time is too large",
    "signature": "Unable to authenticate request",
}

_HEADERS = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}
_CHALLENGE = 'PNAUTHINFO3 realm="https://simulator.example"'
_BEARER_CHALLENGE = 'Bearer realm="https://simulator.example", error="invalid_token"'
_SCHEME = re.compile(r"PNAUTHINFO3-(?P<keyed>HMAC-)?(?P<hash>SHA256|SHA384|SHA512)", re.IGNORECASE | re.ASCII)
_CREDENTIAL = re.compile(r"Credential=(?P<user>.+)/(?P<timestamp>[^/]*)")
_SIGNATURE = re.compile(r"Signature=(?P<signature>.+)")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z?", re.ASCII)


class Gate:
    """Checks each call's Authorization header. ``now`` is the server's own time, in seconds."""

    def __init__(self, settings: SimulatorSettings, bearers: Bearers) -> None:
        self._settings = settings
        self._bearers = bearers

    def check(self, header: str | None, now: float) -> None:
        """Let a call pass, or raise Refused (401)."""
        if not header or not header.strip():
            refuse("header")
        scheme, _, parameters = header.strip().partition(" ")
        if scheme.lower() == "bearer" and "bearer" in self._settings.schemes:
            if not self._bearers.alive(parameters.strip(), now):
                refuse("signature", challenge=_BEARER_CHALLENGE)
            return
        found = _SCHEME.fullmatch(scheme)
        if not found or ("keyed" if found["keyed"] else "unkeyed") not in self._settings.schemes:
            refuse("scheme")
        self._check_signed(parameters, now, keyed=bool(found["keyed"]), algorithm=found["hash"].lower())

    def _check_signed(self, parameters: str, now: float, *, keyed: bool, algorithm: str) -> None:
        said, _, rest = parameters.partition(" ")
        credential, signature = _CREDENTIAL.fullmatch(said), _SIGNATURE.fullmatch(rest)
        if not credential:
            refuse("signature")
        age = now - self._issued_at(credential["timestamp"]).timestamp()
        if age < -self._settings.accepted_skew:
            refuse("date")
        if age > self._settings.authorization_window:
            refuse("age")
        right = self._signature(credential["timestamp"], keyed=keyed, algorithm=algorithm)
        if not signature or credential["user"] != self._settings.user_id:
            refuse("signature")
        if not hmac.compare_digest(right, signature["signature"].encode()):
            refuse("signature")

    def _issued_at(self, text: str) -> datetime:
        if not _TIMESTAMP.fullmatch(text):
            refuse("date")
        try:
            return ticks.in_zone(text, self._settings.timestamp_zone)
        except ValueError:
            refuse("date")

    def _signature(self, timestamp: str, *, keyed: bool, algorithm: str) -> bytes:
        secret = self._settings.secret
        who = {"clientId": self._settings.client_id, "userId": self._settings.user_id, "timestamp": timestamp}
        if keyed:
            message = "{clientId}:{userId}:{timestamp}".format(**who)
            digest = hmac.digest(secret.encode(), message.encode(), algorithm)
        else:
            message = self._settings.unkeyed_message.format(**who, secret=secret)
            digest = new_hash(algorithm, message.encode()).digest()
        return base64.b64encode(digest)


def refuse(reason: str, *, challenge: str = _CHALLENGE) -> NoReturn:
    """Raise one of the documented refusals: ``header``, ``scheme``, ``date``, ``age`` or ``signature``."""
    raise Refused(HTTPStatus.UNAUTHORIZED, MESSAGES[reason], {**_HEADERS, "WWW-Authenticate": challenge})
