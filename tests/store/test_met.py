"""Nobody falls between two windows of a fan-out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from extractor.store.met import Met
from extractor.store.verify import verify
from tests.store.test_windowed import lines_in
from tests.store.windows import DAY, START, fan_out, line_of, partitions_of

MONDAY, TUESDAY, WEDNESDAY, AFTER = (START + number * DAY for number in range(4))
FIRST, SECOND, THIRD = (f"window=2026-01-0{day}T00" for day in (1, 2, 3))


def left_out(published: Any) -> list[dict[str, int]]:
    """By job, in plan order."""
    return [job["left_out"] for job in json.loads((published.folder / "manifest.json").read_bytes())["jobs"]]


def test_who_is_missing_in_the_export_of_their_window_is_kept_from_the_next_wider_one(stage: Any) -> None:
    """The service selects by other times, or the record left the segment meanwhile: in one window all the same."""
    one, two, three, four = line_of(1, MONDAY), line_of(2, TUESDAY), line_of(3, WEDNESDAY), line_of(4, WEDNESDAY)
    exports = [[[one, two, three, four]], [[two, three]], [[four]]]
    published = stage.publish(fan_out(stage, partitions_of(3), exports))

    assert {FIRST: [one], SECOND: [two], THIRD: [four, three]} == lines_in(published.folder)
    assert [{"later": 3}, {}, {}] == left_out(published)
    assert () == verify(published.folder).findings


def test_who_changed_while_the_exports_were_made_is_not_kept_in_the_old_state(stage: Any) -> None:
    """The later export shows the record after the period: it is outside now."""
    exports = [[[line_of(1, TUESDAY), line_of(2, MONDAY)]], [[line_of(1, AFTER)]]]
    published = stage.publish(fan_out(stage, partitions_of(2), exports))

    assert {FIRST: [line_of(2, MONDAY)]} == lines_in(published.folder)
    assert [{"later": 1}, {"after": 1}] == left_out(published)


def test_batches_are_told_apart(stage: Any) -> None:
    """A person whom two batches match is in both, as in a run; one whom a narrower export lacked, too."""
    both, lacking = line_of(1, TUESDAY), line_of(2, TUESDAY)
    exports = [[[both, lacking], [both, lacking]], [[both], [both]]]
    publication = fan_out(stage, partitions_of(2), exports)
    published = stage.publish(_with_batches(publication, 2))

    assert {SECOND: [both, both, lacking, lacking]} == lines_in(published.folder)


def test_records_without_an_id_are_left_to_the_export_of_their_window(stage: Any) -> None:
    """They could not be told apart, and would be kept once for each window."""
    nobody = b'{"At":"2026-01-02T00:00:00Z"}'
    published = stage.publish(fan_out(stage, partitions_of(2), [[[nobody]], [[nobody]]]))

    assert {SECOND: [nobody]} == lines_in(published.folder)


def test_an_id_that_comes_twice_in_one_export_is_met_by_the_next_only() -> None:
    """Where ids repeat, both records of an export are alike to it."""
    met = Met("ProfileId")
    assert [False, False] == [met.before({"ProfileId": 7}) for _ in range(2)]
    met.next_export()
    assert met.before({"ProfileId": 7})


@pytest.mark.parametrize("number", [0, 2**32 - 1, 2**32, 2**63 - 1, -1])
def test_ids_of_every_size_are_met(number: int) -> None:
    """On both sides of the bound between the two sets."""
    met = Met("ProfileId")
    assert not met.before({"profileID": number})
    met.next_export()
    assert met.before({"ProfileId": str(number)})
    assert not met.before({"ProfileId": 12345})


def _with_batches(publication: Any, batches: int) -> Any:
    jobs = [
        replace(each, job=replace(each.job, batch=place % batches + 1, batches=batches))
        for place, each in enumerate(publication.jobs)
    ]
    return replace(publication, jobs=tuple(jobs))
