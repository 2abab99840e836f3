"""Whether pages of an export may be asked for in any order: tried once a run, and believed only then.

The contract does not say (section 3.4). While the second page is under way, a page is asked for that begins in the
middle of the first one and ends in the middle of the second. If its records are theirs, byte for byte, all exports of
that kind are read several pages at a time; if not, or if the server refuses, one after the other, with a notice.
Decides who tries, and what the comparison means; does not ask (``run.trial`` does). Called by ``run``. The
configuration may spare the trial (``connection.dialect.random_access``).

Decided: a trial a run and kind of dataset, one request more than without; considered one an export, which costs small
exports a third, and one for ever, which a change of the service would turn into lost nights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from extractor.plan.job import Kind

_TRIALS = 3  # without an answer either way; then it is taken as a no

SERIAL = (
    "the server did not give the same records again when a page was asked for from its middle: the pages of an export "
    "are read one after the other, slower -- if that cannot be, set connection.dialect.random_access: yes"
)

UNKNOWN = (
    f"whether a page can be asked for from its middle could not be learned in {_TRIALS} trials: the pages of an export "
    "are read one after the other, slower -- connection.dialect.random_access (yes or no) spares the trial"
)


class Belief(Enum):
    """What is known of random access."""

    UNKNOWN = auto()
    TRYING = auto()
    YES = auto()
    NO = auto()


@dataclass(slots=True)
class _Known:
    belief: Belief
    trials: int = 0


class RandomAccess:
    """What one run knows, by kind of dataset. ``window`` pages of an export may be outstanding where it works."""

    def __init__(self, configured: str, *, window: int, notice: Callable[[str], None]) -> None:
        """``configured`` is ``probe``, ``yes`` or ``no``; ``notice`` hears what a person should know."""
        known = {"yes": Belief.YES, "no": Belief.NO}.get(configured, Belief.UNKNOWN)
        self._first = known if window > 1 else Belief.NO
        self._window = window
        self._notice = notice
        self._known: dict[Kind, _Known] = {}

    def window(self, kind: Kind) -> int:
        """How many pages of an export of this kind may be outstanding now."""
        return self._window if self._of(kind).belief is Belief.YES else 1

    def begin_trial(self, kind: Kind, *, count: int, total: int) -> bool:
        """Whether the export whose first page of ``total`` records had ``count`` shall try; then it must report."""
        known = self._of(kind)
        if known.belief is not Belief.UNKNOWN or count < 2 or total < 3 * count:  # noqa: PLR2004 - halves; and worth it
            return False
        known.belief = Belief.TRYING
        return True

    def agreed(self, kind: Kind) -> None:
        """Both pages and the one between them said the same."""
        self._of(kind).belief = Belief.YES

    def differed(self, kind: Kind) -> None:
        """They did not, or the server refused to be asked so."""
        self._of(kind).belief = Belief.NO
        self._notice(SERIAL)

    def no_answer(self, kind: Kind) -> None:
        """Nothing was learned: another export may try."""
        known = self._of(kind)
        known.trials += 1
        known.belief = Belief.UNKNOWN
        if known.trials >= _TRIALS:
            known.belief = Belief.NO
            self._notice(UNKNOWN)

    def _of(self, kind: Kind) -> _Known:
        return self._known.setdefault(kind, _Known(self._first))


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A page that lies across the first two: from ``offset`` on (1-based), ``limit`` records."""

    offset: int
    limit: int


def between(count: int) -> Between:
    """Say what to ask for when the first page had ``count`` records."""
    return Between(offset=count // 2 + 1, limit=count)


def same(first: Sequence[bytes], second: Sequence[bytes], middle: Sequence[bytes]) -> bool:
    """Whether ``middle`` is what ``between`` asks for: the end of the ``first`` page, the beginning of the second."""
    end = first[len(first) // 2 :]
    rest = middle[len(end) :]
    common = min(len(rest), len(second))
    return common > 0 and list(middle[: len(end)]) == list(end) and list(rest[:common]) == list(second[:common])
