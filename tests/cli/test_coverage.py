"""``coverage``: what is drawn and said of the nights in a state folder, and the exit code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.loading import basis_for, load_config
from extractor.plan import make_plan
from extractor.store.lock import hold_lock
from tests.cli.nights import NOW, OVERLAP, Nights, job_of, night
from tests.store.test_journal_formats import lay_out

pytestmark = pytest.mark.timeout(90)

A, B = job_of("A", dataset="All Profiles"), job_of("B")
COVERAGE = ("coverage", "--state", "state")


def told(invoke: Any, *options: str) -> dict[str, dict[str, Any]]:
    """The streams by job, as a program reads them."""
    return {each["job"]: each for each in json.loads(invoke(*COVERAGE, *options, "--json").out)["streams"]}


@pytest.fixture
def holed(nights: Nights) -> Nights:
    """Three good nights, one that began a day too late, one more; and a stream that is exported whole."""
    nights.publish("1", A, None, night(20))
    nights.publish("2", A, night(20) - OVERLAP, night(21))
    nights.set(A, night(22))
    nights.publish("3", A, night(22), night(23))
    nights.publish("4", A, night(23) - OVERLAP, night(24))
    nights.publish("5", B, None, night(22), mark=False)
    nights.publish("6", B, None, night(24), mark=False)
    return nights


@pytest.mark.usefixtures("holed")
def test_the_picture_and_the_sentences_of_a_hole(invoke: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong comes first; the remedy can be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    ended = invoke(*COVERAGE)

    assert 6 == ended.code
    config = f"'{tmp_path / 'my night.yaml'}'"
    picture = ended.out.split("\n\n", 1)[1]
    assert picture == (
        "A segment 'All Profiles'  <=============............======================|\n"
        "B segment 'B'             <++++++++++++++++++++++++========================\n"
        "                          2020-11-19T20:26Z                   2020-11-24T12:00Z\n"
        "= covered   + more than once   . hole   | watermark   < from the beginning\n"
        "\n"
        "HOLE job 'A' (segment 'All Profiles', everybody): nothing covers what changed "
        "from 2020-11-21T02:00:00Z to 2020-11-22T02:00:00Z (24 h 00 min).\n"
        f"  Close it: extractor backfill {config} --from 2020-11-21 --to 2020-11-23 --window 1d --zone UTC --job A\n"
    )


@pytest.mark.usefixtures("holed")
def test_the_table_says_since_when_and_as_of_when(invoke: Any) -> None:
    """And how much is there more than once."""
    first, second = invoke(*COVERAGE).out.splitlines()[1:3]
    assert ["the", "beginning", "2020-11-24T02:00:00Z", "30", "min", "00", "s"] == first.split()[5:12]
    assert "the beginning  2020-11-24T02:00:00Z  all to 2020-11-22T02:00:00Z" in " ".join(second.split("   "))


@pytest.mark.usefixtures("holed")
def test_a_program_reads_the_same(invoke: Any) -> None:
    """Exactly, with each export that counts."""
    found = told(invoke)["A"]
    assert [
        {"from": None, "to": "2020-11-21T02:00:00Z"},
        {"from": "2020-11-22T02:00:00Z", "to": "2020-11-24T02:00:00Z"},
    ] == (found["covered"])
    assert [("2020-11-21T02:00:00Z", "2020-11-22T02:00:00Z")] == [(each["from"], each["to"]) for each in found["holes"]]
    assert "--from 2020-11-21 --to 2020-11-23 --window 1d" in found["holes"][0]["remedy"]
    assert (1800.0, False, None, 0) == tuple(
        found[key] for key in ("repeated_seconds", "stale", "coming_hole", "unknown")
    )
    assert [("1", "journal"), ("2", "journal"), ("3", "journal"), ("4", "journal")] == [
        (each["run"], each["known_by"]) for each in found["exports"]
    ]


@pytest.mark.parametrize(
    ("since", "until", "place"),
    [(night(21), night(22), "backfill"), (night(21) - OVERLAP, night(24, 3), "run"), (None, night(22, 4), "run")],
)
def test_a_hole_is_closed_by_whatever_covers_it(
    holed: Nights, invoke: Any, since: datetime | None, until: datetime, place: str
) -> None:
    """A backfill, a watermark that was set back, an export of everything."""
    holed.publish("7", A, since, until, mark=False, place=place)
    ended = invoke(*COVERAGE)
    assert (0, True, []) == (ended.code, ended.out.endswith("\nNo hole.\n"), told(invoke)["A"]["holes"])


def test_a_hole_is_made_by_setting_forward_and_closed_by_a_wider_span(nights: Nights, invoke: Any) -> None:
    """It is told before it is there, while it is in the making, and when it is there."""
    nights.publish("1", A, None, night(20))
    set_ = ("watermarks", "set", "A", "2020-11-21T00:00:00Z", "--yes", "--state", "state")
    assert "from 2020-11-20T02:00:00Z to 2020-11-21T00:00:00Z" in invoke(*set_).out

    making = invoke(*COVERAGE)
    coming = {"from": "2020-11-20T02:00:00Z", "to": "2020-11-21T00:00:00Z"}
    assert (6, coming, []) == (making.code, told(invoke)["A"]["coming_hole"], told(invoke)["A"]["holes"])
    remedy = f"extractor watermarks set {A.stream.id} 2020-11-20T01:45:00Z --state state"
    assert "HOLE in the making, job 'A'" in making.out
    assert f"  Close it: {remedy}\n" in making.out

    nights.publish("2", A, night(21, 0), night(22))
    there = told(invoke)["A"]
    assert (6, None, 1) == (invoke(*COVERAGE).code, there["coming_hole"], len(there["holes"]))

    assert 0 == invoke(*remedy.split()[1:], "--yes").code
    nights.publish("3", A, night(20) - OVERLAP, night(23))
    assert (0, []) == (invoke(*COVERAGE).code, told(invoke)["A"]["holes"])


def test_a_hole_of_today_is_closed_by_what_is_over(nights: Nights, invoke: Any) -> None:
    """A backfill cannot reach into the future, so it ends where the hole ends."""
    nights.publish("1", A, None, night(22, 20))
    nights.publish("2", A, night(24, 1), night(24))
    (hole,) = told(invoke)["A"]["holes"]
    period = "--from 2020-11-22T01:00:00Z --to 2020-11-24T01:00:00Z --window 24h"
    assert hole["remedy"].endswith(f"my night.yaml' {period} --job A")


@pytest.mark.parametrize(("ends", "begins"), [(night(21, 0), night(22)), (night(22, 20), night(24, 1))])
def test_the_remedy_of_a_hole_is_a_backfill_that_covers_it(
    nights: Nights, invoke: Any, config: Callable[..., Path], ends: datetime, begins: datetime
) -> None:
    """As it stands there it is taken, and what it covers leaves no hole."""
    path = config("  - {name: 'every night', segment: A, since: watermark}\n")
    loaded = load_config(path)
    (job,) = make_plan(loaded, basis_for(loaded)).jobs
    nights.publish("1", job, None, ends)
    nights.publish("2", job, begins, night(24, 3))
    ((hole,),) = (told(invoke, str(path))[name]["holes"] for name in ("every night",))

    words = shlex.split(hole["remedy"])
    ended = invoke(*words[1:], "--dry-run", "--json")

    assert (0, "") == (ended.code, ended.err)
    start, end = (words[words.index(option) + 1] for option in ("--from", "--to"))
    first, last = (datetime.fromisoformat(each if "T" in each else f"{each}T00:00:00Z") for each in (start, end))
    assert first <= ends - OVERLAP < begins <= last <= NOW
    nights.backfill("3", job, first, last)
    assert 0 == invoke("coverage", str(path)).code


def test_what_is_stale_is_said_and_leaves_the_exit_code(nights: Nights, invoke: Any) -> None:
    """Older than twice the usual distance, and 26 hours; a backfill makes nothing newer."""
    for run, day in enumerate((1, 8, 15)):
        nights.publish(f"weekly {run}", A, None, night(day))
    for run, day in enumerate((19, 20, 21)):
        nights.publish(f"daily {run}", B, None, night(day))
    nights.backfill("b", B, night(21), night(24))
    once = job_of("C")
    nights.publish("once", once, None, night(2), mark=False)

    ended = invoke(*COVERAGE)

    assert {"A": False, "B": True, "C": False} == {job: each["stale"] for job, each in told(invoke).items()}
    assert "stale: job 'B' (segment 'B', everybody): its newest run is 82 h 00 min old, more than 48 h 00 min.\n" in (
        ended.out
    )
    assert 0 == ended.code
    assert {True} == {each["stale"] for each in told(invoke, "--stale", "36h").values()}
    assert {False} == {each["stale"] for each in told(invoke, "--stale", "30d").values()}
    assert 2 == invoke(*COVERAGE, "--stale", "0").code


def test_a_watermark_that_no_run_has_moved_grows_stale_too(nights: Nights, invoke: Any) -> None:
    """Every night since has failed."""
    nights.begin("1", A)
    nights.set(A, night(20))
    found = told(invoke)["A"]
    assert (True, False, None) == (found["stale"], found["exported"], found["coming_hole"])
    assert "never exported" in invoke(*COVERAGE).out


def test_with_a_configuration_only_its_streams_are_drawn(
    nights: Nights, invoke: Any, config: Callable[..., Path]
) -> None:
    """In its order; one that was never exported is no hole, and a hole of another stream is none of its business."""
    path = config("  - {name: nightly, segment: A, since: watermark}\n  - segment: Never\n")
    loaded = load_config(path)
    known = make_plan(loaded, basis_for(loaded)).jobs[0]
    nights.publish("1", known, None, night(24))
    nights.publish("2", B, None, night(20))
    nights.publish("3", B, night(22), night(24))
    lines = invoke("coverage", str(path))

    assert 0 == lines.code
    assert ["nightly", "Never"] == [row.split()[2] for row in lines.out.splitlines()[1:3]]
    assert "never exported" in lines.out.splitlines()[2]
    assert 6 == invoke(*COVERAGE).code
    assert {"nightly", "Never"} == set(told(invoke, str(path)))


def test_a_configuration_says_where_a_stream_begins_that_was_reset(
    nights: Nights, invoke: Any, config: Callable[..., Path]
) -> None:
    """Its initial may be later than what is covered; a watermark that is still to come is told, not refused."""
    path = config("  - {segment: A, since: watermark, initial: 2020-11-22T00:00:00Z}\n")
    loaded = load_config(path)
    (job,) = make_plan(loaded, basis_for(loaded)).jobs
    nights.publish("1", job, None, night(20))
    assert 0 == invoke("coverage", str(path)).code
    nights.set(job, None)
    coming = told(invoke, str(path))["A"]["coming_hole"]
    assert {"from": "2020-11-20T02:00:00Z", "to": "2020-11-22T00:00:00Z"} == coming
    nights.set(job, NOW.replace(year=2200))
    assert (6, "2200-11-24T12:00:00Z") == (
        invoke("coverage", str(path)).code,
        told(invoke, str(path))["A"]["coming_hole"]["to"],
    )


def test_it_may_be_asked_while_a_run_is_alive_and_changes_nothing(holed: Nights, invoke: Any) -> None:
    """Reading needs no lock."""
    before = {path: path.read_bytes() for path in holed.state.iterdir()}
    with hold_lock(holed.state):
        assert 6 == invoke(*COVERAGE).code
    after = {path: path.read_bytes() for path in holed.state.iterdir() if path.name != "lock"}
    assert before.items() <= {**before, **after}.items()


def test_without_a_journal_there_is_nothing_to_read(invoke: Any, tmp_path: Path) -> None:
    """A misspelt folder is told, not made."""
    ended = invoke(*COVERAGE)
    assert (2, "") == (ended.code, ended.out)
    assert "no journal there" in ended.err
    assert [] == sorted(tmp_path.iterdir())
    assert 2 == invoke("coverage", "missing.yaml").code


def test_a_journal_that_is_older_than_streams_knows_of_none(invoke: Any, tmp_path: Path) -> None:
    """It is read as it is."""
    lay_out(tmp_path / "state")
    ended = invoke(*COVERAGE)
    assert (0, "Nothing is known of any stream in state: a run makes its streams known.\n") == (ended.code, ended.out)


def test_two_nights_against_the_simulator(invoke: Any, config: Callable[..., Path], simulator: str) -> None:
    """Run, look, set back by what is told, run again; without the state folder the manifests say the same."""
    jobs = "  - {name: nightly, segment: Newsletter OptIns, since: watermark}\n"
    path = config(jobs, base_url=simulator, extra="limits: {requests_per_second: 500, poll_first: 0.01}\n")
    assert 0 == invoke("run", str(path), "--quiet").code
    assert 0 == invoke("run", str(path), "--quiet").code

    (mark,) = json.loads(invoke("watermarks", "--state", "state", "--json").out)
    ended = invoke("coverage", str(path))
    seen = told(invoke, str(path))["nightly"]

    assert (0, mark["watermark"]) == (ended.code, seen["watermark"])
    assert mark["moved_by"] == f"run {seen['exports'][1]['run']}"
    assert (seen["exports"][1]["from"], seen["covered"]) == (
        json.loads(invoke("watermarks", "--state", "state", "--history", "--json").out)[0]["from"],
        [{"from": None, "to": seen["as_of"]}],
    )
    Path("state").rename("kept")
    lost = json.loads(invoke("coverage", "--output", "exports", "--json").out)["streams"][0]
    assert (seen["stream"], seen["covered"], None) == (lost["stream"], lost["covered"], lost["watermark"])
    assert 2 == invoke("coverage").code
