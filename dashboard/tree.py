"""The answers to one question as trees of tokens, one under the other."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.text import plain
from homog_core.analysis.token_tree import branches, branching_factor, token_tree, vanished
from homog_core.figures.theme import shortened
from homog_core.figures.tree import tree
from homog_core.records import GREEDY, Response
from homog_core.wording import tree as say

_FIRST = 5  # positions whose branching factor is told


def trees(named: Sequence[tuple[str, Mapping[int, Response]]], recipe: str, key: str, about: str = "") -> None:
    """One tree a model, of its valid samples; `named` are names and answers by sample index."""
    own = [(name, _samples(responses)) for name, responses in named]
    own = [(name, responses) for name, responses in own if responses]
    if not own:
        st.info("There is no tree: no answer has a text.")
        return
    roots = [token_tree(responses) for _, responses in own]
    frames = [branches(root) for root in roots]
    texts = [[found.answer for found in responses.values()] for _, responses in own]
    gone = [shortened(word, 24) for word in vanished(texts[0], texts[-1])] if len(own) > 1 else []
    ways = [max(len(root.children), 1) for root in roots]
    narrow = blocks.is_narrow()
    data = pd.concat([frame.assign(model=name) for frame, (name, _) in zip(frames, own, strict=True)])
    has_entropies = bool(np.isfinite(data["entropy"]).any())
    title = plain(say.title([name for name, _ in own], ways, gone))
    blocks.heading(title, say.how_to_read(has_entropies, narrow), recipe)
    figures = []
    for i, ((name, responses), frame) in enumerate(zip(own, frames, strict=True)):
        factors = branching_factor(list(responses.values()))[:_FIRST]
        known = [factor for factor in factors if not np.isnan(factor)]
        st.markdown(f"**{plain(name)}**")
        figure = tree(frame, dark=blocks.is_dark(), narrow=narrow)
        figures.append((escape(name), figure))
        st.plotly_chart(figure, key=f"{key}:{i}", config=blocks.CONFIG, alt=f"Tree of {len(responses)} answers")
        if known:
            st.caption(plain(say.branching_note(name, known)))
    blocks.chart_foot(figures, title, recipe, data.drop(columns=["id", "parent"]), key, about)


def _samples(responses: Mapping[int, Response]) -> dict[int, Response]:
    return {index: found for index, found in responses.items() if index != GREEDY and found.is_valid}
