"""Killing at random, until there have been enough kills. Shared by the tests and ``make crash``."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.launcher import KILLED
from tests.crash.yard import CLOSED, Yard

MOST_OF_ONE_RUN = 8  # kills, after which a run is let be


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a campaign did; every run in it ended in the quiet run's bytes, or it would have raised."""

    runs: int = 0
    kills: int = 0
    while_taken_up: int = 0  # kills of runs that had been killed before
    survivors: int = 0  # starts that ended before their kill
    phases: Counter[str] = field(default_factory=Counter)  # where the run stood when it was killed


def kill_at_random(yard: Yard, *, kills: int, chance: random.Random) -> Tally:
    """Kill runs at moments that are log-uniform over the time that a quiet run takes, measured here and now."""
    tally = Tally()
    began = time.monotonic()
    yard.finish(yard.plot())
    usual = time.monotonic() - began
    while tally.kills < kills:
        plot = yard.plot()
        ended = KILLED
        for nth in range(chance.randint(1, MOST_OF_ONE_RUN)):
            moment = math.exp(chance.uniform(math.log(usual / 50), math.log(usual * 1.1)))
            ended = yard.run(plot, kill_after=moment)
            if ended != KILLED:
                assert 0 == ended, plot.said.read_text("utf-8")
                tally.survivors += 1
                break
            tally.kills += 1
            tally.while_taken_up += nth > 0
            tally.phases[plot.phase()] += 1
            if plot.phase() == CLOSED:
                break
        if ended == KILLED:
            yard.finish(plot)
        else:
            yard.examine(plot)
        tally.runs += 1
        assert tally.runs < 100 + 2 * kills, "the kills come too late to kill anything"
    return tally
