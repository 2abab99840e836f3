"""What a server may say that is not so, or not as documented, and the one end that each must come to.

``TABLE`` is to be read from top to bottom: call, what is said, how the run ends, a word that people must be told.
A row whose fault never happened proves nothing and fails.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor.protocol.vocabulary import Verdict
from extractor.remote import Answer, Request
from extractor.simulator import Service, parse
from tests.contract.stage import OAUTH, Played, assert_published, assert_withheld, play, truth, world

PEOPLE = 25  # in pages of ten: a first, a middle and a last one
ABOUT = {"token": "OAuth login", "initiate": "Initiate", "status": "Status", "page": "Page", "commit": "Commit"}


class End(Enum):
    """How a run of one job ends: the process's exit code and the job's verdict."""

    COMPLETE = (0, Verdict.DONE)  # tried again where needed: exactly the truth is published
    FAILED = (3, Verdict.EXPORT_FAILED)
    REFUSED = (4, Verdict.REFUSED)
    UNAVAILABLE = (5, Verdict.UNAVAILABLE)
    CLOSED = (6, Verdict.INTEGRITY)  # failed closed: nothing is published


COMPLETE, FAILED, REFUSED, UNAVAILABLE, CLOSED = End


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a fault script of the simulator, or a change that its answers suffer on their way."""

    call: str
    name: str
    ends: End
    word: str
    script: str = ""
    change: Callable[[bytes], bytes] | None = None
    line: bytes | None = None  # what the odd record is published as
    uncounted: bool = False  # RowCount is null, so that nothing but the pages speaks
    server: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)


def says(call: str, script: str, ends: End, word: str = "", **server: Any) -> Row:
    """A row of the simulator's own words."""
    return Row(call=call, name=script, ends=ends, word=word, script=script, server=server)


def has(call: str, ends: End, word: str = "", **members: Any) -> Row:
    """A row in which every answer to a call has these members."""
    return Row(call=call, name=str(members), ends=ends, word=word, change=functools.partial(_with, members))


def holds(name: str, record: bytes, ends: End, word: str = "", *, line: bytes | None = None) -> Row:
    """A row in which one record is this text, published as ``line``."""
    change = functools.partial(_replacing, record)
    return Row(call="page", name=name, ends=ends, word=word, change=change, line=line)


def uncounted(row: Row) -> Row:
    """The row without RowCount."""
    return replace(row, name=f"{row.name}, no RowCount", uncounted=True)


def bounded(row: Row, **limits: Any) -> Row:
    """The row under these limits."""
    return replace(row, name=f"{row.name} {limits}", limits=limits)


def _with(members: dict[str, Any], body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body) | members)


def _replacing(record: bytes, body: bytes) -> bytes:
    return body.replace(_odd_one_out(), record)


@functools.cache
def _odd_one_out() -> bytes:
    """The record that is changed: the second one of the segment."""
    return list(Service(world(2)).truth("A"))[1]


