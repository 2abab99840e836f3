"""Journals that an older version has written: read as they are, brought up to date when they are written, taken up."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import extractor
from extractor.cli import main
from extractor.errors import LocalError
from extractor.simulator import FileSegment, Service, SimulatorSettings
from extractor.store.door import Kind, Operation, guarded
from extractor.store.journal import open_journal
from tests.contract.stage import Played, play, resume
from tests.rehearsal import config_of

FIXTURE = Path(__file__).parent / "fixtures" / "journal-1.sql"
COMPLETE, UNFINISHED = "20261122T020000Z-7f3a", "20261123T020000Z-7f3b"
TOKEN = "243681342249017"  # of the export that was being read
TRUTH = [b'{"ProfileId":%d,"Name":"Person %d"}' % (number, number) for number in range(1, 26)]
JOBS: list[dict[str, Any]] = [{"segment": "A"}, {"segment": "B"}, {"segment": "C"}]
LIMITS = {"page_size": 10, "retry_for": 0.0}
DIE = """
import os, sys
from pathlib import Path
from extractor.store.door import Kind, guarded
from extractor.store.journal import open_journal
def die(operation):
    if operation.kind is Kind.TRANSACTION:
        os._exit(9)
with guarded(die):
    open_journal(Path(sys.argv[1]))
"""


_JOB = "run_id, ordinal, job_id, label, kind, name, verdict, message, outcome"
_RUN = "run_id, plan_id, config_hash, config_path, output, pid, started_at, finished_at, exit_code, requests, reason"


def lay_out(state: Path, token: str = TOKEN) -> Path:
    """Make the old journal as a file; give its path."""
    state.mkdir(parents=True, exist_ok=True)
    path = state / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIXTURE.read_text("utf-8").replace(TOKEN, token))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def rows(path: Path) -> dict[str, list[Any]]:
    """Every row of the tables that format 1 has, by its columns, and the format."""
    columns = {"dataset": "run_id, kind, name, state, path, records", "event": "*", "job": _JOB, "run": _RUN}
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        found = {
            table: connection.execute(f"SELECT {names} FROM {table}").fetchall()  # noqa: S608 - names of our own schema
            for table, names in columns.items()
        }
        return found | {"format": connection.execute("PRAGMA user_version").fetchone()}


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command says of the state folder, as JSON."""
    assert 0 == main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


def test_an_old_journal_is_told_of_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``runs`` and ``status`` change nothing: it is still of format 1 afterwards."""
    path = lay_out(tmp_path / "state")
    before = path.read_bytes()

    told = asked(capsys, "runs", "--state", str(path.parent))
    detail = asked(capsys, "status", COMPLETE, "--state", str(path.parent))
    newest = asked(capsys, "status", "--state", str(path.parent))

    states = [(run["run_id"], run["state"], run["jobs"], run["done"]) for run in told]
    assert [(UNFINISHED, "cut off", 3, 0), (COMPLETE, "done", 1, 1)] == states
    assert [("A", "done", 25)] == [(job["label"], job["state"], job["records"]) for job in detail["jobs"]]
    assert [("A", "retrieving", 20, 25), ("B", "refused", 0, None), ("C", "initiating", 0, None)] == [
        (job["label"], job["state"], job["records"], job["total"]) for job in newest["jobs"]
    ]
    assert (before, (1,)) == (path.read_bytes(), rows(path)["format"])


def test_opening_it_for_writing_keeps_every_row(tmp_path: Path) -> None:
    """It learns who it is and numbers its runs, in their order; a second time there is nothing to do."""
    path = lay_out(tmp_path)
    before = rows(path)

    with open_journal(path) as journal:
        known, key = journal.identity(), journal.key()
        assert [1, 2] == [journal.run_number(run_id) for run_id in (COMPLETE, UNFINISHED)]
    with open_journal(path) as journal:
        again = journal.identity()
        assert (32, key) == (len(key), journal.key())

    assert before | {"format": (3,)} == rows(path)
    assert (0, 16, known) == (known.publications, len(known.id), again)


def test_what_was_brought_up_to_date_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    """Every table with its columns and their kinds, and every index; only the order of columns may be another."""
    old, new = lay_out(tmp_path / "old"), tmp_path / "new.sqlite"
    for path in (old, new):
        open_journal(path).close()
    found = []
    for path in (old, new):
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall()
            columns = {
                name: sorted(row[1:] for row in connection.execute(f"PRAGMA table_info({name})"))
                for kind, name, _ in names
                if kind == "table"
            }
            found.append((sorted(names), columns))
    assert found[0] == found[1]


def test_a_crash_before_the_commit_leaves_the_old_format(tmp_path: Path) -> None:
    """All of the migration is one transaction."""
    path = lay_out(tmp_path)
    before = rows(path)
    environ = {**os.environ, "PYTHONPATH": str(Path(extractor.__file__).parents[1])}

    ended = subprocess.run([sys.executable, "-c", DIE, str(path)], env=environ, check=False)  # noqa: S603 - our own words

    assert (9, before) == (ended.returncode, rows(path))
    with open_journal(path):
        assert before | {"format": (3,)} == rows(path)


def test_a_disk_that_fails_at_the_commit_leaves_the_old_format(tmp_path: Path) -> None:
    """It is said in a sentence, and the file is not left locked."""
    path = lay_out(tmp_path)
    before = rows(path)

    def full(operation: Operation) -> None:
        if operation.kind is Kind.TRANSACTION:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with guarded(full), pytest.raises(LocalError, match="the disk is full; free some space"):
        open_journal(path)

    assert before == rows(path)
    with open_journal(path):
        assert before | {"format": (3,)} == rows(path)


async def left_behind(folder: Path) -> Played:
    """The server of that night, on which A's export still lives, and what the old version left of the run."""
    people = folder / "people.ndjson"
    people.write_bytes(b"".join(line + b"\n" for line in TRUTH))
    segments = tuple(FileSegment(name=name, path=people) for name in "ABC")
    faults = {"page[A]": "ok ok 503", "initiate[B]": "403", "initiate[C]": "lost"}
    server = Service(SimulatorSettings(segments=segments, faults=faults))
    played = await play(folder, server, JOBS, fresh=True, limits=LIMITS)
    (token,) = {each.token for each in played.calls("page", "A")}
    config = config_of(folder, JOBS, limits=LIMITS)
    lay_out(config.state, str(token))
    part = config.state / "staging" / UNFINISHED / "0000000" / "export-1" / "part-00000.ndjson"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"".join(line + b"\n" for line in TRUTH[:20]))
    return replace(played, folder=folder, config=config)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_run_of_an_older_version_is_taken_up_where_it_ended(memory: Path) -> None:
    """What it had read is not asked for again; every dataset is exactly the truth."""
    played = await left_behind(memory)
    before = len(played.history)

    again = await resume(played)

    since = again.history[before:]
    assert (0, ["segment 'A'", "segment 'B'", "segment 'C'"]) == (again.exit_code, again.published)
    assert [TRUTH] * 3 == [again.lines(f"segment={name}") for name in "ABC"]
    assert ["B", "C"] == [each.dataset for each in since if each.kind == "initiate"]
    assert [21] == [each.offset for each in since if each.kind == "page" and each.dataset == "A"]
    assert (UNFINISHED, 1) == (again.closed.run_id, again.closed.possible_orphans)
