"""Contract, section 7: the legacy Schedule call, whose rows are flat preferences."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pydantic
import pytest

from extractor.cli.loading import basis_for
from extractor.observe.news import News
from extractor.plan import make_plan
from extractor.plan.backfill import BackfillRequest, plan_backfill
from extractor.plan.period import read_period
from extractor.protocol.dialect import problems
from extractor.run import extract
from extractor.simulator import Ending, Kindred, Schedule, Segment, Service, SimulatorSettings
from extractor.store.verify import verify
from tests.contract.stage import NightClock, Played, Wire, assert_withheld, play, resume, truth
from tests.rehearsal import NOW, config_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NEW_YORK = ZoneInfo("America/New_York")  # whose days the server means, as far as can be guessed
FEED = [{"schedule": "Feed"}]
SMALL = {"page_size": 100}


def legacy(**settings: Any) -> SimulatorSettings:
    """A server with one segment, A, and the schedule of its people."""
    known: dict[str, Any] = {
        "segments": (Segment(name="A", count=200),),
        "schedules": (Schedule(name="Feed", segment="A"),),
    }
    return SimulatorSettings(**(known | settings))


def rows(played: Played) -> list[bytes]:
    """The rows that the server has."""
    return truth(played, "Feed", kind=Kindred.SCHEDULE)


async def test_a_schedule_is_exported_without_dates(tmp_path: Path) -> None:
    """All its rows, over the legacy paths, with nothing but what that call knows; beside a segment of version 4."""
    played = await play(tmp_path, legacy(), [*FEED, {"segment": "A"}], limits=SMALL)
    assert 0 == played.exit_code
    assert rows(played) == played.lines("schedule=Feed")
    assert truth(played) == played.lines("segment=A")
    asked = [(each.method, each.url.split("/v4/")[1]) for each in played.wire.asked if "schedule" in each.about]
    (token,) = {each.token for each in played.history if each.dataset == "Feed" and each.token is not None}
    pages = [f"DEMO/export/Schedule/{token}?limit=100&offset={at}&keepAlive=true" for at in (1, 101, 201)]
    assert ("POST", "DEMO/export/Schedule/Feed") == asked[0]
    assert ("GET", f"DEMO/status/Token/{token}") in asked
    assert pages == [path for _, path in asked if "offset" in path][:3]
    assert ("POST", f"DEMO/export/Schedule/Commit/{token}?keepFiles=false") == asked[-1]
    assert [{}, {}] == played.bodies()
    (path,) = played.config.output.path.glob("schedule=Feed/run=*/manifest.json")
    assert {"kind": "schedule", "name": "Feed"} == json.loads(path.read_text("utf-8"))["dataset"]
    checked = verify(played.config.output.path)
    assert (True, 2) == (checked.intact, checked.manifests)


async def test_rows_of_one_person_are_no_repetition(tmp_path: Path) -> None:
    """A row is a preference: its ProfileID comes again, and no id is asked of it. Also when it is read once more."""
    server = legacy(faults={"page": "ok ok ok 503x9"}, segments=(Segment(name="A", count=400),))
    serial = {"dialect": {"random_access": "no"}}
    broken = await play(tmp_path, server, FEED, limits=SMALL | {"outage": 0}, connection=serial)
    assert 5 == broken.exit_code
    again = await resume(broken)
    ids = [json.loads(line)["ProfileID"] for line in rows(again)]
    assert len(ids) > len(set(ids))
    assert (0, rows(again)) == (again.exit_code, again.lines("schedule=Feed"))
    assert 1 == len(again.calls("initiate"))
    assert "came before" not in again.words()


async def test_a_row_that_should_have_an_id_of_its_own_can_be_held_to_it(tmp_path: Path) -> None:
    """``schedule_record_id``: where an account's rows do have one, a repetition is refused as with profiles."""
    connection = {"dialect": {"schedule_record_id": "ProfileID"}}
    assert_withheld(await play(tmp_path, legacy(), FEED, connection=connection), 6)


