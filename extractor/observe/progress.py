"""Progress for a person at a terminal: one bar for each export under way, and a line of sums.

Decides what is drawn and how often; never more bars than the screen has room for. ``rich`` redraws from a thread of its
own, so that a spinner turns while nothing happens: a lock keeps the two apart. What is worth a line scrolls away above
the bars, as in ``lines``. Called by ``run`` through ``listen_to``; leave it (it is a context manager) before anything
else is printed.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Column, Table
from rich.text import Text

from extractor.observe.figures import count, counted
from extractor.observe.lines import sums
from extractor.observe.news import Heartbeat, JobMoved, News, RunClosed
from extractor.observe.sentences import sentence
from extractor.observe.speed import Speed
from extractor.observe.tally import Tally

_REDRAWS = 8  # a second
_SPARED = 4  # lines of the screen that are not bars
_NARROW = 60  # columns below which the bars themselves give way
_STYLES = {
    "failed": "bold red",
    "withheld": "bold red",
    "held": "yellow",
    "outage": "yellow",
    "notice": "cyan",
    "published": "green",
}
_SCROLLED = 20  # lines of one kind that may scroll by; the report has the rest


class Progress:
    """A Listener and a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._tally = Tally()
        self._speed = Speed()
        self._said: dict[str, int] = {}
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            self,
            console=console,
            refresh_per_second=_REDRAWS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, news: News) -> None:
        """Take ``news`` in; what is worth a line is printed above the bars."""
        with self._lock:
            self._tally(news)
            self._speed.sample(self._console.get_time(), self._tally.records)
        kind, text = sentence(news)
        if text and not isinstance(news, (RunClosed, JobMoved, Heartbeat)) and self._fits(kind):
            self._console.print(Text(text, style=_STYLES.get(kind, "")), soft_wrap=True)
        if isinstance(news, RunClosed):
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the present state; called from rich's thread."""
        with self._lock:
            yield self._picture(options.max_width, max(console.size.height - _SPARED, 1))

    def _fits(self, kind: str) -> bool:
        self._said[kind] = self._said.get(kind, 0) + 1
        return self._said[kind] <= _SCROLLED

    def _picture(self, width: int, room: int) -> RenderableType:
        tally, now = self._tally, self._console.get_time()
        moves = [move for _, move in sorted(tally.live.items())]
        table = Table.grid(
            Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            Column(width=10, no_wrap=True),
            Column(justify="right", no_wrap=True),
            padding=(0, 1),
            expand=True,
        )
        if width >= _NARROW:
            table.add_column(width=20)
        for move in moves[:room]:
            cells: list[RenderableType] = [Text(move.label), Text(move.phase, style="cyan"), Text(_extent(move))]
            if width >= _NARROW:
                cells.append(_bar(move))
            table.add_row(*cells)
        more = len(moves) - room
        rest = [Text(f"… and {counted(more, 'export')} more", style="dim")] if more > 0 else []
        line = Table.grid(Column(width=1), Column(no_wrap=True, overflow="ellipsis"), padding=(0, 1))
        line.add_row(self._spinner, Text(sums(tally, self._speed, now), style="bold"))
        return Group(table, *rest, line)


def _extent(move: JobMoved) -> str:
    return "" if move.total is None else f"{count(move.stored)}/{count(move.total)}"


def _bar(move: JobMoved) -> ProgressBar:
    return ProgressBar(total=max(move.total or 0, 1), completed=move.stored, width=20, pulse=move.total is None)
