"""Pages without end out of a few invented people: the records of the benchmarks.

Decides what a record looks like and that no two of an export have one id. The people are the simulator's, of many
seeds so that a compressor finds no second copy of them near by; most are put into ASCII, because the simulator's are
as odd as people can be, and not as they mostly are. They are written once, and a page is made by joining these bytes
around new ids of a fixed width: ten million records need the memory of ten thousand. Does not speak HTTP:
``page_server`` does.

Considered: all pages rendered beforehand, which needs 1.6 GB per million records and saves 0.2 ms a page of 1,000; and
one page again and again, which the extractor rightly refuses, because each id comes twice.
"""

from __future__ import annotations

from extractor.simulator.settings import Segment, SimulatorSettings
from extractor.simulator.world import Kindred, World

FIRST_ID = 100_000_001  # the ProfileId of an export's first record; all have nine digits
_OPENING = b'{"ProfileId":'
_SEEDS, _PEOPLE = 20, 500  # a seed has 509 different people
_NON_ASCII = 0.1  # share of the people with a letter beyond ASCII; of the simulator's own it is nine in ten
_NOW = 1_767_225_600.0  # the instant at which the people are seen, in Unix seconds


class Pages:
    """Pages of any export, 1-based offsets, as the API writes them. Any thread may ask."""

    def __init__(self, *, non_ascii: float = _NON_ASCII) -> None:
        """Write the people, of whom a share may have letters beyond ASCII; takes a second."""
        tails = [record[record.index(b",") :] for record in _people(non_ascii)]
        # What stands between an id and the next one. Twice, so that every page is one slice.
        self._between = [tail + b"," + _OPENING for tail in tails] * 2
        self._last = [tail + b"]}" for tail in tails]
        self._count = len(tails)

    def page(self, offset: int, limit: int, total: int) -> bytes:
        """Give the Retrieve answer of an export of ``total`` records; past its end, an empty page."""
        start = min(offset - 1, total)
        stop = min(start + limit, total)
        head = b'{"Count":%d,"HasMore":%b,"Limit":%d,"Offset":%d,"TotalResults":%d,"UserProfilePreferences":[' % (
            stop - start,
            b"true" if stop < total else b"false",
            limit,
            offset,
            total,
        )
        if start == stop:
            return head + b"]}"
        pieces: list[bytes] = [b""] * (2 * (stop - start))
        pieces[0::2] = map(b"%d".__mod__, range(FIRST_ID + start, FIRST_ID + stop))
        pieces[1::2] = self._tails(start, stop - start)
        pieces[-1] = self._last[(stop - 1) % self._count]
        return b"".join((head, _OPENING, *pieces))

    def _tails(self, start: int, count: int) -> list[bytes]:
        place = start % self._count
        found = self._between[place : place + min(count, self._count)]
        while len(found) < count:
            found += found[: count - len(found)]
        return found


def _people(non_ascii: float) -> list[bytes]:
    """Write everybody once; the first member of a record is its id."""
    people: list[bytes] = []
    for seed in range(_SEEDS):
        world = World(SimulatorSettings(seed=seed, segments=(Segment(name="all", count=_PEOPLE),)))
        dataset = world.find(Kindred.SEGMENT, "all")
        if dataset is None:
            raise LookupError("the world has the segment that it was made with")
        people += world.select(dataset, now=_NOW).records(0, _PEOPLE)
    if not all(each.startswith(_OPENING) for each in people):
        raise ValueError("a record of the simulator no longer begins with its ProfileId -- pages.py relies on it")
    last = 0
    for number, record in enumerate(people):
        if int((number + 1) * non_ascii) == last:
            people[number] = _plain(record)
        last = int((number + 1) * non_ascii)
    return people


def _plain(record: bytes) -> bytes:
    """Put an ASCII letter in the place of every other character."""
    return "".join(letter if letter.isascii() else "aeiou"[ord(letter) % 5] for letter in record.decode()).encode()
