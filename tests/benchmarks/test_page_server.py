"""The page server serves what it says: else every benchmark would measure something else."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.page_server import BASE, Exports, PageServer, serving
from benchmarks.pages import FIRST_ID, Pages
from extractor.protocol.dialect import Dialect

_DIALECT = Dialect()


@pytest.fixture(scope="module")
def pages() -> Pages:
    """The people, written once."""
    return Pages()


@pytest.fixture
def wire(pages: Pages) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server whose datasets have 2,500 records."""
    exports = Exports(records=2_500, processing=(0.0, 0.0))
    with serving(PageServer(exports, pages, records=2_500, gzip=True)) as origin:
        connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=10)
        yield connection
        connection.close()


def _asked(wire: http.client.HTTPConnection, method: str, path: str, **headers: str) -> Any:
    wire.request(method, path, body="{}" if method == "POST" else None, headers=headers)
    answer = wire.getresponse()
    body = answer.read()
    return json.loads(gzip.decompress(body) if answer.headers.get("Content-Encoding") else body)


def _ids(page: Any) -> list[int]:
    return [record["ProfileId"] for record in page[_DIALECT.records]]


@pytest.mark.parametrize(
    ("offset", "limit", "total", "count"),
    [(1, 1000, 2500, 1000), (2001, 1000, 2500, 500), (2501, 1000, 2500, 0), (9_999, 3, 10_001, 3), (1, 1, 1, 1)],
)
def test_a_page_holds_what_its_envelope_says(pages: Pages, offset: int, limit: int, total: int, count: int) -> None:
    """Any offset and limit; also across the end of the people, who then come again under new ids."""
    page = json.loads(pages.page(offset, limit, total))
    first = FIRST_ID + offset - 1
    assert list(range(first, first + count)) == _ids(page)
    assert (count, limit, offset, total) == tuple(page[name] for name in ("Count", "Limit", "Offset", "TotalResults"))
    assert page["HasMore"] is (offset + count <= total and count > 0)


def test_a_page_may_be_larger_than_there_are_people(pages: Pages) -> None:
    """The same people again, but no id twice."""
    ids = re.findall(rb'"ProfileId":([0-9]{9}),', pages.page(1, 25_000, 25_000))
    assert 25_000 == len(set(ids)) == len(ids)


def test_some_people_are_beyond_ascii(pages: Pages) -> None:
    """A tenth, roughly: an encoder that is quick for ASCII alone must not look quick here."""
    records = json.loads(pages.page(1, 2_000, 2_000))[_DIALECT.records]
    assert 100 < sum(not json.dumps(record, ensure_ascii=False).isascii() for record in records) < 300


def test_an_export_is_served_as_the_dialect_spells_it(wire: http.client.HTTPConnection) -> None:
    """Initiate, Status, pages and Commit, at the paths that the extractor asks for."""
    initiate = _DIALECT.initiate_segment.format(clientId="BENCH", name="people-1500")
    token = _asked(wire, "POST", f"{BASE}/{initiate}")["AccessToken"]

    def path(template: str) -> str:
        return f"{BASE}/{template.format(clientId='BENCH', accessToken=token)}"

    status = _asked(wire, "GET", path(_DIALECT.status))
    assert {"AccessToken": token, "Status": "Complete", "RowCount": 1500} == status
    found = [
        each
        for offset in (1, 1001)
        for each in _ids(_asked(wire, "GET", f"{path(_DIALECT.retrieve)}?limit=1000&offset={offset}&keepAlive=true"))
    ]
    assert list(range(FIRST_ID, FIRST_ID + 1500)) == found
    assert {} == _asked(wire, "POST", f"{path(_DIALECT.commit)}?keepFiles=false")


def test_an_export_is_processed_before_it_is_complete() -> None:
    """The time is drawn between the bounds, and the same for the same seed."""
    exports = Exports(records=5, processing=(2.0, 20.0), seed=3)
    token = exports.initiate("people", now=100.0)
    assert not exports.is_ready(token, now=101.9)
    assert exports.is_ready(token, now=120.1)
    assert 5 == exports.size(token)


def test_tools_that_know_no_exports_count_pages(wire: http.client.HTTPConnection) -> None:
    """The same records, by number of page or by offset, compressed or not."""
    by_page = _asked(wire, "GET", "/pages?limit=1000&page=3", **{"Accept-Encoding": "gzip"})
    assert by_page == _asked(wire, "GET", "/pages?limit=1000&offset=2001")
    assert 500 == by_page["Count"]


def test_arrivals_are_noted_by_kind_and_forgotten_when_asked(wire: http.client.HTTPConnection) -> None:
    """A rate is judged from the server's side."""
    _asked(wire, "POST", f"{BASE}/Async/BENCH/Export/Segment/people")
    _asked(wire, "GET", "/pages?limit=1&page=1")
    wire.request("GET", "/arrivals")
    lines = [json.loads(line) for line in wire.getresponse().read().splitlines()]
    assert ["initiate", "page"] == [line["kind"] for line in lines]
    assert lines[0]["at"] < lines[1]["at"]
    wire.request("POST", "/arrivals")
    assert b"" == wire.getresponse().read()


def test_what_is_not_there_is_not_found(wire: http.client.HTTPConnection) -> None:
    """An unknown token is refused, and the connection lives on."""
    wire.request("GET", f"{BASE}/Async/BENCH/Export/999/Status")
    answer = wire.getresponse()
    answer.read()
    assert 404 == answer.status
    assert 1 == _asked(wire, "GET", "/pages?limit=1&page=1")["Count"]
