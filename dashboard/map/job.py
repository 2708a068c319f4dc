"""Runs without a map: how long one takes, the button that computes it, and how far it is."""

import streamlit as st

from dashboard import url
from dashboard.access import access, why_not
from dashboard.cache import sentence_encoder
from dashboard.map.shown import Answers
from dashboard.map.work import Key, MapWork, key_of
from dashboard.once import once
from dashboard.text import plain
from homog_core.analysis.answer_map import expected_seconds
from homog_core.typed import typed
from homog_core.wording import answer_map as say

POLL_SECONDS = 0.5


@once
def work() -> MapWork:
    """The one that computes maps on this server."""
    return MapWork()


def offer(answers: Answers, encoder: str) -> None:
    """Offer to compute the map, or show how far it is."""
    runs = [scored.run for scored in answers.runs]
    key = key_of([run.id for run in runs], encoder)
    look = work().look(key)
    if look and not look.is_over:
        _watch(key)
        return
    if look and look.state in ("failed", "stopped"):
        (st.error if look.state == "failed" else st.info)(plain(look.what))
    n_texts = answers.points["text"].nunique()
    st.info(
        "These answers have not been put on a map yet. "
        f"{say.how_long(n_texts, expected_seconds(n_texts, encoder))} The map is stored, and opens at once after that."
    )
    if not access().may_add:
        st.caption(why_not(access(), "Computing a map"))
        return
    busy = work().is_busy
    st.button(
        "Compute the map",
        type="primary",
        icon=":material/scatter_plot:",
        key="compute-map",
        on_click=lambda: work().start(runs, sentence_encoder(encoder)),
        disabled=busy,
        help="Another map is being computed on this machine; reload the page in some minutes." if busy else None,
    )
    with st.popover("On the command line", icon=":material/terminal:", type="tertiary"):
        command = typed("map", *(run.id for run in runs), encoder=encoder)
        st.code(command, language=None, wrap_lines=True)


@st.fragment(run_every=POLL_SECONDS)
def _watch(key: Key) -> None:
    """Look again and again; when it is over, leave by a rerun of the page."""
    look = work().look(key)
    if look is None or look.is_over:
        url.rerun()
    share = min(look.done / look.total, 1.0) if look.total else 0.0
    counts = f": {look.done:,} of {look.total:,}" if look.total > 1 else " …"
    st.progress(share, text=f"{look.what}{counts}")
    if access().may_add:
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop-map",
            on_click=work().stop,
            args=(key,),
            disabled=look.state == "stopping",
        )
