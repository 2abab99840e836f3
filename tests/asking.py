"""Parts of jobs, as the planner would make them."""

from __future__ import annotations

from extractor.plan.job import Match, Stream, digest_of

STREAM = Stream(id="5" * 16, name="A job")


def match_of(criteria: str, kind: str | None, values: tuple[str, ...]) -> Match:
    """A match of values that stand in the configuration."""
    return Match(criteria=criteria, type=kind, values=values, count=len(values), digest=digest_of(values, b""))
