"""How the series of a chart look: runs by colour, scores by what they are read from, published figures hollow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homog_core.figures.theme import ACCENT, INK, NEAR, ROLE_COLORS, escaped, role_colors
from homog_core.records import Role

PUBLISHED = "published"  # the key of the series of what others have reported
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "triangle-up", "cross")
_GROUP_COLORS = {  # what a score is read from: colour in the light and in the dark theme, and symbol
    "one answer": (ACCENT, ACCENT, "circle"),
    "samples": (NEAR[False], NEAR[True], "square"),
    "question": ("#CC79A7", "#CC79A7", "triangle-up"),
}


@dataclass(frozen=True, slots=True)
class Series:
    """How one series looks; in the legend it stands once."""

    key: str
    name: str
    color: str
    symbol: str = "circle"
    dash: str = "solid"

    @property
    def outline(self) -> dict:
        """The line around its marks: hollow ones need it."""
        return {"width": 1.8 if "open" in self.symbol else 0}


def run_series(labels: Sequence[str], roles: Sequence[Role]) -> list[Series]:
    """The looks of runs by what their models stand for; several of one role differ by shade, symbol and dash."""
    looks: list[Series] = []
    seen: Counter[str] = Counter()
    for label, role, color in zip(labels, roles, role_colors(roles), strict=True):
        again, shade = divmod(seen[ROLE_COLORS[role]], 4)
        place = (shade + again) % 4
        looks.append(Series(label, label, color, _SYMBOLS[place], _DASHES[place]))
        seen[ROLE_COLORS[role]] += 1
    return looks


def group_series(names: Mapping[str, str], *, dark: bool) -> list[Series]:
    """The looks of the groups of scores, by what a score is read from."""
    return [Series(key, name, _GROUP_COLORS[key][dark], _GROUP_COLORS[key][2]) for key, name in names.items()]


def bound_series(names: Mapping[str, str], *, dark: bool) -> list[Series]:
    """The looks of the ways to count a single answer: one colour, told apart by their symbols."""
    color = _GROUP_COLORS["samples"][dark]
    return [
        Series(key, name, color, _SYMBOLS[place % len(_SYMBOLS)]) for place, (key, name) in enumerate(names.items())
    ]


def score_series(scores: Sequence[tuple[str, str, str]], *, dark: bool) -> list[Series]:
    """The looks of some scores, (key, name, group) each: the group's colour, told apart within it by their dashes."""
    seen: dict[str, int] = {}
    found = []
    for key, name, group in scores:
        place = seen[group] = seen.get(group, -1) + 1
        symbol = (_GROUP_COLORS[group][2], *_SYMBOLS)[place % 4]
        found.append(Series(key, name, _GROUP_COLORS[group][dark], symbol, _DASHES[place % len(_DASHES)]))
    return found


def published_series(*, dark: bool) -> Series:
    """The look of what others have reported: a hollow diamond."""
    return Series(PUBLISHED, "published by others", INK[dark], "diamond-open")


def legend_entry(look: Series) -> dict:
    """One entry a series, whatever panel it has marks in; a click on it hides them all."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "marker": {"color": look.color, "symbol": look.symbol, "size": 10, "line": look.outline},
        "name": escaped(look.name),
        "legendgroup": look.key,
    }


def whiskers(found: Sequence[Mapping[str, float]]) -> dict:
    """The intervals of some values, each with `value`, `low` and `high`; a value without one has no whisker."""
    known = [row["low"] == row["low"] for row in found]
    up = [row["high"] - row["value"] if known_ else 0.0 for row, known_ in zip(found, known, strict=True)]
    down = [row["value"] - row["low"] if known_ else 0.0 for row, known_ in zip(found, known, strict=True)]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "width": 3, "visible": any(up + down)}
