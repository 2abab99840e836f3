"""What readers have already is left out, and nothing else, whatever happened in between."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extractor.plan.job import Dedupe
from extractor.store.compression import codec
from extractor.store.door import Operation, guarded
from extractor.store.manifest import load_manifest
from extractor.store.publication import Publication, Published
from extractor.store.seen import open_seen
from extractor.store.verify import verify
from tests.store.conftest import Stage
from tests.store.nights import A1, A2, B1, C1, DAY, MIDNIGHT, NOBODY, Nights, files, lines_of
from tests.store.windows import fan_out, line_of, partitions_of, route


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Before the first."""
    return Nights(root=tmp_path)


def test_an_unchanged_record_is_left_out_and_counted(nights: Nights) -> None:
    """By night, and by state; what has no key never is."""
    first = nights.night(1, [A1, B1, NOBODY])
    second = nights.night(2, [A2, NOBODY], [B1, C1], since=MIDNIGHT)
    third = nights.night(3, [A1, C1])
    assert lines_of(first) == [A1, B1, NOBODY]
    assert lines_of(second) == [A2, NOBODY, C1]
    assert lines_of(third) == [A1]
    assert [each.manifest.totals.left_out for each in (first, second, third)] == [
        {},
        {"unchanged": 1},
        {"unchanged": 1},
    ]
    assert [job.left_out for job in load_manifest(second.folder / "manifest.json").jobs] == [{}, {"unchanged": 1}]
    assert [each.notices for each in (first, second, third)] == [(), (), ()]
    assert verify(nights.output).findings == ()


def test_repetitions_within_a_night_stay(nights: Nights) -> None:
    """They are another rule's business."""
    assert lines_of(nights.night(1, [A1, A1])) == [A1, A1]
    assert lines_of(nights.night(2, [C1], [C1, A1])) == [C1, C1]


def test_the_first_night_and_a_night_without_a_rule_are_links(nights: Nights) -> None:
    """Nothing can be left out, so nothing is read line by line: the shard is the part."""
    publication = nights.publication(1, [A1])
    assert [each.sha256 for each in publication.jobs[0].parts] == [
        each.sha256 for each in nights.publish(publication).manifest.shards
    ]
    nights.rule = None
    assert lines_of(nights.night(2, [A1])) == [A1]


def _gap(nights: Nights) -> Published:
    return nights.night(3, [A1], since=MIDNIGHT + DAY * 2 + timedelta(microseconds=1))


def _unknown_time(nights: Nights) -> Published:
    nights.night(3, [B1], until=None)
    return nights.night(4, [A1], since=MIDNIGHT)


def _other_rule(nights: Nights) -> Published:
    nights.rule = Dedupe(key="ProfileId", version=("v",))
    return nights.night(3, [A1])


def _other_journal(nights: Nights) -> Published:
    return nights.night(3, [A1], journal="another")


def _older_state(nights: Nights) -> Published:
    return nights.night(3, [A1], until=MIDNIGHT)


def _folder_gone(nights: Nights) -> Published:
    kept = nights.index.read_bytes()
    shutil.rmtree(nights.night(3, [A2]).folder)
    nights.index.write_bytes(kept)
    return nights.night(4, [A1])


def _shard_changed(nights: Nights) -> Published:
    kept = nights.index.read_bytes()
    folder = nights.night(3, [A2]).folder
    (folder / "part-00000.ndjson.zst").write_bytes(codec("zstd").frame(A1 + b"\n"))
    nights.index.write_bytes(kept)
    return nights.night(4, [A1])


def _damaged(nights: Nights) -> Published:
    nights.index.write_bytes(b"x" * 5000)
    return nights.night(3, [A1])


def _ahead(nights: Nights) -> Published:
    return nights.night(1, [A1], run_id="20261130T000000Z-0000", run_number=20261130, until=MIDNIGHT + DAY * 3)


def _backfill(nights: Nights) -> Published:
    nights.night(3, [A2], partitions=partitions_of(1))
    return nights.night(4, [A1])


def _late_backfill(nights: Nights) -> Published:
    """It was numbered first, and published last."""
    nights.night(4, [B1])
    nights.night(3, [A2], partitions=partitions_of(1))
    return nights.night(5, [A1])


def _backfill_before_a_backup(nights: Nights) -> Published:
    """The index knows of nothing after it, nor of the night between."""
    kept = nights.index.read_bytes()
    nights.night(3, [A2], partitions=partitions_of(1))
    nights.night(4, [B1])
    nights.index.write_bytes(kept)
    return nights.night(5, [A1])


def _late_and_missed(nights: Nights) -> Published:
    """An older run was published last, and the index was brought back from before."""
    kept = nights.index.read_bytes()
    nights.night(3, [A2])
    nights.night(4, [A1], run_number=20261102, until=MIDNIGHT + DAY * 2)
    nights.index.write_bytes(kept)
    return nights.night(5, [A1])


def _abandoned(nights: Nights) -> Published:
    """A night that came to stand, but that nobody wrote down."""
    publication = nights.publication(3, [A2])

    def guard(operation: Operation) -> None:
        if operation.target is not None and operation.target.name == "latest.json":
            raise Killed

    with guarded(guard), pytest.raises(Killed):
        nights.publish(publication)
    return nights.night(4, [A1])


