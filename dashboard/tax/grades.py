"""How the answers of a run are graded, and what makes an AUROC over them misleading."""

import streamlit as st

from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.scored_run import ScoredRun
from homog_core.wording import chart_titles


def grades(chosen: Selection, of: str) -> None:
    """How many answers of a run are graded, and that older rules graded some."""
    view = chosen.views[of]
    counts = view.scores.loc[view.in_category(chosen.category), "grade"].value_counts()
    st.caption(chart_titles.grades(plain(of), counts.to_dict()))
    if any(one.older_policies for one in chosen.views.values()):
        st.warning("An older version graded some of these runs; score them again before you compare their AUROCs.")


def grading(view: ScoredRun) -> str:
    """The grading policies of a run, for its recipe lines."""
    return "graded by " + ", ".join(view.grade_policies)
