"""Runs of public studies without their sentences: what stands in their place, and the button that gets them."""

from collections.abc import Sequence

import streamlit as st

from dashboard.access import access
from dashboard.page import errors_shown
from dashboard.scoring import progress
from dashboard.text import plain
from homog_core.catalogue.studies import STUDIES
from homog_core.runs.store import Run
from homog_core.wording import studies as say

VIEWS_OF_WORDS = ("tree", "tokens")  # which are about words, and have nothing to show of stand-ins


def mark(runs: Sequence[Run]) -> None:
    """Say of runs of public studies that others sampled them; nothing of runs of ours."""
    for key in dict.fromkeys(run.provenance.study for run in runs):
        if key in STUDIES:
            st.caption(f":material/groups: {plain(say.brief(STUDIES[key]))}")


def sentences(runs: Sequence[Run]) -> None:
    """Say why the sentences of some runs are not here, and offer to get them; nothing where there are no runs."""
    for key in dict.fromkeys(run.provenance.study for run in runs if run.provenance.study in STUDIES):
        st.info(plain(say.sentences(STUDIES[key])), icon=":material/article:")
    if runs:
        fetch_button(runs)


def fetch_button(runs: Sequence[Run]) -> None:
    """Get the sentences of runs of public studies, which takes seconds; not for a visitor who may not add them."""
    if not access().may_add:
        return
    from homog_core.runs.studies import file_of, get_run

    asked = "sentences-asked"  # kept until it is done: a page may be drawn again before it comes here
    st.button(
        "Get the sentences",
        icon=":material/download:",
        key="get-sentences",
        on_click=lambda: st.session_state.update({asked: True}),
    )
    if not st.session_state.pop(asked, False):
        return
    place = st.empty()
    with errors_shown():
        report = progress(place)
        for run in runs:
            get_run(*file_of(run), on_progress=report)
        st.rerun()
    place.empty()
