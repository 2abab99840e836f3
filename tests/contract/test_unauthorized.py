"""Contract, section 2.3: what a 401 says, and what the user is told to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.simulator.authorization import MESSAGES
from tests.contract.stage import assert_published, assert_withheld, play, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

REMEDIES = {
    "header": ["connection.proxy", "connection.base_url"],
    "scheme": ["auth.hash", "auth.keyed"],
    "date": ["clock", "auth.backdate", "dialect.timestamp"],
    "age": ["clock", "auth.backdate"],
    "signature": ["auth.secret", "auth.user_id", "connection.client_id"],
}


@pytest.mark.parametrize("reason", list(REMEDIES))
@pytest.mark.parametrize("call", ["initiate", "status", "page"])
async def test_each_documented_text_stops_with_its_own_remedy(tmp_path: Path, call: str, reason: str) -> None:
    """The server's sentence is quoted, the remedy fits it, the job is refused, and nothing is published."""
    played = await play(tmp_path, world(faults={call: f"401={reason}x*"}))
    outcome = played.only()
    assert_withheld(played, 4)
    assert Verdict.REFUSED == outcome.verdict
    assert MESSAGES[reason] in outcome.message
    assert [] == [word for word in REMEDIES[reason] if word not in outcome.message]
    assert len(played.calls(call)) <= 2


@pytest.mark.parametrize(
    ("reason", "server", "auth"),
    [
        ("scheme", {"schemes": ("unkeyed", "bearer")}, {}),
        ("scheme", {"schemes": ("keyed",)}, {"keyed": False}),
        ("date", {"clock_offset": -1.5}, {"backdate": 0}),
        ("age", {"authorization_window": 3.0}, {}),
        ("signature", {}, {"secret": "another-secret"}),
        ("signature", {}, {"user_id": "nobody"}),
    ],
    ids=["keyed", "unkeyed", "future", "window", "secret", "user"],
)
async def test_each_natural_cause_leads_to_its_remedy(
    tmp_path: Path, reason: str, server: dict[str, Any], auth: dict[str, Any]
) -> None:
    """The server's own checks refuse, not a script; the remedy is that of the text."""
    connection = {"auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret", **auth}}
    played = await play(tmp_path, world(**server), connection=connection)
    assert_withheld(played, 4)
    assert MESSAGES[reason] in played.only().message
    assert [] == [word for word in REMEDIES[reason] if word not in played.only().message]


@pytest.mark.parametrize("reason", list(REMEDIES))
@pytest.mark.parametrize("call", ["status", "page", "commit"])
async def test_one_refusal_after_a_success_is_signed_again(tmp_path: Path, call: str, reason: str) -> None:
    """A machine that slept between signing and sending: the request is signed once more, and the run goes on."""
    played = await play(tmp_path, world(faults={call: f"401={reason}"}))
    assert_published(played)
    assert {401: 1} == {401: sum(each.status == 401 for each in played.history)}
    assert 0 == played.only().retries


async def test_a_refusal_of_one_job_is_told_for_each(tmp_path: Path) -> None:
    """Wrong credentials refuse every job of the plan, quickly, and none is asked again for ever."""
    jobs = [{"segment": "A", "name": f"j{n}", "since": f"2026-10-0{n + 1}T00:00:00Z"} for n in range(5)]
    connection = {"auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "another-secret"}}
    played = await play(tmp_path, world(), jobs, connection=connection)
    assert_withheld(played, 4)
    assert [Verdict.REFUSED] * 5 == played.verdicts()
    assert len(played.history) <= 10
