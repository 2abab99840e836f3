"""What exports have cost, in the journal's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from extractor.plan.cost import Cost
from extractor.store import experience
from extractor.store.journal import open_journal, read_journal
from tests.store.test_journal_formats import lay_out

STREAM = "5" * 16
COST = Cost(
    run="run",
    window=86_400.0,
    jobs=2,
    records=10,
    bytes=1000,
    pages=3,
    page=7,
    exports=2,
    retries=1,
    timed=2,
    requests=9,
    seconds=8.0,
    longest=5.0,
    waited=4.0,
    quick=1.5,
    unready=0.5,
    usual=2.0,
    slow=2.5,
    started_at=1000.0,
)


def test_the_last_nights_come_newest_first_in_the_order_of_their_beginning(tmp_path: Path) -> None:
    """Twenty of them, of one stream; every field as it was noted."""
    with open_journal(tmp_path / "journal.sqlite") as journal, journal.transaction():
        for night in range(25):
            experience.note(journal, STREAM, replace(COST, run=f"r{99 - night}"), number=night, now=2000.0 + night)
        experience.note(journal, "6" * 16, COST, number=99, now=2000.0)
    with read_journal(tmp_path / "journal.sqlite") as journal:
        found = experience.costs(journal, STREAM)
        assert [f"r{99 - night}" for night in range(24, 4, -1)] == [cost.run for cost in found]
        assert replace(COST, run="r75", published_at=2024.0) == found[0]
        assert [] == experience.costs(journal, "7" * 16)


def test_a_publication_that_is_noted_again_is_one_night(tmp_path: Path) -> None:
    """The later line stands."""
    with open_journal(tmp_path / "journal.sqlite") as journal, journal.transaction():
        experience.note(journal, STREAM, COST, number=1, now=2000.0)
        experience.note(journal, STREAM, replace(COST, records=11, quick=None), number=1, now=2001.0)
        (cost,) = experience.costs(journal, STREAM)
        assert (11, None) == (cost.records, cost.quick)


def test_an_older_journal_knows_of_no_nights(tmp_path: Path) -> None:
    """Read as it is, and brought up to date."""
    path = lay_out(tmp_path / "state")
    with read_journal(path) as journal:
        assert [] == experience.costs(journal, STREAM)
    with open_journal(path) as journal:
        with journal.transaction():
            experience.note(journal, STREAM, COST, number=1, now=2000.0)
        assert 1 == len(experience.costs(journal, STREAM))
