"""The service, sans I/O: a request and the time in, an answer out, and every request remembered.

Decides the order of checks (path, rate, client, authorization, then the fault whose turn it is, then the call itself)
and brings the parts together; each rule lives in the part. Opens no socket, reads no clock and does not sleep: ``app``
serves it over HTTP, and a test on virtual time calls ``handle`` itself.

Decided: a fault takes its turn only when the call is authorized, so that a script counts the calls that count;
considered the front door, as a proxy would, where a client that signs in anew would shift every later word. An unknown
clientId is 404 before anybody's signature is looked at, because without a client there is no secret to check against.
"""

from __future__ import annotations

import math
import random
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus

from extractor.simulator import initiation, pages, tampering, ticks
from extractor.simulator.authorization import Gate
from extractor.simulator.bearers import Bearers
from extractor.simulator.changes import Change
from extractor.simulator.exchange import Delivery, Entry, Refused, Reply, Request, json_reply
from extractor.simulator.faults import Fault, Kind
from extractor.simulator.ledger import Callback, Export, Ledger, State
from extractor.simulator.matching import Match
from extractor.simulator.playbook import Playbook
from extractor.simulator.rate import Bucket
from extractor.simulator.routes import Routes
from extractor.simulator.settings import SimulatorSettings, bounds
from extractor.simulator.visit import Visit
from extractor.simulator.world import Dataset, Kindred, World

_TOKEN = re.compile(r"[0-9]{1,19}", re.ASCII)  # a 64-bit number
_ENDINGS = ("error", "failed", "expire")


