"""TODO homog_core.figures.axes."""

import html
import textwrap

from homog_core.figures.series import FADED
from homog_core.figures.theme import GREY

GRID = "rgba(128,128,128,0.18)"
MARK = {"width": 1.5, "dash": "dot", "color": FADED}
BAND = 0.16
ALIGNED = {"l": 60, "r": 16, "autoexpand": False}  # so that two figures share their horizontal axis

# Axes and lines. Figures are handed over as one mapping: to add traces and axes one by one takes ten times as long.
LAYOUT = {
    "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
    "dragmode": False,
    "hovermode": "closest",
    "hoverlabel": {"align": "left"},
}
CURVE_LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "itemsizing": "constant"}


def axis_name(name: str, panel: int) -> str:
    return name if panel == 0 else f"{name}{panel + 1}"


def domains(n: int, gap: float) -> list[list[float]]:
    width = (1 - gap * (n - 1)) / n
    return [[i * (width + gap), i * (width + gap) + width] for i in range(n)]


def line_at(x: float, panel: int, y: str = "y") -> dict:
    """A line over the whole height at a place of a panel's horizontal axis."""
    place = {"x0": x, "x1": x, "xref": axis_name("x", panel), "y0": 0, "y1": 1, "yref": f"{y} domain"}
    return {"type": "line", **place, "line": {"width": 1.2, "dash": "dash", "color": GREY}, "layer": "below"}


def between(row: int) -> dict:
    """A thin line over a row, where rows hold several dots."""
    place = {"x0": 0, "x1": 1, "xref": "paper", "y0": row - 0.5, "y1": row - 0.5, "yref": "y"}
    return {"type": "line", **place, "line": {"width": 1, "color": GRID}, "layer": "below"}


def level(y: float) -> dict:
    place = {"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y, "yref": "y"}
    return {"type": "line", **place, "line": {"width": 1.2, "dash": "dash", "color": GREY}, "layer": "below"}


def above(x: float, text: str, panel: int) -> dict:
    place = {
        "x": x,
        "xref": axis_name("x", panel),
        "y": 1,
        "yref": f"{axis_name('y', panel)} domain",
        "yanchor": "bottom",
    }
    return {**place, "text": escaped(text), "showarrow": False, "font": {"size": 12}}


# Texts and colours


def escaped(text: str) -> str:
    return html.escape(str(text), quote=False)


def html_lines(text: str) -> str:
    """Escaped hover text; its line breaks stay, and the first line is bold."""
    first, *rest = (escaped(line) for line in text.split("\n"))
    return "<br>".join([f"<b>{first}</b>", *rest])


def wrapped(text: str, width: int = 58) -> str:
    return "<br>".join(escaped(line) for line in textwrap.wrap(text, width)[:2])


def rgba(color: str, alpha: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
