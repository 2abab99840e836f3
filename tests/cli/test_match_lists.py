"""Match lists from the front door: what is read when, what is said, what is left behind."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

LISTED = """\
  - name: mails
    segment: All Profiles
    match:
      criteria: EmailAddress
      batch: 2
      values: {file: p.csv, column: email, max_rejects: 1}
"""
CONTENT = "id,email\n1,user.1@example.com\n2,nobody@example.com\n3,x\n4,NOBODY@example.com\n5,user.2@example.com\n"


def test_a_plan_reads_the_list_and_leaves_nothing(invoke: Any, config: Any, tmp_path: Path) -> None:
    """Counts only: no value is shown."""
    (tmp_path / "p.csv").write_text(CONTENT)
    ended = invoke("plan", str(config(LISTED)), "--json")

    assert (0, "note: p.csv: 3 values of 5 rows; 1 repeated, 1 rejected\n") == (ended.code, ended.err)
    assert [2, 1] == [job["match"]["values"] for job in json.loads(ended.out)["jobs"]]
    assert "@" not in ended.out + ended.err
    assert ["night.yaml", "p.csv"] == sorted(path.name for path in tmp_path.iterdir())


def test_only_the_lists_of_chosen_jobs_are_read(invoke: Any, config: Any) -> None:
    """There is no such file here; a misspelt name is not told after half an hour of reading, either."""
    path = str(config(f"{LISTED}  - {{name: other, segment: A}}\n"))
    assert 0 == invoke("plan", path, "--job", "other").code
    ended = invoke("plan", path, "--job", "mail")
    assert (2, "--job 'mail': no such job -- the file has: mails, other") == (ended.code, ended.err.splitlines()[0])
    ended = invoke("run", path)
    missing = "p.csv: no such file -- check the path (relative to the working directory)"
    assert (2, [missing, "1 problem: nothing was done."]) == (ended.code, ended.err.splitlines())


def test_two_lists_that_ask_for_the_same_are_refused(invoke: Any, config: Any, tmp_path: Path) -> None:
    """Whatever files they came of."""
    (tmp_path / "p.csv").write_text(CONTENT)
    (tmp_path / "q.txt").write_text("user.1@example.com\nnobody@example.com\nuser.2@example.com\n")
    other = LISTED.replace("mails", "again").replace("{file: p.csv, column: email, max_rejects: 1}", "{file: q.txt}")
    ended = invoke("plan", str(config(LISTED + other)))
    assert 2 == ended.code
    assert "job 'again' asks for exactly what job 'mails' asks for -- remove one of them" in ended.err


@pytest.mark.parametrize("holds_nothing", [False, True])
def test_a_list_goes_through_a_pipe_into_a_run_and_is_pruned_with_it(
    invoke: Any, config: Any, simulator: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, holds_nothing: bool
) -> None:
    """Read once, kept for the run, told of in counts, gone with it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTENT.encode())))
    path = config(LISTED.replace("file: p.csv", 'file: "-", format: csv'), base_url=simulator)
    ended = invoke("run", str(path), "--json")

    assert 0 == ended.code, ended.err
    news = {line["news"]: line for line in map(json.loads, ended.out.splitlines())}
    matched = news["values_matched"]
    assert (3, 0, 0) == (matched["values"], matched["several"], matched["strangers"])
    unmatched = (Path(matched["path"]) / "unmatched.ndjson").read_text().splitlines()
    assert matched["unmatched"] == len(unmatched)
    assert "nobody@example.com" in "".join(unmatched)
    assert "@" not in ended.out + ended.err

    (folder,) = (tmp_path / "state" / "lists").iterdir()
    os.utime(folder / "list.json", (0, 0))  # it was read long ago
    kept = invoke("runs", "--state", "state", "--prune", "--yes")
    assert folder.exists(), kept.out
    if holds_nothing:
        shutil.rmtree(tmp_path / "state" / "reports")  # as after a pruning that was stopped
    gone = invoke("runs", "--state", "state", "--prune", "--yes", "--older-than", "0s")
    assert "a match list that no run uses" in gone.out
    assert not folder.exists()
    assert not list((tmp_path / "state").glob("reports/*"))
