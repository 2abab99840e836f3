"""Driving: from a plan to published datasets.

``extraction`` is the use case; ``engine`` says what an engine is and ``on_asyncio`` is one; ``drive`` walks one job
through its life; ``coordinator`` alone writes journal and datasets, with ``publication`` for the manifest's facts;
``halt`` is how a run is asked to stop, ``vigil`` how it waits for a server that is down, ``quiet`` how a Retry-After
outlives a process; ``encoders`` makes frames of pages, here or in an ``encoder_process`` for each of the ``cores`` that
are free; ``history`` reads what earlier runs left, ``vitals`` judges whether one is alive, ``restored`` whether the
journal is an old copy, and ``pruning`` removes what old runs still hold.

Decided: an engine is handed specs and frozen settings and reports to a recorder, so that it may live in another
process; considered letting each worker write its own journal, which would make the order of facts a matter of luck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor.run import history
    from extractor.run.extraction import extract

__all__ = ["extract", "history"]


def __getattr__(name: str) -> object:
    """Import ``extract``, and with it the HTTP client, when it is asked for: a plan or a status never does."""
    if name == "extract":
        from extractor.run.extraction import extract  # noqa: PLC0415 - as the docstring says

        return extract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
