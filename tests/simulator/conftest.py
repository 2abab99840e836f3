"""One factory per noun: worlds, services, and a client that spells the API a third time, by hand."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from extractor.simulator import Group, Kind, Operator, Reply, Request, Segment, Service, SimulatorSettings

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC).timestamp()
ROOT = "/Profiles/v4/Async/DEMO/Export"


def world(**changes: Any) -> SimulatorSettings:
    """Make the settings of a small world."""
    known: dict[str, Any] = {
        "segments": (
            Segment(name="All", count=1000),
            Segment(name="Thirds", count=100, step=3),
            Segment(name="Evens", count=100, step=2),
            Segment(name="100% Café/Bar", count=5, first=7),
            Segment(name="Nobody", count=0),
            Segment(name="Gone", count=7, first=1000, deleted=True),
        ),
        "groups": (
            Group(name="Both", operator=Operator.AND, segments=("Thirds", "Evens")),
            Group(name="Either", operator=Operator.OR, segments=("Thirds", "Evens")),
            Group(name="Only", operator=Operator.EXCEPT, segments=("Thirds", "Evens")),
        ),
    }
    return SimulatorSettings(**(known | changes))


def signed(
    stamp: str,
    *,
    user: str = "nightly",
    secret: str = "simulator-secret",  # noqa: S107 - the simulator's, known to everybody
    algorithm: str = "sha256",
    keyed: bool = True,
) -> str:
    """Write an Authorization header (contract, section 2.2)."""
    message = f"DEMO:{user}:{stamp}"
    if keyed:
        digest = hmac.new(secret.encode(), message.encode(), algorithm).digest()
    else:
        digest = hashlib.new(algorithm, f"{message}:{secret}".encode()).digest()
    scheme = f"PNAUTHINFO3-{'HMAC-' if keyed else ''}{algorithm.upper()}"
    return f"{scheme} Credential={user}/{stamp} Signature={base64.b64encode(digest).decode()}"


class Caller:
    """A client on virtual time: ``now`` is moved by the test."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now = NOW

    def __call__(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None, **headers: str
    ) -> Reply:
        """Call the API with a good signature, below ``Export/``."""
        target = f"{ROOT}/{path}" + (f"?{urlencode(query)}" if query else "")
        sent = {"Authorization": self.authorization(), **headers}
        content = b"" if body is None else orjson.dumps(body)
        return self.service.handle(Request.of(method, target, headers=sent, body=content), self.now)

    def authorization(self) -> str:
        """Sign as of now."""
        stamp = datetime.fromtimestamp(self.now + self.service.settings.clock_offset, UTC)
        return signed(stamp.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def initiate(self, name: str, body: object = None, *, kind: str = "Segment") -> Reply:
        """Begin an export."""
        return self("POST", f"{kind}/{quote(name, safe='')}", body=body)

    def export(self, name: str, body: object = None, *, kind: str = "Segment") -> int:
        """Begin an export that must begin, and give its token."""
        token = orjson.loads(self.initiate(name, body, kind=kind).body)["AccessToken"]
        assert isinstance(token, int)
        return token

    def status(self, token: int) -> Any:
        """Give the Status object."""
        return orjson.loads(self("GET", f"{token}/Status").body)

    def page(self, token: int, **query: object) -> Reply:
        """Read a page, keeping the export alive unless told otherwise."""
        return self("GET", f"{token}", query={"keepAlive": "true", **query})

    def shown(self, token: int, **query: object) -> Any:
        """Give a page's JSON."""
        return orjson.loads(self.page(token, **query).body)

    def commit(self, token: int, **query: object) -> Reply:
        """End the retrieval."""
        return self("POST", f"{token}/Commit", query=query or {"keepFiles": "false"})

    def fired(self) -> dict[tuple[Kind, str], int]:
        """Give the faults that had an effect."""
        return dict(self.service.playbook.fired)


@pytest.fixture
def make_world() -> Callable[..., SimulatorSettings]:
    """Give the factory of worlds."""
    return world


@pytest.fixture
def call() -> Callable[..., Caller]:
    """Give the factory of clients: ``call(faults="page: 503")`` talks to a service with these settings."""
    return lambda **changes: Caller(Service(world(**changes)))


@pytest.fixture
def sign() -> Callable[..., str]:
    """Give the writer of Authorization headers."""
    return signed
