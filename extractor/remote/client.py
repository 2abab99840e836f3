"""A command in, an event out: one request to the service, with everything that belongs to it.

Decides the order of one request's steps: a credential, a turn, a signature, the wire, the server's clock, a hold, at
most one resend after a 401. Does not retry anything else and does not sleep ``command.after`` (``run.drive`` does);
what follows from the event is ``protocol.lifecycle``'s. Called by ``run`` and ``probe``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import assert_never

from extractor.clock import Clock
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
from extractor.protocol.retry import After401, retry_after_seconds
from extractor.protocol.vocabulary import (
    Commit,
    Committed,
    Failure,
    Fault,
    FetchPage,
    Initiate,
    PageFetched,
    PollStatus,
    RequestFailed,
    StatusReported,
    TokenIssued,
)
from extractor.remote.answers import read_initiated, read_page, read_status
from extractor.remote.authorization import Authorizer, Credential
from extractor.remote.exchange import Answer, Request, Transport
from extractor.remote.limiter import RateLimiter
from extractor.remote.questions import Questions, RemoteCommands
from extractor.remote.refusals import Circumstances, refusal
from extractor.remote.skew import ServerClock, date_of

RemoteEvents = TokenIssued | StatusReported | PageFetched | Committed | RequestFailed

_FAULTS: dict[type[RemoteError], Fault] = {
    Rejected: Fault.REJECTED,
    Unauthorized: Fault.UNAUTHORIZED,
    Forbidden: Fault.FORBIDDEN,
    NotFound: Fault.NOT_FOUND,
    TokenGone: Fault.TOKEN_GONE,
    Throttled: Fault.THROTTLED,
    Unavailable: Fault.UNAVAILABLE,
    Malformed: Fault.MALFORMED,
}
# Throttling and outages are said before anybody looks at the credential.
_NOT_JUDGED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
_TURNS = 3  # waits for a turn that a bearer may be too short-lived for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The way to the service: every request of the connection, logins included, goes through the one limiter.

    ``on_hold`` is told seconds and status when everybody is stopped, once for each hold.
    """

    transport: Transport
    limiter: RateLimiter
    server_clock: ServerClock
    clock: Clock
    on_hold: Callable[[float, int], None]

    async def take_turn_and_send(self, request: Request) -> tuple[Answer, float]:
        """Send when it is this request's turn; also give the instant of sending on the monotonic clock."""
        await self.limiter.admit()
        return await self.send(request)

    async def send(self, request: Request) -> tuple[Answer, float]:
        """Send now, and obey a Retry-After on behalf of all."""
        sent_at = self.clock.monotonic()
        answer = await self.transport.send(request)
        if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            wait = retry_after_seconds(answer.header("Retry-After"), now=self.server_clock.now())
            if wait is not None and self.limiter.hold(wait):
                self.on_hold(wait, answer.status)
        return answer, sent_at


class Client:
    """Performs commands; any number of tasks may share it. Made by ``open_client``."""

    def __init__(self, *, wire: Wire, authorizer: Authorizer, questions: Questions, draw: Callable[[], float]) -> None:
        self.wire = wire
        self.authorizer = authorizer
        self.questions = questions
        self._draw = draw
        self._turns_passed = 0  # admitted, but not sent then
        self._tokens: set[int] = set()  # those issued to this client: none may come twice

    @property
    def requests(self) -> int:
        """How many requests have been sent so far, logins and resends included."""
        return self.wire.limiter.admitted - self._turns_passed

    async def perform(
        self, command: RemoteCommands, job: JobSpec, *, leaving: Callable[[], Awaitable[None]] | None = None
    ) -> RemoteEvents:
        """Send one request and say what came of it. Never raises RemoteError: a failure is an event too.

        ``leaving`` is awaited once, when the request's turn has come and before it is sent. ``ambiguous`` in a failure
        means that the server may have done what was asked.
        """
        try:
            return await self._perform(command, job, leaving)
        except RemoteError as error:
            failure = Failure(
                fault=_FAULTS[type(error)],
                message=str(error),
                status=error.status,
                retry_after=error.retry_after,
                ambiguous=error.ambiguous,
            )
        return RequestFailed(command=command, failure=failure, draw=self._draw())

    async def _perform(
        self, command: RemoteCommands, job: JobSpec, leaving: Callable[[], Awaitable[None]] | None
    ) -> RemoteEvents:
        request = self.questions.ask(command, job)
        dialect = self.questions.dialect
        answer = await self.exchange(request, leaving=leaving)
        if not answer.ok:
            raise refusal(answer, command, job, dialect, self._circumstances())
        match command:
            case Initiate():
                issued = read_initiated(answer, request.about, dialect, server_time=date_of(answer))
                self._refuse_known(issued, request.about)
                return issued
            case PollStatus(token=token):
                return read_status(answer, request.about, dialect, token=token)
            case FetchPage(offset=offset):
                return read_page(answer, request.about, dialect, asked=offset)
            case Commit():
                return Committed()  # the body is not documented and may be empty
            case _:
                assert_never(command)

    def _refuse_known(self, issued: TokenIssued, about: str) -> None:
        """Two jobs that read one export would publish the one's records as the other's."""
        if issued.token in self._tokens:
            raise Malformed(f"{about}: the server gave an AccessToken that it has given before", ambiguous=True)
        self._tokens.add(issued.token)

    async def exchange(self, request: Request, *, leaving: Callable[[], Awaitable[None]] | None = None) -> Answer:
        """Authorize and send; after a 401 at most once more. Raises RemoteError only when there is no answer."""
        answer, generation = await self._exchange_once(request, leaving)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        if self.authorizer.rejected(generation) is After401.STOP:
            return answer
        answer, generation = await self._exchange_once(request)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Not for another resend of this request: so that the next one knows that the renewal was in vain.
            self.authorizer.rejected(generation)
        return answer

    async def _exchange_once(
        self, request: Request, leaving: Callable[[], Awaitable[None]] | None = None
    ) -> tuple[Answer, int]:
        credential = await self._take_turn(request.about)
        if leaving is not None:
            await leaving()
            if self.wire.limiter.held:  # what began while the intent was journaled holds this request, too
                self._turns_passed += 1
                credential = await self._take_turn(request.about)
        headers = {**request.headers, "Authorization": credential.value}
        answer, sent_at = await self.wire.send(replace(request, headers=headers))
        self.wire.server_clock.observe(answer, elapsed=self.wire.clock.monotonic() - sent_at)
        if answer.status not in _NOT_JUDGED and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.authorizer.accepted(credential.generation)
        return answer, credential.generation

    async def _take_turn(self, about: str) -> Credential:
        for _ in range(_TURNS):
            await self.authorizer.ready()
            await self.wire.limiter.admit()
            credential = self.authorizer.credential()  # after the wait: a signature must be fresh when it is sent
            if credential is not None:
                return credential
        raise Unavailable(f"{about}: the bearer ends before its turn comes -- raise limits.requests_per_second")

    def _circumstances(self) -> Circumstances:
        server_clock = self.wire.server_clock
        return Circumstances(
            scheme=self.authorizer.scheme, ahead=-server_clock.correction, server_now=server_clock.now()
        )
