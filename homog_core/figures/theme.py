"""TODO homog_core.figures.theme."""

import html
import textwrap

MODEL_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe–Ito
SYMBOLS = tuple(
    "circle square diamond triangle-up cross star hexagon pentagon triangle-down x hexagram bowtie "  # noqa: SIM905
    "star-square star-diamond hourglass octagon diamond-wide triangle-left triangle-right star-triangle-up".split()
)
GREY = "rgba(128,128,128,0.45)"
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def shortened(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def wrapped(text: str, width: int) -> str:
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(text, width))


def ink_on(color: str) -> str:
    """The text colour that is readable on a model's colour."""
    return "white" if color == MODEL_COLORS[0] else "#1a2026"
