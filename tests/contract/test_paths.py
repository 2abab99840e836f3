"""Contract, section 3.1: where each call goes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from extractor.config import Problem
from extractor.protocol.dialect import problems
from extractor.simulator import FileSegment, Group, Kindred, Operator, Segment, SimulatorSettings
from tests.contract.stage import BASE_URL, assert_published, assert_withheld, play, truth, world
from tests.rehearsal import config_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

AWKWARD = [
    "Newsletter OptIns",
    "North/South",
    "100% Sure",
    "50%25 off",
    "Caf\u00e9 \u6f22\u5b57 \U0001f48c",
    "a?b#c&d=e+f;g",
    "..",
    ".",
    "Status",
    'quo"ted\\back',
    "\u0645\u0634\u062a\u0631\u0643\u0648 \u0627\u0644\u0646\u0634\u0631\u0629",
    "{name}",
]
GROUPED = SimulatorSettings(
    segments=(Segment(name="Odd", count=60, first=1, step=2), Segment(name="Third", count=40, step=3)),
    groups=tuple(Group(name=operator.value, operator=operator, segments=("Odd", "Third")) for operator in Operator),
)


async def test_the_four_calls_of_a_segment_go_to_the_documented_places(tmp_path: Path) -> None:
    """Initiate, Status, Retrieve and Commit, each with its method, below the base URL."""
    played = await play(tmp_path, world())
    assert_published(played)
    (token,) = played.tokens()
    export = f"{BASE_URL}/Async/DEMO/Export"
    expected = {
        ("POST", f"{export}/Segment/A"),
        ("GET", f"{export}/{token}/Status"),
        ("GET", f"{export}/{token}"),
        ("POST", f"{export}/{token}/Commit"),
    }
    assert expected == {(each.method, each.url.partition("?")[0]) for each in played.wire.asked}


@pytest.mark.parametrize("operator", list(Operator))
async def test_a_group_is_exported_like_a_segment(tmp_path: Path, operator: Operator) -> None:
    """Only Initiate names the group; Status, Retrieve and Commit are those of segments; AND, OR and EXCEPT alike."""
    played = await play(tmp_path, GROUPED, [{"group": operator.value}], limits={"page_size": 10})
    expected = truth(played, operator.value, kind=Kindred.GROUP)
    assert (0, expected) == (played.exit_code, played.lines(f"group={operator.value}"))
    assert expected
    assert f"{BASE_URL}/Async/DEMO/Export/SegmentGroup/{operator.value}" == played.wire.asked[0].url
    assert [] == [each.url for each in played.wire.asked[1:] if "SegmentGroup" in each.url]


async def test_a_segment_and_a_group_of_one_name_are_two_things(tmp_path: Path) -> None:
    """Each is asked for by its own path and published in its own folder."""
    server = SimulatorSettings(
        segments=(Segment(name="Same", count=9), Segment(name="B", count=5, first=3)),
        groups=(Group(name="Same", operator=Operator.EXCEPT, segments=("Same", "B")),),
    )
    played = await play(tmp_path, server, [{"segment": "Same"}, {"group": "Same"}])
    assert truth(played, "Same") == played.lines("segment=Same")
    assert truth(played, "Same", kind=Kindred.GROUP) == played.lines("group=Same")
    assert 9 == len(played.lines("segment=Same"))
    assert 4 == len(played.lines("group=Same"))


async def test_names_are_percent_encoded_whatever_is_in_them(tmp_path: Path) -> None:
    """Spaces, slashes, percent signs, other scripts, even two dots: each name reaches the server as it is."""
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=3 + n, first=n) for n, name in enumerate(AWKWARD))
    )
    played = await play(tmp_path, server, [{"segment": name} for name in AWKWARD])
    assert 0 == played.exit_code
    assert sorted(AWKWARD) == sorted(str(each.dataset) for each in played.calls("initiate"))
    for name in AWKWARD:
        assert truth(played, name) == played.lines(f"segment={quote(name, safe='')}")


async def test_names_of_groups_are_percent_encoded_too(tmp_path: Path) -> None:
    """The same names, as groups."""
    server = SimulatorSettings(
        segments=(Segment(name="A", count=7), Segment(name="B", count=7, first=3)),
        groups=tuple(Group(name=name, operator=Operator.OR, segments=("A", "B")) for name in AWKWARD),
    )
    played = await play(tmp_path, server, [{"group": name} for name in AWKWARD])
    assert 0 == played.exit_code
    for name in AWKWARD:
        assert truth(played, name, kind=Kindred.GROUP) == played.lines(f"group={quote(name, safe='')}")


@pytest.mark.parametrize(
    ("retrieve", "commit"),
    [
        ("Async/{clientId}/Export/{accessToken}", "Async/{clientId}/Export/{accessToken}/Commit"),
        ("Async/{clientId}/Export/{kind}/{accessToken}", "Async/{clientId}/Export/{kind}/Commit/{accessToken}"),
        ("Async/{clientId}/Export/{accessToken}/Data", "Async/{clientId}/Export/Commit/{accessToken}"),
    ],
)
async def test_unknown_paths_are_dialect_data(tmp_path: Path, retrieve: str, commit: str) -> None:
    """Each candidate for Retrieve and Commit is two lines of configuration, for segments and groups."""
    server = SimulatorSettings(
        segments=GROUPED.segments, groups=GROUPED.groups, retrieve_path=retrieve, commit_path=commit
    )
    played = await play(
        tmp_path,
        server,
        [{"segment": "Odd"}, {"group": "OR"}],
        connection={"dialect": {"retrieve": retrieve, "commit": commit}},
        limits={"page_size": 25},
    )
    assert 0 == played.exit_code
    assert truth(played, "Odd") == played.lines("segment=Odd")
    assert truth(played, "OR", kind=Kindred.GROUP) == played.lines("group=OR")
    assert 2 == len(played.calls("commit"))


async def test_a_wrong_path_is_told_and_nothing_is_published(tmp_path: Path) -> None:
    """A server that retrieves elsewhere: the run ends, bounded, without data."""
    server = world(retrieve_path="Async/{clientId}/Export/{accessToken}/Data")
    played = await play(tmp_path, server)
    assert_withheld(played, 3)
    assert len(played.history) < 30


async def test_the_version_is_part_of_the_base_url(tmp_path: Path) -> None:
    """Whether ``v4/`` stands before ``Async`` is not shown: the base URL decides."""
    server = world(base_path="/Profiles")
    played = await play(tmp_path, server, connection={"base_url": "http://127.0.0.1:8080/Profiles/"})
    assert_published(played)


async def test_an_unknown_account_is_refused_and_named(tmp_path: Path) -> None:
    """404 at Initiate: the client id of the path is not the OAuth client's, and the message says what to check."""
    played = await play(tmp_path, world(), connection={"client_id": "ELSEWHERE"})
    assert_withheld(played, 4)
    assert "connection.client_id" in played.only().message
    assert 1 == len(played.history)


