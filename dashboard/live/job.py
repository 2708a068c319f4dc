"""A live job, going on or over, in a place of the page that it scrolls to once."""

import contextlib
from collections.abc import Mapping

import streamlit as st

from dashboard import url
from dashboard.access import access, check, visitor
from dashboard.cache import live_queue, session_id
from dashboard.live.ended import ended
from dashboard.live.watch import watch
from homog_core.errors import NotFound
from homog_core.live import Request
from homog_core.measures.clustering import Clusterer
from homog_core.records import ModelSpec

# As high as the screen from the start, so that there is room to scroll to before the first answers are there.
STYLE = "<style>.st-key-live-job {min-height: 92vh; scroll-margin-top: 4rem}</style>"
SCROLL = """<script>/* %s */
{
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(".st-key-live-job")?.scrollIntoView({block: "start", behavior: quiet ? "auto" : "smooth"});
}
</script>"""


def start(request: Request, served: Mapping[str, ModelSpec]) -> None:
    """Sample; the page's own job before it, which nobody would see any more, is stopped.

    `served` are the models of our servers. Raises `HomogError` for more than the visitor may ask.
    """
    found = access()
    check(found, request, served)
    if own := st.session_state.get("live-job"):
        with contextlib.suppress(NotFound):
            live_queue().stop(own)
    most = found.limits.jobs if found.limits else None
    job_id = live_queue().submit(request, session_id(), visitor(found, session_id()), most)
    st.session_state["live-job"] = st.session_state["live-scroll"] = job_id
    st.session_state.pop("live-made", None)
    url.put(job=job_id, answer=None, of=None)


def job(job_id: str, clusterer: Clusterer) -> None:
    """A job. Raises `HomogError` where it is not known any more."""
    snapshot = live_queue().snapshot(job_id, session_id())
    st.html(STYLE)
    with st.container(key="live-job"):
        if snapshot.is_over:
            ended(snapshot, clusterer)
        else:
            watch(job_id, clusterer)
    if st.session_state.pop("live-scroll", None) == job_id:  # at this run alone: not at every poll, nor at a reload
        st.html(SCROLL % job_id, unsafe_allow_javascript=True)
