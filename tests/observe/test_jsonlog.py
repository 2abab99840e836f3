from __future__ import annotations

import io
import json
from typing import Any

from extractor.observe.jsonlog import JsonLog
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


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read back what was written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_keys_are_stable_for_every_kind_of_news(clock: Any, make: Any) -> None:
    """Programs read these names: an outside contract."""
    stream = io.StringIO()
    log = JsonLog(Outlet(stream), now=lambda: 1795464000.25, monotonic=clock)
    withheld = DatasetWithheld(dataset="d", reason="r", jobs=("a",))

    for news in (
        make.opened(), make.moved(), make.ended(), make.published(), withheld,
        ConnectionHeld(seconds=1, status=503), ClockCorrected(seconds=1), Noticed(message="n"), make.closed(),
        OutageBegan(seconds=12, status=503, reason="HTTP 503"), OutageEnded(seconds=90, status=None, requests=6),
        Heartbeat(seconds=60, jobs_done=1, jobs=3), make.matched(),
    ):  # fmt: skip
        log(news)

    shapes = {line["news"]: list(line)[2:] for line in written(stream)}
    job = ["ordinal", "label", "dataset"]
    assert shapes == {
        "run_opened": ["run_id", "jobs", "datasets", "output", "requests_per_second"],
        "job_moved": [*job, "phase", "what", "stored", "total", "retries", "detail"],
        "job_ended": [
            *job, "verdict", "message", "records", "exports", "requests", "seconds", "retries",
            "possible_orphans", "row_count", "total_results", "note",
        ],
        "dataset_published": ["dataset", "path", "records", "shards", "bytes", "kept_text", "timeless", "left_out"],
        "values_matched": ["dataset", "path", "values", "unmatched", "several", "strangers"],
        "dataset_withheld": ["dataset", "reason", "jobs"],
        "connection_held": ["seconds", "status"],
        "clock_corrected": ["seconds"],
        "outage_began": ["seconds", "status", "reason"],
        "outage_ended": ["seconds", "status", "requests"],
        "heartbeat": [
            "seconds", "jobs_done", "jobs", "outage_seconds", "status", "calm_seconds", "held_seconds", "until",
            "bound",
        ],
        "noticed": ["message"],
        "run_closed": [
            "run_id", "exit_code", "seconds", "requests", "records", "bytes", "jobs_done", "jobs_failed",
            "possible_orphans", "reason", "longest_stall", "stalled",
        ],
    }  # fmt: skip
    assert {line["time"] for line in written(stream)} == {"2026-11-23T20:00:00.250Z"}


def test_steps_that_come_by_the_thousand_are_thinned_out(clock: Any, make: Any) -> None:
    """One every five seconds and job; a new phase, a sentence and the end are always told."""
    stream = io.StringIO()
    log = JsonLog(Outlet(stream), now=lambda: 0.0, monotonic=clock)

    for page in range(20):
        clock.seconds += 1
        log(make.moved(0, stored=page))
    log(make.moved(0, stored=20, detail="odd"))
    log(make.moved(0, stored=20, phase="sealed"))
    log(make.ended(0, records=20))

    assert [(line.get("stored"), line["news"]) for line in written(stream)] == [
        (0, "job_moved"), (5, "job_moved"), (10, "job_moved"), (15, "job_moved"),
        (20, "job_moved"), (20, "job_moved"), (None, "job_ended"),
    ]  # fmt: skip


def test_a_verdict_is_written_as_its_word(clock: Any, make: Any) -> None:
    """Not as a number, nor nested."""
    stream = io.StringIO()

    JsonLog(Outlet(stream), now=lambda: 0.0, monotonic=clock)(make.ended(0, verdict=Verdict.INTEGRITY, message="m"))

    assert [(line["verdict"], line["message"]) for line in written(stream)] == [("integrity", "m")]


def test_a_broken_pipe_does_not_kill_the_run(clock: Any, gone_pipe: io.StringIO, make: Any) -> None:
    """The program that read the log has left; the export goes on."""
    JsonLog(Outlet(gone_pipe), now=lambda: 0.0, monotonic=clock)(make.opened())
