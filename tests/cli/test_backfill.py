"""``extractor backfill``: what is shown, what is refused before any request, and what ``resume`` does with it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.child import simulator_process

JOBS = "  - segment: VIP Customers\n  - {segment: VIP Customers, name: later, since: 2026-06-01T00:00:00Z}\n"
ONE = "  - {segment: VIP Customers, since: watermark}\n"
QUARTER = ("--from", "2025-10-01", "--to", "2026-01-01")
FAST = "limits: {requests_per_second: 500, poll_first: 0.01, retry_for: 0}\n"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that refuses the second Initiate of a segment, once."""
    words = ["--processing", "0", "--fault", "initiate[VIP Customers]: ok 403"]
    with simulator_process(words, errors=tmp_path_factory.mktemp("refusing") / "log") as base_url:
        yield base_url


def asked(base_url: str) -> int:
    """How many exports the server was asked for."""
    address = base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - a loopback address of our own
        return sum(json.loads(line)["kind"] == "initiate" for line in answer)


def test_a_dry_run_shows_windows_jobs_and_both_strategies_and_leaves_no_trace(
    invoke: Any, config: Callable[..., Path], tmp_path: Path
) -> None:
    """Nothing is sent (nobody listens there), and no folder is made."""
    ended = invoke("backfill", str(config(ONE)), *QUARTER, "--window", "1mo", "--dry-run", "--zone", "Europe/Berlin")

    rows = [line.split() for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("3 windows, 1 export, plan ")
    assert "2025-09-30T22:00:00Z to 2025-12-31T23:00:00Z by 1mo (Europe/Berlin), route" in ended.out
    assert ["2025-10", "2025-09-30T22:00:00Z", "2025-10-31T23:00:00Z", "745"] in rows
    assert ["VIP", "Customers", "segment", "'VIP", "Customers'", "everybody", "1", "2025-09-30T21:59:59.996Z"] in rows
    assert ["route", "(chosen)", "1", "4", "1.0", "times"] in rows
    assert ["fan-out", "3", "12"] == next(row for row in rows if row[:1] == ["fan-out"])[:3]
    assert "of the time since FROM is at or after TO" in ended.out
    assert ["night.yaml"] == [path.name for path in tmp_path.iterdir()]


def test_a_schedule_is_cut_into_the_services_own_days(invoke: Any, config: Any) -> None:
    """Rows between its days and those of another zone would be in no window; the key says whose they are."""
    words = ("backfill", str(config("  - schedule: Feed\n")), *QUARTER, "--window", "1mo", "--dry-run")
    other, own = invoke(*words), invoke(*words, "--zone", "America/New_York")

    assert (2, 0) == (other.code, own.code)
    assert "--zone UTC: the days of schedules (job 'Feed') are those of America/New_York" in " ".join(other.err.split())
    assert "connection.dialect.schedule_zone" in other.err
    assert own.out.startswith("3 windows, 3 exports, plan ")
    assert "exports reach from their start to now" not in own.out

    both = invoke(*words[:1], str(config("  - schedule: Feed\n" + ONE)), *words[2:], "--zone", "America/New_York")
    assert "exports reach from their start to now" in both.out


@pytest.mark.parametrize(("minutes", "told"), [(2, True), (14, True), (17, False)])
def test_a_period_that_ends_just_now_may_miss_what_shows_late(
    invoke: Any, config: Any, minutes: int, told: bool
) -> None:
    """As much as two nights overlap; it is no refusal."""
    end = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes)
    period = ("--from", f"{end - timedelta(hours=1):%FT%TZ}", "--to", f"{end:%FT%TZ}", "--window", "1h")
    ended = invoke("backfill", str(config(ONE)), *period, "--dry-run")

    assert 0 == ended.code
    assert told == ("note: TO is less than 15 min" in ended.out)


def test_a_dry_run_of_many_windows_is_a_screenful_and_says_what_needs_yes(invoke: Any, config: Any) -> None:
    """Refused is the real thing only."""
    words = ("backfill", str(config(ONE)), *QUARTER, "--window", "1d", "--strategy", "fan-out", "--dry-run")
    ended = invoke(*words)

    assert ended.code == 0
    assert len(ended.out.splitlines()) < 40
    assert "… and 72 windows more (--json has all)" in ended.out
    assert ended.out.splitlines()[-1].endswith("times what one export would: needs --yes")


