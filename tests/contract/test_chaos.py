"""Contract, sections 3 and 6 together: sixty jobs in foul weather end as on a quiet night, or are refused whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.simulator import Chaos, Group, Kindred, Operator, Segment, SimulatorSettings
from tests.contract.stage import OAUTH, Played, play, truth

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NAMES = [f"S{n}" for n in range(50)]
GROUPS = [f"G{n}" for n in range(10)]
JOBS: list[dict[str, Any]] = [{"segment": name} for name in NAMES] + [{"group": name} for name in GROUPS]
PASSING = (
    "500 502 503 504 503:1s 429 429:1s 503:date+2s page503 reset lost silent drop@20 stall@20 head@9 hangup trickle@5 "
    "slow:2s short lower expire error status=Queued"
)
# An answer that stays unreadable is given up after five tries, so these come more seldom than five in a row.
UNREADABLE = "truncate@15 text html empty truncate@40"
LIES = "count+1 count-1 total+1 total-1 shift overlap hasmore nomore zero rows+1 rows-1"
LIMITS = {"page_size": 25, "re_exports": 50, "exports": 12, "pages": 12, "poll_max": 2.0}


def weather(**settings: Any) -> SimulatorSettings:
    """Fifty segments and ten groups of a few pages each."""
    return SimulatorSettings(
        segments=tuple(Segment(name=name, count=7 * n % 90, first=n, step=1 + n % 3) for n, name in enumerate(NAMES)),
        groups=tuple(
            Group(name=name, operator=list(Operator)[n % 3], segments=(NAMES[n + 20], NAMES[n + 21]))
            for n, name in enumerate(GROUPS)
        ),
        processing=(0.0, 2.0),
        max_page_size=20,
        **settings,
    )


def expected(played: Played, job: dict[str, Any]) -> list[bytes]:
    """The truth about a job's dataset."""
    if "group" in job:
        return truth(played, job["group"], kind=Kindred.GROUP)
    return truth(played, job["segment"])


def lines(played: Played, job: dict[str, Any]) -> list[bytes]:
    """What is published of a job's dataset."""
    ((kind, name),) = job.items()
    return played.lines(f"{kind}={name}")


@pytest.mark.parametrize(("seed", "rate", "words"), [(1, 0.25, PASSING), (2, 0.25, PASSING), (3, 0.06, UNREADABLE)])
async def test_passing_faults_change_nothing(tmp_path: Path, seed: int, rate: float, words: str) -> None:
    """A quarter of all requests fail: sixty jobs are done, with exactly the truth, byte by byte the quiet run's."""
    quiet = await play(tmp_path, weather(), JOBS, fresh=True, limits=LIMITS)
    chaos = Chaos(rate=rate, seed=seed, words=words)
    connection = {"auth": OAUTH} if seed % 2 else {}
    wild = await play(tmp_path, weather(chaos=chaos), JOBS, fresh=True, limits=LIMITS, connection=connection)
    assert Counter({Verdict.DONE: 60}) == Counter(wild.verdicts())
    assert 0 == wild.exit_code
    assert [] == [job for job in JOBS if expected(wild, job) != lines(wild, job)]
    assert quiet.shards() == wild.shards()
    fired = wild.service.playbook.fired
    assert sum(fired.values()) > len(wild.history) * rate / 2
    assert len({word for _, word in fired}) > len(words.split()) * 0.8
    assert {"status", "page"} <= {str(kind) for kind, _ in fired}


@pytest.mark.parametrize("seed", [11])
async def test_lies_are_refused_as_a_whole(tmp_path: Path, seed: int) -> None:
    """Pages and counts lie now and then: each job is exactly true and published, or refused and not published."""
    chaos = Chaos(rate=0.1, seed=seed, words=LIES)
    played = await play(tmp_path, weather(chaos=chaos), JOBS, limits=LIMITS)
    verdicts = played.verdicts()
    assert {Verdict.DONE, Verdict.INTEGRITY} == set(verdicts)
    assert 6 == played.exit_code
    for job, verdict in zip(JOBS, verdicts, strict=True):
        wanted = expected(played, job) if verdict is Verdict.DONE else []
        assert wanted == lines(played, job)
    assert verdicts.count(Verdict.DONE) == len(played.published)
    assert sum(played.service.playbook.fired.values()) >= verdicts.count(Verdict.INTEGRITY) > 5


@pytest.mark.parametrize("seed", [21, 22])
async def test_every_orphan_is_counted(tmp_path: Path, seed: int) -> None:
    """Of the exports that the server opened, those that nobody reads are at most as many as we say."""
    chaos = Chaos(rate=0.3, seed=seed, words="lost silent head@5 500 503 504 reset")
    played = await play(tmp_path, weather(chaos=chaos), JOBS, limits=LIMITS)
    assert Counter({Verdict.DONE: 60}) == Counter(played.verdicts())
    opened = {each.token for each in played.calls("initiate") if each.token is not None}
    known = {each.token for each in played.calls("status")}
    assert 0 < len(opened - known) <= played.closed.possible_orphans
