"""What a trial of random access proves, and who makes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.protocol.access import SERIAL, UNKNOWN, RandomAccess, between, same


@given(count=st.integers(2, 40), second=st.integers(1, 40))
def test_an_honest_page_across_two_others_is_theirs(count: int, second: int) -> None:
    """Also where the second came shorter; anything else in it, or in another order, is not."""
    records = [b"%d" % index for index in range(1, 100)]
    first, after = records[:count], records[count : count + second]
    place = between(count)
    middle = records[place.offset - 1 : place.offset - 1 + place.limit]
    assert same(first, after, middle)
    assert not same(first, after, [*middle[:-1], b"x"][::-1])
    assert not same(first, after, [b"x", *middle[1:]])
    assert not same(first, after, middle[: count - count // 2])  # nothing of the second page is in it


def test_one_export_tries_and_the_others_read_on() -> None:
    """Until it is known; then all of the kind may."""
    told: list[str] = []
    access = RandomAccess("probe", window=8, notice=told.append)
    assert (1, True, False) == (
        access.window("segment"),
        access.begin_trial("segment", count=10, total=100),
        access.begin_trial("segment", count=10, total=100),
    )
    access.agreed("segment")
    assert (8, 1, []) == (access.window("segment"), access.window("group"), told)


def test_a_no_and_three_times_nothing_are_two_sentences() -> None:
    """Either way pages are read one by one."""
    told: list[str] = []
    access = RandomAccess("probe", window=8, notice=told.append)
    for _ in range(3):
        assert access.begin_trial("group", count=10, total=100)
        access.no_answer("group")
    assert access.begin_trial("segment", count=10, total=100)
    access.differed("segment")
    assert [UNKNOWN, SERIAL] == told
    assert not access.begin_trial("group", count=10, total=100)
    assert {1} == {access.window("group"), access.window("segment")}


@pytest.mark.parametrize(("said", "window", "granted"), [("yes", 8, 8), ("no", 8, 1), ("yes", 1, 1)])
def test_the_configuration_spares_the_trial(said: str, window: int, granted: int) -> None:
    """And with one page at a time there is nothing to try."""
    access = RandomAccess(said, window=window, notice=lambda _: None)
    assert (granted, False) == (access.window("segment"), access.begin_trial("segment", count=10, total=100))
