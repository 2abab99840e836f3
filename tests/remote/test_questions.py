"""How commands are spelled as requests."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extractor.plan.job import JobSpec, Window
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus
from extractor.remote.questions import Questions, describe
from tests.asking import match_of

BASE = "https://preferences.example/Profiles/v4"


@pytest.fixture
def questions() -> Callable[..., Questions]:
    """Give the factory of questions; keywords are the dialect's."""

    def make(client_id: str = "ACME", **dialect: Any) -> Questions:
        return Questions(base_url=BASE + "/", client_id=client_id, dialect=Dialect(**dialect))

    return make


@pytest.mark.parametrize(
    ("kind", "command", "method", "path"),
    [
        ("segment", Initiate(export=1), "POST", "Async/ACME/Export/Segment/VIP"),
        ("group", Initiate(export=1), "POST", "Async/ACME/Export/SegmentGroup/VIP"),
        ("segment", PollStatus(token=77), "GET", "Async/ACME/Export/77/Status"),
        (
            "segment",
            FetchPage(token=77, offset=1001, limit=1000),
            "GET",
            "Async/ACME/Export/77?limit=1000&offset=1001&keepAlive=true",
        ),
        ("group", Commit(token=77), "POST", "Async/ACME/Export/77/Commit?keepFiles=false"),
        ("schedule", Initiate(export=1), "POST", "ACME/export/Schedule/VIP"),
        ("schedule", PollStatus(token=77), "GET", "ACME/status/Token/77"),
        (
            "schedule",
            FetchPage(token=77, offset=1001, limit=1000),
            "GET",
            "ACME/export/Schedule/77?limit=1000&offset=1001&keepAlive=true",
        ),
        ("schedule", Commit(token=77), "POST", "ACME/export/Schedule/Commit/77?keepFiles=false"),
    ],
)
def test_the_default_paths_are_the_contracts(
    questions: Any, make_job: Callable[..., JobSpec], *, kind: str, command: Any, method: str, path: str
) -> None:
    """Contract, section 3.1; every page keeps the token alive, every Commit says what becomes of the files."""
    request = questions().ask(command, make_job(kind=kind))
    assert (request.method, request.url) == (method, f"{BASE}/{path}")


def _window(**days: Any) -> Window:
    start = datetime(2026, 1, 1, 5, tzinfo=UTC)
    return Window(name="2026-01", start=start, end=start + timedelta(days=31), **days)


JANUARY = {"first_day": date(2026, 1, 1), "last_day": date(2026, 1, 31)}


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ({}, "startDate=2026-01-01&endDate=2026-01-31"),
        ({"schedule_end_is_inclusive": False}, "startDate=2026-01-01&endDate=2026-02-01"),
        (
            {"schedule_start": "from", "schedule_end": "to", "schedule_date": "%m/%d/%Y"},
            "from=01%2F01%2F2026&to=01%2F31%2F2026",
        ),
    ],
)
def test_a_window_of_a_schedule_is_asked_by_its_days(
    questions: Any, make_job: Callable[..., JobSpec], dialect: dict[str, Any], query: str
) -> None:
    """Contract, section 7: both dates, in the spelling of the dialect; whether the last one is in it, it says, too."""
    job = replace(make_job(kind="schedule"), window=_window(**JANUARY))
    request = questions(**dialect).ask(Initiate(export=1), job)
    assert (f"{BASE}/ACME/export/Schedule/VIP?{query}", b"{}") == (request.url, request.body)


