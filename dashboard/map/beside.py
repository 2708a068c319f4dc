"""Beside the map: the questions whose marks are selected, with their counts, or the answers to the one that is open."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import url
from dashboard.map import chart
from dashboard.map.shown import OnMap
from dashboard.question.stored import question_title
from dashboard.question.table import table
from dashboard.text import plain
from homog_core.figures.html import answer_groups, model_heading
from homog_core.wording import answer_map as say
from homog_core.wording.numbers import counted


def beside(shown: OnMap, lit: np.ndarray | None, picked: np.ndarray) -> None:
    """The open question, or the questions of the marks that are `picked` to open one from."""
    asked = url.get("question")
    if asked and asked not in shown.answers.questions.index:
        st.warning(f"Question: {plain(asked)} is not among the {len(shown.answers.questions)} there are.")
        url.put(question=None)
    elif asked:
        _question(shown, asked, picked)
        return
    _list(shown, lit, picked)


def _list(shown: OnMap, lit: np.ndarray | None, picked: np.ndarray) -> None:
    """The questions of the selected marks; of those that a search has left, or of all, where none is selected."""
    where = "in the selection"
    if len(picked):
        st.button(
            "Clear the selection", icon=":material/close:", on_click=chart.clear, key="map-clear", type="tertiary"
        )
    else:
        picked, where = np.arange(len(shown.points)), "on the map"
        if lit is not None:
            picked, where = np.flatnonzero(lit), "with these words"
    part = shown.points.iloc[picked]
    if part.empty:
        st.info("No answer and no question has these words. Clear the search to see them all.")
        return
    by_fall = where == "on the map" and len(shown.answers.runs) > 1
    frame = _counts(shown, part, "fall" if by_fall else "marks")
    st.markdown(f"##### {counted(len(part), 'mark')} of {counted(len(frame), 'question')} {where}")
    st.caption("Select a row to see the answers to its question.")
    order = "largest fall first" if by_fall else "most marks first"
    columns = {
        "text": st.column_config.TextColumn(f"Question, {order}", width=230, pinned=True),
        "marks": st.column_config.NumberColumn("Marks", format="%d", width=60, help="Different texts of all models"),
    }
    if len(shown.answers.runs) > 1:
        columns["by_model"] = st.column_config.BarChartColumn(
            "By model",
            width=90,
            y_min=0,
            y_max=max(map(max, frame["by_model"])),
            help=f"Marks of {' → '.join(shown.answers.names)}",
        )
    table(frame, columns, f"The questions {where} with the number of their marks")


def _counts(shown: OnMap, part: pd.DataFrame, order: str) -> pd.DataFrame:
    """id, text, marks, by_model and fall (first model − last) of each question of some marks, by one of these."""
    wide = pd.crosstab(part["question_id"], part["run"]).reindex(columns=range(len(shown.answers.runs)), fill_value=0)
    wide = wide.reindex(part["question_id"].unique())
    frame = pd.DataFrame(
        {
            "id": wide.index,
            "text": shown.answers.questions.loc[wide.index].to_numpy(),
            "marks": wide.sum(axis=1).to_numpy(),
            "by_model": wide.to_numpy().tolist(),
            "fall": (wide.iloc[:, 0] - wide.iloc[:, -1]).to_numpy(),
        }
    )
    return frame.sort_values(order, ascending=False, kind="stable", ignore_index=True)


def _question(shown: OnMap, question_id: str, picked: np.ndarray) -> None:
    """All answers to one question by model, and where else it is."""
    answers = shown.answers
    several = len(set(shown.points["question_id"].iloc[picked])) > 1
    st.button(
        "Back to the selection" if several else "All questions",
        icon=":material/arrow_back:",
        on_click=(lambda: url.put(question=None)) if several else chart.clear,
        key="map-back",
        type="tertiary",
    )
    question_title(next(one for one in answers.runs if question_id in one.questions.index), question_id, "####")
    part = shown.points[shown.points["question_id"] == question_id]
    for run, (name, color) in enumerate(zip(answers.names, answers.colors, strict=True)):
        own = part[part["run"] == run].sort_values("count", ascending=False, kind="stable")
        st.html(model_heading(f"{name}: {counted(len(own), 'different wording')}", color))
        st.html(answer_groups([("", _members(own))], color))
    _links(shown, question_id)


def _members(own: pd.DataFrame) -> list[tuple[str, str]]:
    """Text and note of each wording."""
    found = []
    for row in own.rename(columns={"count": "n"}).itertuples():
        grade = say.GRADES[row.grade] if row.grade in say.GRADES and row.grade != "ungraded" else ""
        found.append((row.text, " · ".join(part for part in (f"×{row.n}" if row.n > 1 else "", grade) if part)))
    return found or [("(no answer)", "")]


def _links(shown: OnMap, question_id: str) -> None:
    answers = shown.answers
    runs = [scored.run.id for scored in answers.runs]
    with st.container(horizontal=True):
        st.page_link(
            "pages/questions.py",
            label=f"Open under Questions ({plain(answers.names[-1])})",
            icon=":material/bubble_chart:",
            query_params={"run": runs[-1], "question": question_id},
            width="content",
        )
        if len(runs) > 1:
            st.page_link(
                "pages/compare.py",
                label="Compare the models on it",
                icon=":material/compare_arrows:",
                query_params={"runs": ",".join(runs), "question": question_id},
                width="content",
            )
