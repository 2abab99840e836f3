"""The service over real HTTP: the one door of the simulator to the network.

Decides how each ``Reply`` reaches the wire, whole, cut or not at all, and where callbacks may go. Decides nothing about
the API. ``extractor simulate``, the demo and tests enter ``serve``.

Decided: aiohttp's low-level server without routing or middleware, because ``service`` has both; a client that gives up
cancels its handler, so that a stalled answer ends with its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.compression_utils import ZLibCompressor

from extractor.simulator import control
from extractor.simulator.exchange import Delivery, Reply, Request
from extractor.simulator.ledger import Callback
from extractor.simulator.service import Service
from extractor.simulator.settings import SimulatorSettings

_CALLBACK_ATTEMPTS = 3
_CALLBACK_PAUSE = 0.2  # seconds between attempts, and between looks at what is due
_LINGER_NOT = struct.pack("ii", 1, 0)  # close with RST: the client sees a reset, not an orderly end

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A simulator that is being served."""

    host: str
    port: int
    service: Service

    @property
    def origin(self) -> str:
        """``http://host:port``, below which ``/_simulator/`` is found as well."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return self.origin + self.service.settings.base_path

    @property
    def token_url(self) -> str:
        """The OAuth token endpoint."""
        return self.origin + self.service.settings.token_path


@contextlib.asynccontextmanager
async def serve(
    settings: SimulatorSettings | Service, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Running]:
    """Serve until the block is left; port 0 takes a free one.

    Give a Service instead of settings to serve one that exists already, as after a restart. Raises ConfigError when
    the settings cannot be served, OSError when the port is taken.
    """
    service = settings if isinstance(settings, Service) else Service(settings)
    server = web.Server(_Door(service).enter, access_log=None)
    runner = web.ServerRunner(server, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        async with _calling_back(service):
            yield Running(host=host, port=bound[1], service=service)
    finally:
        await runner.cleanup()


class _Door:
    """Takes requests in and lets answers out."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def enter(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        request = Request.of(incoming.method, incoming.raw_path, headers=incoming.headers, body=await _body(incoming))
        now = time.time()
        if request.path.startswith(control.PREFIX):
            reply = control.answer(self._service, request, now)
        else:
            reply = self._service.handle(request, now)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        return await self._deliver(incoming, reply)

    async def _deliver(self, incoming: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        match reply.delivery:
            case Delivery.WHOLE:
                return self._whole(reply)
            case Delivery.CUT | Delivery.STALL | Delivery.TRICKLE:
                return await _partly(incoming, self._packed(incoming, reply))
            case Delivery.SILENCE:
                return await _silence()
            case Delivery.HEAD:
                return _in_the_head(incoming, reply)
            case Delivery.NOTHING:
                return _cut_off(incoming)

    def _whole(self, reply: Reply) -> web.Response:
        response = web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        if self._service.settings.compression:
            response.enable_compression()
        return response

    def _packed(self, incoming: web.BaseRequest, reply: Reply) -> Reply:
        """Compress, as ``_whole`` has it done, what is not to arrive whole: its end must be known before it is sent."""
        if not self._service.settings.compression or "gzip" not in incoming.headers.get("Accept-Encoding", ""):
            return reply
        gzip = ZLibCompressor(encoding="gzip")
        body = gzip.compress_sync(reply.body) + gzip.flush()
        # A fault that would have struck the whole body strikes the smaller one as well.
        after = len(body) if reply.after >= len(reply.body) else min(reply.after, len(body) - 1)
        return replace(reply, headers={**reply.headers, "Content-Encoding": "gzip"}, body=body, after=after)


async def _body(incoming: web.BaseRequest) -> bytes:
    if not incoming.can_read_body:
        return b""
    return await incoming.content.read(-1)


async def _partly(incoming: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the head and the first bytes; then cut, fall silent, or go on."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(incoming)
    first = reply.body[: reply.after]
    if reply.delivery is Delivery.TRICKLE:
        for place in range(len(first)):
            await response.write(first[place : place + 1])
            await asyncio.sleep(0)
        await response.write(reply.body[len(first) :])
        await response.write_eof()
        return response
    if first:
        await response.write(first)
    if reply.delivery is Delivery.STALL:
        return await _silence()
    if incoming.transport is not None:
        incoming.transport.close()  # what was written still goes out
    return response


def _in_the_head(incoming: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the first bytes of the head, past the web server, which would not do it by halves."""
    lines = [f"HTTP/1.1 {reply.status} OK", *(f"{name}: {value}" for name, value in reply.headers.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(reply.body)}", "", ""]).encode()
    if incoming.transport is not None:
        incoming.transport.write(head[: reply.after])
        incoming.transport.close()
    return web.Response()


async def _silence() -> web.StreamResponse:
    """Wait until the client gives up or the server stops: either cancels this."""
    await asyncio.Event().wait()
    return web.Response()


def _cut_off(incoming: web.BaseRequest) -> web.StreamResponse:
    """Close the connection with a reset; the response that is returned has nowhere to go."""
    if incoming.transport is not None:
        wire = incoming.transport.get_extra_info("socket")
        if wire is not None and wire.type == socket.SOCK_STREAM:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        incoming.transport.abort()
    return web.Response()


@contextlib.asynccontextmanager
async def _calling_back(service: Service) -> AsyncIterator[None]:
    """Post the callbacks that fall due, for as long as the block lasts."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        task = asyncio.create_task(_post_due(service, session))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _post_due(service: Service, session: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as posting:
        while True:
            for callback in service.callbacks_due(time.time()):
                posting.create_task(_post(service, session, callback))
            await asyncio.sleep(_CALLBACK_PAUSE)


async def _post(service: Service, session: aiohttp.ClientSession, callback: Callback) -> None:
    """Post one Status object, a few times if it must be."""
    if not (service.settings.callback_anywhere or _on_this_machine(callback.url)):
        _log.warning("a callback to another machine was not sent")
        service.called_back(callback, time.time(), status=None)
        return
    for attempt in range(_CALLBACK_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_CALLBACK_PAUSE)
        status = None
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(callback.url, json=dict(callback.body), allow_redirects=False) as answer:
                status = answer.status
        service.called_back(callback, time.time(), status=status)
        if status is not None and status < 300:  # noqa: PLR2004 - success as HTTP has it
            return


def _on_this_machine(url: str) -> bool:
    """Tell a loopback address. A name other than localhost is not looked up: it could lead anywhere."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
