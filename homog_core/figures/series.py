"""TODO homog_core.figures.series."""

from collections.abc import Sequence
from dataclasses import dataclass

from homog_core.figures.theme import MODEL_COLORS

DASHES = ("solid", "dash", "dot", "dashdot")
RUN_SYMBOLS = ("circle", "square", "triangle-up", "cross")
PUBLISHED = "published"  # the name of the series
FADED = "rgba(128,128,128,0.75)"
INK = {False: "#1a2026", True: "#e8edf2"}
_GROUP_COLORS = {  # what a score is read from: colour in the light and in the dark theme, and symbol
    "one answer": ("#D55E00", "#D55E00", "circle"),
    "samples": ("#0072B2", "#56B4E9", "square"),
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


def run_series(labels: Sequence[str]) -> list[Series]:
    """The looks of runs in the order of a comparison: four colours; then again, with other dashes and symbols."""
    return [
        Series(
            label,
            label,
            MODEL_COLORS[i % len(MODEL_COLORS)],
            RUN_SYMBOLS[i // len(MODEL_COLORS) % len(RUN_SYMBOLS)],
            DASHES[i // len(MODEL_COLORS) % len(DASHES)],
        )
        for i, label in enumerate(labels)
    ]


def group_series(names: dict[str, str], *, dark: bool) -> list[Series]:
    """The looks of the groups of scores, by what a score is read from."""
    return [Series(key, name, _GROUP_COLORS[key][dark], _GROUP_COLORS[key][2]) for key, name in names.items()]


def score_series(scores: Sequence[tuple[str, str, str]], *, dark: bool) -> list[Series]:
    """The looks of some scores, (key, name, group) each: the group's colour, told apart within it by their dashes."""
    seen: dict[str, int] = {}
    found = []
    for key, name, group in scores:
        place = seen[group] = seen.get(group, -1) + 1
        symbol = (_GROUP_COLORS[group][2], *RUN_SYMBOLS)[place % 4]
        found.append(Series(key, name, _GROUP_COLORS[group][dark], symbol, DASHES[place % len(DASHES)]))
    return found


def published_series(*, dark: bool) -> Series:
    """The look of what others have reported: a hollow diamond."""
    return Series(PUBLISHED, "published by others", INK[dark], "diamond-open")