LOGIN = "a login page or proxy may have answered"
NAMELESS = b'{"ProfileId":1,"Note":"%b"}'
TABLE = [
    # A page of somebody in between, with 200: once it passes, for ever it is told.
    says("token", "html", COMPLETE, LOGIN),
    says("initiate", "html", COMPLETE, LOGIN),
    says("status", "html", COMPLETE, LOGIN),
    says("page", "html", COMPLETE, LOGIN),
    says("page", "ok ok html", COMPLETE, LOGIN),
    says("commit", "html", COMPLETE),
    says("token", "htmlx*", FAILED, LOGIN),
    says("initiate", "htmlx*", FAILED, LOGIN),
    says("status", "htmlx*", FAILED, LOGIN),
    says("page", "ok htmlx*", FAILED, LOGIN),
    says("commit", "htmlx*", COMPLETE),
    # An empty object where an answer belongs.
    says("token", "empty", COMPLETE, "no usable access_token"),
    says("initiate", "empty", COMPLETE, "no usable AccessToken"),
    says("status", "empty", COMPLETE, "no usable Status"),
    says("page", "empty", COMPLETE, "no usable Count, HasMore, Offset, TotalResults, UserProfilePreferences"),
    says("commit", "empty", COMPLETE),
    says("token", "emptyx*", FAILED, "no usable access_token"),
    says("initiate", "emptyx*", FAILED, "no usable AccessToken"),
    says("status", "emptyx*", FAILED, "no usable Status"),
    says("page", "emptyx*", FAILED, "no usable Count"),
    says("page", "ok truncate@30x*", FAILED, "the answer is cut short or not JSON (given up after 5 tries)"),
    # Names that begin in lower case are read.
    has("token", FAILED, "a member is there twice", Access_Token="another"),
    says("initiate", "lower", COMPLETE),
    says("status", "lowerx*", COMPLETE),
    says("page", "lowerx*", COMPLETE),
    says("commit", "lower", COMPLETE, commit_body="json"),
    # HasMore and Count that cannot both be true.
    says("page", "zerox*", CLOSED, "no records although TotalResults is 25"),
    says("page", "ok zerox*", CLOSED, "no records although TotalResults is 25"),
    says("page", "nomore", CLOSED, "HasMore is False after 10 of TotalResults 25"),
    says("page", "ok nomore", CLOSED, "HasMore is False after 20 of TotalResults 25"),
    says("page", "ok ok hasmore", CLOSED, "HasMore is True after 25 of TotalResults 25"),
    says("page", "count+1", CLOSED, "11 records came, at most 10 were asked for"),
    says("page", "count-1", COMPLETE, "it holds 10 records, but its Count is 9"),
    says("page", "count-1x*", CLOSED, "page at offset "),
    says("page", "ok ok count+1", CLOSED, "Count 6 runs past TotalResults 25"),
    says("page", "ok ok count-1", CLOSED, "HasMore is False after 24"),
    has("page", CLOSED, "negative Count (-1)", Count=-1),
    has("page", FAILED, "no usable Count", Count=None),
    has("page", FAILED, "UserProfilePreferences is null although Count is 10", UserProfilePreferences=None),
    # TotalResults that is another than before, or than RowCount.
    says("page", "total+1", CLOSED, "Status said RowCount 25, the pages say TotalResults 26"),
    says("page", "total-1", CLOSED, "Status said RowCount 25, the pages say TotalResults 24"),
    says("page", "ok total+1", CLOSED, "Status said RowCount 25"),
    uncounted(says("page", "ok total+1", CLOSED, "TotalResults changed from 25 to 26")),
    uncounted(says("page", "ok ok total-1", CLOSED, "TotalResults changed from 25 to 24")),
    uncounted(says("page", "total+1x*", CLOSED, "HasMore is False after 25 of TotalResults 26")),
    # Offsets that are not the ones asked for.
    says("page", "shift", CLOSED, "starts at Offset 2"),
    says("page", "ok shift", CLOSED, "starts at Offset 12"),
    says("page", "ok overlap", CLOSED, "starts at Offset 10"),
    says("page", "ok ok overlap", CLOSED, "starts at Offset 20"),
    has("page", CLOSED, "starts at Offset 0", Offset=0),
    says("page", "short ok short", COMPLETE),
    # A record twice, or in another's place, under honest counts: the ids tell.
    says("page", "ok twice", CLOSED, "11 records came, at most 10 were asked for"),
    says("page", "ok ok swap", CLOSED, "have an id that came before in the same export"),
    # A Status that goes back, or that nobody knows.
    says("status", "lost status=Processing", COMPLETE),
    says("status", "status=Complete", COMPLETE, "temporarily unavailable (503)", processing=3.0, before_ready=503),
    says("status", "status=Complete", REFUSED, "refused as malformed (400)", processing=3.0),
    says("status", "status=Pausedx3", COMPLETE, "Status Paused"),
    says("status", "status=Pausedx*", FAILED, "unknown Status 'Paused'"),
    has("status", FAILED, "unknown Status ''", Status=None),
    has("status", FAILED, "no usable Status", Status=7),
    has("status", FAILED, "about another AccessToken", AccessToken=1),
    # RowCount: null says nothing, anything else must agree.
    says("status", "rows-null", COMPLETE),
    says("status", "rows+1", CLOSED, "Status said RowCount 26, the pages say TotalResults 25"),
    says("status", "rows-1", CLOSED, "Status said RowCount 24, the pages say TotalResults 25"),
    has("status", FAILED, "RowCount is not a count", RowCount="many"),
    has("initiate", FAILED, "no usable AccessToken", AccessToken="soon"),
    # Commit: everything is sealed before, so no answer takes the data back.
    says("commit", "404", COMPLETE, "not known at Commit"),
    says("commit", "409", COMPLETE, "Commit was refused"),
    says("commit", "503", COMPLETE, "temporarily unavailable (503)"),
    says("commit", "503x*", COMPLETE, "Commit was never acknowledged"),
    # The five documented kinds of 401: signed again once after a success, then told with its own remedy.
    says("initiate", "401=header", REFUSED, "the Authorization header did not arrive"),
    says("status", "401=header", COMPLETE),
    says("page", "ok 401=age", COMPLETE),
    says("initiate", "401=headerx*", REFUSED, "the Authorization header did not arrive"),
    says("initiate", "401=schemex*", REFUSED, "auth.hash and auth.keyed"),
    says("initiate", "401=datex*", REFUSED, "auth.backdate"),
    says("initiate", "401=agex*", REFUSED, "outside the server's window"),
    says("initiate", "401=signaturex*", REFUSED, "auth.secret"),
    says("status", "401=agex*", REFUSED, "outside the server's window"),
    says("page", "ok 401=signaturex*", REFUSED, "auth.secret"),
    # Retry-After in every form that a server may write.
    says("page", "503:0s", COMPLETE, "503, asked to wait 0 s"),
    says("page", "429:0s", COMPLETE, "429, asked to wait 0 s"),
    says("page", "503:=-5", COMPLETE, "503, asked to wait 0 s"),
    says("page", "503:date+20s", COMPLETE, "503, asked to wait 20 s"),
    says("page", "503:date-60s", COMPLETE, "503, asked to wait 0 s"),
    says("page", "503:=soon", COMPLETE, "temporarily unavailable (503)"),
    says("page", "503:=", COMPLETE, "temporarily unavailable (503)"),
    bounded(says("page", "503:1000000000s", UNAVAILABLE, "asked to wait 1000000000 s"), deadline=3600.0),
    bounded(says("initiate", "429:=1e9", COMPLETE, "too many requests (429)"), deadline=3600.0),
    # Records: whatever JSON allows is published unchanged in value, and what it does not allow closes the job.
    says("page", "spacedx*", COMPLETE),
    holds("raw newlines between tokens", b'{\r\n"ProfileId":\n2 }', COMPLETE, line=b'{"ProfileId":2}'),
    holds("U+2028", NAMELESS % "\u2028".encode(), COMPLETE, line=NAMELESS % "\u2028".encode()),
    holds("escaped U+2028", NAMELESS % b"\\u2028", COMPLETE, line=NAMELESS % "\u2028".encode()),
    holds("lone surrogate", NAMELESS % b"\\ud800", COMPLETE, "lone surrogate", line=NAMELESS % b"\\ud800"),
    holds(
        "2**64", b'{"ProfileId":18446744073709551616}', COMPLETE, "integer", line=b'{"ProfileId":18446744073709551616}'
    ),
    holds("duplicate keys", b'{"a":1,"a":2}', COMPLETE, "duplicate key", line=b'{"a":1,"a":2}'),
    holds("a string of 1 MB", NAMELESS % (b"x" * 1_000_000), COMPLETE, line=NAMELESS % (b"x" * 1_000_000)),
    holds("NaN", b'{"ProfileId":NaN}', CLOSED, "record 2 of the page: NaN is not JSON"),
    holds(
        "raw newline in a string",
        NAMELESS % b"a\nb",
        CLOSED,
        "record 2 of the page: a string holds a raw control character",
    ),
    holds("invalid UTF-8", NAMELESS % b"\xff", CLOSED, "not valid UTF-8"),
    holds("a surrogate as bytes", NAMELESS % b"\xed\xa0\x80", CLOSED, "not valid UTF-8"),
    holds("no object", b"17", CLOSED, "it is not a JSON object"),
]


