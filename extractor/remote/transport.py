"""Requests over HTTP: the only client import of aiohttp, and the one seam where its errors become ours.

Decides what is trusted (TLS, the configured proxy; no environment, no netrc, no cookies, no redirects), how long a
connection may be silent, and how large an answer may be. Does not know what a request means and sends each once. Opened
by ``open_client``, used by ``client`` and ``oauth``.

Idle connections. A server may close a kept connection at the very moment when it is used again. aiohttp sends a GET
once more on a fresh connection then; a POST it does not, and nor do we: whether the server saw it cannot be known, so
it is Unavailable and ``ambiguous``. (A connection whose end was already seen is not used again, so the window is one
round trip; ``test_transport`` shows both.)

Bodies. Decided: the parts are joined as they come. Considered a larger read buffer, aiohttp's own ``read`` and one
buffer that is filled: on pages of 1.4 MB none costs less CPU (0.45 ms each, all within the noise).
"""

from __future__ import annotations

import asyncio
import math
import ssl
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import aiohttp
import anyio
from aiohttp.http_exceptions import ContentEncodingError
from isal import isal_zlib
from yarl import URL  # aiohttp's own addresses: the only way to tell it that ours are percent-encoded already

from extractor import __version__
from extractor.clock import Clock
from extractor.config.connection import Connection, Timeouts
from extractor.errors import ConfigError, Malformed, Rejected, RemoteError, Unavailable
from extractor.remote.exchange import Answer, Request

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection as Connected
    from aiohttp.tracing import Trace

_PROXY_WANTS_CREDENTIALS = 407


class AiohttpTransport:
    """A pool of at most ``connections`` connections, open inside ``async with``.

    Entering raises ConfigError when the file of certificate authorities or the proxy's address cannot be used.
    """

    def __init__(self, connection: Connection, *, connections: int, clock: Clock) -> None:
        self._timeouts = connection.timeouts
        self._max_response = connection.max_response
        self._ca_file = connection.ca_file
        self._proxy = connection.proxy
        self._connections = connections
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        aiohttp.set_zlib_backend(isal_zlib)  # for the whole process; on answers of a page it saves a third of inflating
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=self._connections, ssl=_trust(self._ca_file)),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"segment-extractor/{__version__}"},
            # Silence is watched by ``_Watch``: aiohttp has one limit for the first byte and for those after it.
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            trust_env=False,
            proxy=None if self._proxy is None else _address(self._proxy.get_secret_value()),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Answer:
        """Carry one request; see ``Transport.send``."""
        watch = _Watch(self._timeouts)
        _WATCH.set(watch)
        try:
            with watch.scope:
                return await self._exchange(request, watch)
            failure: RemoteError = watch.failure(request.about)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _mapped(error, request.about, reached=watch.reached)
        finally:
            watch.end()
        # Out here, so that not even the context of the error holds aiohttp's, which names the URL.
        raise failure

    async def _exchange(self, request: Request, watch: _Watch) -> Answer:
        if self._session is None:
            raise RuntimeError("the transport is used outside of its async with")
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
        ) as response:
            received_at = self._clock.now()
            body = await self._read(response, request.about, watch)
            return Answer(status=response.status, headers=response.headers, body=body, received_at=received_at)

    async def _read(self, response: aiohttp.ClientResponse, about: str, watch: _Watch) -> bytes:
        watch.read_on()
        size = response.content_length or 0
        if size <= self._max_response:
            parts = []
            size = 0
            async for part in response.content.iter_any():
                watch.read_on()
                parts.append(part)
                size += len(part)
                if size > self._max_response:
                    break
            else:
                return b"".join(parts)
        raise Malformed(
            f"{about}: the answer is larger than connection.max_response ({self._max_response} bytes) -- "
            "ask for smaller pages (limits.page_size), or raise it",
            status=response.status,
            ambiguous=True,
        )


