"""The words of fault scripts: ``ok ok 503:2s drop@4096 expire 500x3``.

Decides what each word means and where it may stand; ``parse`` refuses the rest. Does not decide whose turn it is
(``playbook``) or what becomes of the answer (``tampering``, ``ledger``, ``pages``).

========================  =============================================================================================
word                      what happens
========================  =============================================================================================
``ok``                    nothing
``503`` ``503:2s``        this status (400 401 403 404 405 409 410 429 500 502 503 504), with Retry-After in seconds
``503:date+2s``           the same with Retry-After as a date; ``date-60s`` lies in the past
``503:=soon``             the same with this very text as Retry-After
``401=age``               a documented 401: ``header``, ``scheme``, ``date``, ``age``, ``signature`` (the default)
``html`` ``page503``      200, or 503, with an HTML page of somebody in between; nothing was done
``reset``                 nothing was done; the connection is closed before any answer
``lost``                  it was done, but the connection is closed before any answer
``silent``                it was done, but nothing is ever answered
``drop@N``                N bytes of the body, then the connection is cut; Content-Length promised the whole
``head@N``                N bytes of the status line and headers, then the connection is cut
``hangup``                the whole answer, then the connection is closed unannounced
``truncate@N``            the body is cut to N bytes, and Content-Length agrees
``stall@N``               N bytes of the body, then silence
``trickle@N``             N bytes of the body one by one, then the rest
``slow:2s``               the answer comes after 2 seconds
``text``                  the right body as ``text/plain``
``empty``                 it was done, the answer is ``{}``
``lower``                 the answer's own member names begin in lower case (records are left alone)
``revoke``                every bearer issued so far is dead, and this call is the first to hear of it (401)
``error`` ``failed``      the export ends in this Status
``expire``                the export's token expires, now or as soon as it is complete
``status=Paused``         the Status is spelled like this, once
``rows+1`` ``rows-1``     RowCount is off by one; ``rows-null``: it is null though the export is complete
``count+1`` ``count-1``   Count differs from the number of records
``total+1`` ``total-1``   TotalResults is off by one
``shift``                 Offset is one too high for the records that follow
``overlap``               the page honestly begins one record before the one that was asked for (not the first page)
``twice``                 the last record stands twice, and Count says so
``swap``                  the last record is missing, the first stands twice: no count is wrong
``hasmore`` ``nomore``    HasMore is true, or false, whatever is left
``zero``                  no records, Count 0, HasMore true
``spaced``                line breaks and blanks between tokens, in the records as well; no value is changed
``short``                 half a page, honestly: no lie, but less than was asked for
========================  =============================================================================================

``x3`` after a word repeats it, ``x*`` repeats it for ever. N below zero counts from the end, ``drop@-4``: all but four;
of an answer that travels compressed, ``drop``, ``stall`` and ``trickle`` count the bytes that travel.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from extractor.errors import ConfigError


class Kind(StrEnum):
    """The calls of the API, as scripts and history name them."""

    INITIATE = "initiate"
    STATUS = "status"
    PAGE = "page"
    COMMIT = "commit"
    TOKEN = "token"  # noqa: S105 - the name of a call


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One word, read. ``verb`` tells what happens; the other fields belong to the verbs that use them."""

    word: str
    verb: str
    code: int = 0
    after: int = 0  # bytes of the body; below zero: from its end
    seconds: float = 0.0
    retry_after: str | None = None  # "2s", "date+2s" or "=text"
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A word and how often it is said; None is for ever."""

    fault: Fault
    times: int | None


CODES = (400, 401, 403, 404, 405, 409, 410, 429, 500, 502, 503, 504)
REFUSALS = ("header", "scheme", "date", "age", "signature")

_ANYWHERE = frozenset(Kind)
_EXPORTS = frozenset({Kind.INITIATE, Kind.STATUS, Kind.PAGE, Kind.COMMIT})
_FATES = frozenset({Kind.INITIATE, Kind.STATUS, Kind.PAGE})
_STATUS = frozenset({Kind.STATUS})
_PAGE = frozenset({Kind.PAGE})

PLAIN: dict[str, frozenset[Kind]] = {
    **dict.fromkeys(("ok", "html", "reset", "lost", "silent", "hangup", "text", "empty", "lower"), _ANYWHERE),
    "revoke": _EXPORTS,
    **dict.fromkeys(("error", "failed"), _FATES),
    "expire": _EXPORTS,
    **dict.fromkeys(("rows+1", "rows-1", "rows-null"), _STATUS),
    **dict.fromkeys(("count+1", "count-1", "total+1", "total-1", "shift", "overlap", "twice", "swap"), _PAGE),
    **dict.fromkeys(("hasmore", "nomore", "zero", "short", "spaced"), _PAGE),
}

_REPEAT = re.compile(r"(?P<word>.+?)x(?P<times>[0-9]+|\*)", re.ASCII)
_CODE = re.compile(r"(?P<page>page)?(?P<code>[0-9]{3})(?:=(?P<text>[a-z]+))?(?::(?P<after>.+))?", re.ASCII)
_RETRY_AFTER = re.compile(r"=.*|(?:date[+-])?[0-9]+s", re.ASCII)
_BYTES = re.compile(r"(?P<verb>drop|head|truncate|stall|trickle)@(?P<after>-?[0-9]+)", re.ASCII)
_SLOW = re.compile(r"slow:(?P<seconds>[0-9]+(?:\.[0-9]+)?)s", re.ASCII)
_STATUS_WORD = re.compile(r"status=(?P<text>.+)")


def parse(script: str, *, kind: Kind | None = None) -> tuple[Turn, ...]:
    """Read a script, words separated by spaces. With ``kind``, words that mean nothing to that call are refused.

    Raises ConfigError, which names every bad word.
    """
    turns: list[Turn] = []
    problems: list[str] = []
    for said in script.split():
        repeated = _REPEAT.fullmatch(said)
        word, times = (repeated["word"], repeated["times"]) if repeated else (said, "1")
        fault = _read(word)
        if fault is None:
            problems.append(f'"{said}" is not a fault{_hint(word)}')
        elif kind is not None and not fits(fault, kind):
            problems.append(f'"{said}" means nothing to {kind}')
        else:
            turns.append(Turn(fault=fault, times=None if times == "*" else int(times)))
    if problems:
        raise ConfigError(problems)
    return tuple(turns)


def fits(fault: Fault, kind: Kind) -> bool:
    """Tell whether a fault can happen to a call."""
    return kind in (_STATUS if fault.verb == "status" else PLAIN.get(fault.verb, _ANYWHERE))


def _read(word: str) -> Fault | None:
    """Read one word without its repetition; None if there is no such word."""
    if word in PLAIN:
        return Fault(word=word, verb=word)
    return next((fault for fault in _patterned(word) if fault is not None), None)


def _patterned(word: str) -> Iterator[Fault | None]:
    if found := _BYTES.fullmatch(word):
        yield Fault(word=word, verb=found["verb"], after=int(found["after"]))
    if found := _SLOW.fullmatch(word):
        yield Fault(word=word, verb="slow", seconds=float(found["seconds"]))
    if found := _STATUS_WORD.fullmatch(word):
        yield Fault(word=word, verb="status", text=found["text"])
    if found := _CODE.fullmatch(word):
        yield _code(word, found)


def _code(word: str, found: re.Match[str]) -> Fault | None:
    code, text, after = int(found["code"]), found["text"] or "", found["after"]
    if code not in CODES or (text and (code != 401 or text not in REFUSALS)):  # noqa: PLR2004 - 401 as in the table
        return None
    if after is not None and not _RETRY_AFTER.fullmatch(after):
        return None
    verb = "page" if found["page"] else "code"
    return Fault(word=word, verb=verb, code=code, text=text, retry_after=after)


def _hint(word: str) -> str:
    near = difflib.get_close_matches(
        word, [*PLAIN, "drop@N", "head@N", "stall@N", "truncate@N", "trickle@N", "slow:2s"], n=1
    )
    return f' -- did you mean "{near[0]}"?' if near else ""
