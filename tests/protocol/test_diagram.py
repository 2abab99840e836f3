"""The documentation's picture of the lifecycle is the table."""

from pathlib import Path

from extractor.protocol.diagram import page
from extractor.protocol.lifecycle import TABLE

ROOT = Path(__file__).parents[2]


def test_the_documented_lifecycle_is_the_table() -> None:
    """After a change of the table: ``python -m extractor.protocol.diagram > docs/lifecycle.md``."""
    assert page() == (ROOT / "docs" / "lifecycle.md").read_text("utf-8")


def test_every_row_is_listed() -> None:
    """Nothing that can happen is left out."""
    text = page()
    for (phase, symbol), rule in TABLE.items():
        assert f"| {phase} | {symbol} | {', '.join(sorted(rule.to))} | {rule.why} |" in text
