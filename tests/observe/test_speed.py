from __future__ import annotations

from typing import Any

from extractor.observe.speed import Speed
from extractor.observe.tally import Tally


def test_speed_is_that_of_the_last_half_minute() -> None:
    """A slow beginning is forgotten."""
    speed = Speed()
    for second in range(100):
        speed.sample(float(second), 0 if second < 50 else (second - 50) * 10)

    assert speed.per_second(99.0, 490) == 10.0


def test_nothing_is_said_of_the_first_moment() -> None:
    """No division by a handful of milliseconds."""
    speed = Speed()
    speed.sample(0.0, 0)

    assert speed.per_second(0.1, 1000) == 0.0


def test_the_end_is_known_by_records_once_all_totals_are_known(make: Any) -> None:
    """What is left, over the speed."""
    tally, speed = Tally(), Speed()
    tally(make.opened(jobs=1))
    speed.sample(0.0, 0)
    tally(make.moved(0, stored=100, total=600))
    speed.sample(10.0, 100)

    assert speed.left(10.0, tally) == 50.0


def test_the_end_is_estimated_by_jobs_when_enough_have_ended(make: Any) -> None:
    """And not before that."""
    tally, speed = Tally(), Speed()
    tally(make.opened(jobs=30))
    speed.sample(0.0, 0)
    estimates = []
    for ordinal in range(10):
        estimates.append(speed.left(20.0, tally))
        tally(make.ended(ordinal))

    assert (estimates, speed.left(20.0, tally)) == ([None] * 10, 40.0)


def test_a_run_that_is_over_has_no_end_to_wait_for(make: Any) -> None:
    """Nothing is left."""
    tally, speed = Tally(), Speed()
    tally(make.opened(jobs=1))
    speed.sample(0.0, 0)
    tally(make.ended(0))

    assert speed.left(5.0, tally) is None
