from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def tmp_path(memory: Path) -> Path:
    """A folder in memory: these tests prove what is said and published."""
    return memory