@dataclass(slots=True)
class Spoiler:
    """Changes the bodies of the answers to one kind of call, and counts how often it made a difference."""

    row: Row
    struck: int = 0

    def __call__(self, request: Request, answer: Answer) -> Answer:
        """Give the answer as it arrives."""
        if self.row.change is None or not answer.ok or not request.about.startswith(ABOUT[self.row.call]):
            return answer
        body = self.row.change(answer.body)
        self.struck += body != answer.body
        return replace(answer, body=body)


async def _played(folder: Path, row: Row, spoiler: Spoiler) -> Played:
    faults = {"status": "rows-null" if row.uncounted else ""} | {row.call: row.script}
    connection = {"auth": OAUTH} if row.call == "token" else {}
    limits = {"page_size": 10, **row.limits}
    server = world(PEOPLE, faults=faults, **row.server)
    return await play(folder, server, spoil=spoiler, limits=limits, connection=connection)


def _wanted(script: str) -> int:
    """How many faults a script has; one that says a word for ever has done so when it was heard once."""
    return sum(1 if turn.times is None else turn.times for turn in parse(script) if turn.fault.verb != "ok")


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.call}: {row.name}")
async def test_every_lie_has_its_end(memory: Path, row: Row) -> None:
    """The fault happened, the run ends as the row says, and exactly the truth is published or nothing at all."""
    spoiler = Spoiler(row)
    played = await _played(memory, row, spoiler)
    fired = sum(times for (kind, _), times in played.service.playbook.fired.items() if kind == row.call)
    assert (spoiler.struck if row.change else fired) >= (1 if row.change else _wanted(row.script)), "nothing happened"
    exit_code, verdict = row.ends.value
    assert verdict == played.only().verdict
    assert row.word in (played.words() if row.ends is COMPLETE else played.only().message)
    if row.ends is not COMPLETE:
        assert_withheld(played, exit_code)
        assert [] == played.calls("commit")
    elif row.line is None:
        assert_published(played)
    else:
        first, _, *rest = truth(played)
        assert (0, [first, row.line, *rest]) == (played.exit_code, played.lines("segment=A"))
