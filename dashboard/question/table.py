"""The questions of a run as a table to choose one from: search, filters, the table, previous and next."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url
from homog_core.analysis.bounds import robust
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import score_columns
from homog_core.wording import question as say

COLUMNS = {
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
    "right": st.column_config.NumberColumn(
        "Right samples", format="percent", help="Share of correct answers among the graded samples"
    ),
    "robust": st.column_config.CheckboxColumn(
        "Robust", help="All clusterers agree whether the question has a single cluster"
    ),
    "n_valid": st.column_config.NumberColumn("Valid", format="%d", help="Responses that are not empty"),
}


def question_frame(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """One row a question, with the cluster scores at the threshold of the slider."""
    frame = scored.questions[["id", "text", "category"]].reset_index(drop=True)
    frame = frame.join(scored.cluster_frame(clusterer), on="id")
    if not scored.is_scored:
        empty = {"mean_token_entropy": float("nan"), "n_valid": pd.NA, "grade": "", "right": float("nan")}
        return frame.assign(**empty, robust=False)
    frame = frame.assign(right=scored.samples_correct, robust=robust(scored).to_numpy())
    return frame.join(scored.scores.drop(columns=["category", "answer_type"]), on="id")


def filtered(scored: ScoredRun, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `question_frame` that search and filters leave."""
    left, middle, right = st.columns([3, 3, 3], vertical_alignment="bottom")
    words = left.text_input("Search in questions and answers", key="search", placeholder="a word or a phrase")
    categories = sorted(c for c in frame["category"].unique() if c)
    chosen = middle.multiselect("Category", categories, key="categories", placeholder="all", disabled=not categories)
    grades = sorted(g for g in frame["grade"].dropna().unique() if g)
    graded = right.multiselect("Greedy answer is", grades, key="grades", placeholder="any grade", disabled=not grades)
    only_single = left.toggle("Single-cluster questions only", key="single", bind="query-params")
    frame = _by_score(frame, middle, right)
    if words.strip():
        frame = frame[frame["id"].isin(scored.search(words))]
    if chosen:
        frame = frame[frame["category"].isin(chosen)]
    if graded:
        frame = frame[frame["grade"].isin(graded)]
    return frame[frame["num_semantic_sets"] == 1] if only_single else frame


def _by_score(frame: pd.DataFrame, where: Any, beside: Any) -> pd.DataFrame:
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


def table(shown: pd.DataFrame) -> None:
    """Some rows of a `question_frame`; one that is selected opens its question."""
    ids = list(shown["id"])
    key = f"table:{hash(tuple(ids))}"

    def select() -> None:
        if rows := st.session_state[key].selection.rows:
            url.put(question=ids[rows[0]], answer=None)

    st.dataframe(
        shown.assign(text=shown["text"].where(shown["text"] != "", shown["id"]))[list(COLUMNS)],
        key=key,
        hide_index=True,
        height=248,
        on_select=select,
        selection_mode="single-row",
        column_config=COLUMNS,
        alt="The questions of the run with their scores; select a row to see its answers",
    )


def stepper(ids: list[str], question_id: str, order: str = "") -> None:
    """Previous and next in a list of questions, by button and by the keys P and N."""
    here = ids.index(question_id) if question_id in ids else None

    def go(step: int) -> None:
        url.put(question=ids[(here if here is not None else -step) + step], answer=None)

    left, middle, right = st.columns([1, 4, 1], vertical_alignment="center")
    left.button(
        "Previous",
        icon=":material/arrow_back:",
        on_click=go,
        args=(-1,),
        disabled=not here,
        width="stretch",
        shortcut="P",
    )
    middle.markdown(f"{say.place_of(here, len(ids))} {order}".strip(), text_alignment="center")
    right.button(
        "Next",
        icon=":material/arrow_forward:",
        icon_position="right",
        on_click=go,
        args=(1,),
        disabled=here == len(ids) - 1,
        width="stretch",
        shortcut="N",
    )
