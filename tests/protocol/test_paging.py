"""Pages tile ``[1..TotalResults]``, or the export fails."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.protocol.paging import PageFacts, Paging, accept, again, ask, opened, store


def facts(offset: int, count: int, total: int, *, has_more: bool | None = None) -> PageFacts:
    """An honest page, unless ``has_more`` says otherwise."""
    more = offset + count - 1 < total if has_more is None else has_more
    return PageFacts(offset=offset, count=count, total=total, has_more=more)


@given(
    total=st.integers(0, 300),
    limit=st.integers(1, 50),
    granted=st.integers(1, 60),
    windows=st.tuples(st.integers(1, 6), st.integers(0, 12)),
    data=st.data(),
)
def test_any_server_that_is_honest_is_read_to_the_last_record(
    total: int, limit: int, granted: int, windows: tuple[int, int], data: st.DataObject
) -> None:
    """Whatever it clamps and in whatever order answers arrive: every index once, in order, and then complete.

    Also when the window opens in the middle, and when a page that was taken in must be asked for again.
    """
    window, opened_after = windows
    paging = Paging(limit=limit, window=1 if opened_after else window)
    outstanding: list[tuple[int, int]] = []
    arrived: dict[int, PageFacts] = {}
    stored: list[int] = []
    spoiled = 3
    while True:
        paging, requests = ask(paging)
        outstanding += requests
        assert len(outstanding) <= window + 1
        if not outstanding:
            break
        asked, size = outstanding.pop(data.draw(st.integers(0, len(outstanding) - 1)))
        assert 1 <= size <= limit
        opened_after -= 1
        if opened_after == 0:
            paging, requests = ask(opened(paging, window))
            outstanding += requests
        most = min(size, granted, max(0, total - asked + 1))
        count = data.draw(st.integers(min(1, most), most))
        page = facts(asked, count, total)
        paging = accept(paging, asked=asked, page=page)
        if count and spoiled and data.draw(st.booleans()):
            spoiled -= 1
            paging = again(paging, asked=asked, count=count)
            outstanding.append((asked, count))
            continue
        arrived[asked] = page
        while (paging.stored_to + 1) in arrived:
            page = arrived.pop(paging.stored_to + 1)
            stored += range(page.offset, page.offset + page.count)
            paging = store(paging, page=page, lines=page.count)
            if page.count == 0:
                break
    assert list(range(1, total + 1)) == stored
    assert paging.complete


@given(total=st.integers(1, 200), limit=st.integers(1, 50), cut=st.integers(0, 10))
def test_a_replay_of_stored_pages_goes_on_where_they_end(total: int, limit: int, cut: int) -> None:
    """Resume folds stored pages only; the next request starts behind them."""
    paging = Paging(limit=limit)
    last = 0
    for start in list(range(1, total + 1, limit))[:cut]:
        count = min(limit, total - start + 1)
        paging = store(paging, page=facts(start, count, total), lines=count)
        last = start + count - 1
    _, requests = ask(paging)
    assert ([] if last == total else [(last + 1, limit)]) == requests


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (facts(2, 10, 100), "starts at Offset 2"),
        (facts(1, 0, 100), "no records although TotalResults is 100"),
        (facts(1, 10, 5), "runs past TotalResults 5"),
        (facts(1, 10, 100, has_more=False), "HasMore is False after 10 of TotalResults 100"),
        (facts(1, 10, 10, has_more=True), "HasMore is True after 10 of TotalResults 10"),
        (facts(1, 0, 0, has_more=True), "HasMore is true although TotalResults is 0"),
        (facts(1, 11, 100), "11 records came, at most 10 were asked for"),
        (facts(1, -1, 10), "negative"),
        (facts(1, 1, -10), "negative"),
    ],
)
def test_a_page_that_contradicts_itself_is_refused(page: PageFacts, said: str) -> None:
    """Each lie has its sentence."""
    paging, _ = ask(Paging(limit=10))
    with pytest.raises(IntegrityError, match=said):
        accept(paging, asked=1, page=page)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (facts(11, 10, 101), "TotalResults changed from 100 to 101"),
        (facts(6, 10, 100), "starts at Offset 6"),
        (facts(12, 10, 100), "starts at Offset 12"),
    ],
)
def test_a_page_that_contradicts_an_earlier_one_is_refused(page: PageFacts, said: str) -> None:
    """An overlap doubles, a shift loses, a changed total does either."""
    paging, _ = ask(Paging(limit=10))
    paging, _ = ask(accept(paging, asked=1, page=facts(1, 10, 100)))
    with pytest.raises(IntegrityError, match=said):
        accept(paging, asked=11, page=page)


def test_a_page_that_nobody_asked_for_is_refused() -> None:
    """Also when it would fit."""
    with pytest.raises(IntegrityError, match="not asked for"):
        accept(Paging(limit=10), asked=1, page=facts(1, 10, 10))


def test_a_page_that_overlaps_an_outstanding_one_is_refused() -> None:
    """With several outstanding, more than was asked for would double the next tile."""
    paging, _ = ask(Paging(limit=10, window=3))
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 10, 100)))
    assert [(11, 10), (21, 10), (31, 10)] == requests
    paging = replace(paging, limit=20)
    with pytest.raises(IntegrityError, match="overlap the next page"):
        accept(paging, asked=11, page=facts(11, 12, 100))


def test_fewer_lines_than_records_are_refused() -> None:
    """The fourth way of counting: what was written."""
    with pytest.raises(IntegrityError, match="counts 10 records, 9 lines"):
        store(Paging(limit=10), page=facts(1, 10, 10), lines=9)


def test_the_next_offset_is_offset_plus_count_never_offset_plus_limit() -> None:
    """A server that clamps the limit to 3 of 10 is read in threes."""
    paging, requests = ask(Paging(limit=10))
    assert [(1, 10)] == requests
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 3, 7)))
    assert [(4, 10)] == requests
    paging, requests = ask(accept(paging, asked=4, page=facts(4, 3, 7)))
    assert [(7, 10)] == requests


def test_a_window_that_opens_waits_for_the_end_of_what_is_under_way() -> None:
    """So pages end where they would have ended without it."""
    paging, _ = ask(Paging(limit=10))
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 4, 100)))
    assert [(5, 10)] == requests
    paging, requests = ask(opened(paging, 4))
    assert [] == requests
    paging, requests = ask(accept(paging, asked=5, page=facts(5, 4, 100)))
    assert [(9, 4), (13, 4), (17, 4), (21, 4)] == requests


def test_a_server_that_grants_less_is_asked_for_less() -> None:
    """Half at a time: one short page may be an exception."""
    paging, _ = ask(Paging(limit=16, window=2))
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 16, 1000)))
    assert [(17, 16), (33, 16)] == requests
    paging, requests = ask(accept(paging, asked=17, page=facts(17, 1, 1000)))
    assert [(18, 8)] == requests
    paging, requests = ask(accept(paging, asked=18, page=facts(18, 8, 1000)))
    assert [(26, 7)] == requests
    paging, requests = ask(accept(paging, asked=26, page=facts(26, 7, 1000)))
    assert [(49, 8)] == requests


def test_a_rest_that_all_the_others_wait_for_needs_no_place() -> None:
    """A page that must be asked for again comes shorter than it was said to be, while the next one waits."""
    paging, _ = ask(Paging(limit=25))
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 21, 124)))
    assert [(22, 25)] == requests
    paging = again(paging, asked=1, count=21)
    paging, requests = ask(accept(paging, asked=1, page=facts(1, 20, 124)))
    assert [(21, 1)] == requests
