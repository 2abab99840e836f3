"""A command in, an event out: one request to the service, with everything that belongs to it.

Decides the order of one request's steps: a credential, a turn, a signature, the wire, the server's clock, a hold, at
most one resend after a 401. Does not retry anything else and does not sleep ``command.after`` (``run.drive`` does);
what follows from the event is ``protocol.lifecycle``'s. Called by ``run`` and ``probe``.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
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
from extractor.protocol import precedence
from extractor.protocol.outage import Weather
from extractor.protocol.precedence import Precedence
from extractor.protocol.retry import COMMIT_PATIENCE, After401, retry_after_seconds
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
from extractor.remote.breaker import Breaker, OutOfPatience
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
    OutOfPatience: Fault.UNAVAILABLE,
    Malformed: Fault.MALFORMED,
}
_HOLDING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
# Throttling and outages are said before anybody looks at the credential.
_NOT_JUDGED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
_TURNS = 3  # waits for a turn that a bearer may be too short-lived for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The way to the service: every request of the connection, logins included, goes through the one limiter.

    A login that fails counts towards an outage like any other request, but one that is answered does not end it: the
    token endpoint may be another machine, and a service that is down would seem to be back with each new bearer.

    ``on_hold`` is told seconds and status when everybody is stopped, once for each hold.
    """

    transport: Transport
    limiter: RateLimiter
    server_clock: ServerClock
    clock: Clock
    on_hold: Callable[[float, int], None]

    @property
    def breaker(self) -> Breaker:
        """What is known of the connection's health."""
        return self.limiter.breaker

    async def take_turn_and_send(self, request: Request) -> tuple[Answer, float]:
        """Send a login when it is its turn; also give the instant of sending on the monotonic clock."""
        await self.limiter.admit(Precedence.LOGIN)
        return await self.send(request, answered=self.breaker.ask_on)

    async def send(
        self,
        request: Request,
        *,
        worth: Precedence = Precedence.DATA,
        failing_since: float | None = None,
        answered: Callable[[], None] | None = None,
    ) -> tuple[Answer, float]:
        """Send now, obey a Retry-After on behalf of all, and report to the breaker.

        A 429 makes all requests rarer, but for an Initiate: that one may mean the exports that are alive, and how many
        there may be is decided elsewhere (``protocol.pressure``). ``failing_since`` is the instant of this request's
        first failure; ``answered`` takes the place of the breaker's.
        """
        sent_at = self.clock.monotonic()
        answered = answered or self.breaker.answered
        try:
            answer = await self.transport.send(request)
        except Unavailable as error:
            why = str(error).removeprefix(f"{request.about}: ")
            self.breaker.failed(None, why, failing_since=failing_since)
            raise
        except RemoteError:
            answered()  # nonsense, or a refusal on the way: somebody is there
            raise
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.breaker.failed(answer.status, f"HTTP {answer.status}", failing_since=failing_since)
        else:
            answered()
        if answer.status in _HOLDING:
            wait = retry_after_seconds(answer.header("Retry-After"), now=self.server_clock.now())
            if wait is not None and self.limiter.hold(wait):
                self.on_hold(wait, answer.status)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS and worth is not Precedence.INITIATE:
            self.limiter.refused(sent_at=sent_at)  # after the hold, in which nobody shows whether the rate is right
        return answer, sent_at


