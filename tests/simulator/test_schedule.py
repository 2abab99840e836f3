"""The legacy Schedule call as the simulator serves it (contract, section 7)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from extractor.errors import ConfigError
from extractor.simulator import Ending, Kindred, Reply, Request, Schedule, Segment, SimulatorSettings, Zone
from tests.simulator.conftest import Caller

ROOT = "/Profiles/v4/DEMO"
FIRST, LAST = date(2026, 1, 10), date(2026, 3, 20)


class Feed:
    """Calls the legacy API with a good signature."""

    def __init__(self, client: Caller) -> None:
        self.client = client

    def __call__(self, method: str, path: str, body: bytes = b"{}") -> Reply:
        """Call it, below the account."""
        client = self.client
        sent = {"Authorization": client.authorization()}
        return client.service.handle(Request.of(method, f"{ROOT}/{path}", headers=sent, body=body), client.now)

    def export(self, query: str = "", name: str = "Feed") -> int:
        """Begin an export that must begin, and give its token."""
        token = orjson.loads(self("POST", f"export/Schedule/{name}{query}").body)["AccessToken"]
        assert isinstance(token, int)
        return token

    def rows(self, token: int) -> list[dict[str, Any]]:
        """Read everything."""
        page = orjson.loads(self("GET", f"export/Schedule/{token}?limit=5000&offset=1&keepAlive=true").body)
        rows = page["Preferences"]
        assert (len(rows), False, 1) == (page["Count"], page["HasMore"], page["Offset"])
        assert isinstance(rows, list)
        return rows


@pytest.fixture
def feed(call: Callable[..., Caller]) -> Callable[..., Feed]:
    """Give the factory of clients of a world with one schedule."""
    return lambda **changes: Feed(
        call(**{"schedules": (Schedule(name="Feed", segment="Thirds"),), "default_page_size": 5000, **changes})
    )


def test_a_row_is_one_preference_of_one_person(feed: Callable[..., Feed]) -> None:
    """As many as there are in the records of the segment, in their order."""
    client = feed()
    rows = client.rows(client.export())
    people = [orjson.loads(each) for each in client.client.service.truth("Thirds")]
    expected = [(person["ProfileId"], preference) for person in people for preference in _preferences(person)]
    assert [profile for profile, _ in expected] == [row["ProfileID"] for row in rows]
    for row, (_, preference) in zip(rows, expected, strict=True):
        assert row["FilterID"] == preference["FilterId"]
        assert row["CustomProperties"] == preference["PreferenceAttributes"]
        assert row["LastModifiedDate"] == preference["LastModifiedDate"]
    assert len({row["CID"] for row in rows}) < len(rows)
    assert len(rows) == client.client.service.count("Feed", kind=Kindred.SCHEDULE)


@pytest.mark.parametrize("zone", list(Zone))
@pytest.mark.parametrize("end", ["inclusive", "exclusive"])
def test_dates_select_by_days_of_the_zone(feed: Callable[..., Feed], zone: Zone, end: str) -> None:
    """Over a change of the clocks; the last day is in it or not."""
    client = feed(schedule_zone=zone, schedule_end=end)
    everything = client.rows(client.export())
    place = ZoneInfo("America/New_York" if zone is Zone.EASTERN else "UTC")
    stop = LAST + timedelta(days=end == "inclusive")
    expected = [row for row in everything if FIRST <= _day(row, place) < stop]
    assert 5 < len(expected) < len(everything)
    assert expected == client.rows(client.export(f"?startDate={FIRST}&endDate={LAST}"))


def test_days_side_by_side_hold_every_row_once(feed: Callable[..., Feed]) -> None:
    """No row between two days, none in both."""
    client = feed()
    span = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    single = [row for day in span for row in client.rows(client.export(f"?startDate={day}&endDate={day}"))]
    whole = client.rows(client.export(f"?startDate={FIRST}&endDate={LAST}"))
    assert sorted(map(repr, whole)) == sorted(map(repr, single))


@pytest.mark.parametrize(
    "query",
    ["?startDate=2026-01-01", "?endDate=2026-01-01", "?startDate=2026-01-02&endDate=2026-01-01",
     "?startDate=01/02/2026&endDate=2026-03-01"],
)  # fmt: skip
def test_half_a_period_is_refused(feed: Callable[..., Feed], query: str) -> None:
    """Both dates or neither, in order, in the form of a date."""
    assert 400 == feed()("POST", f"export/Schedule/Feed{query}").status


def test_status_says_when_the_token_expires(feed: Callable[..., Feed]) -> None:
    """Empty, and the counts 0, while the export is processing."""
    client = feed(processing=60.0, token_lifetime=3600.0)
    token = client.export()
    assert {"AccessToken": token, "Expires": "", "Status": "Processing", "RowCount": 0, "ByteCount": 0} == orjson.loads(
        client("GET", f"status/Token/{token}").body
    )
    client.client.now += 60.0
    told = orjson.loads(client("GET", f"status/Token/{token}").body)
    assert ("Complete", "2026-11-23T03:01:00Z") == (told["Status"], told["Expires"])
    assert told["RowCount"] == len(client.rows(token))


def test_commit_ends_the_export(feed: Callable[..., Feed]) -> None:
    """As with segments."""
    client = feed()
    token = client.export()
    assert 200 == client("POST", f"export/Schedule/Commit/{token}?keepFiles=false").status
    assert "Retrieved" == orjson.loads(client("GET", f"status/Token/{token}").body)["Status"]
    assert 404 == client("GET", f"export/Schedule/{token}").status


def test_each_api_knows_its_own_tokens_and_names(feed: Callable[..., Feed]) -> None:
    """A segment is no schedule."""
    client = feed()
    segment, schedule = client.client.export("Thirds"), client.export()
    assert 404 == client("GET", f"export/Schedule/{segment}").status
    assert 404 == client.client.page(schedule).status
    assert 404 == client("POST", "export/Schedule/Thirds").status
    assert 404 == client.client.initiate("Feed").status
    assert 404 == client.client.initiate("Feed", kind="Schedule").status


def test_a_schedule_may_be_forbidden_or_fail(feed: Callable[..., Feed]) -> None:
    """With the switches that segments have."""
    schedules = (
        Schedule(name="Closed", segment="Evens", forbidden=True),
        Schedule(name="Broken", segment="Evens", ends=Ending.ERROR),
    )
    client = feed(schedules=schedules)
    assert 403 == client("POST", "export/Schedule/Closed").status
    token = client.export(name="Broken")
    assert "Error" == orjson.loads(client("GET", f"status/Token/{token}").body)["Status"]


def test_a_row_without_a_time_is_in_every_period(feed: Callable[..., Feed]) -> None:
    """What cannot be judged is not left out."""
    client = feed(timeless=0.2)
    rows = [row for row in client.rows(client.export()) if "LastModifiedDate" not in row]
    assert rows
    assert rows == client.rows(client.export("?startDate=2016-01-01&endDate=2016-01-01"))


@pytest.mark.parametrize("segment", ["Nowhere", "Gone"])
def test_a_schedule_is_of_living_generated_people(segment: str) -> None:
    """Others have no preferences."""
    with pytest.raises(ConfigError, match=f'there is no segment "{segment}" of generated, living profiles'):
        SimulatorSettings(
            segments=(Segment(name="Gone", count=1, deleted=True),),
            schedules=(Schedule(name="Feed", segment=segment),),
        )


def _preferences(person: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(person.get("ProfilePreferences") or ())
    for member, inner in (("Emails", "Email"), ("PhoneNumbers", "PhoneNumber"), ("Addresses", "Address")):
        found += [each for element in person.get(member) or () for each in element[f"{inner}Preferences"]]
    return found


def _day(row: dict[str, Any], zone: ZoneInfo) -> date:
    return datetime.fromisoformat(row["LastModifiedDate"]).astimezone(zone).date()
