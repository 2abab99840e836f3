"""Page slots: how many pages may be in memory at once, and whose page comes next.

A page holds a slot from the moment at which it is asked for until it is durable, so slots bound memory whatever arrives
first. Decides who gets a free one; how many there are is ``gates``' matter. One ``PageSlots`` for a run, one ``Claim``
for each export that is read. Called by ``drive``.

Decided, so that no two exports can wait for each other: an export is given a slot for a later page only while the page
that its writing waits for has one; a page that must be asked for again keeps its slot; and the pages that writing waits
for go before all others, up to ``most`` slots where they hold up later ones. Hence whoever holds a slot comes to its
end, or waits for one that will. Considered a plain semaphore, with which the later pages of two exports can hold every
slot while both wait for an earlier page.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import anyio


class PageSlots:
    """``limit()`` slots, never more than ``most``. One is left for each other export that is being read."""

    def __init__(self, limit: Callable[[], int], *, most: int) -> None:
        """``limit`` may give another number each time; when it has grown, call ``look_again``."""
        self._limit = limit
        self._most = most
        self._claims: set[Claim] = set()
        self._arrivals = count()
        self.in_use = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for a slot."""
        return any(claim.waits for claim in self._claims)

    def claim(self, *, stored_to: int = 0, urgent: Callable[[], bool] = lambda: False) -> Claim:
        """Open an export's account. ``urgent``: its pages go before those of others; close it with ``give_all``."""
        claim = Claim(self, urgent, stored_to=stored_to)
        self._claims.add(claim)
        return claim

    def closed(self, claim: Claim) -> None:
        """Forget an account that holds nothing any more."""
        self._claims.discard(claim)
        self.look_again()

    def arrival(self) -> int:
        """A number that grows."""
        return next(self._arrivals)

    def look_again(self) -> None:
        """Give out what is free."""
        while self.in_use < self._most:
            best = min((claim for claim in self._claims if self._may(claim)), key=Claim.rank, default=None)
            if best is None:
                return
            self.in_use += 1
            best.grant()

    def _may(self, claim: Claim) -> bool:
        """Whether a waiting export may have one more now."""
        limit = self._limit()
        if not claim.waits:
            return False
        if claim.at_head:
            return claim.held > 0 or self.in_use < limit  # what it holds cannot be given back before
        return claim.flows and self.in_use < limit and claim.held <= limit - len(self._claims)


class Claim:
    """The slots of one export. ``stored_to`` is the 1-based index up to which it is durable."""

    def __init__(self, slots: PageSlots, urgent: Callable[[], bool], *, stored_to: int) -> None:
        self._slots = slots
        self._urgent = urgent
        self._waiting: list[tuple[int, int, anyio.Event]] = []
        self._held: list[int] = []  # the offsets of the pages that have one
        self.stored_to = stored_to

    @property
    def held(self) -> int:
        """How many it has."""
        return len(self._held)

    @property
    def waits(self) -> bool:
        """Whether a page of it waits for a slot."""
        return bool(self._waiting)

    @property
    def at_head(self) -> bool:
        """Whether its first waiting page is the one that the writing waits for."""
        return bool(self._waiting) and self._waiting[0][0] <= self.stored_to + 1

    @property
    def flows(self) -> bool:
        """Whether the page that the writing waits for has a slot."""
        return any(offset <= self.stored_to + 1 for offset in self._held)

    def rank(self) -> tuple[int, bool, int, int]:
        """Who goes first: the lowest. A page that holds up others of its export, then any that is next, then others."""
        kind = 2 if not self.at_head else 1 if not self._held else 0
        return kind, not self._urgent(), self.held if kind else 0, self._waiting[0][1]

    async def take(self, offset: int) -> None:
        """Wait for a slot for the page at ``offset``. Cancelled while it waits, it holds none."""
        granted = anyio.Event()
        entry = (offset, self._slots.arrival(), granted)
        heapq.heappush(self._waiting, entry)
        self._slots.look_again()
        try:
            await granted.wait()
        except anyio.get_cancelled_exc_class():
            if granted.is_set():
                self.give(offset)
            else:
                self._waiting.remove(entry)
                heapq.heapify(self._waiting)
            raise

    def grant(self) -> None:
        """Let the first one in; the slot is counted by the caller."""
        offset, _, granted = heapq.heappop(self._waiting)
        self._held.append(offset)
        granted.set()

    def give(self, offset: int) -> None:
        """Give the slot of the page at ``offset`` back."""
        self._held.remove(offset)
        self._slots.in_use -= 1
        self._slots.look_again()

    def stored(self, offset: int, stored_to: int) -> None:
        """Note how far the export is durable with the page at ``offset``, and give its slot back."""
        self.stored_to = stored_to
        self.give(offset)

    def give_all(self) -> None:
        """Give all of them back, and close the account."""
        self._slots.in_use -= len(self._held)
        self._held.clear()
        self._slots.closed(self)
