"""One picture: records per CPU second of everything that was measured, in an SVG of our own.

Decides its form only: a dot a row, the quickest on top, on a logarithmic scale because a peer and a bare loop are two
orders of magnitude apart (which is why there are no bars: their lengths would say nothing). No library: it is text
with numbers in it. Called by ``__main__``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape

from benchmarks.measure import MILLION
from benchmarks.rounds import Results

_WIDTH, _ROW, _TOP, _LEFT, _RIGHT, _BELOW = 900, 24, 70, 345, 70, 58  # pixels
_COLOURS = {"extractor": "#1a7f5a", "loop": "#7d8995", "peer": "#c4702b"}
_WORDS = {"extractor": "the extractor, everything on", "loop": "bare loops, nothing on", "peer": "others"}
_STYLE = (
    "text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#24292f}.t{font-size:15px;font-weight:600}.s{fill:#6e7781}"
    "line{stroke:#8b949e;stroke-opacity:.35}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}}"
)


def svg(groups: Mapping[str, Results], *, subtitle: str) -> str:
    """Draw the groups ``loop``, ``extractor`` and ``peer`` together, by speed."""
    rows = [
        (MILLION / series.cpu_per_million.median, kind, series.name)
        for kind, results in groups.items()
        for series in results.values()
        if series.pairs
    ]
    rows.sort(reverse=True)
    scale = _Scale([speed for speed, _, _ in rows] or [1.0])
    bottom = _TOP + _ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + _BELOW}" role="img">',
        f"<style>{_STYLE}</style>",
        '<text class="t" x="16" y="24">Records per CPU second, beyond start-up</text>',
        f'<text class="s" x="16" y="44">{escape(subtitle)}</text>',
        *scale.grid(bottom),
    ]
    for number, (speed, kind, name) in enumerate(rows):
        parts += _row(_TOP + _ROW * number + _ROW // 2, scale.at(speed), speed, kind, name)
    parts += _legend(bottom + _BELOW - 12)
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Decades across the width."""

    def __init__(self, speeds: list[float]) -> None:
        self._low = math.floor(math.log10(min(speeds)))
        self._high = max(math.ceil(math.log10(max(speeds))), self._low + 1)

    def at(self, speed: float) -> float:
        """Where a speed lies, in pixels from the left."""
        share = (math.log10(speed) - self._low) / (self._high - self._low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def grid(self, bottom: int) -> Iterator[str]:
        """A line for each decade, with its number below."""
        for decade in range(self._low, self._high + 1):
            x = self.at(10.0**decade)
            yield f'<line x1="{x:.0f}" y1="{_TOP - 6}" x2="{x:.0f}" y2="{bottom + 4}"/>'
            yield f'<text class="s" x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">{_spelled(10.0**decade)}</text>'


def _row(y: int, x: float, speed: float, kind: str, name: str) -> Iterator[str]:
    yield f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
    yield f'<line x1="{_LEFT}" y1="{y}" x2="{x:.1f}" y2="{y}"/>'
    yield f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{_COLOURS[kind]}"/>'
    yield f'<text x="{x + 10:.1f}" y="{y + 4}">{_spelled(speed)}</text>'


def _legend(y: int) -> Iterator[str]:
    for number, (kind, word) in enumerate(_WORDS.items()):
        x = _LEFT + number * 215
        yield f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{_COLOURS[kind]}"/>'
        yield f'<text class="s" x="{x + 12}" y="{y}">{word}</text>'


def _spelled(speed: float) -> str:
    """Two or three digits that matter."""
    if speed >= MILLION:
        return f"{speed / MILLION:.3g} M"
    return f"{speed / 1000:.3g} k"
