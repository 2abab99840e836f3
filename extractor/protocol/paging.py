"""Tiling ``[1..TotalResults]`` with pages: no gap, no overlap, no trust.

Decides which tiles to ask for next and whether an answer fits; several may be outstanding (``window``), which is 1
until random access is known to work (``opened``). Does not fetch or store. Called by ``lifecycle``. Contract, section
3.4.

What follows a page starts at ``Offset + Count`` of the answer, never at ``offset + limit``: the server may clamp the
limit, and its older documents count the limit wrongly. A page that came short leaves a rest, which is asked for first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from extractor.errors import IntegrityError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A closed range of 1-based record indexes; ``last`` is None while nobody knows how many there are."""

    first: int
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How far an export has been read. ``total`` is None until the first answer.

    ``frontier`` is the first index that was never asked for; ``rests`` were asked for and not given; ``stride`` is how
    many records the server grants in a page. Everything up to ``stored_to`` is durable. ``stuck`` are outstanding pages
    that keep failing: nothing new is asked for beside them.
    """

    limit: int
    window: int = 1
    total: int | None = None
    stride: int = 0
    frontier: int = 1
    asked: tuple[Tile, ...] = ()
    rests: tuple[Tile, ...] = ()
    stored_to: int = 0
    stuck: frozenset[int] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether everything that the server generated is durable."""
        return self.total is not None and self.stored_to == self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What an answer says of itself; ``count`` has been compared with the records in it by who read it."""

    offset: int
    count: int
    total: int
    has_more: bool


def ask(paging: Paging) -> tuple[Paging, list[tuple[int, int]]]:
    """Fill the window: give (offset, limit) of each page to ask for now, lowest first.

    A rest before everything that is outstanding does not wait for a place: all of that waits for it.
    """
    requests: list[tuple[int, int]] = []
    while (len(paging.asked) < paging.window and not paging.stuck) or _holds_up(paging):
        tile = _next_tile(paging)
        if tile is None:
            break
        paging = replace(_without(paging, tile), asked=(*paging.asked, tile))
        whole = tile.last is None or (paging.window == 1 and tile.last == paging.total)
        requests.append((tile.first, paging.limit if whole else min(paging.limit, _size(tile))))
    return paging, requests


def opened(paging: Paging, window: int) -> Paging:
    """Let ``window`` pages be outstanding from now on.

    What is asked for already keeps its range: only where it ends is known where the next page begins, so that pages
    end at the same places whenever the window was opened.
    """
    return replace(paging, window=window)


def accept(paging: Paging, *, asked: int, page: PageFacts) -> Paging:
    """Take in the answer to the request at ``asked``, or raise IntegrityError where it contradicts what is known."""
    tile = next((each for each in paging.asked if each.first == asked), None)
    if tile is None:
        raise IntegrityError(f"a page arrived for offset {asked}, which was not asked for")
    if page.count > paging.limit:
        raise IntegrityError(
            f"page at offset {asked}: {page.count} records came, at most {paging.limit} were asked for"
        )
    last = _last_index(paging, asked=asked, page=page)
    end = page.total if tile.last is None else tile.last
    if last > end:
        raise IntegrityError(f"page at offset {asked}: {page.count} records overlap the next page")
    rests = paging.rests if last == end else (Tile(first=last + 1, last=end), *paging.rests)
    frontier = paging.frontier
    if tile.last is None:  # the first answer: now the rest of the range can be cut
        rests, frontier = (), last + 1
    return replace(
        paging,
        total=page.total,
        stride=_stride(paging, tile, page.count),
        asked=tuple(each for each in paging.asked if each != tile),
        rests=tuple(sorted(rests, key=lambda rest: rest.first)),
        frontier=frontier,
        stuck=paging.stuck - {asked},
    )


def store(paging: Paging, *, page: PageFacts, lines: int) -> Paging:
    """Note that a page is durable. Pages become durable in index order; anything else raises IntegrityError."""
    expected = paging.stored_to + 1
    last = _last_index(paging, asked=expected, page=page)
    if lines != page.count:
        raise IntegrityError(
            f"page at offset {expected}: the server counts {page.count} records, {lines} lines were written"
        )
    return replace(
        paging,
        total=page.total,
        stride=paging.stride or page.count,
        stored_to=last,
        frontier=max(paging.frontier, last + 1),
    )


def failing(paging: Paging, *, asked: int) -> Paging:
    """Note that the page at ``asked`` keeps failing."""
    return replace(paging, stuck=paging.stuck | {asked})


def again(paging: Paging, *, asked: int, count: int) -> Paging:
    """Take back the acceptance of a page of ``count`` records at ``asked``: it is outstanding once more.

    Ask for exactly ``count``: what follows it has perhaps been asked for already.
    """
    return replace(paging, asked=(*paging.asked, Tile(first=asked, last=asked + count - 1)))


def resumed(paging: Paging, *, limit: int, window: int) -> Paging:
    """Forget what was asked for and never came; go on behind what is durable."""
    return replace(
        paging, limit=limit, window=window, asked=(), rests=(), frontier=paging.stored_to + 1, stuck=frozenset()
    )


def _next_tile(paging: Paging) -> Tile | None:
    """Give what to ask for next: a rest before anything new; where several may be outstanding, one page of it."""
    if paging.rests:
        tile = paging.rests[0]
    elif paging.total is None:
        return None if paging.asked else Tile(first=paging.frontier, last=None)
    elif paging.frontier > paging.total:
        return None
    else:
        tile = Tile(first=paging.frontier, last=paging.total)
    if paging.window == 1 or tile.last is None:
        return tile
    return replace(tile, last=min(tile.last, tile.first + max(1, paging.stride) - 1))


def _holds_up(paging: Paging) -> bool:
    """Whether the first rest comes before all that is outstanding, so that nothing can be stored without it."""
    return bool(paging.rests) and all(paging.rests[0].first < tile.first for tile in paging.asked)


def _size(tile: Tile) -> int:
    return 1 if tile.last is None else tile.last - tile.first + 1


def _without(paging: Paging, tile: Tile) -> Paging:
    """Take ``tile`` off what nobody has asked for yet: off the first rest if there is one, else off the frontier."""
    if not paging.rests:
        return replace(paging, frontier=max(paging.frontier, (tile.last or tile.first) + 1))
    first, *others = paging.rests
    left = () if tile.last == first.last else (replace(first, first=(tile.last or tile.first) + 1),)
    return replace(paging, rests=(*left, *others))


def _stride(paging: Paging, tile: Tile, count: int) -> int:
    """How many records to ask for at once, where several pages may be: as many as the server grants.

    A page that comes short makes the next ones smaller, but not by more than half: it may be an exception.
    """
    if paging.stride == 0:
        return count
    short = paging.window > 1 and tile.last is not None and count < min(paging.stride, _size(tile))
    return max(count, paging.stride // 2) if short else paging.stride


def _last_index(paging: Paging, *, asked: int, page: PageFacts) -> int:
    """Return the last index of a page that was asked for at ``asked``; raise IntegrityError naming a contradiction."""
    where = f"page at offset {asked}"
    last = page.offset + page.count - 1
    if page.total < 0 or page.count < 0:
        raise IntegrityError(f"{where}: negative Count ({page.count}) or TotalResults ({page.total})")
    if paging.total is not None and page.total != paging.total:
        raise IntegrityError(f"{where}: TotalResults changed from {paging.total} to {page.total} within one export")
    if page.total == 0 and page.count == 0:
        if page.has_more:
            raise IntegrityError(f"{where}: HasMore is true although TotalResults is 0")
        return 0
    if page.offset != asked:
        raise IntegrityError(f"{where}: the answer starts at Offset {page.offset}")
    if last > page.total:
        raise IntegrityError(f"{where}: Count {page.count} runs past TotalResults {page.total}")
    if page.count == 0:
        raise IntegrityError(f"{where}: no records although TotalResults is {page.total}")
    if page.has_more != (last < page.total):
        raise IntegrityError(f"{where}: HasMore is {page.has_more} after {last} of TotalResults {page.total}")
    return last
