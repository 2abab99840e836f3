"""Signals around a run: until it takes them over they end the process as ever, and after it they are too late.

Decides what a SIGINT or SIGTERM does while no run handles it. What has ended is journaled with its exit code: a signal
that comes between that and the process's own end has nothing left to stop, and a default action would only replace the
code and the report by its own. What a signal does to a run is ``run.halt``'s. Called by ``running``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def too_late_once(begun: Callable[[], bool]) -> Iterator[None]:
    """Within, signals that no run handles do what they did before, until ``begun`` says yes: from then on nothing.

    If it said yes by the end, they do nothing any more for as long as the process lasts.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def act(number: int, frame: FrameType | None) -> None:
        if begun():
            return
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in _SIGNALS:
        signal.signal(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            # Once begun not a function: the interpreter takes those away before it ends.
            signal.signal(number, signal.SIG_IGN if begun() else signal.SIG_DFL if handler is None else handler)