async def test_the_legacy_spelling_is_dialect_data(tmp_path: Path) -> None:
    """Each path has its key; a template that cannot be filled is refused with the configuration."""
    server = legacy(
        initiate_schedule_path="old/{clientId}/go/{name}",
        schedule_status_path="old/{clientId}/how/{accessToken}",
        schedule_retrieve_path="old/{clientId}/get/{accessToken}",
        schedule_commit_path="old/{clientId}/end/{accessToken}",
    )
    spelled = {
        "initiate_schedule": server.initiate_schedule_path,
        "schedule_status": server.schedule_status_path,
        "schedule_retrieve": server.schedule_retrieve_path,
        "schedule_commit": server.schedule_commit_path,
    }
    played = await play(tmp_path, server, FEED, connection={"dialect": spelled}, fresh=True)
    assert (0, rows(played)) == (played.exit_code, played.lines("schedule=Feed"))
    wrong = await play(tmp_path, server, FEED, fresh=True)
    assert_withheld(wrong, 4)
    broken = {"schedule_status": "{clientId}/status", "schedule_commit": "{kind}/{accessToken}", "schedule_zone": "Yrk"}
    found = list(problems(config_of(tmp_path, FEED, connection={"dialect": broken})))
    assert list(broken) == [each.location[-1] for each in found]


async def test_a_schedule_that_fails_is_withheld(tmp_path: Path) -> None:
    """A status of ``Failed``, and a name that the server does not know."""
    schedules = (Schedule(name="Feed", segment="A", ends=Ending.FAILED),)
    assert_withheld(await play(tmp_path, legacy(schedules=schedules), FEED, fresh=True), 4)
    assert_withheld(await play(tmp_path, legacy(), [{"schedule": "Fed"}], fresh=True), 4)


async def test_what_the_call_does_not_know_is_refused_with_the_configuration(tmp_path: Path) -> None:
    """No increment, no match; so a plan of a schedule has neither."""
    with pytest.raises(pydantic.ValidationError):
        config_of(tmp_path, [{"schedule": "Feed", "since": "watermark"}])
    (job,) = make_plan(config_of(tmp_path, FEED)).jobs
    assert ("schedule", None, None, None) == (job.dataset.kind, job.last_date_time, job.match, job.stream.overlap)
    assert "Feed" == job.name


@pytest.mark.parametrize("inclusive", [True, False])
async def test_true_windows_are_asked_by_their_days(tmp_path: Path, inclusive: bool) -> None:
    """A backfill asks for each window alone, both dates at once; every row of the period is in its window, once."""
    server = Service(legacy(schedule_end="inclusive" if inclusive else "exclusive"))
    config = config_of(tmp_path, FEED, connection={"dialect": {"schedule_end_is_inclusive": inclusive}})
    now = datetime.fromtimestamp(NOW, UTC)
    period = read_period(start="2026-01-01", end="2026-05-01", size="1mo", zone=str(NEW_YORK), now=now)
    plan = plan_backfill(config, basis_for(config), BackfillRequest(period=period, strategy="route"))
    news: list[News] = []
    wire = Wire(service=server, clock=NightClock())
    closed = await extract(config, plan, listener=news.append, interrupts=False, clock=wire.clock, transport=wire)
    assert 0 == closed.exit_code

    asked = [each.url.partition("?")[2] for each in wire.asked if each.about.startswith("Initiate ")]
    april = "2026-04-30" if inclusive else "2026-05-01"
    assert (4, f"startDate=2026-04-01&endDate={april}") == (len(asked), asked[-1])
    expected: dict[str, list[bytes]] = {}
    for row in server.truth("Feed", kind=Kindred.SCHEDULE):
        changed = datetime.fromisoformat(json.loads(row)["LastModifiedDate"]).astimezone(NEW_YORK)
        if "2026-01" <= f"{changed:%Y-%m}" < "2026-05":
            expected.setdefault(f"window={changed:%Y-%m}", []).append(row)
    published = sorted(config.output.path.glob("schedule=Feed/backfill=*/window=*/part-*"))
    found = {shard.parent.name: shard.read_bytes().splitlines() for shard in published}
    assert 4 == len(expected)
    assert expected == {window: lines for window, lines in found.items() if lines}
