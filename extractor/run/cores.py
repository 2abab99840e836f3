"""How many processes may encode on this machine, and when one more pays: arithmetic, and what it is fed with.

Decides from the cores that this process may run on and the share of them that a container leaves it; not from how busy
they are, which changes by the second. Called by ``encoders``.

Measured with pages of 1.6 MB, in a process that also fetches, stores and journals: see ``encoders``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_FROM: Final = 1.5  # cores: below, the process beside the encoders would wait for them
_MOST: Final = 6  # encoders: what fetches and stores for them fills its own core
_START: Final = 16 * 1024 * 1024  # bytes of pages that are encoded in the time that a process takes to start
_AHEAD: Final = 8 * _START
_GROUPS: Final = Path("/sys/fs/cgroup")


def usable_cores(allowed: int, quotas: Iterable[str]) -> float:
    """Give the cores' worth of time that there is: ``allowed`` cores, cut by each quota.

    A quota is the text of a control group's ``cpu.max``: microseconds, or ``max``, in a period of microseconds. What
    cannot be read cuts nothing.
    """
    cores = float(allowed)
    for text in quotas:
        with suppress(ValueError, ZeroDivisionError):
            quota, period = text.split()
            cores = min(cores, int(quota) / int(period))
    return cores


def encoders_for(cores: float) -> int:
    """Give the number of processes that may be started in ``cores``: none where there is but one core."""
    return 0 if cores < _FROM else min(int(cores), _MOST)


def pays(waited: int, ahead: int = 0) -> bool:
    """Whether one more process is worth its start, after pages of ``waited`` bytes found every encoder busy.

    As much as a process could have encoded while it starts: what is spent on starts is never more than what was lost
    by not having started, whatever comes later. Of an export of which ``ahead`` bytes are still to come, it is known
    beforehand: eight times as much pays in any case.
    """
    return waited >= _START or ahead >= _AHEAD


def encoders_here() -> int:
    """The number for this process. 0 where no interpreter can be started: a program that was frozen into one file."""
    if not sys.executable or getattr(sys, "frozen", False):
        return 0
    return encoders_for(usable_cores(_allowed(), _quotas()))


def _allowed() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas() -> list[str]:
    """Read ``cpu.max`` of this process's control group and of those around it; of none where there are none."""
    found: list[str] = []
    with suppress(OSError, ValueError):
        own = next(
            (line[3:] for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines() if line.startswith("0::")),
            "",
        )
        group = _GROUPS / own.strip("/")
        for each in (group, *group.parents):
            with suppress(OSError):
                found.append((each / "cpu.max").read_text("utf-8"))
            if each == _GROUPS:
                break
    return found
