"""The ratios that must hold, and whether they do.

Decides what is compared with what. A ratio is of speeds in the same rounds, by the clock where it is about one
machine's time, by CPU seconds where it is about what a record costs; its median is held against the goal. Called by
``report``; other programs' goals come in the same form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.rounds import By, Results, ratio

CANONICAL, TWO_CORES = "canonical", "canonical-two-cores"
VERBATIM, VERBATIM_ZSTD = "verbatim", "verbatim-zstd"
SINGER = ("singer", "singer-msgspec", "singer-target")
HEAVY = ("dlt-rest", "dlt-orjson", "airbyte")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal and what was measured, both in words."""

    what: str
    goal: str
    measured: str
    ok: bool

    @property
    def word(self) -> str:
        """For the table."""
        return "met" if self.ok else "**not met**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The speed of ``above`` must be ``least`` times that of the quickest of ``below``, or more."""

    what: str
    above: str
    below: tuple[str, ...]
    by: By
    least: float

    def judge(self, results: Results) -> Verdict | None:
        """Hold it against the results; None where there are none for it."""
        ratios = [(found, key) for key in self.below if (found := ratio(results, self.above, key, self.by))]
        if not ratios:
            return None
        found, key = min(ratios, key=lambda pair: pair[0].median)
        against = f", against {results[key].name}" if len(self.below) > 1 else ""
        return Verdict(
            what=self.what,
            goal=f"at least {self.least:g}",
            measured=f"{found.median:.2f} ({found.least:.2f}-{found.most:.2f}){against}",
            ok=found.median >= self.least,
        )


GOALS = (
    Goal(
        what="canonical, zstd, everything on / the bare loop (slices, orjson each, zstd), one core, by the clock",
        above=CANONICAL, below=("orjson-zstd",), by="clock", least=0.85,
    ),
    Goal(
        what="the same by CPU seconds",
        above=CANONICAL, below=("orjson-zstd",), by="cpu", least=0.85,
    ),
    Goal(
        what="canonical, zstd, on two cores with encoder processes / on one core, by the clock",
        above=TWO_CORES, below=(CANONICAL,), by="clock", least=1.7,
    ),
    Goal(
        what="verbatim, no compression, everything on / raw slices to disk, one core, by the clock",
        above=VERBATIM, below=("slices",), by="clock", least=0.7,
    ),
    Goal(
        what="the same by CPU seconds",
        above=VERBATIM, below=("slices",), by="cpu", least=0.7,
    ),
    Goal(
        what="verbatim, zstd, everything on / raw slices, zstd, to disk, one core, by the clock",
        above=VERBATIM_ZSTD, below=("slices-zstd",), by="clock", least=0.85,
    ),
    Goal(
        what="the same by CPU seconds",
        above=VERBATIM_ZSTD, below=("slices-zstd",), by="cpu", least=0.85,
    ),
    Goal(
        what="records per CPU second, canonical / the best of Singer SDK, dlt and Airbyte",
        above=CANONICAL, below=SINGER + HEAVY, by="cpu", least=3,
    ),
    Goal(
        what="records per CPU second, verbatim / the best of Singer SDK, dlt and Airbyte",
        above=VERBATIM, below=SINGER + HEAVY, by="cpu", least=6,
    ),
    Goal(
        what="records per CPU second, canonical / the best of dlt and Airbyte",
        above=CANONICAL, below=HEAVY, by="cpu", least=7,
    ),
    Goal(
        what="records per CPU second, verbatim / the best of dlt and Airbyte",
        above=VERBATIM, below=HEAVY, by="cpu", least=14,
    ),
)  # fmt: skip


def verdicts(results: Results) -> Iterator[Verdict]:
    """Judge every goal of which there are results."""
    yield from (verdict for goal in GOALS if (verdict := goal.judge(results)))
