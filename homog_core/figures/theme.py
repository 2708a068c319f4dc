"""The colours, margins and texts that all figures share."""

import html
import textwrap
from collections import Counter
from collections.abc import Sequence

from homog_core.records import Role

ROLE_COLORS: dict[Role, str] = {  # Okabe–Ito; the same on every page
    "base": "#0072B2",
    "sft": "#009E73",
    "control": "#CC79A7",
    "dpo": "#E69F00",
    "rlvr": "#E69F00",
    "instruct": "#E69F00",
    None: "#56B4E9",  # nobody has said
}
_SHADES = ((0.0, "#000000"), (0.42, "#ffffff"), (0.38, "#000000"), (0.65, "#ffffff"))  # of several models of one role
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
    red, green, blue = _channels(color)
    return f"rgba({red},{green},{blue},{alpha:.2f})"


def role_colors(roles: Sequence[Role]) -> list[str]:
    """A colour for each of some models: that of its role; several of one colour differ by shade, four of them."""
    seen: Counter[str] = Counter()
    found = []
    for role in roles:
        color = ROLE_COLORS[role]
        share, towards = _SHADES[seen[color] % len(_SHADES)]
        found.append(mixed(color, towards, share))
        seen[color] += 1
    return found


def ink_on(color: str) -> str:
    """The text colour that is read best on a colour, by WCAG's contrast."""
    return max(("#ffffff", INK[False]), key=lambda ink: _contrast(ink, color))


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


def _channels(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def mixed(color: str, other: str, share: float) -> str:
    """A colour with that share of another one."""
    channels = [round(a + share * (b - a)) for a, b in zip(_channels(color), _channels(other), strict=True)]
    return "#" + "".join(f"{c:02X}" for c in channels)


def _contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
