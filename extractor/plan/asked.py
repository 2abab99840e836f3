"""What a run was asked beyond its configuration: enough to plan the same again when it is taken up.

Between a run and its resumption the watermarks may have moved, a list of people may have changed or have come through
a pipe. So the run writes down which jobs were chosen, where each stream began, which list each job had; its planner
finds them again here and not in the world. Values only; read and written by ``run``, as JSON in the journal.
"""

from __future__ import annotations

from typing import Any

import msgspec

from extractor.errors import IntegrityError


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``jobs``: the names that were chosen, none for all. ``watermarks``: instants (ISO) by stream id.

    ``lists``: list ids by job name. ``backfill``: the words of a backfill's command line, None for a run.
    """

    jobs: tuple[str, ...] = ()
    watermarks: dict[str, str] = {}
    lists: dict[str, str] = {}
    backfill: dict[str, Any] | None = None

    def encode(self) -> str:
        """Spell it as JSON."""
        return msgspec.json.encode(self).decode()


def decode(text: str) -> Asked:
    """Read it again. Raises IntegrityError for what no version has written."""
    try:
        return msgspec.json.decode(text, type=Asked)
    except msgspec.DecodeError:
        raise IntegrityError("the journal holds a run's request that cannot be read -- begin a new run") from None
