"""How long exports take at least, whoever asks, and how long one client takes that does one thing after the other.

Decides the model that ``scheduling`` compares the extractor with. Pure. All times are seconds.

A request takes ``latency``, and the server has heard it when it answers. An export is ready ``processing`` seconds
after its Initiate was heard; a Status that is heard then, and no earlier one, says so. Its pages can be asked for after
that, in any order and any number at once within the limits, and its Commit after the last page. At most ``rate``
requests a second leave, after ``burst`` at once. So each export lives at least

    life = latency + max(processing, latency) + laps * latency + latency,   laps = ceil(pages / most pages at once)

for its Initiate, the wait and the Status that ends it, its pages, and its Commit. The run takes at least each of

- *rate*: all requests (Initiate, one Status, pages, Commit) at the permitted rate, and the last one's answer;
- *chain*: the n-th export to begin cannot begin before n Initiates were permitted, and then has its life before it.
  The order with the least such end is the longest life first, so no client can know of a better one;
- *pages*: all pages through the places there are for them, after the quickest export is ready, and a Commit;
- *exports*: all lives through the places that there are for exports.

Nothing of this says that a client can be as quick: it would have to know when to ask.

Decided: the greatest of four simple bounds, which everybody can check with a pencil. Considered an optimal schedule by
search: it would be a little higher, and the ratios a little better, for a model that nobody reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """``processing`` seconds at the server, then ``pages`` (one at least: an empty export has an empty page)."""

    processing: float
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The wire, the permitted rate, the places for exports and pages; ``served`` pages the server answers at once."""

    latency: float
    rate: float
    exports: int
    pages: int
    served: float = math.inf

    @property
    def burst(self) -> float:
        """Requests that may leave at once: a twentieth of a second's worth, and at least one (1.25)."""
        return max(1.25, self.rate / 20)

    @property
    def together(self) -> int:
        """Pages at once at most."""
        return int(min(self.pages, self.served))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The least seconds that a run can take, and which of the four says so."""

    seconds: float
    binds: str


def life(export: Export, around: Circumstances) -> float:
    """The least seconds from an export's Initiate leaving to its Commit answered."""
    laps = math.ceil(export.pages / around.together)
    return around.latency * (2 + laps) + max(export.processing, around.latency)


def lower_bound(exports: Sequence[Export], around: Circumstances) -> Bound:
    """The least seconds for all exports, at least one."""
    lives = sorted((life(export, around) for export in exports), reverse=True)
    pages = sum(export.pages for export in exports)
    earliest = min(max(export.processing, around.latency) for export in exports)
    bounds = {
        "rate": max(0.0, 3 * len(exports) + pages - around.burst) / around.rate + around.latency,
        "chain": max(max(0.0, n + 1 - around.burst) / around.rate + each for n, each in enumerate(lives)),
        "pages": around.latency * (2 + math.ceil(pages / around.together)) + earliest,
        "exports": sum(lives) / around.exports,
    }
    binds = max(bounds, key=lambda name: bounds[name])
    return Bound(seconds=bounds[binds], binds=binds)


def serial(exports: Sequence[Export], around: Circumstances, *, every: float = 5.0) -> float:
    """The seconds of one export after the other, one page at a time, asked about ``every`` so many seconds.

    Its requests are the latency apart, or what the rate permits if that is more.
    """
    lap = max(around.latency, 1 / around.rate)
    total = 0.0
    for export in exports:
        # Initiate is answered; each question is heard ``every`` after the one before was answered, and a latency more.
        asked = max(1, math.ceil(export.processing / (every + around.latency)))
        total += lap * (2 + export.pages) + asked * (every + around.latency)
    return total
