"""kill -9 at random moments, also while a run is taken up: the real command, a real server, real files.

Whatever was killed ends, when it is let be, in the bytes of a run that nobody disturbed.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.campaign import kill_at_random
from tests.crash.yard import LARGER, opened

KILLS = 50
LIMITS = "requests_per_second: 200, page_size: 200, exports: 3, poll_first: 10ms"


@pytest.mark.timeout(300)
def test_fifty_kills_change_nothing(tmp_path: Path) -> None:
    """No loss, no duplicate, no Commit before its seal is journaled."""
    with opened(tmp_path, jobs=LARGER, limits=LIMITS) as yard:
        tally = kill_at_random(yard, kills=KILLS, chance=random.Random(20261124))  # noqa: S311 - no secret
        commits, early = yard.commits_before_their_seal()
    assert tally.kills >= KILLS, "a kill test that kills nothing proves nothing"
    assert len(tally.phases) > 3
    assert tally.while_taken_up > KILLS / 4
    assert [] == early
    assert commits >= tally.runs
