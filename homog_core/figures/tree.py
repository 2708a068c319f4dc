"""The answers to one question as a tree, from left to right: width is the share of answers, colour the entropy."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.axes import LAYOUT
from homog_core.figures.theme import ACCENT, FADED, PALE, escaped, hover_lines, shortened
from homog_core.wording.numbers import counted, number, percent

MOST_ENTROPY = 4.0  # nats, where the colour is full
_LEAST, _MOST, _ANSWER = 120, 720, 22  # pixels: the lowest and the highest tree, and an answer
_CHARACTERS = {False: 104, True: 56}  # of the smallest type in a line as long as the tree is wide; on a phone
_DEEPEST = {False: 7, True: 4}  # levels that are shown at once


def tree(frame: pd.DataFrame, *, dark: bool, narrow: bool = False) -> go.Figure:
    """One tree. `frame`: id, parent (−1 of the root, which is the first row), text, path, n, entropy, is_end, is_leaf.

    A click on a branch shows what comes after it alone; on the root, everything again. A label is cut to what its box
    can hold, for Plotly leaves out one that is longer.
    """
    branches: Sequence[Any] = list(frame.itertuples())
    n_levels = min(_n_levels(branches), _DEEPEST[narrow])
    n_answers = branches[0].n
    layout = LAYOUT | {
        "height": min(max(_LEAST, _ANSWER * n_answers), _MOST) + 24,
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
        "uniformtext": {"minsize": 10, "mode": "hide"},
    }
    trace = {
        "type": "icicle",
        "ids": [str(branch.id) for branch in branches],
        "parents": ["" if branch.parent < 0 else str(branch.parent) for branch in branches],
        "labels": [
            _label(branch, int(_CHARACTERS[narrow] * (branch.n / n_answers if narrow else 1 / n_levels)))
            for branch in branches
        ],
        "values": [branch.n for branch in branches],
        "branchvalues": "total",
        "marker": {
            "colors": [_strength(branch.entropy) for branch in branches],
            "colorscale": [[0, PALE[dark]], [1, ACCENT]],
            "cmin": 0,
            "cmax": MOST_ENTROPY,
            "line": {"width": 1, "color": FADED},
        },
        "hovertext": [hover_lines(_hover(branch, n_answers)) for branch in branches],
        "hoverinfo": "text",
        "tiling": {"orientation": "v" if narrow else "h", "pad": 1},
        "pathbar": {"visible": True, "thickness": 20},
        "sort": False,
        "maxdepth": _DEEPEST[narrow],
    }
    return go.Figure([trace], layout)


def _label(branch: Any, room: int) -> str:
    """What stands in a box that is wide enough for so many characters."""
    if branch.parent < 0:
        shared = f": {branch.text}" if branch.text else ""
        return escaped(shortened(f"{counted(branch.n, 'answer')}{shared}", max(room, 12)))
    text = "(ends)" if branch.is_end else branch.text.strip() or "␣"
    return escaped(shortened(text, max(room, 2)))


def _n_levels(branches: Sequence[Any]) -> int:
    """How many levels a tree has, its root included; a parent stands before its children."""
    depth = {-1: 0}
    for branch in branches:
        depth[branch.id] = depth[branch.parent] + 1
    return max(depth.values())


def _strength(entropy: float) -> float:
    return 0.0 if math.isnan(entropy) else min(entropy, MOST_ENTROPY)


def _hover(branch: Any, n_answers: int) -> str:
    said = f"{counted(branch.n, 'answer')} of {n_answers}, {percent(branch.n / max(n_answers, 1))}"
    if math.isnan(branch.entropy) or branch.is_end:
        return f"{shortened(branch.path or 'all answers', 200)}\n{said}"
    path = shortened(branch.path or "all answers", 200)
    likely = f"as if {number(math.exp(branch.entropy), 1)} equally likely tokens"
    return f"{path}\n{said}\nwhat comes next: {number(branch.entropy)} nats, {likely}"
