"""A link to a run that is damaged: the page says so, instead of showing another run under that link."""

import streamlit as st

from dashboard import url
from dashboard.text import plain
from homog_core.errors import HomogError
from homog_core.runs import store


def asked_for(param: str) -> bool:
    """Whether the URL names a damaged run in this parameter; then it is said, and a button leaves it."""
    known = store.runs_by_id()
    for run_id in url.get(param).split(","):
        try:
            if run_id in known:
                store.open_run(run_id)
        except HomogError as error:
            st.error(f"This link is to a run that cannot be shown. {plain(str(error))}", icon=":material/error:")
            st.button("Show another run", key="leave-damaged", on_click=lambda: url.put(**{param: None}))
            return True
    return False
