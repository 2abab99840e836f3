"""Talking to the service: commands in, events out. All I/O with the network, and nothing else.

``client`` performs one command and never retries; ``limiter`` and ``breaker`` say when, ``authorization``
(``pnauthinfo3``, ``oauth``) as whom, ``questions`` and ``answers`` spell and read, ``refusals`` says whose fault and
what to check, ``skew`` knows the server's clock, ``transport`` carries; ``probe`` looks around for ``doctor``.

Decided: failures are events, because retrying is a decision of ``protocol`` and must be journaled with the rest;
considered retrying here, which hides attempts from the journal and the deadline. Decided: one limiter for everything
that is sent, logins included, because the account is what the server counts. Decided: the breaker stands at the head of
the limiter's queue, so that in an outage one request goes ahead and every other one has not left; considered failing
them at once, which makes every job count a failure that is none of its own. Decided: the transport is a seam of one
method without aiohttp in it, so that a whole run can be played against the simulator on virtual time; considered
patching aiohttp in tests, which tests the patch.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from extractor.clock import Clock
from extractor.config.connection import Connection, OAuth
from extractor.protocol.dialect import Dialect
from extractor.protocol.outage import Weather
from extractor.remote.authorization import Authorizer
from extractor.remote.breaker import Breaker
from extractor.remote.client import Client, RemoteEvents, Wire
from extractor.remote.exchange import Answer, Request, Transport
from extractor.remote.limiter import RateLimiter
from extractor.remote.oauth import BearerKeeper
from extractor.remote.pnauthinfo3 import Signer
from extractor.remote.probe import Finding, probe
from extractor.remote.questions import Questions, RemoteCommands
from extractor.remote.skew import ServerClock
from extractor.remote.transport import AiohttpTransport

__all__ = [
    "Answer",
    "Client",
    "Finding",
    "RemoteCommands",
    "RemoteEvents",
    "Request",
    "Transport",
    "open_client",
    "probe",
]


@asynccontextmanager
async def open_client(
    connection: Connection,
    dialect: Dialect,
    *,
    requests_per_second: float,
    connections: int,
    clock: Clock,
    on_hold: Callable[[float, int], None] = lambda _seconds, _status: None,
    on_skew: Callable[[float], None] = lambda _seconds: None,
    on_outage: Callable[[Weather], None] = lambda _weather: None,
    on_recovery: Callable[[Weather, float], None] = lambda _weather, _seconds: None,
    on_pace: Callable[[str], None] = lambda _sentence: None,
    transport: Transport | None = None,
    known: Iterable[int] = (),
    draw: Callable[[], float] = random.random,
) -> AsyncIterator[Client]:
    """Give a client for one connection; nothing is sent yet.

    ``connections`` bounds the requests in flight. ``on_hold`` hears seconds and status when everybody is stopped by a
    Retry-After, ``on_skew`` the seconds by which this machine is ahead of the server when that changes, ``on_outage``
    that the whole connection is down, ``on_recovery`` what is over and how many seconds it lasted, ``on_pace`` a
    sentence whenever refusals (429) or their absence change how often is asked; all must be quick.
    ``transport`` replaces HTTP and stays the caller's to close. ``known`` are AccessTokens that were issued before:
    they are refused like those that come twice from now on. ``draw`` gives numbers in [0, 1). Raises
    ConfigError when the secret, the proxy or the file of certificate authorities cannot be used.
    """
    async with AsyncExitStack() as stack:
        if transport is None:
            transport = await stack.enter_async_context(
                AiohttpTransport(connection, connections=connections, clock=clock)
            )
        server_clock = ServerClock(clock, on_skew=on_skew)
        breaker = Breaker(clock=clock, on_began=on_outage, on_ended=on_recovery)
        wire = Wire(
            transport=transport,
            limiter=RateLimiter(requests_per_second, clock=clock, breaker=breaker, on_pace=on_pace),
            server_clock=server_clock,
            clock=clock,
            on_hold=on_hold,
        )
        questions = Questions(base_url=connection.base_url, client_id=connection.client_id, dialect=dialect)
        authorizer = _authorizer(connection, dialect, wire)
        yield Client(wire=wire, authorizer=authorizer, questions=questions, draw=draw, known=known)


def _authorizer(connection: Connection, dialect: Dialect, wire: Wire) -> Authorizer:
    auth, client_id = connection.auth, connection.client_id
    if isinstance(auth, OAuth):
        return BearerKeeper(auth, client_id=client_id, send=wire.take_turn_and_send, clock=wire.clock)
    return Signer(auth, client_id=client_id, dialect=dialect, server_clock=wire.server_clock)
