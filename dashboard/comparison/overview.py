"""The questions by the size of their change from the first run to the last, and the one that is looked at."""

import streamlit as st

from dashboard import url
from dashboard.comparison.shown import Shown
from dashboard.question.table import stepper
from dashboard.text import plain
from homog_core.wording import comparison as say


def overview(shown: Shown) -> str | None:
    """What changed in one sentence, and the id of the question to look at; None where a search finds none."""
    found = shown.changes
    left, right = st.columns([5, 3], gap="large", vertical_alignment="bottom")
    left.markdown(f"#### {say.answers_per_question(found)}\n{plain(say.overview(found, shown.names))}")
    words = right.text_input("Search in questions and answers", key="compare-search", placeholder="a word or a phrase")
    ids = list(found.clusters.index)
    if words.strip():
        matching = set().union(*(scored.search(words) for scored in shown.runs))
        ids = [key for key in ids if key in matching]
    if not ids:
        st.info("No question matches. Clear the search to see them all.")
        return None
    question_id = url.selected("Question", list(found.clusters.index), "question", ids[0])
    _table(shown, ids)
    stepper(ids, question_id, "by size of robust change")
    return question_id


def _table(shown: Shown, ids: list[str]) -> None:
    """The questions, the largest robust change first; a row that is selected opens the question."""
    key = f"changes:{hash((shown.versions, shown.clusterer, tuple(ids)))}"

    def select() -> None:
        if rows := st.session_state[key].selection.rows:
            url.put(question=ids[rows[0]])

    found = shown.changes
    texts = shown.runs[0].questions.loc[ids, "text"]
    frame = found.clusters.loc[ids].set_axis([f"k{i}" for i in range(len(shown.runs))], axis=1)
    frame.insert(0, "question", [text or key for key, text in texts.items()])
    entropies = found.entropies.loc[ids]
    frame = frame.assign(
        change=found.change.loc[ids],
        agreed=found.agreed.loc[ids],
        entropy=entropies.iloc[:, -1] - entropies.iloc[:, 0],
    )
    wide = "large" if len(shown.runs) < 4 else 260
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=178,
        on_select=select,
        selection_mode="single-row",
        column_config={
            "question": st.column_config.TextColumn("Questions, the largest robust change first", width=wide),
            **{
                f"k{i}": st.column_config.NumberColumn(name, format="%d", help=f"Different answers of {name}")
                for i, name in enumerate(shown.names)
            },
            "change": st.column_config.NumberColumn("Change", format="%+d", help="Last run minus first"),
            "agreed": st.column_config.NumberColumn(
                "Robust", format="%d", help="The change that every clusterer sees at least; 0 where they disagree"
            ),
            "entropy": st.column_config.NumberColumn(
                "Change in entropy", format="%+.2f", help="Discrete semantic entropy, nats; last run minus first"
            ),
        },
        alt="The questions with the number of different answers of each run; select a row to see its answers",
    )
