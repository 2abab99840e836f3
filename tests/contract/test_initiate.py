"""Contract, section 3.2: what is asked for, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pydantic
import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.simulator import Segment, Service, SimulatorSettings, Zone
from tests.contract.stage import Played, assert_published, assert_withheld, play, truth, world
from tests.rehearsal import config_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

FROZEN = datetime(2026, 11, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# One change in every SQL Server tick (3 1/3 ms) of the last three seconds: a bound that is off by one shows.
DENSE = {"change_cycle": 1009 / 300, "frozen_at": FROZEN}


async def test_a_full_export_asks_with_an_empty_object(tmp_path: Path) -> None:
    """Every field is optional: what is not set is not said."""
    played = await play(tmp_path, world())
    assert_published(played)
    assert [{}] == played.bodies()


async def test_an_access_token_is_read_from_the_answer(tmp_path: Path) -> None:
    """The integer of the answer is what every later call names."""
    played = await play(tmp_path, world(), limits={"page_size": 100})
    assert_published(played)
    (token,) = played.tokens()
    assert [token] * (len(played.history) - 1) == [each.token for each in played.history[1:]]
    assert [True] * (len(played.history) - 1) == [f"/{token}" in each.url for each in played.wire.asked[1:]]


@pytest.mark.parametrize("zone", list(Zone))
async def test_no_change_at_or_after_since_is_missing(tmp_path: Path, zone: Zone) -> None:
    """Whatever the last digit of the milliseconds: everything from ``since`` on, and at most 8 ms before it."""
    moments = [FROZEN - timedelta(milliseconds=1500 + n) for n in range(12)]
    moments += [FROZEN - timedelta(milliseconds=700, microseconds=-250)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=f"S{n}", count=1000) for n in range(len(moments))),
        last_date_time_zone=zone,
        **DENSE,
    )
    jobs = [{"segment": f"S{n}", "since": moment.isoformat()} for n, moment in enumerate(moments)]
    played = await play(tmp_path, server, jobs)
    assert 0 == played.exit_code
    for n, moment in enumerate(moments):
        lines, wanted = played.lines(f"segment=S{n}"), truth(played, f"S{n}", since=moment)
        assert len(wanted) > 100
        assert set() == set(wanted) - set(lines)
        assert set() == set(lines) - set(truth(played, f"S{n}", since=moment - 9 * _MILLISECOND))
        assert truth(played, f"S{n}", since=played.bodies()[n]["LastDateTime"]) == lines


async def test_a_change_exactly_at_since_is_not_missing(tmp_path: Path) -> None:
    """The instants of real changes, the very ones that a watermark names, are asked for from themselves on."""
    server = SimulatorSettings(segments=tuple(Segment(name=f"S{n}", count=1000) for n in range(9)), **DENSE)
    settled = (await play(tmp_path, world(1000, **DENSE), fresh=True)).service
    changes = sorted(
        {each["Edited"]["LastModifiedDate"] for each in map(orjson.loads, settled.truth("A")) if each.get("Edited")}
    )
    chosen = changes[500:509]
    assert {"0", "3", "7"} == {each[-2] for each in chosen}
    played = await play(tmp_path, server, [{"segment": f"S{n}", "since": each} for n, each in enumerate(chosen)])
    for n, since in enumerate(chosen):
        lines = played.lines(f"segment=S{n}")
        assert set() == set(truth(played, f"S{n}", since=datetime.fromisoformat(since))) - set(lines)
        assert any(since.encode() in line for line in lines)


async def test_last_date_time_has_milliseconds_and_z(tmp_path: Path) -> None:
    """The documented form with ``Z``, from any zone that the configuration is written in."""
    since = ["2026-10-01T00:00:00Z", "2026-10-01T05:30:00+05:30", "2026-09-30T20:00:00.000-04:00"]
    server = SimulatorSettings(segments=tuple(Segment(name=f"S{n}", count=50) for n in range(3)))
    played = await play(tmp_path, server, [{"segment": f"S{n}", "since": each} for n, each in enumerate(since)])
    assert {"2026-09-30T23:59:59.996Z"} == {each["LastDateTime"] for each in played.bodies()}
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.\d{3}Z", each["LastDateTime"]) for each in played.bodies())


async def test_a_since_without_a_zone_is_refused_before_any_request(tmp_path: Path) -> None:
    """Its meaning at the server is unknown, so the configuration does not accept it."""
    with pytest.raises(pydantic.ValidationError):
        config_of(tmp_path, [{"segment": "A", "since": "2026-10-01T00:00:00"}])


async def test_nothing_changed_is_an_empty_dataset(tmp_path: Path) -> None:
    """An increment of nobody is published as such: readers see that the run was there."""
    played = await play(tmp_path, world(), [{"segment": "A", "since": "2026-11-20T00:00:00Z"}])
    assert (0, [], ["segment 'A'"]) == (played.exit_code, played.lines("segment=A"), played.published)


# --- Match criteria. -------------------------------------------------------------------------------------------------

PEOPLE = SimulatorSettings(
    # Every value below is taken from both segments, so what is not ANDed with the segment's own criteria shows.
    segments=(Segment(name="A", count=400, step=2), Segment(name="Others", count=400, first=1, step=2)),
)


def _elements(member: str, name: str) -> Callable[[dict[str, Any]], list[str]]:
    return lambda person: [str(each[name]) for each in person.get(member) or ()]


CRITERIA: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "ProfileId": lambda person: [str(person["ProfileId"])],
    "AlternateId": _elements("AlternateIds", "AlternateId"),
    "PhoneNumber": _elements("PhoneNumbers", "PhoneNumber"),
    "EmailAddress": _elements("Emails", "EmailAddress"),
}


def values_of(criteria: str) -> list[str]:
    """Values of people of both segments, and one that nobody has."""
    service = Service(PEOPLE)
    found = [
        value
        for name in ("A", "Others")
        for line in list(service.truth(name))[:60]
        for value in CRITERIA[criteria](orjson.loads(line))
    ]
    nobody = {"ProfileId": "1", "AlternateId": "CRM-99999999", "PhoneNumber": "19995550100"}
    return [*dict.fromkeys(found), nobody.get(criteria, "nobody@example.test")]


@pytest.mark.parametrize(
    ("criteria", "kind"),
    [
        ("ProfileId", None),
        ("ProfileId", "Customer"),
        ("AlternateId", "CRM"),
        ("AlternateId", "Loyalty"),
        ("PhoneNumber", None),
        ("PhoneNumber", "Home"),
        ("EmailAddress", None),
        ("EmailAddress", "Work"),
    ],
)
async def test_each_criterion_selects_within_the_segment(tmp_path: Path, criteria: str, kind: str | None) -> None:
    """With and without a type, ANDed with the segment's own criteria: exactly the server's selection comes out."""
    values = values_of(criteria)
    match = {"criteria": criteria, "values": values} | ({"type": kind} if kind else {})
    played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}], limits={"page_size": 7})
    asked = {"criteria": criteria, "match_type": kind, "values": tuple(values)}
    assert_published(played, **asked)
    assert 0 < len(truth(played, **asked)) < len(values)
    assert set(truth(played, **asked)) < set(truth(played))
    (body,) = played.bodies()
    assert {"MatchCriteria": criteria, "Values": values} | ({"MatchType": kind} if kind else {}) == body


async def test_a_type_narrows_what_values_alone_select(tmp_path: Path) -> None:
    """Without a type the values decide alone; with it, fewer come out."""
    values = values_of("EmailAddress")
    counts = []
    for kind in (None, "Work"):
        match = {"criteria": "EmailAddress", "type": kind, "values": values}
        played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}], fresh=True)
        counts.append(len(played.lines("segment=A")))
    assert 0 < counts[1] < counts[0]


@pytest.mark.parametrize("batch", [1, 7, 60, 1000])
async def test_batches_ask_for_every_value_once(tmp_path: Path, batch: int) -> None:
    """Values beyond ``match.batch`` are asked for in further exports; together they select the same people."""
    values = values_of("ProfileId")[:60]
    match = {"criteria": "ProfileId", "values": values, "batch": batch}
    played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}])
    assert -(-60 // batch) == len(played.calls("initiate"))
    assert sorted(values) == sorted(value for body in played.bodies() for value in body["Values"])
    expected = truth(played, criteria="ProfileId", values=tuple(values))
    assert (0, sorted(expected)) == (played.exit_code, sorted(played.lines("segment=A")))


async def test_since_and_match_are_anded(tmp_path: Path) -> None:
    """Both narrow the same export."""
    values = values_of("EmailAddress")
    since = datetime(2026, 6, 1, tzinfo=UTC)
    job = {
        "segment": "A",
        "since": since.isoformat(),
        "match": {"criteria": "EmailAddress", "values": values},
    }
    played = await play(tmp_path, PEOPLE, [job])
    asked = {"criteria": "EmailAddress", "values": tuple(values)}
    assert_published(played, since=since, **asked)
    assert 0 < len(truth(played, since=since, **asked)) < len(truth(played, **asked))


async def test_values_that_nobody_has_select_nobody(tmp_path: Path) -> None:
    """Never everybody: the dataset is published, and empty."""
    match = {"criteria": "EmailAddress", "values": ["nobody@example.test"]}
    played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}])
    assert (0, [], ["segment 'A'"]) == (played.exit_code, played.lines("segment=A"), played.published)


async def test_alternate_ids_are_matched_in_any_case(tmp_path: Path) -> None:
    """The server folds case (inferred); we send what is written."""
    values = [value.lower() for value in values_of("AlternateId")]
    match = {"criteria": "AlternateId", "type": "CRM", "values": values}
    played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}])
    assert_published(played, criteria="AlternateId", match_type="CRM", values=tuple(values))
    assert values == played.bodies()[0]["Values"]


@pytest.mark.parametrize(("as_number", "kind"), [(False, str), (True, int)])
async def test_profile_ids_travel_as_text_or_numbers(tmp_path: Path, as_number: bool, kind: type) -> None:
    """The element type is inferred: text by default, numbers by a switch of the dialect."""
    values = values_of("ProfileId")[:9]
    match = {"criteria": "ProfileId", "values": values}
    dialect = {"dialect": {"profile_id_as_number": as_number}}
    played = await play(tmp_path, PEOPLE, [{"segment": "A", "match": match}], connection=dialect)
    assert_published(played, criteria="ProfileId", values=tuple(values))
    assert {kind} == {type(value) for value in played.bodies()[0]["Values"]}


@pytest.mark.parametrize(
    "match",
    [
        {"criteria": "AlternateId", "values": ["CRM-1"]},
        {"criteria": "ProfileID", "values": ["1"]},
        {"criteria": "EmailAddress", "values": []},
        {"values": ["1"]},
        {"criteria": "ProfileId"},
        {"criteria": "ProfileId", "values": ["one"]},
    ],
    ids=["no type", "spelling", "nobody", "no criteria", "no values", "no number"],
)
async def test_a_match_that_the_contract_forbids_is_refused_before_any_request(
    tmp_path: Path, match: dict[str, Any]
) -> None:
    """AlternateId without its type above all: the configuration is refused, so the server never sees it."""
    with pytest.raises(pydantic.ValidationError):
        config_of(tmp_path, [{"segment": "A", "match": match}])


async def test_more_values_than_the_server_takes_are_refused_with_a_remedy(tmp_path: Path) -> None:
    """The limit is unknown: 400 stops the job, once, and a smaller batch gets through."""
    server = SimulatorSettings(segments=PEOPLE.segments, max_values=20)
    values = values_of("ProfileId")[:50]
    refused = await play(
        tmp_path, server, [{"segment": "A", "match": {"criteria": "ProfileId", "values": values}}], fresh=True
    )
    assert_withheld(refused, 4)
    assert 1 == len(refused.history)
    assert "ProfileId x 50" in refused.only().message
    match = {"criteria": "ProfileId", "values": values, "batch": 20}
    played = await play(tmp_path, server, [{"segment": "A", "match": match}], fresh=True)
    assert (0, 3) == (played.exit_code, len(played.calls("initiate")))


# --- Lost answers. ---------------------------------------------------------------------------------------------------


def orphans(played: Played) -> tuple[int, int]:
    """The possible orphans as counted by us, and the exports that nobody read, as the server knows them."""
    opened = [each for each in played.calls("initiate") if each.token is not None]
    read = {each.token for each in played.calls("page")}
    return played.closed.possible_orphans, sum(each.token not in read for each in opened)


@pytest.mark.parametrize("word", ["lost", "silent", "drop@3", "truncate@5", "empty", "text"])
async def test_a_lost_answer_to_initiate_is_counted_as_a_possible_orphan(tmp_path: Path, word: str) -> None:
    """The server made an export that nobody can name: another is asked for, and the first is accounted for."""
    played = await play(tmp_path, world(faults={"initiate": f"{word} {word} ok"}))
    assert_published(played)
    assert (2, 2) == orphans(played)
    assert 2 == played.only().possible_orphans


@pytest.mark.parametrize("word", ["429:1s", "503:1s", "page503"])
async def test_an_initiate_that_was_turned_away_leaves_no_orphan(tmp_path: Path, word: str) -> None:
    """Throttling and outages are said before the work: nothing was begun, nothing is counted."""
    played = await play(tmp_path, world(faults={"initiate": f"{word} ok"}))
    assert_published(played)
    assert (0, 0) == orphans(played)


@pytest.mark.parametrize("word", ["500", "502", "504", "reset", "html"])
async def test_an_initiate_that_may_have_been_performed_counts_too(tmp_path: Path, word: str) -> None:
    """Initiate is not idempotent and nobody knows how far it came: better one too many than one unknown."""
    played = await play(tmp_path, world(faults={"initiate": f"{word} ok"}))
    assert_published(played)
    assert (1, 0) == orphans(played)


# --- Segments of deleted profiles. -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("ProfileID", "DeletedDate", "ReasonCode"), ("ProfileId", "DateDeleted", "ReasonCode")]
)
async def test_deleted_profiles_are_exported_whatever_their_members_are_called(
    tmp_path: Path, names: tuple[str, str, str]
) -> None:
    """Id, date and reason under any names; records are passed on as they are."""
    server = SimulatorSettings(segments=(Segment(name="A", count=120, deleted=True),), deleted_names=names)
    played = await play(tmp_path, server, limits={"page_size": 50})
    assert_published(played)
    assert set(names) == set(orjson.loads(played.lines("segment=A")[0]))


async def test_an_unknown_segment_is_refused_and_named(tmp_path: Path) -> None:
    """404 at Initiate: one request, and the message names the segment."""
    played = await play(tmp_path, world(), [{"segment": "Nowhere"}])
    assert_withheld(played, 4)
    assert Verdict.REFUSED == played.only().verdict
    assert "'Nowhere'" in played.only().message
    assert 1 == len(played.history)
