"""What comes late, or goes wrong late, never has a later night leave out what readers do not have."""

from __future__ import annotations

import errno
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from extractor.store.door import Operation, guarded
from extractor.store.verify import verify
from tests.store.nights import A1, A2, B1, C1, DAY, MIDNIGHT, Nights, files, lines_of


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Before the first."""
    return Nights(root=tmp_path)


@pytest.mark.parametrize("since", [None, MIDNIGHT])
@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("told", ["by the run", "by the time"])
def test_an_older_run_that_comes_late_does_not_mislead_the_next(
    told: str, number: int, since: datetime | None, nights: Nights
) -> None:
    """It was begun before, is published after (numbered before, or after), and holds older states.

    Readers go by the order of the runs, and end with the newer. A night in order begins a new index.
    """
    nights.night(1, [b'{"ProfileId":1,"v":0}', B1])
    nights.night(3, [A2], since=since)
    late = nights.publication(
        number, [A1, C1], since=since,
        run_number=20261102 if told == "by the run" else 20261104,
        until=MIDNIGHT + DAY * (2 if told == "by the time" else 3),
    )  # fmt: skip
    published = nights.publish(late)
    (sentence,) = published.notices
    assert "a later state than this run's" in sentence
    assert (lines_of(published), nights.index.exists()) == ([A1, C1], False)
    assert (nights.publish(late, journaled=False), nights.index.exists()) == (replace(published, notices=()), False)
    fifth = nights.night(5, [A1, B1], since=since, run_number=20261105)
    assert (lines_of(fifth), fifth.notices) == ([A1, B1], ())
    sixth = nights.night(6, [A1, A2, B1, C1], since=since, run_number=20261106)
    assert (lines_of(sixth), sixth.notices) == ([A2, C1], ())


@pytest.mark.parametrize("before", [0, 1])
def test_a_disk_that_fails_once_all_stands_takes_nothing_back(before: int, nights: Nights) -> None:
    """It is published, and told; the next night takes it in first, or begins anew where there was no index."""
    if before:
        nights.night(1, [A1, B1])
    publication = nights.publication(2, [A2, B1])
    standing = False

    def guard(operation: Operation) -> None:
        nonlocal standing
        standing = standing or (operation.target is not None and operation.target.name == "latest.json")
        if standing and nights.index.name in {path.name for path in (operation.path, operation.target) if path}:
            raise OSError(errno.EIO, "input/output error")

    with guarded(guard):
        second = nights.publish(publication)
    (sentence,) = second.notices
    assert "it is published, but what it held could not be remembered" in sentence
    assert lines_of(second) == ([A2] if before else [A2, B1])
    assert files(nights.root / "staging") == {}
    assert verify(nights.output).findings == ()
    third = nights.night(3, [A2, A1, B1, C1])
    assert lines_of(third) == ([A1, C1] if before else [A2, A1, B1, C1])
    assert lines_of(nights.night(4, [B1, C1])) == []
