"""What changed over all questions, and the list to choose a question from, the largest change first."""

import pandas as pd
import streamlit as st

from dashboard import url
from dashboard.comparison.shown import Shown
from dashboard.question.table import stepper, table
from dashboard.text import plain
from homog_core.analysis.sampler_check import sampler_check
from homog_core.wording import comparison as say
from homog_core.wording.sampler import sampler_mark, sampler_sentence


def headline(shown: Shown) -> None:
    """What changed over all questions."""
    found = shown.changes
    recipe = plain(shown.recipe(found.n_in_all))
    st.markdown(f"#### {say.answers_per_question(found)}", help=f"How it was made: {recipe}", width="content")
    st.caption(plain(say.overview(found, shown.names, shown.clusterer.method)))
    for name, scored in zip(shown.names, shown.runs, strict=True):
        check = sampler_check(scored.run)
        if sampler_mark(check):
            st.warning(plain(f"{name}: {sampler_sentence(check)}"), icon=":material/warning:")


def listed(shown: Shown) -> list[str]:
    """The search, and the ids of the questions that it leaves, the largest robust change first."""
    words = st.text_input("Search in questions and answers", key="compare-search", placeholder="a word or a phrase")
    ids = list(shown.changes.clusters.index)
    if words.strip():
        matching = set().union(*(scored.search(words) for scored in shown.runs))
        ids = [key for key in ids if key in matching]
    if not ids:
        st.info("No question matches. Clear the search to see them all.")
    return ids


def questions(shown: Shown, ids: list[str]) -> None:
    """The questions with the number of different answers of each run as bars, side by side."""
    found = shown.changes
    texts = shown.runs[0].questions.loc[ids, "text"]
    names = " → ".join(shown.names)
    frame = pd.DataFrame(
        {
            "id": ids,
            "text": [text or key for key, text in texts.items()],
            "answers": found.clusters.loc[ids].fillna(0).to_numpy().tolist(),
            "change": found.change.loc[ids].to_numpy(),
            "agreed": found.agreed.loc[ids].to_numpy(),
        }
    )
    columns = {
        "text": st.column_config.TextColumn("Question, largest robust change first", width=200, pinned=True),
        "answers": st.column_config.BarChartColumn(
            "Answers", width=74, y_min=0, y_max=shown.runs[0].n_samples, help=f"Different answers of {names}"
        ),
        "change": st.column_config.NumberColumn("Change", format="%+d", width=66, help="Last run minus first"),
        "agreed": st.column_config.NumberColumn(
            "Robust", format="%d", width=62, help="The change that every clusterer sees at least; 0: they disagree"
        ),
    }
    table(frame, columns, "The questions with the number of different answers of each run")


def step(ids: list[str], question_id: str) -> None:
    """Previous and next."""
    stepper(ids, question_id, "by size of robust change")


def chosen(shown: Shown, ids: list[str]) -> str:
    """The question that the URL names; the first one that is listed where it names none."""
    return url.selected("Question", list(shown.changes.clusters.index), "question", ids[0])
