"""The arithmetic of the growth benchmark, and its records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.growth import Formula, SmallPages, fitted, grown
from benchmarks.measure import Usage


@given(base=st.integers(0, 200), k=st.integers(0, 20), c=st.integers(0, 60), many=st.integers(2, 64))
def test_a_formula_is_found_again(base: int, k: int, c: int, many: int) -> None:
    """From what it foretells of two numbers of pages and two sizes; ``base`` in MB."""
    formula = Formula(base=base * 1e6, k=k, c=c)
    settings = [(pages, size) for pages in (1, many) for size in (1e5, 2e6)]
    found = fitted([(pages, size, formula.foretell(pages, size)) for pages, size in settings])
    assert found.foretell(4, 4e5) == pytest.approx(formula.foretell(4, 4e5), rel=1e-6, abs=1.0)
    assert [found.k, found.c] == pytest.approx([k, c], rel=1e-4, abs=1e-4)


def test_one_more_costs_the_difference_to_the_size_before() -> None:
    """In time and memory; the first size has nothing to be compared with."""
    usages = [Usage(seconds=1.0, cpu=1.0, peak=50_000_000), Usage(seconds=3.0, cpu=2.8, peak=51_800_000)]
    assert grown("jobs", 1e3, "ms", [10, 100], usages) == [
        ["jobs", "10", "1.0", "1.0", "-", "50", "-"],
        ["jobs", "100", "3.0", "2.8", "20.00 ms", "52", "20,000.0 bytes"],
    ]


def test_small_records_are_small_and_no_two_have_one_id() -> None:
    """Of about 400 bytes; a page says of itself what it holds."""
    pages = SmallPages()
    first, last = (json.loads(pages.page(offset, 1000, 1500)) for offset in (1, 1001))
    assert [(1000, True), (500, False)] == [(page["Count"], page["HasMore"]) for page in (first, last)]
    records = [record for page in (first, last) for record in page["UserProfilePreferences"]]
    assert len({record["ProfileId"] for record in records}) == len(records) == 1500
    assert 380 < len(pages.page(1, 1000, 1500)) / 1000 < 440
