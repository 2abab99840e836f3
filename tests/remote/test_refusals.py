"""What an error answer means, and that its message helps without telling."""

import json
from collections.abc import Callable
from typing import Any

import pytest

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
from extractor.protocol.dialect import Dialect
from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus
from extractor.remote import Answer, RemoteCommands
from extractor.remote.refusals import Circumstances, refusal
from tests.asking import match_of

INITIATE = Initiate(export=1)
STATUS = PollStatus(token=987654)
PAGE = FetchPage(token=987654, offset=1001, limit=5000)
COMMIT = Commit(token=987654)
NOW = 1_795_000_000.0


@pytest.fixture
def refuse(make_job: Callable[..., JobSpec]) -> Callable[..., RemoteError]:
    """Give the refusal that an answer means."""

    def make(
        status: int,
        command: RemoteCommands = INITIATE,
        message: str | None = None,
        *,
        job: JobSpec | None = None,
        dialect: Dialect | None = None,
        scheme: str = "pnauthinfo3",
        ahead: float = 0.0,
        **headers: str,
    ) -> RemoteError:
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = Answer(status=status, headers=spelled, body=json.dumps({"Message": message}).encode())
        circumstances = Circumstances(scheme=scheme, ahead=ahead, server_now=NOW)
        return refusal(answer, command, job or make_job(), dialect or Dialect(), circumstances)

    return make


@pytest.mark.parametrize(
    ("status", "command", "kind", "ambiguous"),
    [
        (400, INITIATE, Rejected, False), (400, PAGE, Rejected, False), (401, INITIATE, Unauthorized, False),
        (403, STATUS, Forbidden, False), (404, INITIATE, NotFound, False), (410, INITIATE, Rejected, False),
        (404, STATUS, TokenGone, False), (404, PAGE, TokenGone, False), (404, COMMIT, TokenGone, False),
        (410, PAGE, TokenGone, False), (409, COMMIT, Rejected, False), (418, PAGE, Rejected, False),
        (429, INITIATE, Throttled, False), (503, INITIATE, Unavailable, False), (500, INITIATE, Unavailable, True),
        (502, INITIATE, Unavailable, True), (504, INITIATE, Unavailable, True), (408, INITIATE, Unavailable, True),
        (500, PAGE, Unavailable, False), (302, INITIATE, Rejected, False), (199, PAGE, Malformed, False),
    ],
)  # fmt: skip
def test_whose_fault_a_status_is(
    refuse: Any, status: int, command: RemoteCommands, kind: type[RemoteError], *, ambiguous: bool
) -> None:
    """By the status alone; only a POST that broke half-way may have made an export."""
    error = refuse(status, command)
    assert (type(error), error.status, error.ambiguous) == (kind, status, ambiguous)


def test_which_status_means_gone_is_the_dialects(refuse: Any) -> None:
    """Contract, section 10: not documented."""
    dialect = Dialect(token_gone=(400,))
    assert type(refuse(400, PAGE, dialect=dialect)) is TokenGone
    assert type(refuse(404, PAGE, dialect=dialect)) is NotFound
    assert type(refuse(400, INITIATE, dialect=dialect)) is Rejected


@pytest.mark.parametrize(
    ("title", "remedy"),
    [
        ("The scheme is invalid", "auth.hash and auth.keyed"),
        ("The specified date does not match an expected ISO 8601 format", "clock (NTP), raise auth.backdate"),
        (
            "The difference between the issued timestamp and the current time is too large",
            "outside the server's window",
        ),
        ("Missing Authorization Header", "did not arrive"),
        ("Unable to authenticate request", "auth.secret, auth.user_id"),
        ("unable  to AUTHENTICATE request.", "auth.secret, auth.user_id"),
        ("Something undocumented", "auth.secret, auth.user_id"),
    ],
)
def test_each_documented_401_has_its_own_remedy(refuse: Any, title: str, remedy: str) -> None:
    """Contract, section 2.3; an unknown title gets the likeliest."""
    text = str(refuse(401, INITIATE, title))
    assert remedy in text
    assert f'"{title.replace("  ", " ")}"' in text


def test_a_401_about_the_clock_says_how_wrong_it_is(refuse: Any) -> None:
    """The number is known from the Date header, so it is told."""
    ahead = str(refuse(401, STATUS, "The specified date does not match an expected ISO 8601 format", ahead=61.4))
    assert "this clock is 61 s ahead of the server's" in ahead
    behind = str(
        refuse(
            401, STATUS, "The difference between the issued timestamp and the current time is too large", ahead=-1000.0
        )
    )
    assert "this clock is 1000 s behind the server's" in behind


def test_a_401_for_a_bearer_speaks_of_the_scope(refuse: Any) -> None:
    """Signature and clock play no part in it."""
    text = str(refuse(401, STATUS, "Unable to authenticate request", scheme="oauth"))
    assert "scope" in text
    assert "auth.secret" not in text


def test_a_404_names_what_to_check(refuse: Any, make_job: Callable[..., JobSpec]) -> None:
    """The name, and the account that it is looked for in."""
    text = str(refuse(404, job=make_job("Winback", kind="group")))
    assert "group 'Winback'" in text
    assert "connection.client_id" in text


@pytest.mark.parametrize(
    ("command", "every", "key"),
    [(STATUS, "Status", "status"), (PAGE, "page", "retrieve"), (COMMIT, "Commit", "commit")],
)
def test_an_unknown_token_names_the_path_to_check(refuse: Any, command: RemoteCommands, every: str, key: str) -> None:
    """Whether or not the dialect takes a 404 for it: a path that is spelled otherwise looks the same."""
    for gone in ((404, 410), (410,)):
        text = str(refuse(404, command, dialect=Dialect(token_gone=gone)))
        assert text.endswith(
            f"-- the AccessToken is no longer known; if this happens on every {every}, "
            f"the account may spell the path otherwise: connection.dialect.{key}"
        )


def test_a_400_says_what_was_asked_but_no_value(refuse: Any, make_job: Callable[..., JobSpec]) -> None:
    """Not even if the server's text repeats one."""
    match = match_of("AlternateId", "CRM", ("a-1", "lovelace"))
    job = make_job(since="2026-11-22T02:00:00.000Z", match=match)
    text = str(refuse(400, INITIATE, "Value Lovelace (A-1) is no CRM id", job=job))
    assert "AlternateId/CRM x 2" in text
    assert "since 2026-11-22T02:00:00.000Z" in text
    assert "lovelace" not in text.casefold()
    assert "a-1" not in text.casefold()


def test_no_message_tells_the_token(refuse: Any) -> None:
    """Whatever the server repeats."""
    for status in (400, 401, 403, 404, 409, 429, 500, 503):
        for command in (STATUS, PAGE, COMMIT):
            assert "987654" not in str(refuse(status, command, "Token 987654 is odd, 987654!"))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0), ("0", 0.0), ("-5", 0.0), ("1000000000", 1e9), ("Wed, 18 Nov 2026 11:07:40 GMT", 1e2 - 40.0),
        ("Wed, 18 Nov 2020 11:07:40 GMT", 0.0), ("soon", None), ("", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_in_both_forms_by_the_servers_clock(
    refuse: Any, status: int, header: str, seconds: float | None
) -> None:
    """Unclamped; what cannot be read is as if it were not there."""
    assert refuse(status, PAGE, Retry_After=header).retry_after == seconds


def test_a_redirect_is_not_followed_but_explained(refuse: Any) -> None:
    """A login page is the likeliest."""
    assert "base_url looks wrong" in str(refuse(302, PAGE, Location="https://login.example/?t=987654"))
