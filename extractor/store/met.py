"""Whom the exports of later windows have shown, so that nobody falls between two windows of a fan-out.

An export since a window's start holds every record of that window only if the service selects by the same times that a
record shows, and if the record has not left the segment before that export was made. Neither is promised (contract,
section 10.5). A record that an earlier export holds for a later window, whose own export did not hold it, is found
here: exact, by id. Decides what was met; what follows is ``sieve``'s.

Decided: ids below 2**32 in compressed bitmaps (a few bytes each), others in sets (65 bytes each), because membership is
asked for every record; ``identity`` has a structure that is smaller for the latter, and only counts.
"""

from __future__ import annotations

from typing import Any, Final

from pyroaring import BitMap

from extractor.store.identity import id_in

_LOW: Final = 1 << 32


class Met:
    """The ids that came in the exports of one stream's batch, window by window, the last first."""

    def __init__(self, record_id: str) -> None:
        """``record_id`` is the member that tells one record from another."""
        self._record_id = record_id
        self._before: tuple[BitMap, set[int]] = (BitMap(), set())
        self._now: tuple[BitMap, set[int]] = (BitMap(), set())

    def next_export(self) -> None:
        """What has come until now counts as met from here on."""
        self._before[0].update(self._now[0])
        self._before[1].update(self._now[1])
        self._now = (BitMap(), set())

    def before(self, record: Any) -> bool:  # noqa: ANN401 - whatever JSON can be
        """Whether a record came in an earlier export, and note that it came in this one.

        One without an id could not be told from others: it counts as met.
        """
        number = id_in(record, self._record_id)
        if number is None:
            return True
        kind = number >= _LOW
        self._now[kind].add(number)
        return number in self._before[kind]
