"""One picture: records per CPU second of everything that was measured, as bars in an SVG of our own.

Decides its form only: a bar a row, the longest on top, a logarithmic scale because a peer and a bare loop are two
orders of magnitude apart. No library: it is text with numbers in it. Called by ``report``.
"""

from __future__ import annotations

import math
from html import escape

from benchmarks.measure import MILLION
from benchmarks.rounds import Results, Series

_WIDTH, _ROW, _TOP, _LABEL, _VALUE = 860, 24, 64, 320, 90  # pixels
_COLOURS = {"extractor": "#1a7f5a", "loop": "#9aa5b1", "peer": "#c77d3a"}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-size:15px;font-weight:600}.s{fill:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}}"
)


def svg(groups: dict[str, Results], *, subtitle: str) -> str:
    """Draw the groups ``loop``, ``extractor`` and ``peer`` together, by speed."""
    rows = [
        (MILLION / series.cpu_per_million.median, kind, series)
        for kind, results in groups.items()
        for series in results.values()
        if series.pairs
    ]
    rows.sort(key=lambda row: -row[0])
    low = math.floor(math.log10(min((speed for speed, _, _ in rows), default=1)))
    high = math.log10(max((speed for speed, _, _ in rows), default=10))
    height = _TOP + _ROW * len(rows) + 34
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'aria-label="Records per CPU second">'
        ),
        f"<style>{_STYLE}</style>",
        '<text class="t" x="16" y="24">Records per CPU second, beyond start-up (logarithmic)</text>',
        f'<text class="s" x="16" y="44">{escape(subtitle)}</text>',
    ]
    span = _WIDTH - _LABEL - _VALUE
    for number, (speed, kind, series) in enumerate(rows):
        length = span * (math.log10(speed) - low) / max(high - low, 1)
        parts += _bar(_TOP + _ROW * number, length, _COLOURS[kind], speed, series)
    parts += _legend(height - 12)
    return "\n".join([*parts, "</svg>", ""])


def _bar(top: int, length: float, colour: str, speed: float, series: Series) -> list[str]:
    spelled = f"{speed / 1000:,.0f} k" if speed >= 10_000 else f"{speed / 1000:,.1f} k"  # noqa: PLR2004 - digits that matter
    return [
        f'<text x="{_LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(series.name)}</text>',
        f'<rect x="{_LABEL}" y="{top + 2}" width="{max(length, 1):.1f}" height="{_ROW - 6}" rx="2" fill="{colour}"/>',
        f'<text x="{_LABEL + length + 6:.1f}" y="{top + 15}">{spelled}</text>',
    ]


def _legend(top: int) -> list[str]:
    words = {"extractor": "extractor, everything on", "loop": "bare loop, nothing on", "peer": "others"}
    parts: list[str] = []
    for number, (kind, word) in enumerate(words.items()):
        left = _LABEL + number * 180
        parts += [
            f'<rect x="{left}" y="{top - 11}" width="12" height="12" rx="2" fill="{_COLOURS[kind]}"/>',
            f'<text class="s" x="{left + 18}" y="{top}">{word}</text>',
        ]
    return parts
