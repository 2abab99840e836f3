"""How tests reach the front door: ``main`` in this process, with what it writes and its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine

from extractor.cli import main
from extractor.cli.child import simulator_process
from tests.cli.halfdone import HalfDone, failing_server
from tests.cli.nights import NOW, Nights

Invoke = Callable[..., "Ended"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def close_stray_loop() -> None:
    """Close the loop that looptime's plugin makes before each test; a command's ``asyncio.run`` would only drop it."""
    with contextlib.suppress(RuntimeError):  # there is none
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


@contextlib.contextmanager
def signals_given_back() -> Iterator[None]:
    """Undo what a run leaves behind: the process is to end with its code, whatever signals come."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    """Give a function that runs one command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXTRACTOR_SECRET", raising=False)

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        close_stray_loop()
        with signals_given_back():
            code = main(arguments)
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    return call


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a configuration against a simulator on this machine."""

    def write(
        jobs: str = "  - segment: A\n", *, base_url: str = "http://127.0.0.1:9/Profiles/v4", extra: str = ""
    ) -> Path:
        path = tmp_path / "night.yaml"
        path.write_text(
            f"connection:\n  base_url: {base_url}\n  client_id: DEMO\n"
            "  auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}\n"
            f"jobs:\n{jobs}output: {{path: exports}}\nstate: state\n{extra}",
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the base URL of a simulator in a process of its own, as users start it."""
    with simulator_process(("--processing", "0"), errors=tmp_path_factory.mktemp("simulator") / "log") as base_url:
        yield base_url


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Iterator[int]]]:
    """Give the address of a server on which runs stay unfinished, and numbers for its segments."""
    with failing_server(tmp_path_factory.mktemp("failing")) as base_url:
        yield base_url, itertools.count()


@pytest.fixture
def halfdone(
    invoke: Invoke,
    config: Callable[..., Path],
    failing: tuple[str, Iterator[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> HalfDone:
    """Give the means to make an unfinished run and to look at it, with segments that no other test has.

    Runs that begin within a second sort as they were begun, and not by the chance in their names.
    """
    base_url, numbers = failing
    chance = itertools.count()
    monkeypatch.setattr(secrets, "token_hex", lambda size: f"{next(chance):0{2 * size}x}")
    return HalfDone(invoke=invoke, config=config, base_url=base_url, number=next(numbers))


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    """Give a state folder to put nights into; it is noon of the day after the last one."""
    with time_machine.travel(NOW, tick=False):
        yield Nights(tmp_path)
