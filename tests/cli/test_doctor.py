from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from extractor.cli.doctor import exit_code_of
from extractor.errors import Exit
from extractor.remote import Finding

pytestmark = pytest.mark.timeout(60)


def test_a_service_that_knows_us_is_all_well(invoke: Any, config: Any, simulator: str) -> None:
    """Reachability, clock, authorization; no export is started."""
    ended = invoke("doctor", str(config(base_url=simulator)))

    lines = ended.out.splitlines()
    assert (ended.code, lines[0]) == (0, f"{simulator}, as nightly of DEMO")
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  ok    reachability",
        "  ok    clock",
        "  ok    authorization",
    ]


def test_a_wrong_secret_exits_4_and_is_not_shown(
    invoke: Any, config: Any, simulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is there, but does not know us."""
    monkeypatch.setenv("WRONG", "n0t-the-secret")
    path = config(base_url=simulator)
    text = path.read_text(encoding="utf-8").replace("secret: simulator-secret", 'secret: "${env:WRONG}"')
    path.write_text(text, encoding="utf-8")

    ended = invoke("doctor", str(path), "--json")

    report = json.loads(ended.out)
    assert (ended.code, report["ok"], report["findings"][-1]["name"]) == (4, False, "authorization")
    assert "n0t-the-secret" not in ended.out + ended.err


def test_a_service_that_is_not_there_exits_5(invoke: Any, config: Any) -> None:
    """And says where nobody answered."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ended = invoke("doctor", str(config(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/Profiles/v4")))

    assert (ended.code, "FAIL  reachability" in ended.out) == (5, True)


@pytest.mark.parametrize(("name", "code"), [("reachability", 5), ("clock", 0), ("login", 4), ("authorization", 4)])
def test_each_finding_has_its_exit_code(name: str, code: int) -> None:
    """A wrong clock is corrected for, and so no failure."""
    assert [exit_code_of(Finding(name=name, ok=ok, text="t")) for ok in (True, False)] == [Exit.DONE, code]
