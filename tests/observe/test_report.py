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
from extractor.observe.report import Place, report
from extractor.observe.tally import Tally
from extractor.protocol.vocabulary import Verdict

PLACE = Place(config="nightly.yaml", output="exports", state=".extractor")


def lines_of(*news: News, place: Place = PLACE) -> list[str]:
    """Give the report of a run that told this."""
    tally = Tally()
    for each in news:
        tally(each)
    assert tally.closed is not None
    return report(tally, tally.closed, place)


def test_when_all_went_well_the_first_line_says_so(make: Any) -> None:
    """And nothing is mentioned that did not happen."""
    assert lines_of(make.opened(), make.published(records=1234, shards=2), make.closed()) == [
        "All went well: 3 of 3 jobs done, 1,234 records in 1 dataset published (40 requests, 12 s).",
        "Published in exports:",
        "  segment 'A'  1,234 records  2 shards, 2.0 KiB  segment=A/run=R",
        "Next:",
        "  extractor verify exports",
    ]


def test_what_failed_is_said_first_with_its_reason_and_the_commands_that_help(make: Any) -> None:
    """Verdict, reason with remedy, exact commands with the folders of this run."""
    place = Place(config="my night.yaml", output="exports", state="/var/x", options=" --state /var/x")
    assert lines_of(
        make.opened(),
        make.published(),
        make.ended(1, label="Winback", verdict=Verdict.REFUSED, message="404: no such segment -- check its name"),
        DatasetWithheld(dataset="segment 'B'", reason="1 of its 1 jobs failed", jobs=("Winback",)),
        make.closed(exit_code=3, jobs_done=2, jobs_failed=1),
        place=place,
    ) == [
        "NOT COMPLETE: 2 of 3 jobs done, 1 failed, 100 records in 1 dataset published (40 requests, 12 s).",
        "Published in exports:",
        "  segment 'A'  100 records  1 shard, 2.0 KiB  segment=A/run=R",
        "Failed:",
        "  Winback -- refused: 404: no such segment -- check its name",
        "Not published:",
        "  segment 'B' -- 1 of its 1 jobs failed",
        "Next:",
        "  extractor doctor 'my night.yaml'   # are connection and credentials right?",
        "  extractor status R --state /var/x   # every job of this run",
        "  extractor resume R --state /var/x   # once that is put right: what is done stays done",
        "  extractor run 'my night.yaml' --job NAME   # instead, for a name corrected in the file",
    ]


def test_failures_that_differ_only_in_names_and_numbers_are_one_line(make: Any) -> None:
    """Forty batches refused for one reason are one thing to mend."""
    failures = [
        make.ended(
            each, label=f"W [{each}/40]", verdict=Verdict.REFUSED, message=f"403 for 'W {each}': missing permission"
        )
        for each in range(1, 41)
    ]
    text = lines_of(make.opened(jobs=40), *failures, make.closed(exit_code=4, jobs_done=0, jobs_failed=40))

    assert text[0].startswith("REFUSED by the server: 0 of 40 jobs done, 40 failed")
    assert text[1:3] == [
        "Failed:",
        "  40 jobs (W [1/40], W [2/40], W [3/40], … 37 more) -- refused: 403 for 'W 1': missing permission",
    ]


def test_two_thousand_jobs_are_reported_in_25_lines(make: Any) -> None:
    """Whatever went wrong, however often."""
    news: list[News] = [make.opened(jobs=2000, datasets=600)]
    news += [make.published(dataset=f"segment 'S {each}'", kept_text=1) for each in range(400)]
    news += [
        DatasetWithheld(dataset=f"segment 'T {each}'", reason=f"reason {'abcdefgh'[each % 8]}", jobs=())
        for each in range(200)
    ]
    news += [
        make.ended(each, verdict=Verdict.EXPORT_FAILED, message=f"because of {'abcdefgh'[each % 8]}")
        for each in range(1000)
    ]
    news += [make.ended(each, note=f"note {'abcdefgh'[each % 8]}", retries=1) for each in range(1000, 2000)]
    news += [Noticed(message=f"thing {each}") for each in range(50)]
    news += [ConnectionHeld(seconds=1, status=429), ClockCorrected(seconds=9)]
    news += [make.closed(exit_code=6, jobs_done=1000, jobs_failed=1000, possible_orphans=3)]

    text = lines_of(*news)

    assert len(text) <= 25, "\n".join(text)
    assert text[0].startswith("COUNTS OR CHECKSUMS DO NOT MATCH")


def test_what_is_worth_knowing_is_mentioned_when_there_is_any(make: Any) -> None:
    """Orphans, kept spellings, retries, holds, the clock, notes."""
    text = lines_of(
        make.opened(),
        make.ended(0, label="W", note="the Commit was not acknowledged", retries=2),
        make.published(kept_text=5),
        ConnectionHeld(seconds=1, status=429),
        ClockCorrected(seconds=90),
        make.closed(possible_orphans=1),
    )

    start = text.index("Worth knowing:")
    assert text[start + 1 : -2] == [
        "  1 export may be left at the server: its answer was lost. It expires there by itself",
        "  5 records published in the server's own spelling (the manifest says which)",
        "  2 retries, 1 hold asked for by the server",
        "  this machine's clock is 1 min 30 s ahead of the server's; allowed for (to mend it: NTP)",
        "  W: the Commit was not acknowledged",
    ]


