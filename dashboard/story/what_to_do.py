"""Step 5: the cascade, the answer to the page's question, and measured rates beside published ones."""

import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.story import computed, pieces
from dashboard.text import plain
from homog_core.analysis.advice import Advice
from homog_core.analysis.story import Measured, Story
from homog_core.catalogue.published import PUBLISHED
from homog_core.errors import InvalidInput
from homog_core.figures import lessons
from homog_core.figures.theme import ROLE_COLORS
from homog_core.wording import recipes, run_names
from homog_core.wording import story as say
from homog_core.wording.labels import STAGE_TITLES
from homog_core.wording.numbers import percent, published_value, with_interval

SIGNALS = ("Hesitation of the answer", "How unusual the question is", "Ask ten times")
WAYS = ("hesitation alone", "the cascade", "everything, always")


def show(story: Story, presenting: bool) -> None:
    """What the cascade costs and is worth, the answer in short, and how far it holds elsewhere."""
    st.markdown(
        "Look for wrong answers with the cheapest signal first, and pay for a costlier one only when still unsure: a "
        "**cascade**. Costs are counted in tokens that the model would have to write."
    )
    found = computed.advice(story)
    if isinstance(found, InvalidInput):
        st.info(plain(str(found)))
    else:
        _cascade(story, found, presenting)
    rates = computed.measured_rates(story)
    with st.container(border=True):
        st.markdown(f"**{say.QUESTION}** {say.in_short(story)}")
        st.markdown(plain(say.other_models(rates, story)))
        st.markdown(say.how_strong(story.aligned.run.provenance.n_parameters, PUBLISHED))
    if not presenting:
        _severity(story, rates)
        _onward(story)


def _cascade(story: Story, found: Advice, presenting: bool) -> None:
    stages = [
        (f"{i}. {name}", say.extra_cost(tokens), f"needed for {percent(share)} of the questions")
        for i, (name, tokens, share) in enumerate(zip(SIGNALS, found.stage_tokens, found.reached, strict=True), start=1)
    ]
    st.html(lessons.stages_row(stages, ROLE_COLORS["dpo"]))
    st.markdown(f"**Is it worth it?** {say.verdict(found)}")
    n, interval = found.n_wrong + found.n_right, "out of fold, 5 folds; intervals: DeLong"
    if presenting:
        st.markdown(f"{say.cascade_finding(found)}.")
        pieces.recipe(story, story.aligned, n, interval)
        return
    ways = dict(zip(WAYS, (found.cheapest, found.cascade, found.everything), strict=True))
    costs, qualities = [way.tokens for way in ways.values()], [way.quality for way in ways.values()]
    blocks.chart(
        lessons.cost_and_quality(WAYS, costs, qualities, ROLE_COLORS["dpo"], pieces.TYPE),
        title=say.cascade_finding(found),
        how_to_read="Left is cheap, up is good: pairs of a wrong and a right answer that are ranked correctly. "
        "Whiskers are 95 % intervals; the three share their questions, so their differences are surer than the "
        "whiskers look.",
        recipe_line=recipes.run_recipe(story.aligned.run, story.clusterer, n, interval),
        data=pd.DataFrame(
            {
                "way": WAYS,
                "tokens a question": costs,
                "auroc": [quality.value for quality in qualities],
                "low": [quality.low for quality in qualities],
                "high": [quality.high for quality in qualities],
            }
        ),
        key="story-cascade",
        alt="Three ways to find wrong answers, by their cost and quality",
    )


def _severity(story: Story, rates: list[Measured]) -> None:
    """Measured here beside what others have published, in tables of their own."""
    st.markdown("##### Measured here, and published elsewhere")
    names = run_names.names([m.run for m in rates])
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Measured here**, on our own questions")
        _table([(names[m.run.id], m.run.provenance.stage, with_interval(m.rate, percent), m.rate.n) for m in rates])
        pieces.recipe(story, story.aligned, story.typical.n, "intervals: 95 %, Wilson")
        st.caption(
            "Stages: base; SFT, trained further with example answers; DPO, then with pairs of a better and a worse "
            "one; instruct, aligned by its makers."
        )
    with right:
        reported = [p for p in PUBLISHED if p.metric == "single_cluster_rate" and p.model]
        st.markdown(f"**Published by others**, on {reported[0].dataset}; not measured here")
        _table([(p.model, p.stage, published_value(p.metric, p.value), p.n_questions) for p in reported])
        sources = ", ".join(dict.fromkeys(p.source for p in reported))
        st.caption(f"{sources}. Other models, questions and clusters than ours: not to be compared number by number.")


def _table(rows: list[tuple[str, str | None, str, int]]) -> None:
    lines = ["| model | stage | one single answer | n |", "|---|---|---|---|"]
    st.markdown("\n".join([*lines, *(f"| {plain(m)} | {STAGE_TITLES[s]} | {v} | {n} |" for m, s, v, n in rows)]))


def _onward(story: Story) -> None:
    """Where to go from here."""
    runs = f"{story.base.run.id},{story.aligned.run.id}"
    links: list[tuple[str, str, str, dict[str, str]]] = [
        ("compare", "Both models on this question", "compare_arrows", {"runs": runs, "question": story.example}),
        ("alignment_tax", "Alignment tax: all the numbers", "monitoring", {}),
        ("methods", "Methods: every word explained", "menu_book", {}),
        ("live_lab", "Ask a question of your own", "experiment", {}),
    ]
    with st.container(horizontal=True):
        for name, label, icon, params in links:
            st.page_link(f"pages/{name}.py", label=label, icon=f":material/{icon}:", query_params=params)
