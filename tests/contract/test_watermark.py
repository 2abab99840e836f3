"""Section 3.2, LastDateTime: ``since: watermark`` over several nights (design, section 6, rule 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extractor.observe.news import Noticed
from extractor.remote import Answer, Request
from extractor.run.history import JOURNAL
from extractor.simulator import Segment, Service, SimulatorSettings
from extractor.store import marks
from extractor.store.entries import Watermark
from extractor.store.journal import open_journal, read_journal
from tests.contract.stage import Played, play, resume, world
from tests.rehearsal import NOW

NIGHTLY = [{"segment": "A", "since": "watermark", "overlap": 60}]
OVERLAP = timedelta(seconds=60)
START = datetime.fromtimestamp(NOW, UTC)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def mark_of(played: Played) -> Watermark | None:
    """The one watermark of a state folder."""
    with read_journal(played.config.state / JOURNAL) as journal:
        (mark,) = marks.watermarks(journal).values() or (None,)
        return mark


async def test_the_first_night_asks_for_everything_the_second_since_the_first(memory: Path) -> None:
    """The watermark is the server's time at Initiate, less the overlap."""
    server = Service(world(clock_offset=300.0))

    first = await play(memory, server, NIGHTLY)
    mark = mark_of(first)
    second = await play(memory, server, NIGHTLY)

    assert mark is not None
    assert mark.at is not None
    # Date has whole seconds, and the answer took ten milliseconds.
    late = START + timedelta(seconds=300) - OVERLAP - mark.at
    assert timedelta(seconds=-1) < late <= timedelta(seconds=1.1)
    assert ({}, 0) == (first.bodies()[0], second.exit_code)
    sent = datetime.fromisoformat(second.bodies()[0]["LastDateTime"])
    assert timedelta(0) < mark.at - sent < timedelta(milliseconds=10)


async def test_initial_is_where_the_first_night_begins(memory: Path) -> None:
    """Not everything, but what changed since an instant."""
    job = {"segment": "A", "since": "watermark", "initial": "2026-11-01T00:00:00Z"}
    first = await play(memory, world(), [job])
    assert {"LastDateTime": "2026-10-31T23:59:59.996Z"} == first.bodies()[0]
    assert mark_of(first) is not None


@pytest.mark.parametrize("faults", [{"page": "403"}, {"initiate": "403"}, {"initiate": "failed"}])
async def test_a_night_that_fails_leaves_the_watermark(memory: Path, faults: dict[str, str]) -> None:
    """What is not published is asked for again by the next night."""
    await play(memory, world(), NIGHTLY)
    before = mark_of(await play(memory, world(), NIGHTLY))
    failed = await play(memory, world(faults=faults), NIGHTLY)
    assert (True, before) == (failed.exit_code != 0, mark_of(failed))


async def test_a_run_that_is_taken_up_asks_from_where_it_began(memory: Path) -> None:
    """Another night has moved the watermark meanwhile; the older run does not set it back."""
    server = Service(world(faults={"page": "ok 403"}))
    first = await play(memory, server, NIGHTLY)
    broken = await play(memory, server, NIGHTLY)
    later = await play(memory, server, NIGHTLY)
    mark = mark_of(later)

    again = await resume(broken)

    assert (0, 4, 0) == (first.exit_code, broken.exit_code, later.exit_code)
    assert (0, mark) == (again.exit_code, mark_of(again))
    assert again.bodies()[-1] == broken.bodies()[-1]


async def test_a_watermark_that_was_set_back_is_not_moved_over_the_piece_between(memory: Path) -> None:
    """The run that was going on meanwhile covers another piece of time."""
    server = Service(world(faults={"page": "ok 403"}))
    await play(memory, server, NIGHTLY)
    broken = await play(memory, server, NIGHTLY)
    with open_journal(broken.config.state / JOURNAL) as journal:
        (stream,) = marks.watermarks(journal)
        marks.move_by_hand(journal, stream, None, reason="reset", now=NOW)

    again = await resume(broken)

    mark = mark_of(again)
    assert mark is not None
    assert (0, None) == (again.exit_code, mark.at)
    assert any("by hand" in each.message for each in again.news if isinstance(each, Noticed))


async def test_after_a_reset_the_first_night_moves_the_watermark_again(memory: Path) -> None:
    """Also where it begins at ``initial``, which is not everything."""
    job = {"segment": "A", "since": "watermark", "initial": "2026-11-01T00:00:00Z"}
    first = await play(memory, world(), [job])
    with open_journal(first.config.state / JOURNAL) as journal:
        (stream,) = marks.watermarks(journal)
        marks.move_by_hand(journal, stream, None, reason="reset", now=NOW)

    second = await play(memory, world(), [job])

    mark = mark_of(second)
    assert first.bodies() == second.bodies()
    assert mark is not None
    assert mark.at is not None


@pytest.mark.parametrize("header", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 23 Nov 2026 04:00:00 GMT"])
async def test_a_date_far_ahead_of_this_machine_moves_no_watermark(memory: Path, header: str) -> None:
    """It may be a proxy's: what changes until then would be skipped. The records are published all the same."""

    def wrong(request: Request, answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "Date": header}) if request.method == "POST" else answer

    first = await play(memory, world(), NIGHTLY)
    before = mark_of(first)
    second = await play(memory, world(), NIGHTLY, spoil=wrong)

    assert (0, before) == (second.exit_code, mark_of(second))
    assert "ahead of this machine's, and one of them is wrong; the watermark stays" in second.words()


async def test_another_output_folder_has_a_watermark_of_its_own(memory: Path) -> None:
    """What was published elsewhere is not there."""
    await play(memory, world(), NIGHTLY)
    elsewhere = await play(memory, world(), NIGHTLY, output={"path": str(memory / "elsewhere")})
    assert ({}, 0) == (elsewhere.bodies()[0], elsewhere.exit_code)
    with read_journal(elsewhere.config.state / JOURNAL) as journal:
        assert 2 == len(marks.watermarks(journal))


async def test_a_watermark_ahead_of_the_server_publishes_nothing(memory: Path) -> None:
    """What changed between its time and the watermark would be skipped for ever."""
    first = await play(memory, world(), NIGHTLY)
    with open_journal(first.config.state / JOURNAL) as journal:
        (stream,) = marks.watermarks(journal)
        marks.move_by_hand(journal, stream, START + timedelta(days=1), reason="by hand", now=NOW)

    ahead = await play(memory, world(), NIGHTLY)

    assert 6 == ahead.exit_code
    assert "set the watermark back" in ahead.words()


async def test_two_datasets_move_apart(memory: Path) -> None:
    """One that fails does not hold the other's watermark."""
    segments = (Segment(name="A", count=20), Segment(name="B", count=20))
    server = Service(SimulatorSettings(segments=segments, faults={"page[B]": "403"}))
    jobs = [{"segment": name, "since": "watermark"} for name in "AB"]
    played = await play(memory, server, jobs)
    with read_journal(played.config.state / JOURNAL) as journal:
        assert ["segment 'A'"] == played.published
        assert 1 == len(marks.watermarks(journal))
        assert [("A", 1)] == [
            (row.name, len(marks.spans(journal))) for row in marks.streams(journal) if row.name == "A"
        ]