class Service:
    """One server. Not thread-safe; ``now`` is seconds since the epoch and must not go backwards by itself."""

    def __init__(self, settings: SimulatorSettings) -> None:
        """Open the world. Raises ConfigError when a user's file cannot be served."""
        self.settings = settings
        self.world = World(settings)
        self.ledger = Ledger(settings)
        self.playbook = Playbook.of(settings.faults, settings.chaos)
        self._bearers = Bearers(settings)
        self._gate = Gate(settings, self._bearers)
        self._routes = Routes(settings)
        self._bucket = Bucket(settings.rate_limit, settings.rate_burst)
        self._history: deque[Entry] = deque(maxlen=settings.history_limit)
        self.requests = 0

    @property
    def history(self) -> tuple[Entry, ...]:
        """Every request so far, oldest first, and every callback; at most ``history_limit``."""
        return tuple(self._history)

    def handle(self, request: Request, now: float) -> Reply:
        """Answer one request. ``now`` is the machine's time; the server's own clock may differ (``clock_offset``)."""
        at = now + self.settings.clock_offset
        self.requests += 1
        try:
            route, places = self._routes.find(request.method, request.path)
        except Refused as refused:
            return self._sent(refused.reply(), Entry(number=self.requests, at=at, kind="unknown"), request)
        visit = Visit(
            number=self.requests,
            at=at,
            request=request,
            kind=route.kind,
            path=route.template,
            places=places,
            legacy=route.legacy,
        )
        try:
            reply = self._guarded(visit)
        except Refused as refused:
            reply = refused.reply()
        return self._sent(reply, visit.entry(), request)

    def truth(
        self,
        name: str,
        *,
        kind: Kindred | str = Kindred.SEGMENT,
        since: str | datetime | None = None,
        criteria: str | None = None,
        match_type: str | None = None,
        values: tuple[str | int, ...] = (),
        at: float = 0.0,
    ) -> Iterator[bytes]:
        """Give the records of a segment or group in export order, each as its bytes on the wire.

        ``since`` as text is a LastDateTime, rounded as the server rounds it; as an (aware) date-time it is exact and
        inclusive: what a user who names it wants to have. ``at`` (the server's time, in seconds) matters only in a
        world that lives on. Raises KeyError for an unknown name.
        """
        return self.world.select(
            self._dataset(name, kind),
            now=at,
            after=self._bound(since),
            match=Match.of(criteria, match_type=match_type, values=values) if criteria else None,
        ).every_record()

    def count(
        self,
        name: str,
        *,
        kind: Kindred | str = Kindred.SEGMENT,
        since: str | datetime | None = None,
        criteria: str | None = None,
        match_type: str | None = None,
        values: tuple[str | int, ...] = (),
        at: float = 0.0,
    ) -> int:
        """Count what ``truth`` would give, without writing it."""
        match = Match.of(criteria, match_type=match_type, values=values) if criteria else None
        dataset = self._dataset(name, kind)
        return len(self.world.select(dataset, now=at, after=self._bound(since), match=match))

    def changes(
        self, name: str, *, start: datetime, end: datetime, kind: Kindred | str = Kindred.SEGMENT
    ) -> Iterator[Change]:
        """List every change of a dataset's people stamped at ``start`` or later and before ``end`` (aware), by person.

        A change that is not yet visible is in it as well; ``truth(..., at=)`` holds, of each person, the last one
        that is visible by then. Raises KeyError for an unknown name.
        """
        return self.world.changes(self._dataset(name, kind), start, end)

    def callbacks_due(self, now: float) -> list[Callback]:
        """Give the callbacks to be posted by now, each only once; report each to ``called_back``."""
        return self.ledger.callbacks_due(now + self.settings.clock_offset)

    def called_back(self, callback: Callback, now: float, *, status: int | None) -> None:
        """Remember an attempt to call back; ``status`` None means that nobody answered, or that it was not allowed."""
        self._history.append(
            Entry(
                number=0,
                at=now + self.settings.clock_offset,
                kind="callback",
                dataset=callback.export.dataset.name,
                token=callback.export.token,
                status=status,
            )
        )

    def _dataset(self, name: str, kind: Kindred | str) -> Dataset:
        dataset = self.world.find(Kindred(kind), name)
        if dataset is None:
            raise KeyError(name)
        return dataset

    def _bound(self, since: str | datetime | None) -> int | None:
        if isinstance(since, str):
            return ticks.tick_at(ticks.rounded_up(ticks.parse_last_date_time(since, self.settings.last_date_time_zone)))
        return None if since is None else ticks.tick_before(since)

    def _guarded(self, visit: Visit) -> Reply:
        """Let a request through the checks that come before any call."""
        wait = self._bucket.take(visit.at)
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))}
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.", headers)
        if visit.kind is not Kind.TOKEN:
            if visit.places.get("clientId") != self.settings.client_id:
                raise Refused(HTTPStatus.NOT_FOUND, "The clientId does not exist.")
            self._gate.check(visit.request.header("Authorization"), visit.at)
            self._recognize(visit)
        visit.fault = self.playbook.next(visit.kind, visit.dataset.name if visit.dataset else None, visit.number)
        if visit.fault is None:
            return self._performed(visit)
        return self._faulty(visit, visit.fault)

    def _recognize(self, visit: Visit) -> None:
        """Find out which dataset a call concerns. What does not exist is refused by the call itself."""
        if visit.kind is Kind.INITIATE:
            kindred = Kindred.SCHEDULE if visit.legacy else Kindred(visit.places.get("kind", Kindred.SEGMENT))
            visit.dataset = self.world.find(kindred, visit.places["name"])
            return
        token = visit.places["accessToken"]
        visit.export = self.ledger.find(int(token)) if _TOKEN.fullmatch(token) else None
        if visit.export is not None and (visit.export.dataset.kindred is Kindred.SCHEDULE) is not visit.legacy:
            visit.export = None  # each API knows its own tokens
        if visit.export is not None:
            visit.dataset = visit.export.dataset

    def _faulty(self, visit: Visit, fault: Fault) -> Reply:
        """Answer a call whose turn it is to fail, and count the fault if it could have its effect."""
        if fault.verb == "revoke":
            self._bearers.revoke()
        try:
            reply = tampering.instead(fault, visit.at)
        except Refused as refused:
            reply = refused.reply()
        visit.fired = reply is not None
        if reply is None:
            if fault.verb in _ENDINGS and visit.export is not None:
                visit.fired = self.ledger.doom(visit.export, fault.verb)
            try:
                honest = self._performed(visit)
            except Refused as refused:
                honest = refused.reply()
            # A page in lower case was written so; to read it again could change a record's bytes.
            spoilt = visit.kind is Kind.PAGE and fault.verb == "lower"
            reply = honest if spoilt else tampering.spoiled(honest, fault)
            visit.fired = visit.fired or reply != honest
        if visit.fired:
            self.playbook.count(visit.kind, fault)
        return reply

    def _performed(self, visit: Visit) -> Reply:
        match visit.kind:
            case Kind.TOKEN:
                return self._bearers.issue(visit.request, visit.at)
            case Kind.INITIATE:
                return self._initiate(visit)
            case Kind.STATUS:
                return self._told(self._status(visit, self._export(visit)))
            case Kind.PAGE:
                return self._retrieve(visit, self._export(visit))
            case Kind.COMMIT:
                return self._commit(visit, self._export(visit))

    def _initiate(self, visit: Visit) -> Reply:
        if visit.dataset is None:
            raise Refused(HTTPStatus.NOT_FOUND, "The segment or segment group does not exist.")
        if visit.dataset.forbidden:
            raise Refused(HTTPStatus.FORBIDDEN, "The API user lacks permission to export this segment.")
        if visit.legacy:
            feed = initiation.read_schedule(visit.request, self.settings)
            selection = self.world.select(visit.dataset, now=visit.at, during=feed.during)
            callback_url = feed.callback_url
        else:
            wanted = initiation.read(visit.request.body, self.settings)
            selection = self.world.select(visit.dataset, now=visit.at, after=wanted.after, match=wanted.match)
            callback_url = wanted.callback_url
        visit.export = self.ledger.open(visit.dataset, selection, visit.at, callback_url=callback_url)
        if visit.fault is not None and visit.fault.verb in _ENDINGS:
            visit.fired = self.ledger.doom(visit.export, visit.fault.verb)
        return self._told({"AccessToken": visit.export.token})

    def _retrieve(self, visit: Visit, export: Export) -> Reply:
        visit.asked = pages.asked(visit.request, self.settings)
        selection = self.ledger.data(export, visit.at)
        past_end = visit.asked.offset > max(1, len(selection))
        if past_end and self.settings.past_end != HTTPStatus.OK:
            raise Refused(self.settings.past_end, "The offset is past the last record.")
        truth = pages.page(visit.asked, len(selection))
        shown = pages.told(truth, visit.fault.verb) if visit.fault else truth
        visit.fired, visit.count = visit.fired or shown != truth, shown.count
        member = "Preferences" if visit.legacy else "UserProfilePreferences"
        body = pages.written(shown, selection, extra_fields=self.settings.extra_fields, member=member)
        if not truth.has_more and not visit.asked.keep_alive:
            self.ledger.retrieve(export)
        return replace(json_reply({}), body=body)

    def _commit(self, visit: Visit, export: Export) -> Reply:
        visit.keep_files = pages.flag(visit.request, "keepFiles")
        if visit.keep_files is None and self.settings.require_keep_files:
            raise Refused(HTTPStatus.BAD_REQUEST, "keepFiles is required.")
        self.ledger.commit(export, visit.at, keep_files=bool(visit.keep_files))
        if self.settings.commit_body == "empty":
            return Reply(status=HTTPStatus.OK)
        return self._told(self._status(visit, export))

    def _status(self, visit: Visit, export: Export) -> Mapping[str, object]:
        """Give the Status object; that of the legacy API says when the token expires, and 0 for what is not known."""
        told = self.ledger.status(export, visit.at)
        if not visit.legacy:
            return told
        waiting = self.ledger.state(export, visit.at) is State.PROCESSING
        expires = "" if waiting else datetime.fromtimestamp(export.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        counts = {name: told.get(name) or 0 for name in ("RowCount", "ByteCount")}
        return {"AccessToken": told["AccessToken"], "Expires": expires, "Status": told["Status"], **counts}

    def _export(self, visit: Visit) -> Export:
        if visit.export is None:
            raise Refused(self.settings.unknown_token, "The access token does not exist.")
        return visit.export

    def _told(self, body: Mapping[str, object]) -> Reply:
        return json_reply({**body, "ApiRevision": "4.2"} if self.settings.extra_fields else body)

    def _sent(self, reply: Reply, entry: Entry, request: Request) -> Reply:
        """Remember the request and give the answer the server's date and latency."""
        unanswered = reply.delivery in (Delivery.NOTHING, Delivery.SILENCE)
        status = None if unanswered else reply.status
        self._history.append(replace(entry, status=status, header_names=tuple(request.headers)))
        low, high = bounds(self.settings.latency)
        chance = random.Random(f"{self.settings.seed}/latency/{entry.number}") if high > low else None  # noqa: S311 - chance that repeats is the purpose
        latency = chance.uniform(low, high) if chance else low
        headers = {"Date": formatdate(entry.at, usegmt=True), "Server": "extractor-simulator", **reply.headers}
        return replace(reply, headers=headers, delay=reply.delay + latency)
