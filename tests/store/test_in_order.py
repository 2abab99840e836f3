"""Pages come out in the order of their records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.store.in_order import InOrder


@given(st.lists(st.integers(1, 5), max_size=8), st.integers(1, 1000), st.randoms(use_true_random=False))
def test_pages_come_out_in_order_whatever_order_they_came_in(counts: list[int], first: int, random: object) -> None:
    """Each once, as soon as everything before it is there."""
    offsets = [first + sum(counts[:index]) for index in range(len(counts))]
    pages = list(zip(offsets, counts, strict=True))
    shuffled = list(pages)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random of its own
    order: InOrder[int] = InOrder(first)
    out: list[int] = []
    for index, (offset, count) in enumerate(shuffled, 1):
        out += order.put(offset, count, offset)
        come = {each for each, _ in shuffled[:index]}
        assert out == offsets[: next((at for at, each in enumerate(offsets) if each not in come), len(offsets))]
    assert out == offsets
    assert order.held == 0


def test_an_empty_page_passes_in_its_turn() -> None:
    """An export of nothing is one page of nothing."""
    order: InOrder[str] = InOrder()
    assert order.put(1, 0, "empty") == ["empty"]
    assert order.put(1, 2, "full") == ["full"]


@pytest.mark.parametrize("offset", [1, 2, 6])
def test_a_page_that_comes_twice_is_refused(offset: int) -> None:
    """Given out or still held: its records would be published twice."""
    order: InOrder[str] = InOrder()
    order.put(1, 2, "first")
    order.put(6, 1, "early")
    with pytest.raises(IntegrityError, match=f"offset {offset} arrived a second time"):
        order.put(offset, 1, "again")
    assert order.put(3, 3, "between") == ["between", "early"]
