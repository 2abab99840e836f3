"""``docs/contract.md`` names the test of every fact; every test is named there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
_NAMED = re.compile(r"`tests/contract/(test_\w+\.py)::(test_\w+)`")


def written() -> set[tuple[str, str]]:
    """The tests of this folder, as their files define them."""
    return {
        (file.name, node.name)
        for file in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def named() -> set[tuple[str, str]]:
    """The tests that the document names."""
    document = HERE.parent.parent / "docs" / "contract.md"
    return {(found[1], found[2]) for found in _NAMED.finditer(document.read_text(encoding="utf-8"))}


def test_every_named_test_exists() -> None:
    """The document promises nothing that is not tested."""
    assert set() == named() - written()


def test_every_test_is_named() -> None:
    """No promise is kept secret."""
    assert set() == written() - named()
