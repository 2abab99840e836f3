"""Ways of putting processes to death: at random, and at every operation. Shared by the tests and ``make crash``.

Every run in a campaign ends in the quiet run's bytes, or the campaign raises. Where a run stood at its death is read
from the journal that it left.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from tests.crash.launcher import KILLED
from tests.crash.saboteur import Sabotage
from tests.crash.yard import CLOSED, Plot, Yard

_RECOVERY = 37  # operations of a recovery, among which the second death is dealt out
MOST_OF_ONE_RUN = 8  # kills, after which a run is let be


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a campaign did."""

    runs: int = 0
    kills: int = 0
    while_taken_up: int = 0  # kills of runs that had been killed before
    survivors: int = 0  # starts that ended before their kill
    phases: Counter[str] = field(default_factory=Counter)  # where the run stood when it was killed
    moments: Counter[str] = field(default_factory=Counter)  # what it was about to do, where that is known

    def killed(self, plot: Plot, *, again: bool) -> None:
        """Count a death."""
        self.kills += 1
        self.while_taken_up += again
        self.phases[plot.phase()] += 1


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
            tally.killed(plot, again=nth > 0)
            if plot.phase() == CLOSED:
                break
        if ended == KILLED:
            yard.finish(plot)
        else:
            yard.examine(plot)
        tally.runs += 1
        assert tally.runs < 100 + 2 * kills, "the kills come too late to kill anything"
    return tally


def die_at(yard: Yard, tally: Tally, *, first: Sabotage, again: Sabotage) -> bool:
    """Have a run die, die again while it is taken up, and end; False when it ended before it was to die."""
    plot = yard.plot()
    diary = plot.folder / "diary"
    ended = yard.run(plot, replace(first, diary=str(diary)))
    tally.runs += 1
    if ended != KILLED:
        assert 0 == ended, plot.said.read_text("utf-8")
        yard.examine(plot)
        return False
    tally.killed(plot, again=False)
    if plot.phase() != CLOSED and yard.run(plot, replace(again, diary=str(diary))) == KILLED:
        tally.killed(plot, again=True)
    yard.finish(plot)
    tally.moments.update(diary.read_text("utf-8").splitlines())
    return True


def sweep(yard: Yard, *, start: int = 1, step: int = 1) -> Tally:
    """Death before the operations ``start``, ``start + step`` .. until a run ends untouched.

    The second death of each run moves through the operations of its recovery.
    """
    tally, before = Tally(), start
    while die_at(yard, tally, first=Sabotage(before=before), again=Sabotage(before=1 + before % _RECOVERY)):
        before += step
    return tally


def tear(yard: Yard) -> Tally:
    """Death in the middle of every write."""
    tally, torn = Tally(), 1
    while die_at(yard, tally, first=Sabotage(torn=torn), again=Sabotage(torn=1 + torn % 3)):
        torn += 1
    return tally


def sweep_recovery(yard: Yard, first: Sabotage) -> Tally:
    """One and the same first death, and then a second one before every operation of the recovery."""
    tally, before = Tally(), 1
    while True:
        deaths = tally.while_taken_up
        assert die_at(yard, tally, first=first, again=Sabotage(before=before))
        if tally.while_taken_up == deaths:
            return tally
        before += 1
