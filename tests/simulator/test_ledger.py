"""The life of an AccessToken (contract, sections 3.3 to 3.5)."""

from typing import Any

import orjson
import pytest

from extractor.simulator import Counts, Ending, Segment, SimulatorSettings


def test_an_export_is_processed_and_then_complete(call: Any) -> None:
    """Its counts are there only then."""
    client = call(processing=10.0)
    token = client.export("Evens")
    assert {"AccessToken": token, "Status": "Processing", "RowCount": None, "ByteCount": None} == client.status(token)
    client.now += 10
    told = client.status(token)
    assert ("Complete", 100) == (told["Status"], told["RowCount"])
    assert told["ByteCount"] > 0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts.NULL, {"RowCount": None, "ByteCount": None}),
        (Counts.ZERO, {"RowCount": 0, "ByteCount": 0}),
        (Counts.ABSENT, {}),
    ],
)
def test_counts_while_processing_are_as_was_set(call: Any, counts: Counts, expected: dict[str, Any]) -> None:
    """The documents disagree."""
    client = call(processing=10.0, counts_while_processing=counts)
    told = client.status(client.export("Evens"))
    assert expected == {name: told[name] for name in told if name.endswith("Count")}


def test_the_time_of_processing_is_drawn_from_the_seed(call: Any) -> None:
    """Between the bounds, and the same again."""

    def waits() -> list[float]:
        client = call(processing=(1.0, 5.0))
        exports = [client.service.ledger.find(client.export("Evens")) for _ in range(20)]
        return [export.ready_at - client.now for export in exports]

    assert waits() == waits()
    assert all(1 <= wait <= 5 for wait in waits())
    assert len(set(waits())) > 10


def test_tokens_are_integers_that_repeat_with_the_seed_but_cannot_be_counted_up(call: Any) -> None:
    """Two exports have two tokens."""
    first, second = ([client.export("Evens") for _ in range(3)] for client in (call(), call()))
    assert first == second
    assert len(set(first)) == 3
    assert 1 < abs(first[1] - first[0])


def test_data_before_it_is_ready_is_refused(call: Any) -> None:
    """With 400, or as was set."""
    for settings, expected in (({}, 400), ({"before_ready": 409}, 409)):
        client = call(processing=10.0, **settings)
        token = client.export("Evens")
        assert [expected, expected] == [client.page(token).status, client.commit(token).status]


def test_the_last_page_without_keep_alive_ends_the_export(call: Any) -> None:
    """Not an earlier one; and then it is gone for ever."""
    client = call()
    token = client.export("Evens")
    assert 200 == client.page(token, limit=60, keepAlive="false").status
    assert "Complete" == client.status(token)["Status"]
    assert 200 == client.page(token, limit=60, offset=61, keepAlive="false").status
    assert "Retrieved" == client.status(token)["Status"]
    assert 404 == client.page(token, limit=60, offset=61).status


def test_keep_alive_keeps_every_page_until_commit(call: Any) -> None:
    """Also the first, once the last was read."""
    client = call()
    token = client.export("Evens")
    for offset in (1, 51, 101, 1):
        assert 200 == client.page(token, limit=50, offset=offset).status
    assert 200 == client.commit(token).status
    assert ("Retrieved", 404) == (client.status(token)["Status"], client.page(token).status)


def test_commit_wants_keep_files_unless_set_otherwise(call: Any) -> None:
    """The segment page marks it as required."""
    client = call()
    assert 400 == client("POST", f"{client.export('Evens')}/Commit").status
    relaxed = call(require_keep_files=False)
    assert 200 == relaxed("POST", f"{relaxed.export('Evens')}/Commit").status


def test_commit_answers_with_nothing_or_with_the_status(call: Any) -> None:
    """The documents do not say."""
    client = call()
    assert b"" == client.commit(client.export("Evens")).body
    talkative = call(commit_body="json")
    assert "Retrieved" == orjson.loads(talkative.commit(talkative.export("Evens")).body)["Status"]


@pytest.mark.parametrize("expected", [404, 409, 200])
def test_a_second_commit_is_answered_as_was_set(call: Any, expected: int) -> None:
    """The documents do not say."""
    client = call(second_commit=expected)
    token = client.export("Evens")
    assert [200, expected] == [client.commit(token).status, client.commit(token).status]


def test_a_token_expires_when_its_lifetime_is_over(call: Any) -> None:
    """Counted from completion; reading does not extend it."""
    client = call(processing=10.0, token_lifetime=60.0, gone=410)
    token = client.export("Evens")
    client.now += 69
    assert 200 == client.page(token).status
    client.now += 1
    assert "Expired" == client.status(token)["Status"]
    assert [410, 410] == [client.page(token).status, client.commit(token).status]


@pytest.mark.parametrize("ending", [Ending.ERROR, Ending.FAILED])
def test_a_segment_may_end_badly(call: Any, ending: Ending) -> None:
    """After its processing; there is nothing to read."""
    client = call(processing=5.0, segments=(Segment(name="Bad", count=5, ends=ending),), groups=())
    token = client.export("Bad")
    assert "Processing" == client.status(token)["Status"]
    client.now += 5
    told = client.status(token)
    assert (ending.value, None) == (told["Status"], told["RowCount"])
    assert 404 == client.page(token).status


def test_an_unknown_token_is_answered_as_was_set(call: Any) -> None:
    """404 is likelier, imports have 401."""
    for path in ("1/Status", "1", "nonsense/Status"):
        assert [404, 401] == [call()("GET", path).status, call(unknown_token=401)("GET", path).status]


def test_too_many_exports_at_once_are_refused(call: Any) -> None:
    """Until one of them is over."""
    client = call(max_exports=2)
    tokens = [client.export("Evens"), client.export("Evens")]
    reply = client.initiate("Evens")
    assert (429, "1") == (reply.status, reply.headers["Retry-After"])
    client.commit(tokens[0])
    assert 200 == client.initiate("Evens").status


def test_an_export_is_a_snapshot(call: Any) -> None:
    """In a world that lives on, a page read tomorrow is today's."""
    client = call(frozen_at=None, change_cycle=86400.0)
    token = client.export("Evens")
    before = client.page(token).body
    client.now += 3600 * 6
    assert before == client.page(token).body
    assert before != client.page(client.export("Evens")).body


def test_a_callback_is_due_once_and_only_when_the_export_is_complete(make_world: Any, call: Any) -> None:
    """With the Status object for its body."""
    assert isinstance(make_world(), SimulatorSettings)
    client = call(processing=10.0)
    token = client.export("Evens", {"CallbackURL": "http://127.0.0.1:9/done"})
    assert [] == client.service.callbacks_due(client.now)
    client.now += 10
    due = client.service.callbacks_due(client.now)
    assert [client.status(token)] == [dict(each.body) for each in due]
    assert [] == client.service.callbacks_due(client.now)


@pytest.mark.parametrize(("switch", "expected"), [(False, 0), (True, 1)])
def test_a_failure_calls_back_only_if_set(call: Any, switch: bool, expected: int) -> None:
    """The documents do not say."""
    client = call(callback_on_failure=switch, faults="initiate: failed")
    client.export("Evens", {"CallbackURL": "http://127.0.0.1:9/done"})
    assert expected == len(client.service.callbacks_due(client.now))