async def test_the_letter_case_of_a_name_is_kept(tmp_path: Path) -> None:
    """Segments that differ in case only are different segments."""
    server = SimulatorSettings(segments=(Segment(name="vip", count=2), Segment(name="VIP", count=4, first=9)))
    played = await play(tmp_path, server, [{"segment": "vip"}, {"segment": "VIP"}])
    assert truth(played, "vip") == played.lines("segment=vip")
    assert truth(played, "VIP") == played.lines("segment=VIP")


async def test_a_template_with_an_unknown_place_is_refused_before_any_request(tmp_path: Path) -> None:
    """A path that could not be filled is a problem of the configuration."""
    config = config_of(tmp_path, [{"segment": "A"}], connection={"dialect": {"retrieve": "Export/{token}"}})
    (problem,) = problems(config)
    assert Problem(location=("connection", "dialect", "retrieve"), message=problem.message) == problem
    assert "{accessToken}" in problem.message


async def test_records_of_a_file_reach_the_reader_byte_for_byte(tmp_path: Path) -> None:
    """What the server sends is what is published, in the order of the server."""
    file = tmp_path / "people.ndjson"
    people = [b'{"ProfileId":%d,"IsActive":true,"CustomFields":[]}' % n for n in (5, 3, 9, 1)]
    file.write_bytes(b"\n".join(people) + b"\n")
    played = await play(tmp_path, SimulatorSettings(segments=(FileSegment(name="A", path=file),)))
    assert people == played.lines("segment=A")
