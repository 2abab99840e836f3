"""The journal keeps facts, in order, and refuses what it cannot trust."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.plan.job import Dataset, JobSpec
from extractor.protocol.vocabulary import (
    Commit,
    CommitIntended,
    Committed,
    Event,
    ExportSealed,
    Failure,
    Fault,
    FetchPage,
    Initiate,
    InitiateIntended,
    KeptText,
    Meaning,
    Outcome,
    PageRefused,
    PageStored,
    PollStatus,
    RequestFailed,
    SealedPart,
    StatusReported,
    TokenIssued,
    Verdict,
)
from extractor.store.entries import Fact, JobEnd, RunEntry
from extractor.store.journal import Journal, open_journal, read_journal
from tests.asking import STREAM

FAILURE = Failure(fault=Fault.UNAVAILABLE, message="503", status=503, retry_after=2.5, ambiguous=True)
EVENTS: list[Event] = [
    InitiateIntended(export=1),
    RequestFailed(command=Initiate(export=1), failure=FAILURE, draw=0.25),
    InitiateIntended(export=1),
    TokenIssued(token=4711, server_time=1.5),
    RequestFailed(command=PollStatus(token=4711, after=1.0, attempt=2, failing_since=3.0), failure=FAILURE),
    StatusReported(meaning=Meaning.COMPLETE, spelled="Complete", row_count=2),
    RequestFailed(command=FetchPage(token=4711, offset=1, limit=10), failure=FAILURE),
    PageStored(
        offset=1,
        count=2,
        total=2,
        has_more=False,
        lines=2,
        part=0,
        part_bytes=10,
        part_records=2,
        part_uncompressed_bytes=20,
        kept=(KeptText(record=2, reason="duplicate key"),),
    ),
    PageRefused(offset=3, message="page at offset 3"),
    ExportSealed(parts=(SealedPart(name="a/part", records=2, bytes=10, uncompressed_bytes=20, sha256="00"),)),
    CommitIntended(),
    RequestFailed(command=Commit(token=4711), failure=FAILURE),
    Committed(),
]


def spec(ordinal: int = 0, name: str = "A") -> JobSpec:
    """A job of segment ``name``."""
    return JobSpec(
        ordinal=ordinal,
        job_id=f"id{ordinal}",
        name=name,
        dataset=Dataset(kind="segment", name=name),
        stream=STREAM,
        since=None,
        last_date_time=None,
        match=None,
    )


def entry(run_id: str = "20261123T020000Z-0001") -> RunEntry:
    """A run's head."""
    return RunEntry(
        run_id=run_id, plan_id="p", config_hash="c", config_path="x.yaml", output="out", pid=1, started_at=5.0
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A fresh journal with one run of two jobs."""
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.add_run(entry(), [spec(0, "A"), spec(1, "B")])
    return journal


RUN = entry().run_id


def test_every_durable_event_comes_back_as_it_went_in(journal: Journal) -> None:
    """Resume folds exactly what happened."""
    journal.record(RUN, [Fact(ordinal=0, at=1.0, event=event) for event in EVENTS])
    assert EVENTS == journal.events(RUN, 0)
    assert [] == journal.events(RUN, 1)


def test_what_is_recorded_is_there_after_the_file_is_opened_again(journal: Journal, tmp_path: Path) -> None:
    """Another process sees the run, its jobs, its datasets and how they ended."""
    outcome = Outcome(verdict=Verdict.DONE, records=2, exports=1)
    journal.record(RUN, [], [JobEnd(ordinal=0, outcome=outcome)])
    journal.number_publication(RUN, spec().dataset)
    journal.publish_dataset(RUN, spec().dataset, path="out/x", records=2, strides=[], now=8.0)
    journal.end_run(RUN, finished_at=9.0, exit_code=3, requests=12, reason="why")
    journal.close()
    with read_journal(tmp_path / "journal.sqlite") as again:
        [run] = again.runs()
        assert (2, 1, 0, 2, 12, 3, 9.0, "why") == tuple(
            run[key] for key in ("jobs", "done", "failed", "records", "requests", "exit_code", "finished_at", "reason")
        )
        assert ["done", None] == [job["verdict"] for job in again.jobs(RUN)]
        assert [("A", "published"), ("B", "open")] == [(row["name"], row["state"]) for row in again.datasets(RUN)]


def test_runs_come_newest_first(journal: Journal) -> None:
    """A run id begins with its time, but only to the second: two of one second go by their beginning."""
    journal.add_run(entry("20261124T020000Z-0000"), [])
    assert ["20261124T020000Z-0000", RUN] == [run["run_id"] for run in journal.runs()]
    journal.add_run(replace(entry("20261123T020000Z-0000"), started_at=5.5), [])
    assert "20261123T020000Z-0000" == journal.runs()[0]["run_id"]


def test_a_transaction_that_fails_leaves_nothing_behind(journal: Journal) -> None:
    """All facts of a group or none."""
    with pytest.raises(LocalError):
        journal.add_run(entry(), [spec()])
    journal.record(RUN, [Fact(ordinal=0, at=1.0, event=EVENTS[0])])
    assert 1 == len(journal.events(RUN, 0))


def test_the_file_is_private(journal: Journal, tmp_path: Path) -> None:
    """It holds AccessTokens: 0600, and every commit is synced."""
    journal.record(RUN, [Fact(ordinal=0, at=1.0, event=EVENTS[3])])
    for path in tmp_path.iterdir():
        assert 0o600 == stat.S_IMODE(path.stat().st_mode), path.name


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"this is not a database, it is a text file", "damaged"), (b"SQLite format 3\0" + b"\xff" * 4096, "damaged")],
)
def test_a_damaged_file_is_refused_with_a_remedy(tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing is guessed from a file that cannot be read."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=said):
        open_journal(path)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A state folder that points to the wrong place must not be written into."""
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(IntegrityError, match="not a journal of extractor"):
        open_journal(path)


def test_a_later_format_is_refused_with_a_remedy(journal: Journal, tmp_path: Path) -> None:
    """An older version does not touch what it does not know."""
    journal.close()
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IntegrityError, match="journal format 99"):
        open_journal(tmp_path / "journal.sqlite")


