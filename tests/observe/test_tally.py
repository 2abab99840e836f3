from __future__ import annotations

from typing import Any

from extractor.observe.news import (
    ClockCorrected,
    ConnectionHeld,
    DatasetWithheld,
    Heartbeat,
    News,
    Noticed,
    OutageBegan,
    OutageEnded,
)
from extractor.observe.tally import Tally, listen_to
from extractor.protocol.vocabulary import Verdict


def test_stored_records_count_before_their_job_has_ended(make: Any) -> None:
    """Under way as they are stored, then as the outcome says: none twice."""
    tally = Tally()
    for news in (
        make.opened(),
        make.moved(0, stored=10),
        make.moved(1, stored=5),
        make.ended(0, records=100, retries=2),
        make.moved(1, stored=7, retries=1),
    ):
        tally(news)

    assert (tally.records, tally.retries, tally.done, list(tally.live)) == (107, 3, 1, [1])


def test_a_page_that_comes_late_does_not_revive_its_job(make: Any) -> None:
    """A job that has ended stays ended."""
    tally = Tally()
    for news in (make.opened(), make.moved(0), make.ended(0, verdict=Verdict.REFUSED), make.moved(0)):
        tally(news)

    assert (tally.live, len(tally.failed), tally.records) == ({}, 1, 0)


def test_what_is_left_is_unknown_until_every_job_has_said_how_many_it_has(make: Any) -> None:
    """No guess dressed as a number."""
    tally = Tally()
    tally(make.opened(jobs=2))
    tally(make.moved(0, stored=10, total=100))
    unknown = tally.records_left
    tally(make.moved(1, stored=0, total=50))

    assert (unknown, tally.records_left) == (None, 140)


def test_everything_else_is_kept_for_the_report(make: Any) -> None:
    """Each kind of news has its place."""
    tally = Tally()
    withheld = DatasetWithheld(dataset="segment 'B'", reason="1 of its 2 jobs failed", jobs=("b",))
    for news in (
        make.published(),
        withheld,
        ConnectionHeld(seconds=2, status=429),
        ClockCorrected(seconds=-3.0),
        Noticed(message="n"),
        make.closed(),
    ):
        tally(news)

    assert (tally.published, tally.withheld, tally.closed) == ([make.published()], [withheld], make.closed())
    assert (tally.holds, tally.clock_seconds, tally.notices) == (1, -3.0, ["n"])


def test_outages_add_up_and_one_that_lasts_counts_as_far_as_it_was_heard_of() -> None:
    """Over, and not over yet; a heartbeat that comes late opens none again."""
    tally = Tally()
    for news in (
        OutageBegan(seconds=10, status=503, reason="HTTP 503"),
        OutageEnded(seconds=90, status=503, requests=6),
        Heartbeat(seconds=60, jobs_done=1, jobs=3),
    ):
        tally(news)
    assert (1, None, 90) == (tally.outages, tally.outage, tally.outage_seconds)
    tally(OutageBegan(seconds=12, status=None, reason="no connection"))
    tally(Heartbeat(seconds=120, jobs_done=1, jobs=3, outage_seconds=40))
    assert (2, 40, 130) == (tally.outages, tally.outage, tally.outage_seconds)


def test_every_listener_hears_everything_in_order(make: Any) -> None:
    """Listeners are composed without knowing each other."""
    first: list[News] = []
    second: list[News] = []
    tell = listen_to(first.append, second.append)

    tell(make.opened())
    tell(make.closed())

    assert first == second == [make.opened(), make.closed()]
