"""Step 2: the answers of both models in piles, whether that is typical, and what else could explain it."""

import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.story import computed, pieces
from dashboard.tree import trees
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import Story, answer_clusters, answers_per_question, candidates, cut_share
from homog_core.figures import lessons
from homog_core.figures.lessons import Pile
from homog_core.figures.theme import ROLE_COLORS
from homog_core.measures.report_cards import report_cards
from homog_core.wording import recipes
from homog_core.wording import story as say
from homog_core.wording.numbers import counted

SHAPES = {"piles": "As piles", "tree": "As a tree"}


def show(story: Story, presenting: bool) -> None:
    """Piles side by side, then over all questions; what may be doubted, one click away."""
    asked = f"**{pieces.question(story, story.example)}** {pieces.right_answer(story, story.example)}"
    st.markdown(f"{say.lead(story)} It was: {asked}")
    st.markdown(
        "*Aligning* a model means to train it further, so that it answers as people would like it to. The aligned "
        "model is the base model after that: first with example answers, then with pairs of a better and a worse one. "
        "Answers that count as the same are put on one **pile**:"
    )
    shape = url.get("as", "piles") if presenting else url.segments("Show as", list(SHAPES), "as", SHAPES.get)
    if shape == "tree":
        _tree(story, presenting)
    else:
        left, right = st.columns([3, 1], gap="large")
        with left:
            _model(story, story.base, 0, "Base model")
        with right:
            _model(story, story.aligned, 1, "Aligned model")
    st.markdown(say.is_it_typical(story.typical, story.base.n_samples))
    st.markdown(say.control(computed.control(story)))
    if presenting:
        pieces.recipe(story, story.aligned, story.typical.n, "intervals: Wilson")
        return
    _over_all_questions(story)
    _doubts(story)


def _model(story: Story, scored: ScoredRun, position: int, name: str) -> None:
    found = answer_clusters(scored, story.clusterer, story.example)
    st.markdown(f"**{name}: {counted(len(found), 'pile')}**")
    shown = [
        Pile(
            counted(cluster.count, "answer"),
            cluster.text,
            cluster.count,
            f"in {counted(cluster.wordings, 'wording')}" if cluster.wordings > 1 else "",
        )
        for cluster in found
    ]
    pieces.piles(shown, position, least_width="9.2em", lines=3)


def _tree(story: Story, presenting: bool) -> None:
    """The answers of both models as trees of tokens, one under the other."""
    runs = (story.base, story.aligned)
    named = [(scored.run.identity.model, dict(enumerate(scored.answers(story.example).responses))) for scored in runs]
    recipe = recipes.side_by_side([name for name, _ in named], [scored.run for scored in runs], None, 1)
    with pieces.quiet(presenting):
        trees(named, recipe, "story-tree", story.table.loc[story.example, "text"])


def _over_all_questions(story: Story) -> None:
    most = story.base.n_samples
    counts = [answers_per_question(story.table[name], most) for name in ("base", "aligned")]
    recipe = recipes.run_recipe(story.aligned.run, story.clusterer, story.typical.n)
    blocks.chart(
        lessons.answers_per_question(
            *counts, ("base model", "aligned model"), (ROLE_COLORS["base"], ROLE_COLORS["dpo"]), pieces.TYPE
        ),
        title=say.average_piles(story.typical),
        how_to_read=f"Each question was asked {most} times. A bar is a number of questions; on the left, one pile.",
        recipe_line=f"{story.base.run.identity.model} and {recipe}",
        data=pd.DataFrame({"different answers": range(1, most + 1), "base": counts[0], "aligned": counts[1]}),
        key="story-piles",
        alt="Bars: number of questions by number of different answers, base and aligned model",
    )


def _doubts(story: Story) -> None:
    with st.expander("What counts as the same? Why this question? What else could explain it?"):
        if card := report_cards().get(story.clusterer.key):
            st.markdown(say.what_is_the_same(card))
        st.markdown(
            f"**This question** was chosen by a rule. {say.rule(len(candidates(story.table)), len(story.table))}"
        )
        st.markdown(say.what_else(cut_share(story.base), cut_share(story.aligned)))
