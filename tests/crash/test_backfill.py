"""A backfill that dies twice and is taken up ends in the windows, and the bytes, of an undisturbed one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractor.cli.child import simulator_process
from extractor.cli.serving import Rehearsal, settings_of
from extractor.store.failpoints import Failpoint
from tests.crash.launcher import KILLED, Launcher
from tests.crash.saboteur import Sabotage
from tests.crash.windows import Contents, published, truth

PERIOD = ["--from", "2025-10-01", "--to", "2026-01-01", "--window", "1mo"]
START, END = datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = 500

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Contents, Launcher]]:
    """A server with people whose changes are spread over thirteen months; what is to come of it; and a launcher."""
    log = tmp_path_factory.mktemp("simulator") / "log"
    rehearsal = Rehearsal(
        host="", port=0, seed=7, segments={}, profiles=PEOPLE, latency=0, processing=0, faults=(), chaos=0,
        rate_limit=None, until_eof=True, burst=3, timeless=0.03,
    )  # fmt: skip
    expected = truth(settings_of(rehearsal), "All Profiles", START, END, "%Y-%m")
    words = ["--processing", "0", "--profiles", str(PEOPLE), "--burst", "3", "--timeless", "0.03"]
    with simulator_process(words, errors=log) as base_url, Launcher() as launcher:
        yield base_url, expected, launcher


class Place:
    """One backfill's folder; ``run`` begins it or takes it up."""

    def __init__(self, folder: Path, base_url: str, launcher: Launcher, *words: str) -> None:
        self.folder, self._launcher = folder, launcher
        folder.mkdir()
        config = folder / "c.yaml"
        config.write_text(
            f"connection: {{base_url: '{base_url}', client_id: DEMO, "
            "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
            "limits: {requests_per_second: 2000, page_size: 50, exports: 2, poll_first: 1ms}\n"
            f"jobs: [{{segment: All Profiles, since: watermark}}]\noutput: {{path: '{folder / 'out'}'}}\n"
            f"state: '{folder / 'state'}'\n",
            encoding="utf-8",
        )
        self._begin = ["backfill", str(config), *PERIOD, "--quiet", *words]
        self._resume = ["resume", "--state", str(folder / "state"), "--quiet"]

    def run(self, sabotage: Sabotage | None = None, *, again: bool = False) -> int:
        """Do it; give the exit code or minus the signal."""
        return self._launcher.run(self._resume if again else self._begin, self.folder / "said", sabotage)

    def shards(self) -> dict[str, str]:
        """Every published data file by its window, as its checksum."""
        return {
            f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.folder / "out").glob("*/backfill=*/window=*/part-*"))
        }


def test_both_strategies_fill_the_same_windows_with_what_the_server_has(
    world: tuple[str, Contents, Launcher], tmp_path: Path
) -> None:
    """Every record in exactly one window or counted as outside, however often processes die on the way."""
    base_url, expected, launcher = world
    quiet = Place(tmp_path / "quiet", base_url, launcher)
    assert 0 == quiet.run(), (quiet.folder / "said").read_text("utf-8")
    assert expected == published(quiet.folder / "out")
    assert {"2025-10", "2025-11", "2025-12", "__unknown__"} == set(expected.windows)
    assert 0 < expected.outside

    places = [
        (Place(tmp_path / "route", base_url, launcher), Sabotage(before=30), Sabotage(failpoint=Failpoint.SHARDS_MADE)),
        (
            Place(tmp_path / "fan-out", base_url, launcher, "--strategy", "fan-out", "--yes"),
            Sabotage(before=70),
            Sabotage(before=30),
        ),
    ]
    for place, first, second in places:
        assert KILLED == place.run(first)
        assert KILLED == place.run(second, again=True)
        assert 0 == place.run(again=True), (place.folder / "said").read_text("utf-8")
        assert expected == published(place.folder / "out")
        assert quiet.shards() == place.shards()
    assert not list(tmp_path.glob("*/out/*/latest.json")), "nightly readers would be led astray"
