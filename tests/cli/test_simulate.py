from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.child import READY
from extractor.cli.serving import Rehearsal, settings_of
from extractor.config import load
from extractor.errors import ConfigError
from extractor.simulator import FileSegment, demo

pytestmark = pytest.mark.timeout(60)


def rehearsal(**changes: Any) -> Rehearsal:
    """What `simulate` says without options, but for ``changes``."""
    facts: dict[str, Any] = {
        "host": "127.0.0.1", "port": 0, "seed": 7, "segments": {}, "profiles": None, "latency": 0.0, "processing": None,
        "faults": (), "chaos": 0.0, "rate_limit": None, "until_eof": False,
    }  # fmt: skip
    return Rehearsal(**{**facts, **changes})


def test_without_options_it_is_the_default_world() -> None:
    """What the simulator itself calls its demo."""
    assert settings_of(rehearsal()) == demo()


def test_segments_grow_with_the_population() -> None:
    """And overlap as before."""
    world = settings_of(rehearsal(profiles=2_000_000))

    assert {each.name: each.count for each in world.segments if not isinstance(each, FileSegment)} == {
        "All Profiles": 2_000_000,
        "Newsletter OptIns": 500_000,
        "VIP Customers": 25_000,
        "SMS OptIns": 200_000,
        "100% Café/Bar": 4_200,
        "Nobody Yet": 0,
        "Deleted Profiles": 30_000,
    }


def test_a_file_becomes_a_segment_or_takes_the_place_of_one(tmp_path: Path) -> None:
    """Every other segment stays."""
    world = settings_of(rehearsal(segments={"Mine": tmp_path / "a", "Nobody Yet": tmp_path / "b"}))

    assert [each.name for each in world.segments if isinstance(each, FileSegment)] == ["Nobody Yet", "Mine"]


def test_a_fault_that_does_not_exist_is_a_usage_error(invoke: Any) -> None:
    """With the simulator's own suggestion."""
    with pytest.raises(ConfigError):
        settings_of(rehearsal(faults=("page: explode",)))
    ended = invoke("simulate", "--port", "0", "--fault", "page: explode")

    assert (ended.code, ended.out) == (2, "")
    assert "explode" in ended.err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.test"])  # noqa: S104 - refused is what is tested
def test_other_machines_are_not_served_unless_one_says_so(invoke: Any, host: str) -> None:
    """The secret is public."""
    ended = invoke("simulate", "--host", host)

    assert (ended.code, "--allow-remote" in ended.err) == (2, True)


@pytest.mark.parametrize("segment", ["NAME", "=file", "NAME="])
def test_a_segment_is_a_name_and_a_file(invoke: Any, segment: str) -> None:
    """Anything else is a usage error."""
    assert invoke("simulate", "--segment", segment).code == 2


def test_a_segment_without_its_file_is_a_usage_error(invoke: Any) -> None:
    """Before the port is opened."""
    ended = invoke("simulate", "--segment", "Mine=nowhere.ndjson")

    assert (ended.code, ended.out) == (2, "")
    assert "nowhere.ndjson" in ended.err


def test_a_port_in_use_is_named_with_the_remedy(invoke: Any) -> None:
    """No traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = invoke("simulate", "--port", str(port))

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: cannot listen on 127.0.0.1:{port}: ")
    assert "choose another --port" in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """What it prints is a configuration that loads."""
    command = [sys.executable, "-m", "extractor", "simulate", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stderr is not None
        first = server.stdout.readline()
        server.send_signal(number)
        rest, err = server.stdout.read(), server.stderr.read()

    assert (server.returncode, first.startswith(f"{READY}http://127.0.0.1:")) == (0, True)
    assert "Traceback" not in err
    snippet = tmp_path / "snippet.yaml"
    snippet.write_text("\n".join(line[2:] for line in rest.splitlines() if line.startswith("  ")), encoding="utf-8")
    loaded = load(snippet, environ={})
    assert loaded.connection.base_url == first.removeprefix(READY).strip()


def test_it_ends_with_whoever_started_it() -> None:
    """A closed standard input, even without a signal: a killed demo leaves no server behind."""
    with subprocess.Popen(
        [sys.executable, "-m", "extractor", "simulate", "--port", "0", "--until-eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        server.stdout.readline()
        server.communicate(timeout=30)

    assert server.returncode == 0
