"""Axes of figures with several panels, and the lines and notes on them.

Figures are handed over to Plotly as one mapping: to add traces and axes one by one takes ten times as long.
"""

from dataclasses import dataclass

from homog_core.figures.theme import FADED, GREY, GRID, escaped
from homog_core.wording.numbers import percent

LAYOUT = {
    "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
    "dragmode": False,
    "hovermode": "closest",
    "hoverlabel": {"align": "left"},
}
LEGEND_BELOW = {"orientation": "h", "yanchor": "bottom", "y": 0, "yref": "container", "itemsizing": "constant"}
ALIGNED = {"l": 60, "r": 16, "autoexpand": False}  # so that two figures share their horizontal axis
PERCENT_TICKS = {"tickformat": ".0%", "labelalias": {f"{k}%": percent(k / 100) for k in range(101)}}
CROWDED = 8  # series; more of them are drawn closer, and without bands
_DASHED = {"width": 1.2, "dash": "dash", "color": GREY}
_MARK = {"width": 1.5, "dash": "dot", "color": FADED}


@dataclass(frozen=True, slots=True)
class Panel:
    """One horizontal axis of a chart of dots, or one vertical axis of a chart of curves."""

    title: str
    reference: float | None = None  # where a line stands, as 0.5 for an AUROC
    range: tuple[float, float] | None = None
    percent: bool = False

    @property
    def ticks(self) -> dict:
        """How the numbers at the axis are written."""
        return PERCENT_TICKS if self.percent else {}


def axis_name(name: str, panel: int) -> str:
    """What Plotly calls an axis of the panel at a position, as in x, x2 and x3."""
    return name if panel == 0 else f"{name}{panel + 1}"


def domains(n: int, gap: float) -> list[list[float]]:
    """Where n panels side by side begin and end, as shares of the room."""
    width = (1 - gap * (n - 1)) / n
    return [[i * (width + gap), i * (width + gap) + width] for i in range(n)]


def reference_line(x: float, panel: int) -> dict:
    """A line over the whole height of a chart of dots, at a place of a panel's horizontal axis."""
    return _upright(x, panel, "y domain") | {"line": _DASHED}


def mark_line(x: float, panel: int) -> dict:
    """A line over the whole height of one panel: where a control stands."""
    return _upright(x, panel, f"{axis_name('y', panel)} domain") | {"line": _MARK}


def level_line(y: float) -> dict:
    """A line over the whole width at a place of the vertical axis."""
    return _across(y, "x domain") | {"line": _DASHED}


def between_rows(row: int) -> dict:
    """A thin line over a row, where rows hold several dots."""
    return _across(row - 0.5, "paper") | {"line": {"width": 1, "color": GRID}}


def _upright(x: float, panel: int, height: str) -> dict:
    place = {"x0": x, "x1": x, "xref": axis_name("x", panel), "y0": 0, "y1": 1, "yref": height}
    return {"type": "line", **place, "layer": "below"}


def _across(y: float, width: str) -> dict:
    return {"type": "line", "x0": 0, "x1": 1, "xref": width, "y0": y, "y1": y, "yref": "y", "layer": "below"}


def note_above(x: float, text: str, panel: int) -> dict:
    """Words over a panel at a place of its horizontal axis."""
    height = f"{axis_name('y', panel)} domain"
    place = {"x": x, "xref": axis_name("x", panel), "y": 1, "yref": height, "yanchor": "bottom"}
    return {**place, "text": escaped(text), "showarrow": False, "font": {"size": 12}}
