"""Pages that arrive out of order, put back in order. Pure.

Decides when an item's turn has come; not how many may be under way (``protocol.paging``'s window). Called by
``run.drive``, in front of the parts.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from extractor.errors import IntegrityError

Item = TypeVar("Item")


class InOrder(Generic[Item]):
    """Puts pages that arrive out of order back in order. Pure; holds what came early until its turn.

    ``first`` is the 1-based index of the next record expected: 1, or one more than what is stored already. How many
    can be held is bounded by who asks for pages (``protocol.paging``'s window).
    """

    def __init__(self, first: int = 1) -> None:
        self._next = first
        self._held: dict[int, tuple[int, Item]] = {}

    @property
    def held(self) -> int:
        """How many items wait for an earlier one."""
        return len(self._held)

    def put(self, offset: int, count: int, item: Item) -> list[Item]:
        """Take in ``count`` records from the 1-based ``offset`` on; give the items whose turn has come, in order.

        Raises IntegrityError, and changes nothing, for an offset that was given before or is held already.
        """
        if offset < self._next or offset in self._held:
            raise IntegrityError(f"a page at offset {offset} arrived a second time")
        self._held[offset] = (count, item)
        ready: list[Item] = []
        while self._next in self._held:
            count, item = self._held.pop(self._next)
            ready.append(item)
            self._next += count
        return ready
