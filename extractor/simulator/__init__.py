"""The other end of the wire: the vendor's export API served over real HTTP, for rehearsals and as the truth of tests.

``settings`` says what there is and how it behaves; ``service`` answers requests, sans I/O, with the help of ``world``
(who is in a segment), ``ledger`` (which AccessTokens live), ``authorization`` and ``bearers`` (who may call), ``pages``
and ``initiation`` (the two ends of an export); ``faults``, ``playbook`` and ``tampering`` make it fail by script;
``app`` puts it on a port.

Decided: it spells the API a second time and imports nothing of the client, because two ends that share a definition
share its mistakes; considered one dialect for both. Decided: everything is a function of settings, requests and the
time that is handed in, because a fault that cannot be repeated cannot be tested; considered a server that reads clocks.
"""

from __future__ import annotations

from extractor.simulator.app import Running, serve
from extractor.simulator.changes import Change
from extractor.simulator.exchange import Delivery, Entry, Reply, Request
from extractor.simulator.faults import Fault, Kind, parse
from extractor.simulator.ledger import State
from extractor.simulator.playbook import Chaos
from extractor.simulator.service import Service
from extractor.simulator.settings import (
    Counts,
    Ending,
    FileSegment,
    Group,
    Operator,
    Schedule,
    Segment,
    SimulatorSettings,
    demo,
)
from extractor.simulator.ticks import Zone
from extractor.simulator.world import Kindred

__all__ = [
    "Change",
    "Chaos",
    "Counts",
    "Delivery",
    "Ending",
    "Entry",
    "Fault",
    "FileSegment",
    "Group",
    "Kind",
    "Kindred",
    "Operator",
    "Reply",
    "Request",
    "Running",
    "Schedule",
    "Segment",
    "Service",
    "SimulatorSettings",
    "State",
    "Zone",
    "demo",
    "parse",
    "serve",
]
