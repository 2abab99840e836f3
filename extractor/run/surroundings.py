"""What the jobs of one engine share.

Values and doors, no decisions. Made by the engine, once; used by ``drive`` and ``reading``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from extractor.observe.news import Listener
from extractor.plan.job import JobSpec
from extractor.protocol.dialect import Dialect
from extractor.protocol.life import LifePolicy
from extractor.protocol.pace import PollPolicy
from extractor.protocol.vocabulary import PageFetched
from extractor.run.access import RandomAccess
from extractor.run.engine import Asker, Recorder
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
    encode: Callable[[PageFetched, Form], Awaitable[Frame]]
    listener: Listener
    halt: Halt
    polls: Mapping[str, PollPolicy] = field(default_factory=dict)  # by stream id, where earlier nights teach one

    def policy_of(self, job: JobSpec) -> LifePolicy:
        """The bounds of a job's life, with the polling that its stream has taught."""
        poll = self.polls.get(job.stream.id)
        return self.policy if poll is None else replace(self.policy, poll=poll)

    def form_of(self, job: JobSpec) -> Form:
        """How the pages of a job's exports are kept."""
        spelled = self.dialect.of(job.dataset.kind)
        return Form(
            records_member=spelled.records,
            record_id=spelled.record_id,
            compression=self.compression,
            spelling=self.spelling,
        )
