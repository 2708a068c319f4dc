"""Wrong and right answers as dots along a signal; steps 3 and 4 show one each."""

import numpy as np
import pandas as pd

from dashboard import blocks
from dashboard.story import pieces
from homog_core.analysis.story import Story, heap
from homog_core.figures import lessons
from homog_core.figures.theme import ROLE_COLORS
from homog_core.wording import recipes
from homog_core.wording import story as say

AXES = {"disagreement": "disagreement (0: one pile)", "hesitation": "hesitation (average entropy)"}


def show(story: Story, signal: str, presenting: bool) -> None:
    """All judged questions along the disagreement, those with one pile standing out; or these alone, by hesitation."""
    one = story.detection(signal, "one")
    if signal == "disagreement":
        frame, top = story.graded, float(np.log(story.aligned.n_samples))
    else:
        frame = story.graded[story.graded["clusters"] == 1]
        top = float(frame[signal].max())
    rows = [_row(story, frame, correct, signal, top) for correct in (False, True)]
    tall = 230 if presenting else 150 if blocks.is_narrow() else 330
    pieces.picture(
        lessons.dot_rows(rows, ROLE_COLORS["dpo"], AXES[signal], top, pieces.TYPE, tall=tall),
        presenting,
        title=say.dots_title(one),
        how_to_read=say.dots_reading(one),
        recipe_line=recipes.run_recipe(story.aligned.run, story.clusterer, len(frame)),
        data=frame.rename_axis("question").reset_index(),
        key=f"story-{signal}",
        alt=f"Dots: {signal} of {one.n_wrong} wrong and {one.n_right} right answers with one pile",
    )


def _row(story: Story, frame: pd.DataFrame, correct: bool, signal: str, top: float) -> lessons.DotRow:
    part = frame[frame["correct"] == correct].sort_values(["clusters", signal], kind="stable")
    x, height = heap(part[signal].to_numpy(), max(top, 1e-6) / 46)
    keys, word = list(part.index), "right" if correct else "wrong"
    names = {story.example: "our question", story.counterpart: "the other one"}
    return lessons.DotRow(
        name=f"{word} ({len(part)})",
        x=x,
        height=height,
        strong=(part["clusters"] == 1).to_numpy(),
        texts=[story.table["text"].get(key) or key for key in keys],
        notes=[
            say.dot_note(word, int(clusters), signal, value)
            for clusters, value in zip(part["clusters"], part[signal], strict=True)
        ],
        marked={keys.index(k): name for k, name in names.items() if k in keys} if signal == "hesitation" else {},
    )
