"""What the tests that play whole runs against the simulator's service have in common.

The service knows the truth; nothing here believes the extractor's own counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extractor.config import Config
from extractor.observe.news import DatasetPublished, JobEnded, News, RunClosed
from extractor.protocol.vocabulary import Outcome
from extractor.simulator import Entry, Service
from extractor.store.compression import codec

NOW = 1_795_399_200.0  # 2026-11-23T02:00:00Z


@dataclass
class Rehearsal:
    """What a run left behind, here and at the server."""

    folder: Path
    config: Config
    service: Service
    closed: RunClosed
    news: list[News] = field(repr=False)

    @property
    def history(self) -> tuple[Entry, ...]:
        """Every request that the server saw."""
        return self.service.history

    def outcome(self, label: str) -> Outcome:
        """How a job ended."""
        return next(each.outcome for each in self.news if isinstance(each, JobEnded) and each.label == label)

    def lines(self, dataset: str) -> list[bytes]:
        """The published lines of the one run of ``segment=NAME`` or ``group=NAME`` (encoded), in order."""
        runs = sorted((self.config.output.path / dataset).glob("run=*"))
        reader = codec(self.config.output.compression)
        found: list[bytes] = []
        for run in runs:
            for shard in sorted(run.glob("part-*")):
                with reader.reader(shard) as stream:
                    found += stream.read().splitlines()
        return found

    @property
    def published(self) -> list[str]:
        """The datasets that are published, as the news named them."""
        return sorted(each.dataset for each in self.news if isinstance(each, DatasetPublished))


def config_of(folder: Path, jobs: list[dict[str, Any]], **sections: Any) -> Config:
    """A configuration for the simulator, with quick polling; ``sections`` are merged over it."""
    base: dict[str, Any] = {
        "connection": {
            "base_url": "http://127.0.0.1:8080/Profiles/v4",
            "client_id": "DEMO",
            "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
        },
        "limits": {"requests_per_second": 1000.0, "poll_first": 0.05, "poll_max": 5.0},
        "jobs": jobs,
        "output": {"path": str(folder / "exports"), "compression": "none"},
        "state": str(folder / "state"),
    }
    for name, section in sections.items():
        base[name] = {**base[name], **section} if isinstance(section, dict) else section
    return Config.model_validate(base)
