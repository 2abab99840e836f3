"""Reading the past, and that it is still true when it is built on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.plan import make_plan
from extractor.protocol.vocabulary import Outcome, Verdict
from extractor.run import extract, history
from extractor.store.entries import JobEnd, RunEntry
from extractor.store.journal import Journal, open_journal
from tests.rehearsal import config_of

RUN = "20261123T020000Z-0001"


def pruned(journal: Journal) -> None:
    """``extractor runs --prune`` was faster."""
    journal.forget([RUN])


def completed(journal: Journal) -> None:
    """So was another ``extractor resume``."""
    journal.end_run(RUN, finished_at=9.0, exit_code=0, requests=1, reason="")


def advanced(journal: Journal) -> None:
    """As above, but it was interrupted again."""
    journal.record(RUN, [], [JobEnd(ordinal=0, outcome=Outcome(verdict=Verdict.DONE, records=0, exports=1))])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (pruned, f"no run '{RUN}' in this state folder"),
        (completed, f"run {RUN} is complete"),
        (advanced, f"run {RUN} has gone on in another process meanwhile -- resume it again"),
    ],
)
async def test_a_run_that_changed_before_the_lock_was_held_is_not_built_on(
    tmp_path: Path, meanwhile: Callable[[Journal], None], said: str
) -> None:
    """What was read of it is no longer true; nothing is asked of the server, nothing is journaled."""
    config = config_of(tmp_path, [{"segment": "A"}, {"segment": "B"}])
    plan = make_plan(config)
    config.state.mkdir()
    entry = RunEntry(
        run_id=RUN,
        plan_id=plan.plan_id,
        config_hash="c",
        config_path=None,
        output=str(config.output.path),
        pid=1,
        started_at=5.0,
    )
    with open_journal(config.state / history.JOURNAL) as journal:
        journal.add_run(entry, plan.jobs)
        earlier = history.unfinished(config.state, RUN)
        meanwhile(journal)
        before = journal.runs()

        with pytest.raises(LocalError, match=said):
            await extract(config, plan, listener=lambda _news: None, interrupts=False, earlier=earlier)

        assert before == journal.runs()
