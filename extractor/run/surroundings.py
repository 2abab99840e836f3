"""What the jobs of one engine share.

Values and doors, no decisions. Made by the engine, once; used by ``drive`` and ``reading``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from extractor.observe.news import Listener
from extractor.plan.job import JobSpec
from extractor.protocol.access import RandomAccess
from extractor.protocol.dialect import Dialect
from extractor.protocol.life import LifePolicy
from extractor.protocol.pace import PollPolicy, shared_pause
from extractor.protocol.tonight import Tonight
from extractor.protocol.vocabulary import PageFetched
from extractor.run.engine import Asker, Recorder
from extractor.run.gates import Gates
from extractor.run.halt import Halt
from extractor.run.slots import PageSlots
from extractor.store.compression import Compression
from extractor.store.frames import Form, Frame, Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the jobs of an engine share."""

    client: Asker
    recorder: Recorder
    policy: LifePolicy
    dialect: Dialect
    compression: Compression
    spelling: Spelling
    pages: PageSlots
    access: RandomAccess
    gates: Gates
    encode: Callable[[PageFetched, Form], Awaitable[Frame]]
    listener: Listener
    halt: Halt
    requests_per_second: float
    polls: Mapping[str, PollPolicy] = field(default_factory=dict)  # by stream id, where earlier nights teach one
    tonight: Tonight = field(default_factory=Tonight)
    processing: set[int] = field(default_factory=set)  # the ordinals of jobs whose export may be ready any moment

    def policy_of(self, job: JobSpec) -> LifePolicy:
        """The bounds of a job's life, with the polling that its stream has taught."""
        poll = self.polls.get(job.stream.id, self.policy.poll)
        return replace(self.policy, poll=self.tonight.policy(job.stream.id, poll))

    def poll_pause(self) -> float:
        """The least seconds between two questions for one export, so that those for all do not take the whole rate."""
        return shared_pause(len(self.processing), self.requests_per_second)

    def form_of(self, job: JobSpec) -> Form:
        """How the pages of a job's exports are kept."""
        spelled = self.dialect.of(job.dataset.kind)
        return Form(
            records_member=spelled.records,
            record_id=spelled.record_id,
            compression=self.compression,
            spelling=self.spelling,
        )
