from __future__ import annotations

import io
from typing import Any

from extractor.observe.lines import Lines
from extractor.observe.news import (
    ClockCorrected,
    ConnectionHeld,
    DatasetWithheld,
    Heartbeat,
    Noticed,
    OutageBegan,
    OutageEnded,
)
from extractor.observe.outlet import Outlet
from extractor.protocol.vocabulary import Verdict


def test_each_thing_worth_saying_is_one_line(clock: Any, make: Any) -> None:
    """A log of a night is read tomorrow, without colours or bars."""
    stream = io.StringIO()
    lines = Lines(Outlet(stream), monotonic=clock)

    for news in (
        make.opened(),
        make.moved(0),
        make.moved(0, what="Status Processing", detail="Status Processing"),
        make.moved(0, detail="the server answered the unknown Status 'Pausing'"),
        make.moved(1, phase="stopped", detail="404: no such segment -- check its name"),
        ConnectionHeld(seconds=30, status=429),
        ClockCorrected(seconds=-75),
        make.ended(0),
        make.ended(1, verdict=Verdict.REFUSED, message="404: no such segment -- check its name"),
        make.published(),
        make.matched(),
        make.matched(strangers=2),
        DatasetWithheld(dataset="segment 'B'", reason="1 of its 2 jobs failed", jobs=("job 1",)),
        Noticed(message="an odd thing"),
        make.closed(),
    ):
        lines(news)

    assert stream.getvalue().splitlines() == [
        "run R: 3 jobs for 2 datasets, at most 20 requests/s, into exports",
        "job 0: the server answered the unknown Status 'Pausing'",
        "the server asked for quiet (HTTP 429): nothing is sent for 30 s",
        "this machine's clock is 1 min 15 s behind the server's; allowed for (to mend it: NTP)",
        "FAILED job 1: refused: 404: no such segment -- check its name",
        "published segment 'A': 100 records, 1 shard, 2.0 KiB, in exports/segment=A/run=R",
        ("segment 'A': of 1,000 values, 12 matched nobody, 1 several profiles (see state/reports/R/segment=A)"),
        (
            "segment 'A': of 1,000 values, 12 matched nobody, 1 several profiles (see state/reports/R/segment=A); "
            "2 records carry none of them: the service compares otherwise, so check those that matched nobody"
        ),
        "NOT PUBLISHED segment 'B': 1 of its 2 jobs failed",
        "note: an odd thing",
    ]


def test_sums_come_at_most_every_ten_seconds(clock: Any, make: Any) -> None:
    """However many pages are stored between."""
    stream = io.StringIO()
    lines = Lines(Outlet(stream), monotonic=clock)
    lines(make.opened(jobs=1))

    for second in range(25):
        clock.seconds += 1
        lines(make.moved(0, stored=second * 10, total=1000, retries=1))

    assert stream.getvalue().splitlines()[1:] == [
        "0 of 1 job done, 90 records, 9/s, 1 retry, about 1 min 42 s left",
        "0 of 1 job done, 190 records, 10/s, 1 retry, about 1 min 26 s left",
    ]


def beat(**changes: Any) -> Heartbeat:
    """A heartbeat within an outage."""
    facts = {
        "seconds": 600.0,
        "jobs_done": 1,
        "jobs": 3,
        "outage_seconds": 185.004,
        "status": 503,
        "calm_seconds": 60.0,
        "until": "2026-11-23T03:05:00Z",
        "bound": "limits.outage",
    }
    return Heartbeat(**{**facts, **changes})


def test_what_is_waited_for_is_said_however_long_it_lasts(clock: Any, make: Any) -> None:
    """A scheduler kills what is silent: each heartbeat of an outage or a hold is a line, and no other."""
    stream = io.StringIO()
    lines = Lines(Outlet(stream), monotonic=clock)
    for news in (
        make.opened(),
        OutageBegan(seconds=12.2, status=503, reason="HTTP 503"),
        *(beat(), beat(status=None), beat(held_seconds=570.2), beat(outage_seconds=0.0, held_seconds=30.0)),
        OutageEnded(seconds=1204.0, status=503, requests=25),
        beat(outage_seconds=0.0),
    ):
        lines(news)
    still = "still waiting: the server has been unavailable"
    assert stream.getvalue().splitlines()[1:] == [
        "the server is unavailable: HTTP 503, nothing else for 12 s; asking now and then until it answers",
        f"{still} (503) for 3 min 05 s; asked again every 1 min 00 s, until 03:05:00Z (limits.outage)",
        f"{still} (no answer) for 3 min 05 s; asked again every 1 min 00 s, until 03:05:00Z (limits.outage)",
        f"{still} (503) for 3 min 05 s; held for another 9 min 30 s, until 03:05:00Z (limits.outage)",
        "still waiting: the server asked for quiet, nothing is sent for another 30 s",
        "the server answers again, after 20 min 04 s, 25 requests in vain",
    ]

    before = len(stream.getvalue().splitlines())
    for _ in range(100):
        clock.seconds += 60
        lines(beat())
    assert len(stream.getvalue().splitlines()) == before + 100


def test_a_heartbeat_of_a_run_that_works_gives_the_sums(clock: Any, make: Any) -> None:
    """When nothing else was said; else nothing."""
    stream = io.StringIO()
    lines = Lines(Outlet(stream), monotonic=clock)
    lines(make.opened())
    lines(beat(outage_seconds=0.0))
    clock.seconds += 60
    lines(beat(outage_seconds=0.0))
    assert stream.getvalue().splitlines()[1:] == ["0 of 3 jobs done, 0 records, 0/s"]


def test_two_thousand_failures_are_not_two_thousand_lines(clock: Any, make: Any) -> None:
    """The report at the end groups them."""
    stream = io.StringIO()
    lines = Lines(Outlet(stream), monotonic=clock)
    lines(make.opened(jobs=2000))

    for ordinal in range(2000):
        lines(make.ended(ordinal, verdict=Verdict.REFUSED, message="403: not permitted"))

    assert len(stream.getvalue().splitlines()) == 52


def test_a_broken_pipe_does_not_kill_the_run(clock: Any, gone_pipe: io.StringIO, make: Any) -> None:
    """Whoever was reading the log has left; the export goes on."""
    lines = Lines(Outlet(gone_pipe), monotonic=clock)

    lines(make.opened())
    lines(make.closed())
