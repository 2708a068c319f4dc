"""The colours, margins and texts that all figures share."""

import html
import textwrap

MODEL_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe–Ito
ACCENT = "#D55E00"  # of entropies, of lines between clusters, and of what is looked at
SYMBOLS = tuple(
    "circle square diamond triangle-up cross star hexagon pentagon triangle-down x hexagram bowtie "  # noqa: SIM905
    "star-square star-diamond hourglass octagon diamond-wide triangle-left triangle-right star-triangle-up".split()
)
GREY = "rgba(128,128,128,0.45)"
FADED = "rgba(128,128,128,0.75)"  # of a value from few questions
GRID = "rgba(128,128,128,0.18)"
INK = {False: "#1a2026", True: "#e8edf2"}  # in the light and in the dark theme, as the next two
PAPER = {False: "#ffffff", True: "#0e1318"}
PALE = {False: "#f2f6fa", True: "#12181f"}  # the empty end of a colour scale
NEAR = {False: "#0072B2", True: "#56B4E9"}  # the other end, of a distance of 0
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def rgba(color: str, alpha: float) -> str:
    """A colour as #rrggbb, made transparent."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:.2f})"


def ink_on(color: str) -> str:
    """The text colour that is readable on a model's colour."""
    return "white" if color == MODEL_COLORS[0] else INK[False]


def escaped(text: str) -> str:
    """A text as Plotly is to show it: without markup."""
    return html.escape(str(text), quote=False)


def shortened(text: str, length: int) -> str:
    """A text on one line, cut to a length."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def wrapped(text: str, width: int, most: int | None = None) -> str:
    """An escaped text in lines of a width; `most` lines, what is beyond them is left out."""
    return "<br>".join(escaped(line) for line in textwrap.wrap(text, width)[:most])


def hover_lines(text: str) -> str:
    """Escaped hover text; its line breaks stay, and the first line is bold."""
    first, *rest = (escaped(line) for line in text.split("\n"))
    return "<br>".join([f"<b>{first}</b>", *rest])
