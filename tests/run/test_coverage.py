"""What several nights cover together, with the journal and without it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extractor.cli.loading import basis_for
from extractor.plan import make_plan
from extractor.run.coverage import Coverage, Survey, survey
from extractor.simulator import Service
from tests.contract.stage import Played, play, world
from tests.rehearsal import NOW

NIGHTLY = [{"segment": "A", "since": "watermark", "overlap": 60}]
TODAY = datetime.fromtimestamp(NOW, UTC) + timedelta(hours=1)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def nights(memory: Path, jobs: list[dict[str, Any]] | None = None, **sections: Any) -> Played:
    """Three nights against one server; the one in the middle fails."""
    server = Service(world(count=20, faults={"page": "ok 403"}))
    first = await play(memory, server, jobs or NIGHTLY, **sections)
    failed = await play(memory, server, jobs or NIGHTLY, **sections)
    third = await play(memory, server, jobs or NIGHTLY, **sections)
    assert (0, True, 0) == (first.exit_code, failed.exit_code != 0, third.exit_code)
    return third


def only(found: Survey) -> Coverage:
    """The one stream."""
    (stream,) = found.streams
    assert () == found.unreadable
    return stream


async def test_a_failed_night_leaves_no_hole(memory: Path) -> None:
    """The next one asks from where the last good one ended."""
    played = await nights(memory)

    stream = only(survey(played.config.state, now=TODAY))

    assert (2, True, "journal") == (len(stream.exports), stream.whole, stream.exports[0].known_by)
    assert [None] == [piece.start for piece in stream.covered]
    assert stream.watermark == stream.begins == stream.exports[1].piece.end - timedelta(seconds=60)
    (twice,) = stream.repeated
    assert timedelta(seconds=60) == twice.end - (twice.start or TODAY)


async def test_manifests_know_what_a_lost_journal_knew(memory: Path) -> None:
    """The same pieces of the same stream; where its watermark was is lost."""
    played = await nights(memory)
    output, state = played.config.output.path, played.config.state
    before = only(survey(state, now=TODAY))
    shutil.rmtree(state)

    after = only(survey(state, now=TODAY, output=output))
    planned = only(survey(state, now=TODAY, output=output, plan=make_plan(played.config, basis_for(played.config))))

    assert (before.pieces, before.stream.id) == (after.pieces, after.stream.id) == (planned.pieces, planned.stream.id)
    assert ({"manifest"}, None) == ({each.known_by for each in after.exports}, after.watermark)
    assert (before.stream.name, before.stream.job, before.stream.who) == (
        after.stream.name,
        after.stream.job,
        after.stream.who,
    )
    assert not state.exists()


async def test_what_another_state_folder_has_published_counts_once(memory: Path) -> None:
    """The journal goes before; what it does not know is read."""
    first = await nights(memory)
    kept = first.config.state.rename(memory / "kept")
    await nights(memory)

    stream = only(survey(first.config.state, now=TODAY))
    other = only(survey(kept, now=TODAY))

    assert ["journal", "journal", "manifest", "manifest"] == sorted(each.known_by for each in stream.exports)
    assert {each.run for each in stream.exports} == {each.run for each in other.exports}


async def test_a_manifest_that_cannot_be_read_is_named_and_not_counted(memory: Path) -> None:
    """What nobody can read covers nothing."""
    played = await nights(memory)
    output = played.config.output.path
    shutil.rmtree(played.config.state)
    one, two = sorted(output.glob("*/run=*/manifest.json"))
    one.write_text("{}")

    found = survey(played.config.state, now=TODAY, output=output)

    assert 1 == len(found.streams[0].exports)
    assert str(two.parent) == found.streams[0].exports[0].path
    assert [True] == [str(one) in problem for problem in found.unreadable]


async def test_people_that_are_matched_are_a_stream_of_their_own(memory: Path) -> None:
    """Named without their values, and known again by whoever has the key."""
    who = {"criteria": "ProfileId", "values": [1, 2, 3]}
    played = await nights(memory, [{"name": "few", **NIGHTLY[0], "match": who}])
    output, state = played.config.output.path, played.config.state
    known = only(survey(state, now=TODAY, plan=make_plan(played.config, basis_for(played.config))))
    shutil.rmtree(state)
    told = only(survey(state, now=TODAY, output=output))
    assert ("ProfileId x 3", 2, "ProfileId", 2) == (
        known.stream.who,
        len(known.exports),
        told.stream.who,
        len(told.exports),
    )
