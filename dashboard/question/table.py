"""The questions of a run as a table to choose one from: search, filters, the table, previous and next."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import blocks, url
from homog_core.analysis.bounds import robust
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import score_columns
from homog_core.wording import question as say

COLUMNS = {
    "text": st.column_config.TextColumn("Question", width=200, pinned=True),
    "num_semantic_sets": st.column_config.NumberColumn(
        "Answers", format="%d", width=70, help="Number of different answers (clusters K) at this threshold"
    ),
    "grade": st.column_config.TextColumn("Greedy", width=85, help="The grade of the greedy answer"),
    "mean_token_entropy": st.column_config.NumberColumn(
        "Token entropy", format="%.2f", help="Mean token entropy of the greedy answer, nats"
    ),
    "discrete_semantic_entropy": st.column_config.NumberColumn(
        "Semantic entropy", format="%.2f", help="Discrete semantic entropy, nats; 0 when there is one cluster"
    ),
    "right": st.column_config.NumberColumn(
        "Right samples", format="percent", help="Share of correct answers among the graded samples"
    ),
    "robust": st.column_config.CheckboxColumn(
        "Robust", help="All clusterers agree whether the question has a single cluster"
    ),
    "category": st.column_config.TextColumn("Category"),
    "n_valid": st.column_config.NumberColumn("Valid", format="%d", help="Responses that are not empty"),
}


def question_frame(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """One row a question, with the cluster scores at the threshold of the slider."""
    frame = scored.questions[["id", "text", "category"]].reset_index(drop=True)
    frame["text"] = frame["text"].where(frame["text"] != "", frame["id"])
    frame = frame.join(scored.cluster_frame(clusterer), on="id")
    if not scored.is_scored:
        empty = {"mean_token_entropy": float("nan"), "n_valid": pd.NA, "grade": "", "right": float("nan")}
        return frame.assign(**empty, robust=False)
    frame = frame.assign(right=scored.samples_correct, robust=robust(scored).to_numpy())
    return frame.join(scored.scores.drop(columns=["category", "answer_type"]), on="id")


def filtered(scored: ScoredRun, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `question_frame` that search and filters leave."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    words = row.text_input("Search in questions and answers", key="search", placeholder="a word or a phrase")
    with row.popover("Filter", icon=":material/filter_list:", key="filters"):
        categories = sorted(c for c in frame["category"].unique() if c)
        chosen = st.multiselect("Category", categories, key="categories", placeholder="all", disabled=not categories)
        grades = sorted(g for g in frame["grade"].dropna().unique() if g)
        graded = st.multiselect("Greedy answer is", grades, key="grades", placeholder="any grade", disabled=not grades)
        only_single = st.toggle("Single-cluster questions only", key="single", bind="query-params")
        frame = _by_score(frame)
    if words.strip():
        frame = frame[frame["id"].isin(scored.search(words))]
    if chosen:
        frame = frame[frame["category"].isin(chosen)]
    if graded:
        frame = frame[frame["grade"].isin(graded)]
    return frame[frame["num_semantic_sets"] == 1] if only_single else frame


def _by_score(frame: pd.DataFrame) -> pd.DataFrame:
    """The questions whose value of a chosen score lies in a chosen range."""
    names = score_columns(frame)
    name = st.selectbox("Score", names, index=None, key="score", placeholder="any score", disabled=not names)
    values = frame[name].dropna() if name else pd.Series(dtype=float)
    if values.nunique() < 2:
        if name:
            st.caption("All questions have the same value of it, so there is nothing to choose.")
        return frame
    low, high = float(values.min()), float(values.max())
    wanted = st.slider("between", low, high, (low, high), key=f"range:{name}")
    return frame[frame[name].between(*wanted)] if wanted != (low, high) else frame


def table(shown: pd.DataFrame, columns: Mapping[str, Any], alt: str, height: int | None = None) -> None:
    """Rows with an `id` each and the columns to show; a click anywhere in one opens its question."""
    ids = list(shown["id"])
    absent = [name for name in columns if len(shown) and shown[name].isna().all()]
    key = f"table:{hash(tuple(ids))}"

    def select() -> None:
        if cells := st.session_state[key].selection.cells:
            url.put(question=ids[cells[0][0]], answer=None)

    st.dataframe(
        shown[[name for name in columns if name not in absent]],
        key=key,
        hide_index=True,
        height=height or (230 if blocks.is_narrow() else 520),
        on_select=select,
        selection_mode="single-cell",
        column_config=columns,
        alt=f"{alt}; select a cell to see the question's answers",
    )
    if titles := [columns[name]["label"] for name in absent]:
        st.caption(f"Undefined for these answers: {', '.join(titles)}.")


def stepper(ids: list[str], question_id: str, order: str = "") -> None:
    """Previous and next in a list of questions, by button and by the keys P and N."""
    here = ids.index(question_id) if question_id in ids else None

    def go(step: int) -> None:
        url.put(question=ids[(here if here is not None else -step) + step], answer=None)

    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.button(
        "Previous",
        icon=":material/arrow_back:",
        on_click=go,
        args=(-1,),
        disabled=not here,
        shortcut="P",
        type="tertiary",
    )
    row.markdown(f"{say.place_of(here, len(ids))} {order}".strip(), width="content")
    row.button(
        "Next",
        icon=":material/arrow_forward:",
        icon_position="right",
        on_click=go,
        args=(1,),
        disabled=here == len(ids) - 1,
        shortcut="N",
        type="tertiary",
    )
