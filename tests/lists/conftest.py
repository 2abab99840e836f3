"""How tests reach the lists: a file in a folder, a configuration that names it, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor import lists
from extractor.errors import ConfigError
from extractor.lists.shelf import LISTS, REJECTS
from extractor.plan.planner import MatchList
from tests.rehearsal import config_of

KEY = b"k" * 32


@pytest.fixture(autouse=True)
def folder(memory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; in memory."""
    monkeypatch.chdir(memory)
    return memory


class Lists:
    """One list after the other, in a state folder."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.notices: list[str] = []

    def read(
        self,
        content: str | bytes,
        name: str = "p.csv",
        *,
        criteria: str = "EmailAddress",
        batch: int = 1000,
        keep: bool = True,
        type: str | None = None,  # noqa: A002 - the key's name
        **keys: Any,
    ) -> MatchList:
        """Write ``content`` to a file and read it as a list."""
        if name != "-":
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.read_as_is(name, criteria=criteria, batch=batch, keep=keep, type=type, **keys)

    def read_as_is(
        self,
        *names: str,
        criteria: str = "EmailAddress",
        batch: int = 1000,
        keep: bool = True,
        type: str | None = None,  # noqa: A002 - as above
        **keys: Any,
    ) -> MatchList:
        """Read the files of these names, each for a job of its own; give the list of the first."""
        match = {"criteria": criteria, "type": type, "batch": batch}
        jobs = [{"segment": name, "match": {**match, "values": {"file": name, **keys}}} for name in names]
        config, state = config_of(Path(), jobs), self.state if keep else None
        return lists.read_all(config, range(len(jobs)), key=KEY, state=state, notice=self.notices.append)[0]

    def values(self, found: MatchList) -> list[tuple[str, ...]]:
        """The values of a list, batch by batch."""
        return [lists.values_of(self.state, part) for part, _, _ in found.batches]

    def all_values(self, content: str | bytes, name: str = "p.csv", **keys: Any) -> list[str]:
        """The values that come of a file."""
        return [value for batch in self.values(self.read(content, name, **keys)) for value in batch]

    def refused(self, content: str | bytes, name: str = "p.csv", **keys: Any) -> list[str]:
        """The problems for which a file is refused; nothing may be left behind."""
        with pytest.raises(ConfigError) as caught:
            self.read(content, name, **keys)
        left = [path for path in self.state.rglob("*") if path.is_file()]
        assert [] == left
        return caught.value.problems

    def rejects(self, found: MatchList) -> list[Mapping[str, Any]]:
        """The bad rows."""
        path = self.state / LISTS / found.list_id / REJECTS
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def shelf(folder: Path) -> Lists:
    """Lists of an empty state folder."""
    return Lists(folder)
