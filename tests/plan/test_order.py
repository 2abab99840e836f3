"""Who is begun when."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.job import Dataset, JobSpec
from extractor.plan.order import Turns, fair_order
from tests.asking import STREAM, match_of

JOB = JobSpec(
    ordinal=0,
    job_id="0" * 16,
    name="A",
    dataset=Dataset(kind="segment", name="A"),
    stream=STREAM,
    since=None,
    last_date_time=None,
    match=None,
)


def jobs_of(streams: list[int]) -> list[JobSpec]:
    """A job of each of these streams, in this order."""
    return [
        replace(JOB, ordinal=ordinal, stream=replace(STREAM, id=f"{stream:016d}"))
        for ordinal, stream in enumerate(streams)
    ]


@given(st.lists(st.integers(0, 5), max_size=60))
def test_everybody_has_a_turn_in_every_round(streams: list[int]) -> None:
    """A stream's n-th job comes before any other's (n+1)-th; nobody is left out, and each keeps its order."""
    jobs = jobs_of(streams)
    ordered = fair_order(jobs)
    assert sorted(job.ordinal for job in ordered) == [job.ordinal for job in jobs]
    seen: dict[str, int] = {}
    rounds: list[int] = []
    last: dict[str, int] = {}
    for job in ordered:
        seen[job.stream.id] = seen.get(job.stream.id, 0) + 1
        rounds.append(seen[job.stream.id])
        assert last.get(job.stream.id, -1) < job.ordinal
        last[job.stream.id] = job.ordinal
    assert rounds == sorted(rounds)


@given(st.lists(st.integers(0, 5), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_each_is_handed_out_once_whoever_asks(streams: list[int], lanes: list[bool]) -> None:
    """The express lane and the others share one queue."""
    jobs = jobs_of(streams)
    turns = Turns(jobs, {f"{stream:016d}": float(stream) for stream in range(6)})
    taken = [turns.take(express=express) for express in lanes]
    assert sorted(job.ordinal for job in taken if job is not None) == list(range(len(jobs)))[: len(lanes)]
    assert all(job is None for job in taken[len(jobs) :])


def test_the_express_lane_takes_the_smallest_that_is_left() -> None:
    """What is known of a stream decides, or how many people are asked for; of whom nothing is known comes last."""
    huge, unknown, small = jobs_of([1, 2, 3])
    some = replace(unknown, ordinal=3, match=match_of("ProfileId", None, ("1", "2")))
    turns = Turns([huge, unknown, small, some], {huge.stream.id: 1e6, small.stream.id: 10.0})
    taken = [turns.take(express=True), turns.take(), turns.take(express=True), turns.take(express=True), turns.take()]
    assert [some, huge, small, unknown, None] == taken


def test_what_an_earlier_process_began_comes_first_on_every_lane() -> None:
    """Its exports may be alive: a new one beside them would be one too many."""
    begun, small, other = jobs_of([1, 2, 3])
    turns = Turns([begun, other, small], {begun.stream.id: 1e6, small.stream.id: 10.0}, begun=1)
    assert [begun, small, other] == [turns.take(express=True), turns.take(express=True), turns.take()]
