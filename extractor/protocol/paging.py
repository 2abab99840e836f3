"""Tiling ``[1..TotalResults]`` with pages: no gap, no overlap, no trust.

Decides which tiles to ask for next and whether an answer fits; several may be outstanding (``window``), which is 1
until random access is known to work. Does not fetch or store. Called by ``lifecycle``. Contract, section 3.4.

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
    many records the server granted in its first page. Everything up to ``stored_to`` is durable.
    """

    limit: int
    window: int = 1
    total: int | None = None
    stride: int = 0
    frontier: int = 1
    asked: tuple[Tile, ...] = ()
    rests: tuple[Tile, ...] = ()
    stored_to: int = 0

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
    """Fill the window: give (offset, limit) of each page to ask for now, lowest first."""
    requests: list[tuple[int, int]] = []
    while len(paging.asked) < paging.window:
        tile = _next_tile(paging)
        if tile is None:
            break
        paging = replace(
            paging,
            asked=(*paging.asked, tile),
            rests=tuple(rest for rest in paging.rests if rest != tile),
            frontier=max(paging.frontier, tile.first + 1 if tile.last is None else tile.last + 1),
        )
        size = paging.limit if tile.last is None else tile.last - tile.first + 1
        requests.append((tile.first, min(paging.limit, size) if paging.window > 1 else paging.limit))
    return paging, requests


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
        stride=paging.stride or page.count,
        asked=tuple(each for each in paging.asked if each != tile),
        rests=tuple(sorted(rests, key=lambda rest: rest.first)),
        frontier=frontier,
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


def resumed(paging: Paging, *, limit: int, window: int) -> Paging:
    """Forget what was asked for and never came; go on behind what is durable."""
    return replace(paging, limit=limit, window=window, asked=(), rests=(), frontier=paging.stored_to + 1)


def _next_tile(paging: Paging) -> Tile | None:
    if paging.rests:
        return paging.rests[0]
    if paging.total is None:
        return None if paging.asked else Tile(first=paging.frontier, last=None)
    if paging.frontier > paging.total:
        return None
    last = paging.total
    if paging.window > 1:
        last = min(last, paging.frontier + max(1, paging.stride) - 1)
    return Tile(first=paging.frontier, last=last)


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
