"""Series of seconds against sizes → exponents, and a drawing of them all as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

N_COLUMNS = 4
SIDE, LEFT, TOP, RIGHT, BOTTOM = 150, 56, 58, 14, 46  # of a panel, in pixels: the square, and the room around it
MARGIN = 0.12  # decades between the data and the frame
STYLE = """
text { font: 12px sans-serif; fill: #222 } .title { font-weight: bold } .axis { fill: #555; font-size: 11px }
.ground { fill: #fff } .frame { fill: none; stroke: #999 } .linear { stroke: #999; stroke-dasharray: 4 4 }
.data { fill: none; stroke: #1f6f8b; stroke-width: 2 } circle { fill: #1f6f8b } .tick { stroke: #999 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e6e6 } .axis { fill: #b5b5b5 } .ground { fill: #16181c } .frame, .linear, .tick { stroke: #7d7d7d }
  .data { stroke: #6cc3de } circle { fill: #6cc3de }
}
"""


@dataclass(frozen=True, slots=True)
class Series:
    """What something took, against a size."""

    title: str
    axis: str  # what is counted
    sizes: Sequence[int]
    seconds: Sequence[float]  # of the processor

    @property
    def exponent(self) -> float:
        """`exponent` of this series."""
        return exponent(self.sizes, self.seconds)

    def as_json(self) -> dict[str, Any]:
        """Everything about it, rounded."""
        seconds = [float(f"{value:.4g}") for value in self.seconds]
        numbers = {"sizes": list(self.sizes), "seconds": seconds, "exponent": round(self.exponent, 2)}
        return {"title": self.title, "against": self.axis} | numbers


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds against log sizes, by least squares over the larger half, its middle included.

    1 where the time is proportional to the size, 2 where it grows with the square.
    """
    half = (len(sizes) - 1) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(seconds[half:]), 1)[0])


def drawing(series: Sequence[Series]) -> str:
    """One panel a series, all axes logarithmic and of one scale: a line at 45 degrees is linear."""
    spans = [np.ptp(np.log10(values)) for one in series for values in (one.sizes, one.seconds)]
    scale = SIDE / (max(spans) + 2 * MARGIN)  # pixels a decade
    columns, rows = min(N_COLUMNS, len(series)), -(-len(series) // N_COLUMNS)
    width, height = columns * (LEFT + SIDE + RIGHT), rows * (TOP + SIDE + BOTTOM)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">']
    parts.append("<title>Seconds of the processor against size, on logarithmic axes</title>")
    parts += [f"<style>{STYLE}</style>", f'<clipPath id="square"><path d="M0 0h{SIDE}v{SIDE}h-{SIDE}z"/></clipPath>']
    parts.append(f'<rect class="ground" width="{width}" height="{height}"/>')
    for i, one in enumerate(series):
        row, column = divmod(i, N_COLUMNS)
        x, y = column * (LEFT + SIDE + RIGHT) + LEFT, row * (TOP + SIDE + BOTTOM) + TOP
        parts += [f'<g transform="translate({x} {y})">', *_panel(one, scale), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _panel(one: Series, scale: float) -> Iterator[str]:
    """A square with its axes, the data, and a line that is linear through the last point."""
    left, low = np.log10(min(one.sizes)) - MARGIN, np.log10(min(one.seconds)) - MARGIN
    x = scale * (np.log10(one.sizes) - left)
    y = SIDE - scale * (np.log10(one.seconds) - low)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    yield f'<text class="title" x="0" y="-26">{one.title}</text>'
    yield f'<text x="0" y="-9">exponent {one.exponent:.2f}</text>'
    yield f'<rect class="frame" width="{SIDE}" height="{SIDE}"/>'
    a, b = x[-1], y[-1]
    line = f'x1="{a - 2 * SIDE:.1f}" y1="{b + 2 * SIDE:.1f}" x2="{a + SIDE:.1f}" y2="{b - SIDE:.1f}"'
    yield f'<line class="linear" clip-path="url(#square)" {line}/>'
    yield f'<polyline class="data" points="{points}"/>'
    yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in zip(x, y, strict=True))
    for size, a in zip(one.sizes, x, strict=True):
        yield f'<path class="tick" d="M{a:.1f} {SIDE}v4"/>'
        yield f'<text class="axis" x="{a:.1f}" y="{SIDE + 17}" text-anchor="middle">{_short(size)}</text>'
    yield f'<text class="axis" x="{SIDE / 2}" y="{SIDE + 34}" text-anchor="middle">{one.axis}</text>'
    for value in _ticks(low, low + SIDE / scale):
        height = SIDE - scale * (np.log10(value) - low)
        yield f'<path class="tick" d="M0 {height:.1f}h-4"/>'
        yield f'<text class="axis" x="-8" y="{height + 4:.1f}" text-anchor="end">{_seconds(value)}</text>'


def _ticks(low: float, high: float) -> list[float]:
    """1, 3, 10, 30 … between two powers of ten."""
    powers = range(int(np.floor(low)), int(np.ceil(high)))
    return [value for power in powers for value in (10.0**power, 3 * 10.0**power) if low < np.log10(value) < high]


def _short(size: int) -> str:
    return f"{size // 1024}k" if size >= 1024 else str(size)


def _seconds(value: float) -> str:
    return f"{value * 1000:.1g} ms" if value < 0.01 else f"{value:g} s" if value >= 1 else f"{value * 1000:.0f} ms"
