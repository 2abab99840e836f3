"""The arithmetic of the growth benchmark, and its records."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.growth import SmallPages, fitted, grown
from benchmarks.measure import Usage


@given(base=st.integers(0, 10**9), k=st.integers(0, 20), places=st.sets(st.integers(1, 10**8), min_size=2, max_size=9))
def test_a_line_is_found_again(base: int, k: int, places: set[int]) -> None:
    """Whatever lies on one."""
    found = fitted([(float(place), float(base + k * place)) for place in places])
    assert abs(found[1] - k) < 1e-3 * (1 + base)
    assert all(abs(found[0] + found[1] * place - base - k * place) <= 1e-6 * (1 + base + k * place) for place in places)


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
