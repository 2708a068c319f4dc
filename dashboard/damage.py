"""A link to a run that is damaged: the page says so, instead of showing another run under that link."""

from collections.abc import Callable

import streamlit as st

from dashboard.text import plain
from homog_core.errors import HomogError
from homog_core.runs import store


def asked_for(run_ids: str, leave: Callable[[], None]) -> bool:
    """Whether one of the runs that the URL names, between commas, is damaged; it is said, and a button leaves it."""
    known = store.runs_by_id()
    for run_id in run_ids.split(","):
        try:
            if run_id in known:
                store.open_run(run_id)
        except HomogError as error:
            st.error(f"This link is to a run that cannot be shown. {plain(str(error))}", icon=":material/error:")
            st.button("Show another run", key="leave-damaged", on_click=leave)
            return True
    return False