def test_a_dry_run_as_json_has_every_window_and_job(invoke: Any, config: Any) -> None:
    """Keys are an outside contract."""
    words = ("backfill", str(config(ONE)), *QUARTER, "--window", "1mo", "--strategy", "fan-out", "--dry-run", "--json")
    shown = json.loads(invoke(*words).out)

    assert list(shown) == [
        "plan_id", "from", "to", "window", "zone", "strategy", "change_times", "windows", "jobs", "costs", "outside",
        "wasteful",
    ]  # fmt: skip
    assert shown["windows"][0] == {"name": "2025-10", "from": "2025-10-01T00:00:00Z", "to": "2025-11-01T00:00:00Z"}
    assert [job["window"] for job in shown["jobs"]] == ["2025-10", "2025-11", "2025-12"]
    assert [cost["exports"] for cost in shown["costs"]] == [1, 3]
    assert shown["wasteful"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "2026-01-01", "--to", "2025-10-01", "--window", "1d"), "is after --to '2025-10-01' -- exchange"),
        (("--from", "2025-10-01", "--to", "2025-10-01", "--window", "1d"), "the same instant, which holds nothing"),
        (("--from", "9990-01-01", "--to", "9991-01-01", "--window", "1d"), "--from '9990-01-01' is still to come"),
        (("--from", "2025-10-01", "--to", "9991-01-01", "--window", "1mo"), "--to '9991-01-01' is still to come"),
        ((*QUARTER, "--window", "1y"), "is not a New Year's Day in UTC"),
        ((*QUARTER, "--window", "6mo"), "--window 6mo is longer than the period"),
        ((*QUARTER, "--window", "1mo", "--zone", "Mars"), "--zone 'Mars' is no time zone"),
        ((*QUARTER, "--window", "soon"), "--window 'soon' is no window"),
        ((*QUARTER, "--window", "1mo", "--job", "Nobody"), "--job 'Nobody': no such job -- the file has: VIP"),
        ((*QUARTER, "--window", "1m"), "about 132,480 windows, but 10,000 is the most"),
        ((*QUARTER, "--window", "1mo"), "jobs 'VIP Customers' and 'later' ask for the same"),
        ((*QUARTER, "--window", "1d", "--strategy", "fan-out", "--job", "later"), "or agree with --yes"),
    ],
)
def test_bad_input_ends_with_2_before_anything_is_sent(
    invoke: Any, config: Any, words: tuple[str, ...], message: str
) -> None:
    """Each with its own message, whether it is the real thing or not; nobody listens at that address."""
    ended = invoke("backfill", str(config(JOBS)), *words, "--new")

    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.splitlines()[-1].endswith("nothing was done.")


@pytest.mark.parametrize("missing", ["--from", "--to", "--window"])
def test_there_is_no_default_period(invoke: Any, config: Any, missing: str) -> None:
    """All three are required."""
    given = {"--from": "2025-10-01", "--to": "2026-01-01", "--window": "1mo"}
    words = [word for option, value in given.items() if option != missing for word in (option, value)]
    ended = invoke("backfill", str(config(ONE)), *words)

    assert ended.code == 2
    assert missing in ended.err


def test_a_backfill_is_taken_up_with_the_same_windows_and_moves_no_watermark(
    invoke: Any, config: Any, refusing: str
) -> None:
    """``resume`` asks for the window that was refused, and for no other; ``runs`` and ``status`` say what it is."""
    path = config(ONE, base_url=refusing, extra=FAST + "backfill: {zone: America/New_York}\n")
    failed = invoke("backfill", str(path), *QUARTER, "--window", "1mo", "--strategy", "fan-out", "--yes", "--quiet")
    assert (failed.code, asked(refusing)) == (3, 3), failed

    path.write_text(path.read_text("utf-8").replace("America/New_York", "UTC"), encoding="utf-8")
    ended = invoke("resume", "--state", "state", "--quiet")

    assert (ended.code, asked(refusing)) == (0, 4), ended
    assert "2025-10-01T04:00:00Z to 2026-01-01T05:00:00Z by 1mo (America/New_York), fan-out" in ended.err
    (run,) = json.loads(invoke("runs", "--state", "state", "--json").out)
    assert run["backfill"] == {
        "from": "2025-10-01T04:00:00Z", "to": "2026-01-01T05:00:00Z", "window": "1mo", "zone": "America/New_York",
        "strategy": "fan-out",
    }  # fmt: skip
    assert "night.yaml, backfill by 1mo" in invoke("runs", "--state", "state").out
    assert (
        "backfill from 2025-10-01T04:00:00Z to 2026-01-01T05:00:00Z by 1mo" in invoke("status", "--state", "state").out
    )
    live = json.loads(invoke("plan", str(path), "--json").out)
    assert [job["since"] for job in live["jobs"]] == [None]


def test_run_options_of_a_backfill_are_those_of_a_run(invoke: Any, config: Any, refusing: str) -> None:
    """``--resume`` finds the unfinished backfill by its plan; ``--resume`` and ``--new`` exclude each other."""
    path = config("  - segment: Nobody Yet\n", base_url=refusing, extra=FAST)
    words = ("backfill", str(path), *QUARTER, "--window", "1mo", "--quiet")
    assert invoke(*words, "--deadline", "0.001").code == 5
    assert invoke(*words, "--resume", "--new").code == 2
    ended = invoke(*words, "--resume")

    assert ended.code == 0
    assert "taking up run" in ended.err
    assert len(json.loads(invoke("runs", "--state", "state", "--json").out)) == 1


def test_a_bad_period_is_met_before_lists_are_read_and_folders_made(
    invoke: Any, config: Callable[..., Path], tmp_path: Path
) -> None:
    """A typing error costs nothing, whatever the size of the list."""
    jobs = "  - {segment: A, match: {criteria: ProfileId, values: [1, 2]}}\n"
    ended = invoke("backfill", str(config(jobs)), "--from", "2025-10-02", "--to", "2026-01-01", "--window", "1mo")

    assert (ended.code, ended.out) == (2, "")
    assert ["night.yaml"] == [path.name for path in tmp_path.iterdir()]