def test_reading_where_no_run_has_been_is_said(tmp_path: Path) -> None:
    """A typo in --state makes no file."""
    with pytest.raises(LocalError, match="no journal there"):
        read_journal(tmp_path / "journal.sqlite")
    assert [] == list(tmp_path.iterdir())


def test_an_event_of_an_unknown_kind_is_an_integrity_matter(journal: Journal, tmp_path: Path) -> None:
    """A journal that was tampered with is not folded."""
    journal.record(RUN, [Fact(ordinal=0, at=1.0, event=EVENTS[0])])
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("UPDATE event SET kind = 'Unheard'")
    connection.commit()
    connection.close()
    with pytest.raises(IntegrityError, match="'Unheard'"):
        journal.events(RUN, 0)


def test_a_run_is_forgotten_in_every_table_and_no_other(journal: Journal, tmp_path: Path) -> None:
    """Whatever tables there are: one that is forgotten here would keep lines of runs that nobody knows."""
    other = entry("20261124T020000Z-0000")
    journal.add_run(other, [spec()])
    for run_id in (RUN, other.run_id):
        journal.record(run_id, [Fact(ordinal=0, at=1.0, event=EVENTS[0])])

    journal.forget([RUN, "20200101T000000Z-0000"])

    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        runs = {
            name: {run_id for (run_id,) in connection.execute(f"SELECT DISTINCT run_id FROM {name}")}  # noqa: S608 - a name of our own schema
            for name in tables
            if any(column[1] == "run_id" for column in connection.execute(f"PRAGMA table_info({name})"))
        }
    connection.close()
    assert {"run", "job", "dataset", "event"} <= set(runs)
    assert {name: {other.run_id} for name in runs} == runs
