"""Small plots as SVG, without a library: a bar a run is all there is to draw.

Belongs here: drawing. Does not belong here: the figures (`domain/throughput.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from orders_platform.domain.throughput import RunThroughput

_WIDTH, _HEIGHT, _GAP, _TEXT = 480, 110, 4, 16
# Legible on a light and on a dark page alike.
_BAR, _INK = "#5b7fd6", "#808895"


def throughput_svg(runs: Sequence[RunThroughput]) -> str:
    """Rows a second, a bar for each run, the latest to the right; empty without a run."""
    if not runs:
        return ""
    most = max(run.rows_per_second for run in runs) or 1.0
    step = _WIDTH / max(len(runs), 12)
    room = _HEIGHT - 2 * _TEXT
    bars = []
    for i, run in enumerate(runs):
        height = max(1.0, room * run.rows_per_second / most)
        bars.append(
            f'<rect x="{i * step:.1f}" y="{_HEIGHT - _TEXT - height:.1f}" width="{step - _GAP:.1f}" height="{height:.1f}" fill="{_BAR}">'
            f"<title>{run.at:%Y-%m-%d %H:%M} UTC: {run.rows_per_second:.1f} rows/s</title></rect>"
        )
    words = f'font-family="sans-serif" font-size="11" fill="{_INK}"'
    period = f"{runs[0].at:%Y-%m-%d %H:%M} to {runs[-1].at:%Y-%m-%d %H:%M} UTC, {len(runs)} run{'s' if len(runs) > 1 else ''}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f'<text x="0" y="11" {words}>rows per second, at most {most:.1f}</text>{"".join(bars)}'
        f'<text x="0" y="{_HEIGHT - 3}" {words}>{period}</text></svg>'
    )


def markdown_image(svg: str, words: str) -> str:
    """The picture inside markdown, with nothing to fetch."""
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})" if svg else ""
