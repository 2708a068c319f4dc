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
_LONGEST = 60  # characters of a label


def tree(frame: pd.DataFrame, *, dark: bool, narrow: bool = False) -> go.Figure:
    """One tree. `frame`: id, parent (−1 of the root, which is the first row), text, path, n, entropy, is_end, is_leaf.

    A click on a branch shows what comes after it alone; on the root, everything again.
    """
    branches: Sequence[Any] = list(frame.itertuples())
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
        "labels": [_label(branch, narrow) for branch in branches],
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
        "maxdepth": 4 if narrow else 7,
    }
    return go.Figure([trace], layout)


def _label(branch: Any, narrow: bool) -> str:
    if branch.parent < 0:
        shared = f": {shortened(branch.text, _LONGEST)}" if branch.text else ""
        return escaped(f"{counted(branch.n, 'answer')}{shared}")
    text = "(ends)" if branch.is_end else branch.text.strip() or "␣"
    return escaped(shortened(text, _LONGEST // 2 if narrow else _LONGEST))


def _strength(entropy: float) -> float:
    return 0.0 if math.isnan(entropy) else min(entropy, MOST_ENTROPY)


def _hover(branch: Any, n_answers: int) -> str:
    said = f"{counted(branch.n, 'answer')} of {n_answers}, {percent(branch.n / max(n_answers, 1))}"
    if math.isnan(branch.entropy) or branch.is_end:
        return f"{shortened(branch.path or 'all answers', 200)}\n{said}"
    path = shortened(branch.path or "all answers", 200)
    likely = f"as if {number(math.exp(branch.entropy), 1)} equally likely tokens"
    return f"{path}\n{said}\nwhat comes next: {number(branch.entropy)} nats, {likely}"
