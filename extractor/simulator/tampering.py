"""What a fault does to an answer: taking its place, or spoiling it on the way.

Decides the bytes that go out instead; ``faults`` says what each word means. Does not change the server's state. Called
by ``service``, ``instead`` before the call is performed and ``spoiled`` after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus

import orjson

from extractor.simulator.authorization import refuse
from extractor.simulator.exchange import JSON, Delivery, Reply, json_reply, lowered
from extractor.simulator.faults import Fault

_LOGIN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>User <input></form></body></html>"
_SORRY = b"<html><head><title>Service unavailable</title></head><body><h1>Service unavailable</h1></body></html>"
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_UNSAID = Reply(status=0, delivery=Delivery.NOTHING)


def instead(fault: Fault, now: float) -> Reply | None:
    """Give the answer of a call that is *not* performed; None if the fault lets it be. Raises Refused for 401."""
    match fault.verb:
        case "reset":
            return _UNSAID
        case "html":
            return Reply(status=HTTPStatus.OK, headers=_HTML, body=_LOGIN)
        case "page":
            headers = {**_HTML, **_retry_after(fault, now)}
            return Reply(status=fault.code, headers=headers, body=_SORRY)
        case "revoke":
            refuse("signature")
        case "code" if fault.code == HTTPStatus.UNAUTHORIZED:
            refuse(fault.text or "signature")
        case "code":
            message = {"Message": f"The simulator was told to answer {fault.word}."}
            return json_reply(message, status=fault.code, headers=_retry_after(fault, now))
        case _:
            pass  # it spoils the answer, or has changed the state
    return None


def spoiled(reply: Reply, fault: Fault) -> Reply:
    """Give the answer of a call that *was* performed as the fault lets it arrive; the same one if it cannot bite."""
    match fault.verb:
        case "lost" | "silent" | "hangup" | "head":
            after = {"head": fault.after, "hangup": len(reply.body)}.get(fault.verb, 0)
            return replace(reply, delivery=_DELIVERIES[fault.verb], after=after)
        case "drop" | "stall" | "trickle" if reply.body[: fault.after] != reply.body:
            return replace(reply, delivery=_DELIVERIES[fault.verb], after=fault.after)
        case "truncate":
            return replace(reply, body=reply.body[: fault.after])
        case "slow":
            return replace(reply, delay=reply.delay + fault.seconds)
        case "text" | "empty":
            kind, body = ("text/plain; charset=utf-8", reply.body) if fault.verb == "text" else (JSON, b"{}")
            return replace(reply, headers={**reply.headers, "Content-Type": kind}, body=body)
        case _:
            return _small(reply, fault)


_DELIVERIES = {
    "lost": Delivery.NOTHING,
    "silent": Delivery.SILENCE,
    "drop": Delivery.CUT,
    "head": Delivery.HEAD,
    "hangup": Delivery.CUT,
    "stall": Delivery.STALL,
    "trickle": Delivery.TRICKLE,
}


def _small(reply: Reply, fault: Fault) -> Reply:
    """Change members of a small JSON answer; a page was changed before it was written."""
    if not reply.body or fault.verb not in ("lower", "status", "rows+1", "rows-1", "rows-null"):
        return reply
    body = orjson.loads(reply.body)
    rows = body.get("RowCount")
    match fault.verb:
        case "lower":
            body = lowered(body)
        case "status":
            body["Status"] = fault.text
        case "rows-null" if rows is not None:
            body["RowCount"] = body["ByteCount"] = None
        case "rows+1" | "rows-1" if rows is not None:
            body["RowCount"] = rows + int(fault.verb.removeprefix("rows"))
        case _:
            return reply
    return replace(reply, body=orjson.dumps(body))


def _retry_after(fault: Fault, now: float) -> Mapping[str, str]:
    """Write Retry-After: seconds, a date, or whatever the script says."""
    said = fault.retry_after
    if said is None:
        return {}
    if said.startswith("="):
        return {"Retry-After": said[1:]}
    if said.startswith("date"):
        return {"Retry-After": formatdate(now + int(said[4:-1]), usegmt=True)}
    return {"Retry-After": said[:-1]}