def test_a_schedule_cannot_be_asked_for_parts_of_a_day(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """A plan must not hold such a window; to ask for whole days instead would be a guess."""
    job = replace(make_job(kind="schedule"), window=_window())
    with pytest.raises(ValueError, match="whole days"):
        questions().ask(Initiate(export=1), job)


def test_the_window_of_a_segment_is_not_asked_for(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """Its call knows a lower bound only."""
    job = replace(make_job(), window=_window(**JANUARY))
    assert questions().ask(Initiate(export=1), make_job()).url == questions().ask(Initiate(export=1), job).url


def test_paths_and_words_are_the_dialects(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """The other candidates of the contract are configuration."""
    spoken = questions(
        retrieve="v9/{clientId}/{kind}/{accessToken}?full=1",
        commit="Async/{clientId}/Export/{kind}/Commit/{accessToken}",
        keep_files=True,
        true="True",
    )
    page = spoken.ask(FetchPage(token=7, offset=1, limit=5), make_job(kind="group"))
    assert page.url == f"{BASE}/v9/ACME/SegmentGroup/7?full=1&limit=5&offset=1&keepAlive=True"
    commit = spoken.ask(Commit(token=7), make_job())
    assert commit.url == f"{BASE}/Async/ACME/Export/Segment/Commit/7?keepFiles=True"
    assert commit.body is None


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Newsletter OptIns", "Newsletter%20OptIns"),
        ("a/b?c#d%e&f+g", "a%2Fb%3Fc%23d%25e%26f%2Bg"),
        ("Caf\u00e9 \u2603", "Caf%C3%A9%20%E2%98%83"),
        ("{accessToken}", "%7BaccessToken%7D"),
        ("..", "%2E%2E"),
        ("v1.2", "v1.2"),
    ],
)
def test_names_cannot_break_out_of_their_place(
    questions: Any, make_job: Callable[..., JobSpec], name: str, spelled: str
) -> None:
    """Every place is percent-encoded whole."""
    request = questions(client_id="A/B").ask(Initiate(export=1), make_job(name))
    assert request.url == f"{BASE}/Async/A%2FB/Export/Segment/{spelled}"


def test_initiate_says_only_what_is_set(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """A full export has an empty body."""
    request = questions().ask(Initiate(export=1), make_job())
    assert request.body == b"{}"
    assert request.headers["Content-Type"] == "application/json"


def test_initiate_says_since_when_and_whom(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """All members in the contract's spelling."""
    match = match_of("EmailAddress", "Home", ("ada@example.test", "\u00fc@example.test"))
    job = make_job(since="2026-11-22T02:00:00.000Z", match=match)
    assert json.loads(questions().ask(Initiate(export=1), job).body) == {
        "LastDateTime": "2026-11-22T02:00:00.000Z",
        "MatchCriteria": "EmailAddress",
        "MatchType": "Home",
        "Values": ["ada@example.test", "\u00fc@example.test"],
    }


@pytest.mark.parametrize(
    ("criteria", "as_number", "values"),
    [
        ("ProfileId", False, ["1001", "x", "\u0661"]),
        ("ProfileId", True, [1001, "x", "\u0661"]),
        ("AlternateId", True, ["1001", "x", "\u0661"]),
    ],
)
def test_profile_ids_are_numbers_where_the_dialect_says_so(
    questions: Any, make_job: Callable[..., JobSpec], criteria: str, values: list[Any], *, as_number: bool
) -> None:
    """No other id is: it may have leading zeros."""
    job = make_job(match=match_of(criteria, None, ("1001", "x", "\u0661")))
    request = questions(profile_id_as_number=as_number).ask(Initiate(export=1), job)
    assert json.loads(request.body) == {"MatchCriteria": criteria, "Values": values}


def test_a_request_describes_itself_without_secrets(questions: Any, make_job: Callable[..., JobSpec]) -> None:
    """Neither token nor values are in a repr or a description."""
    job = make_job(match=match_of("EmailAddress", None, ("ada@example.test",)), batch=2, batches=3)
    shown = repr(questions().ask(Initiate(export=1), job)) + repr(questions().ask(PollStatus(token=987654), job))
    assert "ada@" not in shown
    assert "987654" not in shown
    assert describe(FetchPage(token=987654, offset=1001, limit=5), job) == (
        "Page from record 1001 of segment 'VIP' [2/3]"
    )
