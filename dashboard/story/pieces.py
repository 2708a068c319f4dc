"""What several steps of the story show: a chart that can be presented, a recipe, piles of answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard import blocks
from dashboard.text import plain
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import Story
from homog_core.figures import lessons
from homog_core.figures.theme import ROLE_COLORS
from homog_core.figures.titled import enlarged
from homog_core.records import Response
from homog_core.wording import recipes
from homog_core.wording import story as say

_QUIET = """<style>
.st-key-quiet :is([data-testid=stPopover], [data-testid=stButton], [data-testid=stTooltipIcon]) {display: none}
</style>"""
TYPE = 13  # pixels, in charts
_LARGER = 1.45  # times, in presenting mode


def picture(figure: go.Figure, presenting: bool, **about: Any) -> None:
    """A chart with everything that belongs to it; in presenting mode without what can be clicked."""
    if not presenting:
        blocks.chart(figure, **about)
        return
    st.markdown(f"**{about['title']}**")
    with st.container(key="picture"):  # whose height is that of the screen
        large = enlarged(figure, _LARGER)
        st.plotly_chart(large, key=about["key"], alt=about["alt"], height="stretch", config={"staticPlot": True})
    st.caption(about["how_to_read"])
    st.caption(plain(about["recipe_line"]))


@contextmanager
def quiet(presenting: bool) -> Iterator[None]:
    """Around a chart that other pages have too: in presenting mode without what can be clicked."""
    with st.container(key="quiet" if presenting else "charts"):
        if presenting:
            st.html(_QUIET)
        yield


def recipe(story: Story, scored: ScoredRun, n: int, interval: str = "") -> None:
    """The recipe line under what is no chart."""
    st.caption(plain(recipes.run_recipe(scored.run, story.clusterer, n, interval)))


def piles(shown: list[lessons.Pile], position: int, **layout: Any) -> None:
    """Piles of answers in the colour of the base model (position 0) or of the aligned one (1)."""
    color = ROLE_COLORS[("base", "dpo")[position]]
    st.html(lessons.answer_piles(shown, color, dark=blocks.is_dark(), **layout))


def question(story: Story, question_id: str) -> str:
    """A question, for Markdown."""
    return plain(story.table.loc[question_id, "text"])


def right_answer(story: Story, question_id: str) -> str:
    """What would be right, for Markdown; "" where nobody has said."""
    return say.right_would_be(plain(story.right_answer(question_id)))


def answer(response: Response) -> str:
    """An answer on one line; one that was cut ends in […]."""
    cut = " […]" if response.finish_reason == "length" else ""
    return (" ".join(response.answer.split()) or "(empty)") + cut


def mark(right: bool) -> str:
    """Right or wrong, as a sign and a word."""
    return "✓ right" if right else "✗ wrong"
