"""How a command is put to the service: path, query and body (contract, section 3).

Decides how the dialect's templates are filled and what a body holds. Does not authorize or send. Called by ``client``
and ``probe``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, assert_never
from urllib.parse import quote, urlencode

from extractor.plan.job import JobSpec, Kind, Match
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus
from extractor.remote.exchange import Request

RemoteCommands = Initiate | PollStatus | FetchPage | Commit

_KINDS: Mapping[Kind, str] = {"segment": "Segment", "group": "SegmentGroup", "schedule": "Schedule"}
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Everything that is the same in all requests of one connection."""

    base_url: str
    client_id: str
    dialect: Dialect

    def ask(self, command: RemoteCommands, job: JobSpec) -> Request:
        """Spell the request that ``command`` means for ``job``, without authorization."""
        kind = job.dataset.kind
        dialect, about = self.dialect.of(kind), describe(command, job)
        match command:
            case Initiate():
                url = self._url(dialect.initiate(kind), name=_quoted(job.dataset.name))
                return Request(
                    about=about,
                    method="POST",
                    url=_with_query(url, dates) if (dates := _dates(job, dialect)) else url,
                    headers={"Accept": _JSON, "Content-Type": _JSON},
                    body=_initiate_body(job, dialect),
                )
            case PollStatus(token=token):
                url = self._of_token(dialect.status, token, job)
                return Request(about=about, method="GET", url=url, headers={"Accept": _JSON})
            case FetchPage(token=token, offset=offset, limit=limit):
                url = _with_query(
                    self._of_token(dialect.retrieve, token, job),
                    # Always keepAlive: without it, a lost last page could not be asked for again (design, section 6).
                    f"limit={limit}&offset={offset}&keepAlive={quote(dialect.true, safe='')}",
                )
                return Request(about=about, method="GET", url=url, headers={"Accept": _JSON})
            case Commit(token=token):
                keep = dialect.true if dialect.keep_files else dialect.false
                # Always keepFiles: some pages of the documents call it required.
                url = _with_query(self._of_token(dialect.commit, token, job), f"keepFiles={quote(keep, safe='')}")
                return Request(about=about, method="POST", url=url, headers={"Accept": _JSON})
            case _:
                assert_never(command)

    def _of_token(self, template: str, token: int, job: JobSpec) -> str:
        return self._url(template, accessToken=str(token), kind=_KINDS[job.dataset.kind])  # letters and digits

    def _url(self, template: str, **quoted: str) -> str:
        path = template.format(clientId=_quoted(self.client_id), **quoted)
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"


def describe(command: RemoteCommands, job: JobSpec) -> str:
    """Name a request for people: no URL, no token, no values."""
    batch = "" if job.batches == 1 else f" [{job.batch}/{job.batches}]"
    match command:
        case Initiate():
            what = "Initiate"
        case PollStatus():
            what = "Status"
        case FetchPage(offset=offset):
            what = f"Page from record {offset}"
        case Commit():
            what = "Commit"
        case _:
            assert_never(command)
    return f"{what} of {job.dataset}{batch}"


def _dates(job: JobSpec, dialect: Dialect) -> str:
    """The days of a schedule's window, both or neither; "" where there is none. They are the window's own days.

    Raises ValueError for a window that is not whole days: a plan must not hold it.
    """
    if job.dataset.kind != "schedule" or job.window is None:
        return ""
    first, last = job.window.first_day, job.window.last_day
    if first is None or last is None:
        raise ValueError("a schedule can only be asked for whole days")
    end = last if dialect.schedule_end_is_inclusive else last + timedelta(days=1)
    named = {dialect.schedule_start: first, dialect.schedule_end: end}
    return urlencode({name: day.strftime(dialect.schedule_date) for name, day in named.items()}, quote_via=quote)


def _initiate_body(job: JobSpec, dialect: Dialect) -> bytes:
    """Only what is set is said: whether null means the same as absent is not documented."""
    members: dict[str, Any] = {}
    if job.last_date_time is not None:
        members["LastDateTime"] = job.last_date_time
    if job.match is not None:
        members["MatchCriteria"] = job.match.criteria
        if job.match.type is not None:
            members["MatchType"] = job.match.type
        members["Values"] = _values(job.match, as_number=dialect.profile_id_as_number)
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def _values(match: Match, *, as_number: bool) -> list[str | int]:
    if not as_number or match.criteria.casefold() != "profileid":
        return list(match.values)
    return [int(value) if value.isascii() and value.isdecimal() else value for value in match.values]


@lru_cache(maxsize=64)
def _quoted(text: str) -> str:
    # A segment may be called "..": unreserved characters, but as a whole a step up the path.
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"
