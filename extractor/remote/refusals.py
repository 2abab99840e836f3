"""What an answer other than 2xx means, and what to do about it (contract, sections 2.3 and 6).

Decides whose fault it is and what the person who reads the message should check. Decides by the HTTP status; the
server's own text only chooses the remedy and is quoted, redacted. Does not decide about retries (``protocol.retry``).
Called by ``client`` and ``oauth``.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from extractor.errors import (
    Forbidden,
    Malformed,
    NotFound,
    Rejected,
    RemoteError,
    Throttled,
    TokenGone,
    Unauthorized,
    Unavailable,
)
from extractor.plan.job import JobSpec
from extractor.protocol.dialect import Dialect, field_of
from extractor.protocol.retry import retry_after_seconds
from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus
from extractor.remote.answers import server_message
from extractor.remote.exchange import Answer
from extractor.remote.questions import RemoteCommands, describe
from extractor.remote.redaction import quotable

SKEW_WORTH_SAYING = 2.0  # seconds

# The five documented titles of a 401 under PNAUTHINFO3, in lower case.
_SCHEME_INVALID = "the scheme is invalid"
_DATE_FORMAT = "the specified date does not match an expected iso 8601 format"
_TOO_OLD = "the difference between the issued timestamp and the current time is too large"
_NO_HEADER = "missing authorization header"
_UNABLE = "unable to authenticate request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a refusal is judged by beside the answer. ``ahead``: seconds, this machine's clock minus the server's."""

    scheme: str
    ahead: float
    server_now: float


def refusal(
    answer: Answer, command: RemoteCommands, job: JobSpec, dialect: Dialect, circumstances: Circumstances
) -> RemoteError:
    """Turn an answer other than 2xx into the error that it means; the caller raises it."""
    about, status = describe(command, job), answer.status
    said = _said(answer, _sent(command, job))
    if status in dialect.token_gone and not isinstance(command, Initiate):
        return TokenGone(
            f"{about}: the export is no longer known to the server ({status}){said} -- {_path_remedy(command, job)}",
            status=status,
        )
    match status:
        case 400:
            return Rejected(f"{about}: refused as malformed (400){said} -- {_asked(command, job)}", status=status)
        case 401:
            remedy = unauthorized_remedy(server_message(answer), circumstances)
            return Unauthorized(f"{about}: not authorized (401){said} -- {remedy}", status=status)
        case 403:
            return Forbidden(
                f"{about}: not permitted (403){said} -- give the API user's user group the permission to export "
                f"this {job.dataset.kind}",
                status=status,
            )
        case 404:
            remedy = (
                f"check the name of {job.dataset} and connection.client_id; letter case may matter"
                if isinstance(command, Initiate)
                else _path_remedy(command, job)
            )
            return NotFound(f"{about}: not found (404){said} -- {remedy}", status=status)
        case _:
            return other_refusal(
                answer, about, said, now=circumstances.server_now, ambiguous=isinstance(command, Initiate)
            )


def other_refusal(answer: Answer, about: str, said: str, *, now: float, ambiguous: bool) -> RemoteError:
    """Judge the statuses that mean the same wherever they come from.

    ``ambiguous`` says that a failure half-way may have left something behind. 503 and 429 are said before the work.
    """
    status = answer.status
    wait = retry_after_seconds(answer.header("Retry-After"), now=now)
    asked = "" if wait is None else f", asked to wait {wait:.0f} s"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(f"{about}: too many requests (429{asked}){said}", status=status, retry_after=wait)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unavailable(f"{about}: temporarily unavailable (503{asked}){said}", status=status, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unavailable(
            f"{about}: the server failed ({status}){said}", status=status, retry_after=wait, ambiguous=ambiguous
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Rejected(
            f"{about}: redirected ({status}) -- the base_url looks wrong, or a login page answered", status=status
        )
    if status >= HTTPStatus.BAD_REQUEST:
        return Rejected(f"{about}: refused ({status}){said}", status=status)
    return Malformed(f"{about}: an answer with status {status} has no meaning here", status=status, ambiguous=ambiguous)


def unauthorized_remedy(message: str, circumstances: Circumstances) -> str:
    """Say what to check after a 401, by the documented title in the server's message."""
    if circumstances.scheme == "oauth":
        return (
            "the bearer is not accepted: check connection.client_id and auth.user_id (they make the scope), and that "
            "auth.token_url belongs to the same environment as base_url"
        )
    text = " ".join(message.casefold().split())
    if _SCHEME_INVALID in text:
        return "check auth.hash and auth.keyed against the account's setting, and dialect.keyed_scheme/unkeyed_scheme"
    if _DATE_FORMAT in text:
        return (
            "the signed time is in the server's future or misspelled: set this machine's clock (NTP), raise "
            f"auth.backdate, check dialect.timestamp{_clock(circumstances)}"
        )
    if _TOO_OLD in text:
        return (
            "the signed time is outside the server's window (15 minutes unless changed): set this machine's clock "
            f"(NTP), lower auth.backdate{_clock(circumstances)}"
        )
    if _NO_HEADER in text:
        return (
            "the Authorization header did not arrive: something on the way removes it; check connection.proxy and "
            "connection.base_url"
        )
    remedy = (
        "check auth.secret, auth.user_id (an active user of the account) and connection.client_id; without keyed also "
        "dialect.unkeyed_message"
    )
    return remedy if _UNABLE in text else f"{remedy}{_clock(circumstances)}"


def _path_remedy(command: PollStatus | FetchPage | Commit, job: JobSpec) -> str:
    """Say what to check where the server does not know an AccessToken, or the path that it is in."""
    match command:
        case PollStatus():
            every, key = "on every Status", "status"
        case FetchPage():
            every, key = "on every page", "retrieve"
        case Commit():
            every, key = "on every Commit", "commit"
        case _:
            assert_never(command)
    return (
        f"the AccessToken is no longer known; if this happens {every}, the account may spell the path otherwise: "
        f"connection.dialect.{field_of(job.dataset.kind, key)}"
    )


def _clock(circumstances: Circumstances) -> str:
    if abs(circumstances.ahead) < SKEW_WORTH_SAYING:
        return ""
    way = "ahead of" if circumstances.ahead > 0 else "behind"
    return f" (this clock is {abs(circumstances.ahead):.0f} s {way} the server's)"


def _said(answer: Answer, hidden: list[str]) -> str:
    message = quotable(server_message(answer), hidden=hidden)
    return f', "{message}"' if message else ""


def _sent(command: RemoteCommands, job: JobSpec) -> list[str]:
    """Everything private that the server knows from us, lest its text repeats it."""
    values = [] if job.match is None else list(job.match.values)
    match command:
        case Initiate():
            return values
        case PollStatus(token=token) | FetchPage(token=token) | Commit(token=token):
            return [*values, str(token)]
        case _:
            assert_never(command)


def _asked(command: RemoteCommands, job: JobSpec) -> str:
    """Say what was asked, without the values."""
    match command:
        case Initiate():
            since = "everything" if job.last_date_time is None else f"changes since {job.last_date_time}"
            whom = "everybody" if job.match is None else job.match.summary
            return f"asked for {since}, of {whom}; check match.criteria, match.type and the form of the values"
        case FetchPage(limit=limit, offset=offset):
            return f"asked for {limit} records from {offset} on; a smaller limits.page_size may be allowed"
        case PollStatus() | Commit():
            return "check the dialect's paths against the service's documents"
        case _:
            assert_never(command)
