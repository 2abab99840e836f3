"""What the demo plays: the jobs, the pace, the faults. The match values are of the world's own people.

Decides what a first visitor sees: full and incremental exports, groups, all four ways of matching in batches, an empty
segment, awkward names, and a server that has a bad moment now and then. Called by ``playing``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from extractor.simulator import SimulatorSettings
from extractor.simulator.world import Dataset, Kindred, World

HEAD = "# Written by `extractor demo`."  # by which the demo knows its own file again
RATE = 40  # requests a second
_PEOPLE = 200  # values of each match
_BATCH = 20

FAULTS = (
    "initiate: ok ok 503:1s",
    "page: ok ok ok 503:1s ok drop@2000",
    "status: ok ok ok ok 500",
    "status[VIP Customers]: error",
)

_WHOLE = """\
  - segment: All Profiles
  - segment: Newsletter OptIns
    since: 2026-10-01T00:00:00Z
  - segment: 100% Café/Bar
  - segment: Nobody Yet
  - segment: Deleted Profiles
  - group: Loyal Readers
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matched:
    """A dataset, the people of which are asked for by what they are known by."""

    kindred: Kindred
    name: str
    criteria: str
    type: str | None
    member: str  # of the record: where the values are
    value: str
    kind: str


_MATCHED = (
    _Matched(
        kindred=Kindred.SEGMENT, name="SMS OptIns", criteria="ProfileId", type=None,
        member="", value="ProfileId", kind="",
    ),
    _Matched(
        kindred=Kindred.SEGMENT, name="VIP Customers", criteria="AlternateId", type="CRM",
        member="AlternateIds", value="AlternateId", kind="AlternateIdType",
    ),
    _Matched(
        kindred=Kindred.GROUP, name="Winback", criteria="EmailAddress", type="Home",
        member="Emails", value="EmailAddress", kind="EmailAddressType",
    ),
    _Matched(
        kindred=Kindred.GROUP, name="Reachable", criteria="PhoneNumber", type="Mobile",
        member="PhoneNumbers", value="PhoneNumber", kind="PhoneNumberType",
    ),
)  # fmt: skip


def configuration(settings: SimulatorSettings, *, base_url: str, output: str, state: str) -> str:
    """Write the configuration of the demo; its match values are of people who exist in ``settings``' world."""
    world = World(settings)
    return "".join(
        [
            f"{HEAD} The secret is the simulator's own and protects nothing.\n",
            "connection:\n",
            f"  base_url: {base_url}\n",
            f"  client_id: {settings.client_id}\n",
            f"  auth: {{scheme: pnauthinfo3, user_id: {settings.user_id}, secret: {settings.secret}}}\n",
            f"limits: {{requests_per_second: {RATE}, exports: 8, pages: 16, page_size: 1000, poll_first: 0.3}}\n",
            "jobs:\n",
            _WHOLE,
            *(_job(world, each) for each in _MATCHED),
            f"output: {{path: {json.dumps(output)}, compression: zstd}}\n",
            f"state: {json.dumps(state)}\n",
        ]
    )


def _job(world: World, matched: _Matched) -> str:
    dataset = world.find(matched.kindred, matched.name)
    values = [] if dataset is None else list(islice(_values(world, dataset, matched), _PEOPLE))
    kind = "segment" if matched.kindred is Kindred.SEGMENT else "group"
    typed = "" if matched.type is None else f"      type: {matched.type}\n"
    return (
        f"  - {kind}: {matched.name}\n    match:\n      criteria: {matched.criteria}\n{typed}"
        f"      batch: {_BATCH}\n      values: {json.dumps(values)}\n"
    )


def _values(world: World, dataset: Dataset, matched: _Matched) -> Iterator[str]:
    for line in world.select(dataset, now=0.0).every_record():
        record = json.loads(line)
        elements = record.get(matched.member) or () if matched.member else [record]
        for element in elements:
            value = element.get(matched.value)
            if value and matched.type in (None, element.get(matched.kind)):
                yield str(value)
