"""What a stream's exports cost together."""

from extractor.plan.cost import JobCost, total


def job(unready: float | None) -> JobCost:
    """A job whose export was ready after half a second."""
    return JobCost(
        records=1,
        bytes=10,
        pages=1,
        page=1,
        exports=1,
        retries=0,
        requests=4,
        seconds=1.0,
        waited=0.5,
        unready=unready,
    )


def test_exports_that_were_ready_at_the_same_moment_are_added_up() -> None:
    """Also where only one of them had been seen processing before."""
    cost = total([job(None), job(0.2), job(None)], run="r", window=None, started_at=0.0)
    assert (3, 0.5, 12) == (cost.jobs, cost.quick, cost.requests)
