"""What ``doctor`` finds out: is the service there, does its clock agree, does it know us.

Decides what is tried and how a finding reads. Two or three requests, none of which makes an export. Called by ``cli``.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from extractor.errors import NotFound, RemoteError, TokenGone
from extractor.plan.job import Dataset, JobSpec, Stream
from extractor.protocol.vocabulary import PollStatus
from extractor.remote.client import Client
from extractor.remote.refusals import SKEW_WORTH_SAYING, Circumstances, refusal
from extractor.remote.skew import date_of

_NO_EXPORT = PollStatus(token=0)
_NO_JOB = JobSpec(
    ordinal=0,
    job_id="doctor",
    name="doctor",
    dataset=Dataset(kind="segment", name="doctor"),
    stream=Stream(id="doctor", name="doctor"),
    since=None,
    last_date_time=None,
    match=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; ``text`` is a sentence with a remedy when it is not ``ok``."""

    name: str
    ok: bool
    text: str


async def probe(client: Client) -> list[Finding]:
    """Look at reachability, clock, login (OAuth only) and authorization, until something makes the rest pointless."""
    findings = await _reach(client)
    if not findings[-1].ok and findings[-1].name == "reachability":
        return findings
    if client.authorizer.scheme == "oauth":
        login = await _log_in(client)
        findings.append(login)
        if not login.ok:
            return findings
    findings.append(await _ask(client))
    return findings


async def _reach(client: Client) -> list[Finding]:
    """Ask without a credential: any answer at all shows that network, TLS and HTTP work."""
    request = client.questions.ask(_NO_EXPORT, _NO_JOB)
    wire = client.wire
    try:
        answer, sent_at = await wire.take_turn_and_send(request)
    except RemoteError as error:
        return [Finding(name="reachability", ok=False, text=_plain(error, request.about))]
    wire.server_clock.observe(answer, elapsed=wire.clock.monotonic() - sent_at)
    reached = Finding(name="reachability", ok=True, text=f"the service answers (HTTP {answer.status})")
    return [reached, _clock(client, said=date_of(answer) is not None)]


def _clock(client: Client, *, said: bool) -> Finding:
    if not said:
        return Finding(name="clock", ok=True, text="the service does not tell its time, so the clocks are not compared")
    ahead = -client.wire.server_clock.correction
    if abs(ahead) < SKEW_WORTH_SAYING:
        return Finding(name="clock", ok=True, text="this machine's clock agrees with the service's")
    way = "ahead of" if ahead > 0 else "behind"
    return Finding(
        name="clock",
        ok=False,
        text=f"this machine's clock is {abs(ahead):.0f} s {way} the service's -- signatures are corrected for it, "
        "but set it (NTP)",
    )


async def _log_in(client: Client) -> Finding:
    try:
        await client.authorizer.ready()
    except RemoteError as error:
        return Finding(name="login", ok=False, text=str(error))
    return Finding(name="login", ok=True, text="the token endpoint issues a bearer")


async def _ask(client: Client) -> Finding:
    """Ask for an export that cannot exist: whoever is told so has been let in."""
    request = client.questions.ask(_NO_EXPORT, _NO_JOB)
    let_in = Finding(name="authorization", ok=True, text="the service accepts the credentials")
    try:
        answer = await client.exchange(request)
    except RemoteError as error:
        return Finding(name="authorization", ok=False, text=_plain(error, request.about))
    if answer.ok:
        return let_in
    server_clock = client.wire.server_clock
    circumstances = Circumstances(
        scheme=client.authorizer.scheme, ahead=-server_clock.correction, server_now=server_clock.now()
    )
    refused = refusal(answer, _NO_EXPORT, _NO_JOB, client.questions.dialect, circumstances)
    if isinstance(refused, TokenGone | NotFound) or answer.status == HTTPStatus.BAD_REQUEST:
        return let_in
    return Finding(name="authorization", ok=False, text=_plain(refused, request.about))


def _plain(error: RemoteError, about: str) -> str:
    """Leave out what was asked: nobody asked for the Status of a segment called doctor."""
    return str(error).removeprefix(f"{about}: ")