class Client:
    """Performs commands; any number of tasks may share it. Made by ``open_client``."""

    def __init__(
        self,
        *,
        wire: Wire,
        authorizer: Authorizer,
        questions: Questions,
        draw: Callable[[], float],
        known: Iterable[int] = (),
    ) -> None:
        self.wire = wire
        self.authorizer = authorizer
        self.questions = questions
        self._draw = draw
        self._turns_passed = 0  # admitted, but not sent then
        self._tokens = set(known)  # those issued to this run: none may come twice

    @property
    def requests(self) -> int:
        """How many requests have been sent so far, logins and resends included."""
        return self.wire.limiter.admitted - self._turns_passed

    @property
    def weather(self) -> Weather:
        """Whether the whole connection is down, and since when (on the monotonic clock)."""
        return self.wire.breaker.weather

    @property
    def calm(self) -> float:
        """Seconds between two requests during an outage, as it is now."""
        return self.wire.breaker.calm

    @property
    def held(self) -> float:
        """Seconds that a Retry-After still holds everybody; 0.0 when none does."""
        return self.wire.limiter.held

    def hold(self, seconds: float) -> None:
        """Send nothing for ``seconds``: the rest of a Retry-After that an earlier process was given."""
        self.wire.limiter.hold(seconds)

    async def perform(
        self, command: RemoteCommands, job: JobSpec, *, leaving: Callable[[], Awaitable[None]] | None = None
    ) -> RemoteEvents:
        """Send one request and say what came of it. Never raises RemoteError: a failure is an event too.

        ``leaving`` is awaited once, when the request's turn has come and before it is sent. ``ambiguous`` in a failure
        means that the server may have done what was asked. During an outage a Commit gives up its turn after a minute:
        the data is safe with or without it, and publishing waits for it.
        """
        began = self.wire.clock.monotonic()
        try:
            return await self._perform(command, job, leaving)
        except RemoteError as error:
            if isinstance(error, OutOfPatience) and command.failing_since is None:
                command = replace(command, failing_since=began)  # the wait was its minute; it gets no second one
            failure = Failure(
                fault=_FAULTS[type(error)],
                message=str(error),
                status=error.status,
                retry_after=error.retry_after,
                ambiguous=error.ambiguous,
                outage=isinstance(error, Unavailable) and self.weather.down,
            )
        return RequestFailed(command=command, failure=failure, draw=self._draw())

    async def _perform(
        self, command: RemoteCommands, job: JobSpec, leaving: Callable[[], Awaitable[None]] | None
    ) -> RemoteEvents:
        request = self.questions.ask(command, job)
        dialect = self.questions.dialect.of(job.dataset.kind)
        left = self.wire.clock.monotonic()

        async def going() -> None:
            nonlocal left
            if leaving is not None:
                await leaving()
            left = self.wire.clock.monotonic()

        answer = await self.exchange(
            request,
            worth=precedence.of(command),
            leaving=going,
            failing_since=command.failing_since,
            patience=self._patience(command),
        )
        if not answer.ok:
            raise refusal(answer, command, job, dialect, self._circumstances())
        match command:
            case Initiate():
                issued = replace(
                    read_initiated(answer, request.about, dialect),
                    server_time=self._time_at(answer, left),
                    local_time=self.wire.clock.now() - (self.wire.clock.monotonic() - left),
                )
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

    def _time_at(self, answer: Answer, left: float) -> float | None:
        """Say what time it was at the server when the request left, at the latest; ``left`` is of ``monotonic``.

        The export holds what there was when the request came in, and Date is only written with the answer.
        """
        date = date_of(answer)
        if date is None or answer.header("Age") is not None:
            return None
        return date - (self.wire.clock.monotonic() - left)

    def _patience(self, command: RemoteCommands) -> float:
        """Seconds of an outage that a request waits for its turn."""
        if not isinstance(command, Commit):
            return math.inf
        waited = 0.0 if command.failing_since is None else self.wire.clock.monotonic() - command.failing_since
        return max(0.0, COMMIT_PATIENCE - waited)

    def _refuse_known(self, issued: TokenIssued, about: str) -> None:
        """Two jobs that read one export would publish the one's records as the other's."""
        if issued.token in self._tokens:
            raise Malformed(f"{about}: the server gave an AccessToken that it has given before", ambiguous=True)
        self._tokens.add(issued.token)

    async def exchange(
        self,
        request: Request,
        *,
        worth: Precedence = Precedence.DATA,
        leaving: Callable[[], Awaitable[None]] | None = None,
        failing_since: float | None = None,
        patience: float = math.inf,
    ) -> Answer:
        """Authorize and send; after a 401 at most once more. Raises RemoteError only when there is no answer.

        ``worth`` says who goes first; ``failing_since`` is the instant of this request's first failure; ``patience``
        bounds the seconds of an outage that it waits for its turn.
        """
        credential = await self._turn(request, worth, patience)
        if leaving is not None:
            await leaving()
            if self.wire.limiter.held:  # what began while the intent was journaled holds this request, too
                self._turns_passed += 1
                self.wire.breaker.ask_on()
                credential = await self._turn(request, worth, patience)
        answer = await self._exchange_once(request, credential, worth, failing_since)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        if self.authorizer.rejected(credential.generation) is After401.STOP:
            return answer
        credential = await self._turn(request, worth, patience)
        answer = await self._exchange_once(request, credential, worth, failing_since)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Not for another resend of this request: so that the next one knows that the renewal was in vain.
            self.authorizer.rejected(credential.generation)
        return answer

    async def _exchange_once(
        self, request: Request, credential: Credential, worth: Precedence, failing_since: float | None
    ) -> Answer:
        authorized = Request(
            about=request.about,
            method=request.method,
            url=request.url,
            headers={**request.headers, "Authorization": credential.value},
            body=request.body,
        )
        answer, sent_at = await self.wire.send(authorized, worth=worth, failing_since=failing_since)
        self.wire.server_clock.observe(answer, elapsed=self.wire.clock.monotonic() - sent_at)
        if answer.status not in _NOT_JUDGED and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.authorizer.accepted(credential.generation)
        return answer

    async def _turn(self, request: Request, worth: Precedence, patience: float) -> Credential:
        if patience == math.inf:
            return await self._take_turn(request.about, worth)
        with self.wire.breaker.patience(patience, request.about):
            return await self._take_turn(request.about, worth)

    async def _take_turn(self, about: str, worth: Precedence) -> Credential:
        for _ in range(_TURNS):
            await self.authorizer.ready()
            await self.wire.limiter.admit(worth)
            credential = self.authorizer.credential()  # after the wait: a signature must be fresh when it is sent
            if credential is not None:
                return credential
            self.wire.breaker.ask_on()  # in an outage this turn was the one: the login needs it now
        raise Unavailable(f"{about}: the bearer ends before its turn comes -- raise limits.requests_per_second")

    def _circumstances(self) -> Circumstances:
        server_clock = self.wire.server_clock
        return Circumstances(
            scheme=self.authorizer.scheme, ahead=-server_clock.correction, server_now=server_clock.now()
        )
