from __future__ import annotations

from pathlib import Path

import pytest

from extractor import lists
from extractor.config import load

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ENVIRON = {
    "EXTRACTOR_SECRET": "s",
    "EXTRACTOR_CLIENT_SECRET": "s",
    "EXTRACTOR_PROXY": "http://proxy.example:3128",
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_loads(path: Path) -> None:
    """With the variables that its comments name."""
    assert load(path, environ=ENVIRON).jobs


def test_the_demo_needs_no_secret() -> None:
    """It runs against the simulator as it stands."""
    assert load(CONFIGS / "demo.yaml", environ={}).connection.client_id == "DEMO"


def test_the_match_lists_show_every_criterion() -> None:
    """And values as they are written."""
    matches = [job.match for job in load(CONFIGS / "match-lists.yaml", environ=ENVIRON).jobs]
    assert {
        "ProfileId": ("1001", "1002", "1003"),
        "AlternateId": ("A-1", "00042", "1.50"),
        "PhoneNumber": ("5550100", "+15550101"),
        "EmailAddress": ("ada@example.test", "grace@example.test"),
    } == {match.criteria: match.values for match in matches if match and match.is_inline}


def test_the_example_list_gives_what_its_comments_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists beside the configuration can be read."""
    monkeypatch.chdir(CONFIGS)
    config = load(CONFIGS / "match-lists.yaml", environ=ENVIRON)
    places = [place for place, job in enumerate(config.jobs) if job.match and not job.match.is_inline]
    found = lists.read_all(config, places, key=b"", state=None)
    assert [3, 3] == [each.count for each in found.values()]