@pytest.mark.parametrize(
    ("befalls", "reason"),
    [
        (_gap, "was never published"),
        (_unknown_time, "there may be a gap"),
        (_other_rule, "dedupe has changed"),
        (_other_journal, "another journal"),
        (_older_state, "a later state"),
        (_folder_gone, "not there any more"),
        (_shard_changed, "changed after it was published"),
        (_damaged, "damaged"),
        (_ahead, "or a later one"),
        (_abandoned, "publication 3"),
        (_backfill, "a backfill was published since"),
        (_late_backfill, "a backfill was published since"),
        (_backfill_before_a_backup, "a backfill was published since"),
        (_late_and_missed, "published late"),
    ],
)
def test_where_something_may_be_missing_nothing_is_left_out(
    befalls: Callable[[Nights], Published], reason: str, nights: Nights
) -> None:
    """A sentence says so, and the night after can leave out again what this one published."""
    nights.night(1, [A1])
    nights.night(2, [A1, B1])
    published = befalls(nights)
    assert lines_of(published) == [A1]
    (sentence,) = published.notices
    assert "begins anew" in sentence
    assert reason in sentence
    # A late one is never remembered, and leaves no index behind.
    if befalls not in {_other_journal, _ahead, _older_state}:
        number = published.manifest.journal.publication + 1
        assert lines_of(nights.night(number, [A1, B1])) == [B1]


def test_what_was_published_meanwhile_is_taken_in_first(nights: Nights) -> None:
    """An index that was brought back from a backup learns every night that it missed, in order."""
    nights.night(1, [A1])
    kept = nights.index.read_bytes()
    nights.night(2, [A2, B1])
    nights.night(3, [C1], since=MIDNIGHT)
    nights.index.write_bytes(kept)
    fourth = nights.night(4, [A1, A2, B1, C1])
    assert (lines_of(fourth), fourth.notices) == ([A1], ())


def test_a_backfill_neither_uses_nor_changes_what_is_remembered(nights: Nights) -> None:
    """But whoever puts it together with the nights ends with its states, so the next night leaves nothing out."""
    nights.night(1, [A1])
    before = nights.index.read_bytes()
    backfill = nights.night(2, [A1, A2], partitions=partitions_of(1))
    assert (lines_of(backfill), nights.index.read_bytes()) == ([A1, A2], before)
    assert lines_of(nights.night(3, [A1])) == [A1]
    fourth = nights.night(4, [A1])
    assert (lines_of(fourth), fourth.notices) == ([], ())


def remembered(nights: Nights) -> Any:
    """What the index holds."""
    with open_seen(nights.index) as seen:
        return seen.standing, seen.recall(range(10))


def _second_night(nights: Nights) -> Publication:
    nights.night(1, [A1, B1])
    return nights.publication(2, [A1, C1], [B1, A2])


def _after_a_gap(nights: Nights) -> Publication:
    nights.night(1, [A1, B1])
    return nights.publication(2, [A1, C1], since=MIDNIGHT + DAY * 5)


def _first_night(nights: Nights) -> Publication:
    return nights.publication(1, [A1, C1], [B1, A2])


@pytest.mark.parametrize("before", [_first_night, _second_night, _after_a_gap])
def test_a_death_at_any_operation_ends_in_the_same_bytes(
    before: Callable[[Nights], Publication], tmp_path: Path
) -> None:
    """On the disk, and in the index: each operation in turn, transactions, too."""
    quiet = Nights(root=tmp_path / "quiet")
    quiet.publish(before(quiet))
    expected = files(quiet.output), remembered(quiet)
    number, untouched = 0, False
    while not untouched:
        number += 1
        nights = Nights(root=tmp_path / str(number))
        publication = before(nights)
        untouched = not _killed(number, lambda: nights.publish(publication, journaled=False))  # noqa: B023 - called at once
        nights.publish(publication)
        assert (files(nights.output), remembered(nights)) == expected
        assert files(nights.root / "staging") == {}
    assert number > 25


def _killed(number: int, act: Callable[[], object]) -> bool:
    """Act, and end the process before its ``number``-th operation (1-based); False if there are not so many."""
    passed = 0

    def guard(_operation: Operation) -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            raise Killed

    with guarded(guard), contextlib.suppress(Killed):
        act()
    return passed >= number


@pytest.mark.parametrize("strategy", ["route", "fan-out"])
def test_a_backfill_that_dies_at_any_operation_ends_in_the_same_bytes(strategy: str, tmp_path: Path) -> None:
    """Nothing half-done under the final name."""
    partitions = partitions_of(2)
    moments = [window.start for window in partitions.windows] * 2
    lines = [line_of(number, at) for number, at in enumerate([*moments, None, partitions.end])]

    def publication(stage: Stage) -> Any:
        return (
            route(stage, partitions, lines) if strategy == "route" else fan_out(stage, partitions, [[lines], [lines]])
        )

    quiet = Stage(staging=tmp_path / "staging", output=tmp_path / "exports")
    quiet.publish(publication(quiet))
    expected = files(quiet.output)
    number, untouched = 0, False
    while not untouched:
        number += 1
        stage = Stage(staging=tmp_path / str(number) / "staging", output=tmp_path / str(number) / "exports")
        wanted = publication(stage)
        untouched = not _killed(number, lambda: stage.publish(wanted))  # noqa: B023 - called at once
        for final in stage.output.glob("*/backfill=*"):
            assert verify(final).intact
        stage.publish(wanted)
        assert files(stage.output) == expected
        assert files(stage.staging) == {}
    assert number > 30
