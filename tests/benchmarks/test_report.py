"""The document says what was measured, and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from benchmarks.goals import CANONICAL, TWO_CORES, verdicts
from benchmarks.measure import PAGE, Usage
from benchmarks.plot import svg
from benchmarks.report import Report, Section, document
from benchmarks.rounds import Pair, Series, ratio


def _series(name: str, *micros: float, failed: str = "") -> Series:
    """A subject that took so many microseconds a record in each round, by clock and CPU, after a second's start."""
    pairs = [
        Pair(
            records=PAGE + 100_000,
            page=Usage(seconds=1.0, cpu=1.0, peak=1),
            whole=Usage(seconds=1.0 + each / 10, cpu=1.0 + each / 10, peak=50_000_000),
        )
        for each in micros
    ]
    return Series(name=name, pairs=pairs, failed=failed)


@pytest.fixture
def report() -> Report:
    """A loop, the extractor and two peers, of which one failed."""
    groups = {
        "loop": {"orjson-zstd": _series("bare loop", 9, 10, 11)},
        "extractor": {CANONICAL: _series("extractor", 10, 11, 12)},
        "peer": {"singer": _series("a | b", 40, 50, 60), "airbyte": _series("another", failed="no such thing")},
    }
    return Report(groups=groups, command="make bench", rounds=3, records=100_000, versions={"Python": "3.11"})


def test_ratios_are_made_within_each_round(report: Report) -> None:
    """So that a machine that gets slower for a minute does not change them."""
    found = ratio(report.results, CANONICAL, "orjson-zstd", "cpu")
    assert found is not None
    assert (10 / 11, 9 / 10, 11 / 12) == pytest.approx((found.median, found.least, found.most))


def test_a_goal_is_held_against_the_quickest(report: Report) -> None:
    """And one without measurements is not judged at all."""
    found = {verdict.what: verdict for verdict in verdicts(report.results)}
    best = next(verdict for what, verdict in found.items() if "Singer" in what)
    assert best.measured.startswith("4.55 ")
    assert best.ok
    assert not any(TWO_CORES in what or "two cores" in what for what in found)


def test_the_document_has_goals_figures_and_who_is_missing(report: Report) -> None:
    """Goals first; a bar in a name does not break its table."""
    text = document(report, picture="benchmarks.svg")
    assert text.index("## Goals") < text.index("## What is possible") < text.index("## Others")
    assert "| extractor | 90.9 (83.3-100) | 11.0 (10.0-12.0) | 1.00 | 50 |" in text
    assert "| a \\| b | 20.0 (16.7-25.0) | 50.0 (40.0-60.0) | 1.00 | 50 | 4.5 |" in text
    assert "another is not here: no such thing." in text
    assert "(benchmarks.svg)" in text


def test_other_programs_bring_their_tables_and_goals(report: Report) -> None:
    """In the form that they print with --json."""
    section = Section.read(
        {
            "title": "Rate",
            "columns": ["asked", "worst second"],
            "rows": [[50, 1.02]],
            "goals": [{"what": "rate at 50/s", "goal": "at most 1.1", "measured": "1.02", "ok": True}],
            "notes": ["Seen from the server."],
        }
    )
    text = document(Report(groups=report.groups, sections=[section]))
    assert "| rate at 50/s | at most 1.1 | 1.02 | met |" in text
    assert "## Rate\n\n| asked | worst second |\n| --- | --- |\n| 50 | 1.02 |\n\nSeen from the server." in text


def test_the_plot_is_a_picture_of_everything_measured(report: Report) -> None:
    """Well-formed, the quickest on top, and without who failed."""
    drawn = ET.fromstring(svg(report.groups, subtitle="a < b"))  # noqa: S314 - it is our own text
    texts = [each.text for each in drawn.iter() if each.tag.endswith("text")]
    named = [text for text in texts if text in {"bare loop", "extractor", "a | b", "another"}]
    assert ["bare loop", "extractor", "a | b"] == named
