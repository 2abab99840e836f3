"""Serving the simulator until somebody ends it.

Decides how the options of ``simulate`` become a world, and what is printed for whoever wants to use it. What the world
does is ``extractor.simulator``'s. Called by ``simulate``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio

from extractor.cli.child import READY
from extractor.cli.console import out, say
from extractor.errors import LocalError
from extractor.simulator import FileSegment, Segment, SimulatorSettings, demo, serve


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What the options of ``simulate`` say; None is the default world's."""

    host: str
    port: int
    seed: int
    segments: Mapping[str, Path]
    profiles: int | None
    latency: float
    processing: float | None
    faults: tuple[str, ...]
    chaos: float
    rate_limit: float | None
    until_eof: bool
    live: bool = False
    change_cycle: float | None = None
    burst: int = 1
    lateness: float = 0.0
    timeless: float = 0.0


def serve_until_stopped(rehearsal: Rehearsal) -> None:
    """Serve until SIGINT, SIGTERM or, if asked for, the end of standard input. Raises ConfigError or LocalError."""
    for name, path in rehearsal.segments.items():
        if not path.is_file():
            raise LocalError(f"--segment {name}={path}: there is no such file")
    anyio.run(partial(_serve, settings_of(rehearsal), rehearsal))


def settings_of(rehearsal: Rehearsal) -> SimulatorSettings:
    """Lay the options over the default world."""
    world = demo()
    segments = {each.name: each for each in world.segments}
    if rehearsal.profiles is not None:
        segments = {name: _scaled(each, rehearsal.profiles, world) for name, each in segments.items()}
    for name, path in rehearsal.segments.items():
        segments[name] = FileSegment(name=name, path=path)
    return replace(
        world,
        seed=rehearsal.seed,
        segments=tuple(segments.values()),
        latency=rehearsal.latency,
        processing=world.processing if rehearsal.processing is None else rehearsal.processing,
        rate_limit=rehearsal.rate_limit,
        frozen_at=None if rehearsal.live else world.frozen_at,
        change_cycle=world.change_cycle if rehearsal.change_cycle is None else rehearsal.change_cycle,
        burst=rehearsal.burst,
        lateness=rehearsal.lateness,
        timeless=rehearsal.timeless,
        faults="\n".join(rehearsal.faults),
        chaos=replace(world.chaos, rate=rehearsal.chaos),
    )


def _scaled(segment: Segment | FileSegment, profiles: int, world: SimulatorSettings) -> Segment | FileSegment:
    """Make a segment larger or smaller with the whole population, which is that of the largest one."""
    whole = max(each.count for each in world.segments if isinstance(each, Segment))
    if isinstance(segment, FileSegment):
        return segment
    return replace(segment, count=segment.count * profiles // whole, first=segment.first * profiles // whole)


async def _serve(settings: SimulatorSettings, rehearsal: Rehearsal) -> None:
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        try:
            running = await stack.enter_async_context(serve(settings, host=rehearsal.host, port=rehearsal.port))
        except OSError as error:
            where = f"{rehearsal.host}:{rehearsal.port}"
            raise LocalError(f"cannot listen on {where}: {error.strerror} -- choose another --port") from None
        _introduce(settings, running.base_url, running.token_url)
        async with anyio.create_task_group() as waiting:
            if rehearsal.until_eof:
                waiting.start_soon(_end_with_input, waiting.cancel_scope)
            async for _ in signals:
                break
            waiting.cancel_scope.cancel()


async def _end_with_input(scope: anyio.CancelScope) -> None:
    """Cancel ``scope`` when standard input is closed: whoever started this process is gone."""
    descriptor = sys.stdin.fileno()
    while True:
        await anyio.wait_readable(descriptor)
        if not os.read(descriptor, 4096):
            scope.cancel()
            return


def _introduce(settings: SimulatorSettings, base_url: str, token_url: str) -> None:
    """Say where it listens, on stdout and first; then, for people, how to use it."""
    out(f"{READY}{base_url}")
    kinds = {"segments": settings.segments, "groups": settings.groups, "schedules": settings.schedules}
    out("; ".join(f"{kind}: {', '.join(each.name for each in named)}" for kind, named in kinds.items()))
    out("A configuration for it (the secret is public, and good for this machine only):")
    out()
    for line in _snippet(settings, base_url, token_url):
        out(f"  {line}")
    out()
    say("Ctrl-C ends it. What it was asked: GET /_simulator/history")


def _snippet(settings: SimulatorSettings, base_url: str, token_url: str) -> list[str]:
    first = next((each.name for each in settings.segments), "NAME")
    return [
        "connection:",
        f"  base_url: {base_url}",
        f"  client_id: {settings.client_id}",
        f"  auth: {{scheme: pnauthinfo3, user_id: {settings.user_id}, secret: {settings.secret}}}",
        f"  # or: {{scheme: oauth, token_url: {token_url}, client_id: {settings.oauth_client_id},",
        f"  #      client_secret: {settings.oauth_client_secret}, user_id: {settings.user_id}}}",
        "jobs:",
        f"  - segment: {json.dumps(first, ensure_ascii=False)}",
    ]
