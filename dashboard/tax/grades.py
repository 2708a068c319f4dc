"""How the answers of a run are graded, and what makes an AUROC over them misleading."""

from collections.abc import Iterable

import streamlit as st

from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.run_state import lacks_greedy
from homog_core.analysis.scored_run import ScoredRun
from homog_core.wording import chart_titles
from homog_core.wording.labels import no_greedy


def grades(chosen: Selection, of: str) -> None:
    """How many answers of a run are graded, and that older rules graded some."""
    view = chosen.views[of]
    counts = view.scores.loc[view.in_category(chosen.category), "grade"].value_counts()
    st.caption(chart_titles.grades(plain(of), counts.to_dict()))
    without_greedy(chosen, [of])
    if any(one.older_policies for one in chosen.views.values()):
        st.warning("An older version graded some of these runs; score them again before you compare their AUROCs.")


def without_greedy(chosen: Selection, names: Iterable[str] | None = None) -> None:
    """Which runs have references and nothing to grade against them; all runs unless some are named."""
    for name in names or chosen.views:
        if lacks_greedy(chosen.views[name].run):
            st.warning(no_greedy(plain(name)))


def grading(view: ScoredRun) -> str:
    """The grading policies of a run, for its recipe lines."""
    return "graded by " + ", ".join(view.grade_policies)
