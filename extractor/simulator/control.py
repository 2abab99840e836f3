"""What a user of the simulator may look at: its history and its state, as JSON, beside the API.

Decides the shape of the two answers. Not part of the contract, so no authorization is asked; there is nothing to
change here. Called by ``app`` for paths below ``/_simulator/``.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

import orjson

from extractor.simulator.exchange import Refused, Reply, Request, json_reply
from extractor.simulator.ledger import Export
from extractor.simulator.service import Service

PREFIX = "/_simulator/"


def answer(service: Service, request: Request, now: float) -> Reply:
    """Answer ``history`` (JSON lines, oldest first) or ``state`` (one JSON object)."""
    wanted = request.path.removeprefix(PREFIX)
    if request.method != "GET":
        return Refused(HTTPStatus.METHOD_NOT_ALLOWED, "There is only GET here.", {"Allow": "GET"}).reply()
    if wanted == "history":
        lines = b"".join(orjson.dumps(asdict(entry)) + b"\n" for entry in service.history)
        return Reply(status=HTTPStatus.OK, headers={"Content-Type": "application/x-ndjson"}, body=lines)
    if wanted == "state":
        return json_reply(_state(service, now + service.settings.clock_offset))
    return Refused(HTTPStatus.NOT_FOUND, "There are /_simulator/history and /_simulator/state.").reply()


def _state(service: Service, at: float) -> dict[str, object]:
    return {
        "time": at,
        "requests": service.requests,
        "datasets": [
            {"kind": each.kindred, "name": each.name, "records": len(each.members), "forbidden": each.forbidden}
            for each in service.world.datasets()
        ],
        "exports": [_export(service, export, at) for export in service.ledger.alive(at)],
        "faults": [
            {"call": kind, "word": word, "times": times} for (kind, word), times in service.playbook.fired.items()
        ],
    }


def _export(service: Service, export: Export, at: float) -> dict[str, object]:
    return {
        "token": export.token,
        "dataset": export.dataset.name,
        "status": service.ledger.state(export, at),
        "records": export.rows,
        "ready_in": max(0.0, export.ready_at - at),
        "expires_in": max(0.0, export.expires_at - at),
    }