class _Watch:
    """How long one request has been silent, and where it stands.

    There is one timer for the whole request, at the shortest of the limits: when it rings too early, it is wound again.
    A deadline that moves with each byte would cost more than the bytes.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self.scope = anyio.CancelScope()
        self.reached = False  # the request, or a part of it, may have left this machine
        self._timeouts = timeouts
        self._waits_for = "a free connection"
        self._limit = self._until = math.inf
        self._soon = min(timeouts.connect, timeouts.first_byte, timeouts.between_bytes)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def connect(self) -> None:
        self._expect("a connection", self._timeouts.connect)

    def sent(self) -> None:
        self.reached = True
        self._expect("the first byte of the answer", self._timeouts.first_byte)

    def read_on(self) -> None:
        self._expect("the rest of the answer", self._timeouts.between_bytes)

    def failure(self, about: str) -> Unavailable:
        return Unavailable(
            f"{about}: waited {self._limit:g} s for {self._waits_for} -- the server or the way to it is stuck",
            ambiguous=self.reached,
        )

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expect(self, what: str, seconds: float) -> None:
        self._waits_for, self._limit = what, seconds
        now = self._loop.time()
        self._until = now + seconds
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._soon, self._ring)

    def _ring(self) -> None:
        if (now := self._loop.time()) >= self._until:
            self.scope.cancel()
        else:  # soon again, because the next limit may be a shorter one
            self._timer = self._loop.call_at(min(self._until, now + self._soon), self._ring)


# The connector is asked for a connection in the task of the request, whose watch this is.
_WATCH: ContextVar[_Watch] = ContextVar("watch")


class _Connector(aiohttp.TCPConnector):
    """Tells the watch of connections. aiohttp's trace signals would say the same, at ten times the cost."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - theirs
    ) -> Connected:
        # A wait for a place in the pool is before the first of these: it is our own doing, and no silence.
        connected = await super().connect(req, traces, timeout)
        _WATCH.get().sent()
        return connected

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - theirs
    ) -> ResponseHandler:
        _WATCH.get().connect()
        return await super()._create_connection(req, traces, timeout)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or "not PEM certificates"
    raise ConfigError([f"connection.ca_file: {ca_file} cannot be read ({why}) -- name a PEM file of authorities"])


def _address(proxy: str) -> URL:
    """Check the proxy's address, which may hold a user and password; aiohttp makes the header of them."""
    try:
        url = URL(proxy)
        sound = url.scheme in {"http", "https"} and bool(url.host)
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(["connection.proxy is not an address -- write http://user:password@host:port"])
    return url


def _mapped(error: Exception, about: str, *, reached: bool) -> RemoteError:
    """Say in our words what aiohttp says in its own, without its text: that may hold the URL."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
        return _not_connected(error, about)
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError | ValueError):
        return Rejected(f"{about}: the address cannot be used -- check connection.base_url")
    if isinstance(error, aiohttp.ClientPayloadError) and _is_encoding(error):
        return Malformed(f"{about}: the answer's compression is damaged", ambiguous=True)
    if isinstance(error, aiohttp.ClientResponseError):
        return Malformed(f"{about}: the answer is not HTTP -- check connection.base_url and proxy", ambiguous=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        what = "the connection was cut in the middle of the answer"
    elif isinstance(error, aiohttp.ServerDisconnectedError):
        what = "the server closed the connection without an answer"
    else:
        why = (error.strerror if isinstance(error, OSError) else None) or "connection lost"
        what = f"the network failed ({why})"
    return Unavailable(f"{about}: {what}", ambiguous=reached)


def _not_connected(error: aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError, about: str) -> RemoteError:
    """No connection, so nothing was sent: never ambiguous."""
    match error:
        case aiohttp.ClientHttpProxyError(status=status) if status == _PROXY_WANTS_CREDENTIALS:
            return Rejected(f"{about}: the proxy refuses its user or password (407) -- check connection.proxy")
        case aiohttp.ClientHttpProxyError(status=status):
            return Unavailable(f"{about}: the proxy gives no way to the server ({status}) -- check connection.proxy")
        case aiohttp.ClientProxyConnectionError():
            what, check = "the proxy cannot be reached", "connection.proxy"
        case aiohttp.ClientConnectorDNSError():
            what, check = "the host name is not known", "connection.base_url and this machine's network"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or "not valid for this host"
            what, check = (
                f"the server's certificate is not trusted ({why})",
                "connection.base_url and connection.ca_file",
            )
        case aiohttp.ClientSSLError():
            what, check = "no TLS with the server", "that connection.base_url is an https address"
        case _:
            what, check = f"no connection ({error.os_error.strerror or 'failed'})", "connection.base_url and firewalls"
    return Unavailable(f"{about}: {what} -- check {check}")


def _is_encoding(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ContentEncodingError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
