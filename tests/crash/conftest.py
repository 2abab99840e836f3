from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one; its files are made by tempfile


# What they assert is told as of a test: the planted bugs are judged by it.
for module in ("campaign", "failing", "failpoints", "night", "yard"):
    pytest.register_assert_rewrite(f"tests.crash.{module}")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory: what survives is modelled or proved by killing, and fsync would take most of the time."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="crash-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _without_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of short runs: asyncio's debug mode, which the other tests have, would take most of the time."""
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is run thousands of times is not traced: others pass the same lines, and it would take twice as long."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.no_cover)
