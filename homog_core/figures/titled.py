"""A figure that stands alone, for a talk or a paper: with its title, what it shows, and how it was made."""

import textwrap

import plotly.graph_objects as go

from homog_core.figures.theme import INK, PAPER, escaped

WIDTH = 1100  # pixels; downloads have twice as many
_TITLE, _NOTE = (22, 84), (13, 150)  # size of the type, and characters in a line
_LINE = 1.35  # height of a line of type, in its size


def enlarged(figure: go.Figure, times: float) -> go.Figure:
    """A copy of `figure` of no height of its own, its type so many times as large."""
    found = figure.to_dict()
    _enlarge(found, times)
    layout = found["layout"]
    layout.pop("height", None)
    layout["font"] = {"size": 12 * times} | layout.get("font", {})
    return go.Figure(found)


def _enlarge(part: object, times: float) -> None:
    """Every size of type in a part of a figure, in place."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("font") and isinstance(value, dict) and "size" in value:
                value["size"] *= times
            else:
                _enlarge(value, times)
    elif isinstance(part, list | tuple):
        for one in part:
            _enlarge(one, times)


def titled(figure: go.Figure, title: str, note: str, *, dark: bool) -> go.Figure:
    """A copy of `figure`, `WIDTH` wide, under its title and a note in smaller type; both are escaped and broken."""
    heading, small = (textwrap.wrap(text, width) for text, (_, width) in ((title, _TITLE), (note, _NOTE)))
    above = round(_LINE * (len(heading) * _TITLE[0] + len(small) * _NOTE[0])) + 24
    found = go.Figure(figure)
    extra = {"l": 16, "r": 16, "t": above, "b": 12}
    found.update_layout(
        title={
            "text": "<br>".join(map(escaped, heading)),
            "subtitle": {"text": "<br>".join(map(escaped, small)), "font": {"size": _NOTE[0]}},
            "font": {"size": _TITLE[0]},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 16, "t": 14 + round(1.3 * _TITLE[0] * (len(heading) - 1))},  # Plotly lets further lines rise
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
        width=WIDTH,
        height=(figure.layout.height or 450) + above,
        margin={side: (figure.layout.margin[side] or 0) + more for side, more in extra.items()},
        paper_bgcolor=PAPER[dark],
        plot_bgcolor=PAPER[dark],
        font={"color": INK[dark]},
    )
    return found
