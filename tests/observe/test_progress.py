from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from extractor.observe.news import Heartbeat, Noticed, OutageBegan, OutageEnded
from extractor.observe.outlet import Outlet
from extractor.observe.progress import Progress
from extractor.protocol.vocabulary import Verdict


def screen(stream: io.StringIO, *, width: int = 100, height: int = 24) -> Console:
    """A terminal of this size that draws into ``stream``."""
    return Console(
        file=Outlet(stream),  # type: ignore[arg-type]  # has what rich asks of a file
        force_terminal=True,
        color_system=None,
        width=width,
        height=height,
        get_time=lambda: 50.0,
    )


def drawn(progress: Progress, console: Console) -> str:
    """Give what is on the screen."""
    with console.capture() as capture:
        console.print(progress)
    return capture.get()


def test_each_live_export_has_a_bar_that_leaves_when_it_ends(make: Any) -> None:
    """Label, phase, stored of total; the sums below."""
    console = screen(io.StringIO())
    progress = Progress(console)
    for news in (
        make.opened(),
        make.moved(0, label="Winback [1/2]"),
        make.moved(1, phase="processing", total=None),
        make.ended(1, records=7),
    ):
        progress(news)

    picture = drawn(progress, console)

    assert "Winback [1/2]" in picture
    assert "10/100" in picture
    assert "job 1" not in picture
    assert "1 of 3 jobs done, 17 records" in picture


def test_there_are_never_more_bars_than_the_screen_shows(make: Any) -> None:
    """What does not fit is counted."""
    console = screen(io.StringIO(), height=10)
    progress = Progress(console)
    progress(make.opened(jobs=50))
    for ordinal in range(50):
        progress(make.moved(ordinal))

    picture = drawn(progress, console)

    assert len(picture.splitlines()) < 10
    assert "44 exports more" in picture


def test_an_outage_stands_in_the_line_of_sums(make: Any) -> None:
    """Where it began and ended scrolls by; the heartbeats do not."""
    stream = io.StringIO()
    console = screen(stream)
    progress = Progress(console)
    with console.capture() as scrolled:
        for news in (
            make.opened(),
            OutageBegan(seconds=10, status=503, reason="HTTP 503"),
            Heartbeat(seconds=60, jobs_done=0, jobs=3, outage_seconds=70.0, status=503, until="2026-11-23T03:05:00Z"),
        ):
            progress(news)
    assert "the server is unavailable" in drawn(progress, console)
    assert "still waiting" not in scrolled.get()
    progress(OutageEnded(seconds=100, status=503, requests=6))
    assert "the server is unavailable" not in drawn(progress, console)


@pytest.mark.parametrize("width", [1, 10, 40])
def test_a_narrow_terminal_does_not_kill_the_run(make: Any, width: int) -> None:
    """Somebody may draw the window to nothing."""
    stream = io.StringIO()
    with Progress(screen(stream, width=width, height=1)) as progress:
        for news in (
            make.opened(),
            make.moved(0),
            Noticed(message="a long sentence for a narrow place"),
            make.closed(),
        ):
            progress(news)


def test_a_broken_pipe_does_not_kill_the_run(gone_pipe: io.StringIO, make: Any) -> None:
    """The terminal was closed; the export goes on."""
    with Progress(screen(gone_pipe)) as progress:
        progress(make.opened())
        progress(Noticed(message="nobody reads this"))
        progress(make.closed())


def test_what_is_worth_a_line_scrolls_above_the_bars_uninterpreted(make: Any) -> None:
    """Names with brackets are names, not markup."""
    stream = io.StringIO()
    with Progress(screen(stream)) as progress:
        progress(make.opened())
        progress(make.ended(0, label="[red]A [1/2]", verdict=Verdict.REFUSED, message="404: no such segment"))

    assert "FAILED [red]A [1/2]: refused: 404: no such segment" in stream.getvalue()
