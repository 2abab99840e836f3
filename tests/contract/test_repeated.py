"""Contract, section 3.4: one profile, one record of an export; a repetition hides that another one is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extractor.observe.news import Noticed
from extractor.protocol.vocabulary import Verdict
from tests.contract.stage import assert_withheld, play, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SMALL = {"page_size": 100}


@pytest.mark.parametrize("script", ["swap", "ok swap", "ok ok swap"])
async def test_one_profile_twice_in_the_place_of_another_is_refused(tmp_path: Path, script: str) -> None:
    """Every count is right, and yet a person is missing: nothing is published, nothing committed."""
    played = await play(tmp_path, world(faults={"page": script}), limits=SMALL)
    assert played.service.playbook.fired
    assert_withheld(played, 6)
    outcome = played.only()
    assert Verdict.INTEGRITY is outcome.verdict
    assert "1 of the 250 records have an id that came before" in outcome.message
    assert [] == played.calls("commit")


async def test_what_contradicts_itself_is_set_aside(tmp_path: Path) -> None:
    """Kept, not published; and said where."""
    played = await play(tmp_path, world(faults={"page": "ok swap"}), limits=SMALL)
    (aside,) = (played.config.state / "quarantine" / played.closed.run_id).iterdir()
    assert ("0000000-export-1", 250) == (aside.name, (aside / "part-00000.ndjson").read_bytes().count(b"\n"))
    (said,) = [each.message for each in played.news if isinstance(each, Noticed)]
    assert str(aside) in said


async def test_ids_that_do_repeat_are_reported_where_the_account_is_so(tmp_path: Path) -> None:
    """``record_id_is_unique: false``: published, counted in the manifest, and noted."""
    connection = {"dialect": {"record_id_is_unique": False}}
    played = await play(tmp_path, world(faults={"page": "ok swap"}), limits=SMALL, connection=connection)
    assert 0 == played.exit_code
    (path,) = played.config.output.path.glob("*/run=*/manifest.json")
    manifest = json.loads(path.read_text("utf-8"))
    assert (1, 1) == (manifest["totals"]["repeated_ids"], manifest["jobs"][0]["repeated_ids"])
    assert "1 record has an id that came before" in played.only().note


async def test_the_member_that_is_the_id_is_dialect_data(tmp_path: Path) -> None:
    """Where no record has it, nothing is counted."""
    connection = {"dialect": {"record_id": "NoSuchMember"}}
    played = await play(tmp_path, world(faults={"page": "swap"}), limits=SMALL, connection=connection)
    assert (0, ["segment 'A'"]) == (played.exit_code, played.published)