def test_a_backfill_that_found_no_time_at_all_says_so_and_names_the_key(make: Any) -> None:
    """First of all notes: a slip of the pen in the paths would put everything into one window, unseen."""
    text = lines_of(
        make.opened(),
        make.ended(0, label="W", retries=2),
        make.published(timeless=100, left_out={"later": 7}),
        make.published(dataset="segment 'B'", timeless=100, left_out={"after": 2, "before": 1}),
        make.published(dataset="segment 'C'", timeless=1234, records=2000),
        make.published(dataset="segment 'D'", records=0),
        make.closed(),
    )

    blind, timeless, again, left_out = text[text.index("Worth knowing:") + 1 : -2]
    assert blind.startswith("  segment 'A': no record has a time of change that can be read, so all are in window=__un")
    assert blind.endswith("known__ -- check the spelling of backfill.change_times, then do it again")
    assert timeless == "  1,334 records without a time of change that can be read, in window=__unknown__"
    assert again == "  2 retries, 0 holds asked for by the server"
    reasons = ["7 that an export of a later window held, too", "2 that changed after the period"]
    reasons.append("1 that changed before the period (the manifest counts them by job)")
    assert left_out == f"  left out of what came: {', '.join(reasons)}"


def test_what_dedupe_left_out_is_worth_knowing(make: Any) -> None:
    """As a count."""
    text = lines_of(make.opened(), make.published(left_out={"unchanged": 1500}), make.closed())

    assert "  left out of what came: 1,500 unchanged, by dedupe (the manifest counts them by job)" in text


def test_published_datasets_take_the_lines_that_the_rest_leaves(make: Any) -> None:
    """A good night of a dozen datasets shows them all."""
    text = lines_of(make.opened(), *(make.published(dataset=f"segment '{each}'") for each in range(12)), make.closed())

    assert len([line for line in text if line.startswith("  segment '")]) == 12


def test_an_interrupted_run_says_so_and_why(make: Any) -> None:
    """130 and 143 are not failures of jobs."""
    text = lines_of(make.opened(), make.closed(exit_code=143, jobs_done=1, reason="interrupted by SIGTERM"))

    assert text[0].startswith("INTERRUPTED (interrupted by SIGTERM): 1 of 3 jobs done, 0 records")


def test_a_run_that_gave_a_server_up_says_for_how_long_and_what_to_do(make: Any) -> None:
    """The remedy stands under "Next", with the vendor's advice; the first line is short."""
    reason = "nothing but failures for 1 h 00 min, last: HTTP 503; limits.outage: 1 h 00 min"
    text = lines_of(
        make.opened(),
        OutageBegan(seconds=10, status=503, reason="HTTP 503"),
        OutageEnded(seconds=90, status=503, requests=6),
        OutageBegan(seconds=10, status=503, reason="HTTP 503"),
        Heartbeat(seconds=4000, jobs_done=1, jobs=3, outage_seconds=3600.0),
        make.closed(exit_code=5, jobs_done=1, seconds=4000.0, reason=f"{reason} -- what is done is safe"),
    )
    done = "1 of 3 jobs done, 0 records in 0 datasets published (40 requests, 1 h 06 min)"
    assert text == [
        f"NOT COMPLETE, the server was unavailable ({reason}): {done}.",
        "Worth knowing:",
        "  the server was unavailable 2 times, 1 h 01 min in all",
        "Next:",
        "  extractor status R   # every job of this run",
        "  extractor resume R   # when the server answers: what is done stays done",
        "  notify PossibleNOW support if it lasts: a 503 is temporary by their word",
    ]


def test_support_is_not_called_for_an_outage_that_nobody_waited_through(make: Any) -> None:
    """Somebody pressed Ctrl-C after twelve seconds."""
    began = OutageBegan(seconds=12, status=503, reason="HTTP 503")
    assert "PossibleNOW" not in "".join(lines_of(make.opened(), began, make.closed(exit_code=130, reason="SIGINT")))


def test_an_outage_that_is_over_is_worth_knowing(make: Any) -> None:
    """It explains why the night was long."""
    text = lines_of(make.opened(), OutageBegan(seconds=10, status=503, reason="HTTP 503"),
                    OutageEnded(seconds=1204, status=503, requests=25), make.published(), make.closed())  # fmt: skip
    assert "  the server was unavailable 1 time, 20 min 04 s in all" in text
    assert text[0].startswith("All went well")


def test_what_became_of_the_values_is_worth_knowing(make: Any) -> None:
    """In counts, with the folder that has the rest."""
    told = lines_of(make.opened(), make.matched(), make.published(), make.closed())
    expected = "  segment 'A': of 1,000 values, 12 matched nobody, 1 several profiles (see state/reports/R/segment=A)"
    assert expected == told[told.index("Worth knowing:") + 1]
