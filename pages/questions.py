"""Questions: what happened on this question? Search a run, look at the clusters, the map and every answer."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import blocks, controls, page, question, url
from dashboard.cache import load_run, shipped_first
from dashboard.text import plain
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import score_columns
from homog_core.runs import store
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate
from homog_core.wording import recipes

COLUMNS = [
    "text",
    "category",
    "num_semantic_sets",
    "discrete_semantic_entropy",
    "mean_token_entropy",
    "grade",
    "n_valid",
]


def main() -> None:
    page.start_page("Questions", "One question, asked again and again: how many different answers come back?")
    runs = shipped_first(store.list_runs())
    if not runs:
        st.info("There are no runs yet. Sample a question in the Live lab, or run `python -m homog_core sample …`.")
        return
    by_id = {run.id: run for run in runs}
    run_id = url.choice("Run", list(by_id), "run", lambda key: recipes.run_title(by_id[key]))
    scored = load_run(run_id)
    if scored.questions.empty:
        st.info("This run has no answers yet: it is being sampled. Reload the page in a moment.")
        return
    if not scored.is_scored:
        st.info(f"This run has not been scored, so some columns are empty: run `python -m homog_core score {run_id}`.")
    clusterer = controls.clusterer_controls(scored.clusterers())
    frame = question_frame(scored, clusterer)
    headline(scored, clusterer, frame)
    shown = filtered(scored, frame)
    if shown.empty:
        st.info("No question matches. Clear the search or a filter to see them all.")
        return
    question_id = url.selected("Question", list(frame["id"]), "question", shown["id"].iloc[0])
    table(shown, question_id)
    question.stepper(list(shown["id"]), question_id)
    st.divider()
    question.stored_question(scored, question_id, clusterer)


def question_frame(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """One row a question, with the cluster scores at the threshold of the slider."""
    frame = scored.questions[["id", "text", "category"]].reset_index(drop=True)
    frame = frame.join(scored.cluster_frame(clusterer), on="id")
    if not scored.is_scored:
        return frame.assign(mean_token_entropy=float("nan"), n_valid=pd.NA, grade="")
    return frame.join(scored.scores.drop(columns=["category", "answer_type"]), on="id")


def headline(scored: ScoredRun, clusterer: Clusterer, frame: pd.DataFrame) -> None:
    rate = single_cluster_rate(frame["num_semantic_sets"])
    clusters = mean_estimate(frame["num_semantic_sets"])
    entropy = mean_estimate(frame["mean_token_entropy"])
    columns = st.columns(3)
    blocks.estimate(
        columns[0],
        "Questions with a single cluster",
        rate,
        percent=True,
        help="Single-cluster rate (SCR): all valid answers mean the same at this threshold. Wilson 95 % interval.",
    )
    blocks.estimate(
        columns[1], "Different answers per question", clusters, help="Mean number of clusters K. 95 % t interval."
    )
    blocks.estimate(
        columns[2],
        "Token entropy of the greedy answer",
        entropy,
        unit=" nats",
        help="Entropy of the full next-token distribution, mean over tokens, then over questions. 95 % t interval.",
    )
    st.caption(plain(recipes.run_recipe(scored.run, clusterer, rate.n, "intervals: Wilson, t")))


def filtered(scored: ScoredRun, frame: pd.DataFrame) -> pd.DataFrame:
    left, middle, right = st.columns([3, 3, 3], vertical_alignment="bottom")
    words = left.text_input("Search in questions and answers", key="search", placeholder="a word or a phrase")
    categories = sorted(c for c in frame["category"].unique() if c)
    chosen = middle.multiselect("Category", categories, key="categories", placeholder="all", disabled=not categories)
    grades = sorted(g for g in frame["grade"].dropna().unique() if g)
    graded = right.multiselect("Greedy answer is", grades, key="grades", placeholder="any grade", disabled=not grades)
    only_single = left.toggle("Single-cluster questions only", key="single", bind="query-params")
    frame = by_score(frame, middle, right)
    if words.strip():
        frame = frame[frame["id"].isin(scored.search(words))]
    if chosen:
        frame = frame[frame["category"].isin(chosen)]
    if graded:
        frame = frame[frame["grade"].isin(graded)]
    return frame[frame["num_semantic_sets"] == 1] if only_single else frame


def by_score(frame: pd.DataFrame, where: Any, beside: Any) -> pd.DataFrame:
    """The questions whose value of a chosen score lies in a chosen range."""
    names = score_columns(frame)
    name = where.selectbox("Score", names, index=None, key="score", placeholder="any score", disabled=not names)
    values = frame[name].dropna() if name else pd.Series(dtype=float)
    if values.nunique() < 2:
        if name:
            beside.caption("All questions have the same value of it, so there is nothing to choose.")
        return frame
    low, high = float(values.min()), float(values.max())
    wanted = beside.slider("between", low, high, (low, high), key=f"range:{name}")
    return frame[frame[name].between(*wanted)] if wanted != (low, high) else frame


def table(shown: pd.DataFrame, question_id: str) -> None:
    ids = list(shown["id"])
    key = f"table:{hash(tuple(ids))}"

    def select() -> None:
        if rows := st.session_state[key].selection.rows:
            url.put(question=ids[rows[0]], answer=None)

    st.dataframe(
        shown.assign(text=shown["text"].where(shown["text"] != "", shown["id"]))[COLUMNS],
        key=key,
        hide_index=True,
        height=248,
        on_select=select,
        selection_mode="single-row",
        column_config={
            "text": st.column_config.TextColumn("Question", width="large"),
            "category": st.column_config.TextColumn("Category"),
            "num_semantic_sets": st.column_config.NumberColumn("Clusters", format="%d", help="K at this threshold"),
            "discrete_semantic_entropy": st.column_config.NumberColumn(
                "Semantic entropy", format="%.2f", help="Discrete semantic entropy, nats; 0 when there is one cluster"
            ),
            "mean_token_entropy": st.column_config.NumberColumn(
                "Token entropy", format="%.2f", help="Mean token entropy of the greedy answer, nats"
            ),
            "grade": st.column_config.TextColumn("Greedy answer", help="Its grade against the references"),
            "n_valid": st.column_config.NumberColumn("Valid", format="%d", help="Responses that are not empty"),
        },
        alt="The questions of the run with their scores; select a row to see its answers",
    )


main()
