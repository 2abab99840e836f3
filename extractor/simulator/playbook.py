"""Whose turn it is to fail: scripts addressed to calls and segments, and chance drawn from a seed.

Decides which fault, if any, befalls the next call; counts those that had an effect. Does not perform them. Called by
``service`` (once for each authorized call) and, for the reading alone, by ``settings``.

A script is addressed to a kind of call, perhaps of one segment or group::

    page: ok 503:2s drop@4096
    initiate[VIP Customers]: error
    commit: lost

The script of a segment goes before the script of its kind; one that is used up means ok, and then chance may strike.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from extractor.errors import ConfigError
from extractor.simulator.faults import Fault, Kind, Turn, fits, parse

Scripts: TypeAlias = str | Mapping[str, str]
Address: TypeAlias = tuple[Kind, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """Faults by chance. The same seed gives the same fault to the same request number.

    ``rate`` is the share of calls that are struck, 0 to 1; ``words`` are drawn from with equal chance, leaving out
    those that mean nothing to the call; ``kinds`` are the calls that may be struck.
    """

    rate: float = 0.0
    seed: int = 0
    words: str = "500 503:1s lost reset drop@100"
    kinds: tuple[Kind, ...] = tuple(Kind)

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ConfigError([f"chaos: rate must be between 0 and 1, not {self.rate}"])
        parse(self.words)


def read(scripts: Scripts) -> dict[Address, tuple[Turn, ...]]:
    """Read scripts: the text form shown above (``#`` begins a comment), or a mapping of address to script.

    Raises ConfigError, which names every bad address and word.
    """
    plays: dict[Address, tuple[Turn, ...]] = {}
    problems: list[str] = []
    for place, script in scripts.items() if isinstance(scripts, Mapping) else _lines(scripts, problems):
        try:
            address = _address(place)
            plays[address] = plays.get(address, ()) + parse(script, kind=address[0])
        except ConfigError as error:
            problems += [f"faults: {place}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return plays


def _lines(text: str, problems: list[str]) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        said = line.strip()
        if not said or said.startswith("#"):
            continue
        # A segment's name may hold a colon, so the address of one ends at "]:".
        end = said.find("]:") + 1 if "[" in said.partition(":")[0] else said.find(":")
        if end <= 0:
            problems.append(f'faults: "{said}" is not like "page: ok 503:2s"')
            continue
        yield said[:end], said[end + 1 :]


def _address(place: str) -> Address:
    kind, bracket, rest = place.strip().partition("[")
    try:
        known = Kind(kind.strip())
    except ValueError:
        raise ConfigError([f"there is no such call -- the calls are {', '.join(Kind)}"]) from None
    if bracket and not rest.endswith("]"):
        raise ConfigError(['the name of the segment must end with "]"'])
    return known, rest[:-1] if bracket else None


@dataclass(slots=True)
class _Script:
    """A script and how far it has been played."""

    turns: tuple[Turn, ...]
    at: int = 0
    said: int = 0

    def next(self) -> Fault | None:
        while self.at < len(self.turns):
            turn = self.turns[self.at]
            if turn.times is None or self.said < turn.times:
                self.said += 1
                return turn.fault
            self.at, self.said = self.at + 1, 0
        return None


@dataclass(slots=True)
class Playbook:
    """Every script of a simulator, being played."""

    chaos: Chaos
    scripts: dict[Address, _Script] = field(default_factory=dict)
    fired: Counter[tuple[Kind, str]] = field(default_factory=Counter)  # what had an effect, by call and word

    @classmethod
    def of(cls, scripts: Scripts, chaos: Chaos) -> Playbook:
        """Open a playbook at its first words."""
        return cls(chaos=chaos, scripts={address: _Script(turns) for address, turns in read(scripts).items()})

    def add(self, scripts: Scripts) -> None:
        """Replace the scripts of these addresses, from their first word; a test changes the weather at run time."""
        for address, turns in read(scripts).items():
            self.scripts[address] = _Script(turns)

    def next(self, kind: Kind, dataset: str | None, number: int) -> Fault | None:
        """Take the next word for a call, None for ok. ``number`` is the request's, for chance."""
        for address in ((kind, dataset), (kind, None)) if dataset is not None else ((kind, None),):
            script = self.scripts.get(address)
            fault = script.next() if script else None
            if fault is not None:
                return None if fault.verb == "ok" else fault
        return self._strike(kind, number)

    def count(self, kind: Kind, fault: Fault) -> None:
        """Record that a fault had its effect."""
        self.fired[kind, fault.word] += 1

    def _strike(self, kind: Kind, number: int) -> Fault | None:
        if not self.chaos.rate or kind not in self.chaos.kinds:
            return None
        chance = random.Random(f"{self.chaos.seed}:{number}")  # noqa: S311 - chance that repeats is the purpose
        if chance.random() >= self.chaos.rate:
            return None
        words = [turn.fault for turn in parse(self.chaos.words) if fits(turn.fault, kind)]
        return chance.choice(words) if words else None
