from __future__ import annotations

from extractor.cli.console import table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Numbers to the right, no blanks at the end of a line."""
    rows = [("a", "1"), ("long name", "1,000")]

    assert table(("NAME", "N"), rows, right=frozenset({1})) == [
        "NAME           N",
        "a              1",
        "long name  1,000",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    """Nothing to align."""
    assert table(("NAME", "N"), []) == ["NAME  N"]
