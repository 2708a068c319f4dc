"""A live job while it goes on: one column a model, whose cards, clusters and tree grow together."""

import plotly.graph_objects as go
import streamlit as st

from dashboard import blocks, url
from dashboard.access import access, may_stop
from dashboard.cache import is_connected, live_queue, session_id
from dashboard.live import words
from dashboard.live.cards import cards, small
from dashboard.live.estimate import seconds_of
from dashboard.live.pace import Pace
from dashboard.live.shown import columns, exact, made_once, picture, shown_answers
from dashboard.once import once
from dashboard.question.picture import Picture
from dashboard.text import plain
from homog_core.analysis.token_tree import branches, token_tree
from homog_core.figures.html import model_heading
from homog_core.figures.question import entropy_traces
from homog_core.figures.strips import cluster_strip
from homog_core.figures.tree import tree
from homog_core.live import ModelSnapshot, Snapshot
from homog_core.measures.clustering import Clusterer, medoids
from homog_core.records import GREEDY
from homog_core.wording import question as say

_FIRST_SECONDS = 0.4  # that a look at a job waits for its first token
CAPTIONS = {
    "Tree": "Tree: answers that begin alike share a branch; the stronger the orange, the more tokens could come next.",
    "Token entropies": "How open the next token was, along every answer that has finished.",
}


def watch(job_id: str, clusterer: Clusterer) -> None:
    """Look again and again; when the job is over, leave by a rerun of the page.

    How often is settled when the page is drawn as a whole: the rarer, the longer this server's last drawing took.
    """
    st.fragment(_look, run_every=_pace().pause)(job_id, clusterer)


@once
def _pace() -> Pace:
    """That of this server."""
    return Pace()


def _look(job_id: str, clusterer: Clusterer) -> None:
    queue = live_queue()
    queue.wait_for_tokens(job_id, _FIRST_SECONDS)
    snapshot = queue.snapshot(job_id, session_id())
    if snapshot.is_over:
        url.rerun()
    with _pace().drawing():
        _draw(snapshot, clusterer)


def _draw(snapshot: Snapshot, clusterer: Clusterer) -> None:
    """How far the job is, Stop, and a column for each model."""
    queue, job_id = live_queue(), snapshot.id
    st.markdown(f"#### {plain(snapshot.request.question.text)}")
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(f"**{plain(words.status(snapshot, _seconds_left(snapshot)))}**")
    if may_stop(access(), snapshot, session_id(), is_connected(snapshot.owner[0])):
        right.button(
            "Stop",
            icon=":material/stop:",
            on_click=queue.stop,
            args=(job_id,),
            disabled=snapshot.stopping,
            width="stretch",
            key=f"stop-{job_id}",
        )
    exact(snapshot)
    for position, place in enumerate(columns(len(snapshot.models))):
        with place:
            _column(snapshot, position, clusterer)


def _seconds_left(snapshot: Snapshot) -> float | None:
    if not any(part.answers for part in snapshot.models):
        return None  # the probabilities of a list are computed first
    tokens = words.n_tokens(snapshot.request.decoding)
    return words.seconds_left(snapshot, lambda part: seconds_of(part.model, tokens))


def _column(snapshot: Snapshot, position: int, clusterer: Clusterer) -> None:
    """One model: its name, how far it is, its answers, and what those that have ended have in common."""
    part, n_samples = snapshot.models[position], snapshot.request.decoding.n_samples
    color = blocks.spec_colors(snapshot.request.models)[position]
    st.html(model_heading(part.model.key, color) + small(words.progress(part, n_samples)))
    if not part.is_asked:
        return
    st.html(cards(part, n_samples, color))
    key = f"live-{snapshot.id}-{position}"
    stamp = (_said(part), clusterer, blocks.is_dark(), blocks.is_narrow())
    title, figures = made_once(key, stamp, lambda: _figures(picture(snapshot, position, clusterer)))
    if title:
        st.markdown(f"**{title} so far**")
    for name, figure in figures.items():
        if name in CAPTIONS:
            st.caption(CAPTIONS[name])
        st.plotly_chart(figure, key=f"{key}-{name}", config=blocks.CONFIG, alt=f"{name} of {part.model.key} so far")


def _said(part: ModelSnapshot) -> tuple:
    """What there is to draw, which changes only when an answer is added, or when all begin anew."""
    return tuple((index, part.answers[index].text) for index in sorted(shown_answers(part)))


def _figures(found: Picture) -> tuple[str, dict[str, go.Figure]]:
    """The title of the strip, and strip, tree and traces of the answers that have ended, each under what it is."""
    title, figures = "", {}
    if len(found.clustered) > 1:
        counts = [int((found.labels == k).sum()) for k in range(found.labels.max() + 1)]
        typical = [found.answers[i] for i in medoids(found.similarity, found.labels)]
        title = say.strip_title(len(found.clustered), len(set(found.answers)), len(counts), found.clusterer.method)
        figures["Cluster strip"] = cluster_strip(counts, typical, found.color, narrow=blocks.is_narrow())
    samples = {i: r for i, r in found.responses.items() if i != GREEDY and r.is_valid}
    if samples:
        grown = tree(branches(token_tree(samples)), dark=blocks.is_dark(), narrow=blocks.is_narrow())
        figures["Tree"] = grown
        entropies = {i: r.token_entropies[r.own_tokens].tolist() for i, r in found.responses.items()}
        tokens = {i: r.tokens[r.own_tokens] for i, r in found.responses.items()}
        if any(len(own) > 1 for own in entropies.values()):  # one token makes no line
            figures["Token entropies"] = entropy_traces(entropies, tokens, None, found.color)
    return title, figures
