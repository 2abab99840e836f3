"""The order of checks, the paths, the history, and every fault from the client's side."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest

from extractor.simulator import Chaos, Delivery, Entry, Kind, Kindred, Reply, Request, Segment


@pytest.mark.parametrize("kind", [Kindred.SEGMENT, Kindred.GROUP])
@pytest.mark.parametrize("name", ["100% Café/Bar", "Both", "All", "Only"])
def test_a_dataset_is_found_by_its_encoded_name_among_its_kind(call: Any, kind: Kindred, name: str) -> None:
    """Spaces, slashes, percent signs and accents included; a group is not a segment."""
    is_there = (name in ("Both", "Only")) == (kind is Kindred.GROUP)
    assert (200 if is_there else 404) == call().initiate(name, kind=kind).status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Profiles/v4/Async/DEMO/Export/Segment/All", 405),
        ("POST", "/Profiles/v4/Async/DEMO/Export/5/Status", 405),
        ("GET", "/Profiles/v4/Async/DEMO/Export/5/Commit", 405),
        ("GET", "/oauth/token", 405),
        ("GET", "/Profiles/v4/Async/DEMO", 404),
        ("POST", "/Async/DEMO/Export/Segment/All", 404),
        ("POST", "/Profiles/v4/Async/DEMO/Export/Shoe/All", 404),
        ("POST", "/Profiles/v4/Async/ACME/Export/Segment/All", 404),
        ("POST", "/Profiles/v4/Async/DEMO/Export/Segment/All", 401),
    ],
)
def test_what_is_not_the_api_is_refused(call: Any, method: str, path: str, status: int) -> None:
    """With a Message; a wrong clientId is 404, before any signature."""
    reply = call().service.handle(Request.of(method, path), 0.0)
    assert status == reply.status
    if path != "/oauth/token":
        assert ["Message"] == list(orjson.loads(reply.body))


def test_a_forbidden_segment_is_refused(call: Any) -> None:
    """With 403, at Initiate."""
    client = call(segments=(Segment(name="Secret", count=1, forbidden=True),), groups=())
    assert 403 == client.initiate("Secret").status


def test_the_other_candidate_paths_can_be_served(call: Any) -> None:
    """A client must be able to rehearse each (contract, section 3.1)."""
    client = call(
        retrieve_path="Async/{clientId}/Export/{kind}/{accessToken}",
        commit_path="Async/{clientId}/Export/{kind}/Commit/{accessToken}",
    )
    token = client.export("Evens")
    assert 200 == client("GET", f"Segment/{token}", query={"keepAlive": "true"}).status
    assert 404 == client("GET", str(token)).status
    assert 200 == client("POST", f"Segment/Commit/{token}", query={"keepFiles": "true"}).status


def test_the_history_tells_everything_but_secrets(call: Any) -> None:
    """Names of headers, not their values; the template of the path, not the path."""
    client = call(faults="page: ok 503")
    token = client.export("Evens", {"MatchCriteria": "EmailAddress", "Values": ["someone@example.com"]})
    client.page(token, limit=5)
    client.page(token, limit=5, offset=6)
    client.commit(token)
    path = "/Profiles/v4/Async/{clientId}/Export/{accessToken}"
    told = client.service.history
    assert [
        ("initiate", 200, None, None, None),
        ("page", 200, 1, 0, None),
        ("page", 503, None, None, "503"),
        ("commit", 200, None, None, None),
    ] == [(each.kind, each.status, each.offset, each.count, each.fault) for each in told]
    assert (
        Entry(
            number=2,
            at=client.now,
            kind=Kind.PAGE,
            path=path,
            dataset="Evens",
            token=token,
            offset=1,
            limit=5,
            count=0,
            keep_alive=True,
            status=200,
            header_names=("Authorization",),
        )
        == told[1]
    )
    assert "someone" not in repr(told)
    assert "PNAUTHINFO3" not in repr(told)


def test_the_history_forgets_its_oldest_entries(call: Any) -> None:
    """A server that runs for weeks must not grow."""
    client = call(history_limit=3)
    for _ in range(5):
        client.export("Evens")
    assert [3, 4, 5] == [each.number for each in client.service.history]


def test_a_script_counts_authorized_calls_only(call: Any) -> None:
    """A client that signs in anew does not shift it."""
    client = call(faults="initiate: 503")
    target = f"/Profiles/v4/Async/DEMO/Export/Segment/{quote('All')}"
    assert 401 == client.service.handle(Request.of("POST", target), client.now).status
    assert [503, 200] == [client.initiate("All").status, client.initiate("All").status]


@pytest.mark.parametrize(
    ("word", "status", "retry_after"),
    [
        ("503:2s", 503, "2"),
        ("429:=soon", 429, "soon"),
        ("503:date+2s", 503, "Mon, 23 Nov 2026 02:00:02 GMT"),
        ("503:date-60s", 503, "Mon, 23 Nov 2026 01:59:00 GMT"),
        ("500", 500, None),
        ("page503:1s", 503, "1"),
    ],
)
def test_a_refusal_is_answered_and_nothing_was_done(call: Any, word: str, status: int, retry_after: str | None) -> None:
    """With Retry-After in every form."""
    client = call(faults=f"initiate: {word}")
    reply = client.initiate("All")
    assert (status, retry_after) == (reply.status, reply.headers.get("Retry-After"))
    assert [] == list(client.service.ledger.alive(client.now))
    assert {("initiate", word): 1} == client.fired()


def test_each_documented_401_can_be_scripted(call: Any) -> None:
    """In its own words."""
    reasons = ("header", "scheme", "date", "age", "signature")
    client = call(faults="initiate: " + " ".join(f"401={reason}" for reason in reasons) + " 401")
    replies = [client.initiate("All") for _ in range(6)]
    assert {401} == {reply.status for reply in replies}
    assert 5 == len({reply.body for reply in replies})


@pytest.mark.parametrize(
    ("word", "alive", "delivery"),
    [("reset", 0, Delivery.NOTHING), ("lost", 1, Delivery.NOTHING), ("silent", 1, Delivery.SILENCE)],
)
def test_an_answer_that_never_comes(call: Any, word: str, alive: int, delivery: Delivery) -> None:
    """Before the deed, or after it: the history says None, the ledger knows."""
    client = call(faults=f"initiate: {word}")
    assert delivery is client.initiate("All").delivery
    assert alive == len(list(client.service.ledger.alive(client.now)))
    assert [None] == [each.status for each in client.service.history]


@pytest.mark.parametrize(
    ("word", "delivery", "after"),
    [
        ("drop@100", Delivery.CUT, 100),
        ("stall@0", Delivery.STALL, 0),
        ("trickle@64", Delivery.TRICKLE, 64),
        ("head@30", Delivery.HEAD, 30),
    ],
)
def test_an_answer_that_comes_in_part(call: Any, word: str, delivery: Delivery, after: int) -> None:
    """The body is whole; how much of it arrives is for whoever delivers it."""
    client = call(faults=f"page: {word}")
    token = client.export("Evens")
    reply, again = client.page(token), client.page(token)
    assert (delivery, after, again.body) == (reply.delivery, reply.after, reply.body)


def test_a_cut_behind_the_end_has_not_fired(call: Any) -> None:
    """A test may rely on the count."""
    client = call(faults="status: drop@99999 truncate@99999")
    token = client.export("Evens")
    assert client.status(token) == client.status(token)
    assert {} == client.fired()


def test_an_answer_that_is_whole_and_wrong(call: Any) -> None:
    """Cut to size, of another kind, an empty object, a login page."""
    client = call(faults="page: truncate@100 text empty html")
    token = client.export("Evens")
    cut, text, empty, html = (client.page(token) for _ in range(4))
    assert (100, "text/plain; charset=utf-8", b"{}") == (len(cut.body), text.headers["Content-Type"], empty.body)
    assert (200, "text/html; charset=utf-8") == (html.status, html.headers["Content-Type"])
    assert text.body.startswith(cut.body)


def test_slowness_adds_to_latency(call: Any) -> None:
    """The service says how long; somebody else waits."""
    client = call(latency=0.5, faults="initiate: slow:2s")
    assert [2.5, 0.5] == [client.initiate("All").delay, client.initiate("All").delay]


def test_latency_is_drawn_from_the_seed(call: Any) -> None:
    """Between its bounds."""
    first, second = ([client.initiate("All").delay for _ in range(9)] for client in (call(latency=(1.0, 2.0)),) * 2)
    assert all(1 <= delay <= 2 for delay in first + second)
    assert 9 == len(set(first))


@pytest.mark.parametrize(("word", "status"), [("error", "Error"), ("failed", "Failed"), ("expire", "Expired")])
@pytest.mark.parametrize("kind", ["initiate", "status", "page"])
def test_an_export_ends_as_the_script_says(call: Any, kind: str, word: str, status: str) -> None:
    """Whichever call brings it about; a page of it is gone."""
    client = call(faults=f"{kind}[Evens]: {word}")
    token = client.export("Evens")
    if kind == "page":
        assert 404 == client.page(token).status
    assert status == client.status(token)["Status"]
    assert {(kind, word): 1} == client.fired()
    assert "Complete" == client.status(client.export("Thirds"))["Status"]


def test_status_lies_and_then_tells_the_truth(call: Any) -> None:
    """An unknown word, a wrong or absent RowCount, names in lower case."""
    client = call(faults="status: status=Paused status=Processing rows+1 rows-1 rows-null lower")
    token = client.export("Evens")
    told = [client.status(token) for _ in range(7)]
    assert ["Paused", "Processing"] == [each["Status"] for each in told[:2]]
    assert [101, 99, None] == [each["RowCount"] for each in told[2:5]]
    assert ["accessToken", "status", "rowCount", "byteCount"] == list(told[5])
    assert ("Complete", 100) == (told[6]["Status"], told[6]["RowCount"])
    assert 6 == sum(client.fired().values())


def test_the_last_page_may_be_lost_for_ever(call: Any) -> None:
    """Without keepAlive: it was done, and cannot be done again."""
    client = call(faults="page: lost")
    token = client.export("Evens")
    client.page(token, keepAlive="false")
    assert ("Retrieved", 404) == (client.status(token)["Status"], client.page(token).status)


def test_a_commit_may_be_lost_though_it_was_done(call: Any) -> None:
    """The second one hears that there is nothing left."""
    client = call(faults="commit: lost")
    token = client.export("Evens")
    assert [Delivery.NOTHING, Delivery.WHOLE] == [client.commit(token).delivery, client.commit(token).delivery]
    assert "Retrieved" == client.status(token)["Status"]


def test_requests_above_the_rate_are_held_back(call: Any) -> None:
    """A burst, then so many a second; Retry-After is in whole seconds."""
    client = call(rate_limit=2.0, rate_burst=3)
    replies = [client.initiate("All") for _ in range(4)]
    assert [200, 200, 200, 429] == [reply.status for reply in replies]
    assert "1" == replies[3].headers["Retry-After"]
    client.now += 0.5
    assert [200, 429] == [client.initiate("All").status, client.initiate("All").status]


def test_chaos_repeats_itself(call: Any) -> None:
    """The same requests meet the same faults."""
    chaos = Chaos(rate=0.5, seed=1, words="500 503:1s lost")
    first, second = (
        [_outcome(client.initiate("All")) for _ in range(50)] for client in (call(chaos=chaos), call(chaos=chaos))
    )
    assert first == second
    assert {(200, Delivery.WHOLE), (500, Delivery.WHOLE), (503, Delivery.WHOLE), (200, Delivery.NOTHING)} == set(first)


def _outcome(reply: Reply) -> tuple[int, Delivery]:
    return reply.status, reply.delivery


def test_the_truth_of_an_unknown_name_is_an_error(call: Any) -> None:
    """A test that misspells a segment must not pass."""
    with pytest.raises(KeyError):
        call().service.truth("Nowhere")
