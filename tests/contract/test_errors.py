"""Contract, section 6: what each refusal and each broken answer leads to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from extractor.observe.news import ConnectionHeld
from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Segment, SimulatorSettings
from tests.contract.stage import OAUTH, Played, assert_published, assert_withheld, play, truth, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SMALL = {"page_size": 100}
CALLS = ["initiate", "status", "page", "commit"]


def fired(played: Played) -> int:
    """How many faults had their effect, as the server counts."""
    return sum(played.service.playbook.fired.values())


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("400", "match.criteria"),
        ("401", "auth.secret"),
        ("403", "permission"),
        ("404", "connection.client_id"),
        ("405", "(405)"),
        ("409", "(409)"),
    ],
)
async def test_a_refused_initiate_stops_the_job_with_a_remedy(tmp_path: Path, word: str, remedy: str) -> None:
    """The same request would be refused again: exit code 4, one request (a 401 may be signed again once)."""
    played = await play(tmp_path, world(faults={"initiate": f"{word}x*"}))
    assert_withheld(played, 4)
    assert Verdict.REFUSED == played.only().verdict
    assert remedy in played.only().message
    assert len(played.history) <= (2 if word == "401" else 1)


@pytest.mark.parametrize("word", ["400", "403"])
@pytest.mark.parametrize("call", ["status", "page"])
async def test_a_refusal_later_on_stops_the_job_too(tmp_path: Path, call: str, word: str) -> None:
    """400 and 403 are never retried, wherever they come."""
    played = await play(tmp_path, world(faults={call: f"ok {word}x*" if call == "page" else f"{word}x*"}), limits=SMALL)
    assert_withheld(played, 4)
    assert 1 == fired(played)
    assert f"({word})" in played.only().message


@pytest.mark.parametrize("call", ["status", "page"])
async def test_not_found_for_a_token_means_that_the_export_is_gone(tmp_path: Path, call: str) -> None:
    """404 names something in the path that does not exist: here the token, so a new export is asked for."""
    played = await play(tmp_path, world(faults={call: "404"}), limits=SMALL)
    assert_published(played)
    assert 2 == len(played.calls("initiate"))


async def test_a_permission_missing_for_one_segment_refuses_that_one(tmp_path: Path) -> None:
    """403 at Initiate; the other segments are exported, and the exit code says that some failed."""
    server = SimulatorSettings(segments=(Segment(name="Secret", count=5, forbidden=True), Segment(name="A", count=5)))
    played = await play(tmp_path, server, [{"segment": "Secret"}, {"segment": "A"}])
    assert [Verdict.REFUSED, Verdict.DONE] == played.verdicts()
    assert (3, ["segment 'A'"]) == (played.exit_code, played.published)
    assert 1 == len(played.calls("initiate", "Secret"))


@pytest.mark.parametrize(
    "word",
    [
        *("500", "502", "503", "503:2s", "503:date+2s", "504", "429", "429:2s", "page503", "page503:2s"),
        *("reset", "lost", "silent", "drop@5", "stall@5", "head@5", "html", "truncate@9", "text", "empty"),
    ],
)
async def test_a_passing_fault_costs_time_only(tmp_path: Path, word: str) -> None:
    """Outages, throttling, broken connections and answers that are not JSON: each call once, and the data is exact."""
    played = await play(tmp_path, world(faults=dict.fromkeys(CALLS, word), commit_body="json"), limits=SMALL)
    assert_published(played)
    assert dict.fromkeys(CALLS, 1) == {str(kind): times for (kind, _), times in played.service.playbook.fired.items()}


@pytest.mark.parametrize("word", ["503", "500", "429", "reset"])
async def test_a_call_that_goes_on_failing_is_given_up_as_unavailable(tmp_path: Path, word: str) -> None:
    """After ``limits.retry_for``, while others are answered: exit code 5, which tells that another run may succeed."""
    server = SimulatorSettings(
        segments=(Segment(name="A", count=250), Segment(name="B", count=250)),
        processing=200.0,
        faults={"status[A]": f"{word}x*"},
    )
    played = await play(tmp_path, server, [{"segment": "A"}, {"segment": "B"}], limits={"retry_for": 120.0})
    assert (5, ["segment 'B'"]) == (played.exit_code, played.published)
    assert [Verdict.UNAVAILABLE, Verdict.DONE] == played.verdicts()
    assert "given up after" in played.outcome("A").message
    assert 3 < len(played.calls("status", "A")) < 60


@pytest.mark.parametrize("word", ["html", "text", "empty", "truncate@30"])
@pytest.mark.parametrize("call", ["initiate", "status", "page"])
async def test_an_answer_that_stays_unreadable_is_given_up(tmp_path: Path, call: str, word: str) -> None:
    """A login page with 200, another type, ``{}``, half a document: never data, tried a few times, then told."""
    played = await play(tmp_path, world(faults={call: f"{word}x*"}), limits=SMALL)
    if (call, word) == ("initiate", "truncate@30"):
        word = "truncate@3"  # the whole answer is shorter
        played = await play(tmp_path, world(faults={call: f"{word}x*"}), limits=SMALL, fresh=True)
    assert_withheld(played, 3)
    assert Verdict.EXPORT_FAILED == played.only().verdict
    assert 5 == fired(played)


@pytest.mark.parametrize("word", ["html", "empty", "truncate@15"])
async def test_one_unreadable_answer_after_an_outage_is_a_passing_fault(tmp_path: Path, word: str) -> None:
    """A maintenance page as the last sign of an outage: it came once, so it did not *stay* unreadable."""
    played = await play(tmp_path, world(faults={"page": f"503x6 {word} ok"}), limits=SMALL)
    assert_published(played)
    assert 7 == fired(played)


@pytest.mark.parametrize("call", ["initiate", "status", "page"])
async def test_a_login_page_is_named_for_what_it_is(tmp_path: Path, call: str) -> None:
    """200 with HTML: the message says that somebody in between may have answered, and which keys to check."""
    played = await play(tmp_path, world(faults={call: "htmlx*"}))
    assert "login page" in played.only().message
    assert "connection.base_url" in played.only().message


@pytest.mark.parametrize("size", [0, 1, 40, 100, 4000])
async def test_a_page_that_is_cut_anywhere_is_never_data(tmp_path: Path, size: int) -> None:
    """Content-Length agrees with the cut: only the JSON tells."""
    played = await play(tmp_path, world(faults={"page": f"truncate@{size} ok truncate@{size}"}), limits=SMALL)
    assert_published(played)
    assert 2 == fired(played)


@pytest.mark.parametrize("word", ["429:20s", "429:date+20s", "503:20s", "503:date+20s", "page503:20s"])
async def test_retry_after_holds_everybody(tmp_path: Path, word: str) -> None:
    """In either form, from 429 or 503: nobody on the connection sends a request before its end."""
    names = [f"S{n}" for n in range(6)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=300) for name in names), faults={"page": f"ok ok ok ok {word}"}
    )
    played = await play(tmp_path, server, [{"segment": name} for name in names], limits={"page_size": 20})
    assert [Verdict.DONE] * 6 == played.verdicts()
    (struck,) = [each for each in played.history if each.status in (429, 503)]
    # Those that were already on their way when the answer left may still arrive.
    later = [each.at for each in played.history if each.at > struck.at + 2 * played.wire.latency]
    assert min(later) >= struck.at + 19
    assert min(later) < struck.at + 30
    (held,) = [each for each in played.news if isinstance(each, ConnectionHeld)]
    assert held.seconds == pytest.approx(20, abs=1.5)
    for name in names:
        assert truth(played, name) == played.lines(f"segment={name}")


@pytest.mark.parametrize("word", ["429:date-60s", "503:=soon", "503:=", "429:0s"])
async def test_a_retry_after_without_use_is_a_plain_backoff(tmp_path: Path, word: str) -> None:
    """A date in the past, nonsense, nothing, zero: tried again by our own backoff, and nobody is held long."""
    played = await play(tmp_path, world(faults={"page": word}))
    assert_published(played)
    assert played.closed.seconds < 30


async def test_a_retry_after_date_is_read_by_the_servers_clock(tmp_path: Path) -> None:
    """Five minutes of difference between the clocks neither shorten nor lengthen the hold."""
    for offset in (300.0, -300.0):
        server = world(clock_offset=offset, faults={"page": "503:date+20s"})
        played = await play(tmp_path, server, fresh=True)
        assert_published(played)
        first, second = (each.at for each in played.calls("page"))
        assert second - first == pytest.approx(20, abs=4)


async def test_a_servers_rate_limit_is_survived(tmp_path: Path) -> None:
    """A limit far below ours: 429 after 429, each obeyed, and every record arrives."""
    names = [f"S{n}" for n in range(5)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=100) for name in names), rate_limit=5.0, rate_burst=3
    )
    played = await play(tmp_path, server, [{"segment": name} for name in names], limits={"page_size": 20})
    assert [Verdict.DONE] * 5 == played.verdicts()
    assert 429 in {each.status for each in played.history}


async def test_a_bound_on_exports_at_once_is_survived(tmp_path: Path) -> None:
    """429 at Initiate until another export is committed."""
    names = [f"S{n}" for n in range(6)]
    server = SimulatorSettings(
        segments=tuple(Segment(name=name, count=30) for name in names), max_exports=2, processing=3.0
    )
    played = await play(tmp_path, server, [{"segment": name} for name in names])
    assert [Verdict.DONE] * 6 == played.verdicts()
    assert 429 in {each.status for each in played.calls("initiate")}
    assert 0 == played.closed.possible_orphans


@pytest.mark.parametrize("message", [b'{"Message":null}', b"{}", b"[]", b"", b"<html>", b'{"message":"nein"}', b"\xff"])
@pytest.mark.parametrize("status", [404, 503])
async def test_the_body_of_an_error_decides_nothing(tmp_path: Path, status: int, message: bytes) -> None:
    """The HTTP status does, whatever the text: null, nothing, HTML, another language, no UTF-8."""

    def spoil(_request: Request, answer: Answer) -> Answer:
        return replace(answer, body=message) if answer.status == status else answer

    played = await play(tmp_path, world(faults={"initiate": str(status)}), spoil=spoil)
    assert (4 if status == 404 else 0) == played.exit_code
    assert len(played.calls("initiate")) == (2 if status == 503 else 1)


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """Authorization must not travel to somebody else: 302 refuses the job and points at the base URL."""

    def redirected(_request: Request, answer: Answer) -> Answer:
        return replace(answer, status=302, headers={"Location": "https://elsewhere.example/"}, body=b"")

    played = await play(tmp_path, world(), spoil=redirected)
    assert_withheld(played, 4)
    assert "base_url" in played.only().message
    assert 1 == len(played.history)


async def test_every_call_survives_lower_case_names_and_extra_members(tmp_path: Path) -> None:
    """PascalCase is documented; answers are read in any case, errors and logins too."""
    faults = {"token": "lower", "initiate": "lower", "status": "lowerx*", "commit": "lower"}
    server = world(faults=faults, commit_body="json", extra_fields=True)
    played = await play(tmp_path, server, connection={"auth": OAUTH})
    assert_published(played)
