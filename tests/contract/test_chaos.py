"""Contract, sections 3 and 6 together: sixty jobs in foul weather end as on a quiet night, or are refused whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.simulator import Chaos
from tests.contract.sixty import JOBS, LIES, LIMITS, PASSING, UNREADABLE, expected, lines, weather
from tests.contract.stage import OAUTH, play

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


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
