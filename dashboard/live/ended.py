"""A live job that is over: what it ended with, what can be kept, and one view of its answers at a time."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import blocks, url
from dashboard.access import access
from dashboard.cache import live_queue, umap_warm_up
from dashboard.live import words
from dashboard.live.cards import small
from dashboard.live.shown import columns, exact, picture
from dashboard.question.answers import inspector
from dashboard.question.clusters import clusters, strip
from dashboard.question.picture import Picture, computed_map, map_method
from dashboard.text import plain
from dashboard.tree import trees
from homog_core.figures.html import answer_groups, model_heading
from homog_core.live import ModelSnapshot, Snapshot
from homog_core.measures.clustering import Clusterer
from homog_core.records import GREEDY, Response
from homog_core.runs import store
from homog_core.sampling.steps import Answer
from homog_core.wording import question as say
from homog_core.wording import recipes
from homog_core.wording.numbers import counted

VIEWS = {"answers": "Answers", "tree": "Tree", "map": "Map", "tokens": "Tokens"}


def ended(snapshot: Snapshot, clusterer: Clusterer) -> None:
    """Everything that the models said, and what can be done with it. Raises `HomogError` where it cannot be kept."""
    if snapshot.state == "failed":
        st.error(plain(snapshot.message), icon=":material/error:")
    elif snapshot.state == "stopped":
        st.warning(words.stopped(snapshot))
    umap_warm_up()  # not before: compiling it would hold up the answers
    if not any(part.is_asked for part in snapshot.models):
        return
    st.markdown(f"#### {plain(snapshot.request.question.text)}")
    _keep(snapshot)
    exact(snapshot)
    pictures = [picture(snapshot, i, clusterer) for i in range(len(snapshot.models))]
    if len(pictures) > 1 and all(part.result for part in snapshot.models):
        counts = " → ".join(map(_different, pictures))
        names = " → ".join(plain(part.model.key) for part in snapshot.models)
        st.markdown(f"**{counts} different answers** along {names}")
    _strips(snapshot, pictures)
    match url.segments("View", list(VIEWS), "view", VIEWS.__getitem__):
        case "answers":
            _answers(snapshot, pictures)
        case "tree":
            _trees(snapshot, pictures)
        case "map":
            _map(pictures[_closer(snapshot)])
        case "tokens":
            _tokens(pictures[_closer(snapshot)])


def _keep(snapshot: Snapshot) -> None:
    """Keep the models that have finished as runs; of the others it says why they are not kept."""
    kept: dict[str, list[store.Run]] = st.session_state.setdefault("kept", {})  # by job
    if any(part.result for part in snapshot.models) and access().may_add:
        row = st.container(horizontal=True, vertical_alignment="center")
        label = "Keep as runs" if sum(part.result is not None for part in snapshot.models) > 1 else "Keep as a run"
        if row.button(label, icon=":material/save:", disabled=snapshot.id in kept, key="keep-run"):
            kept[snapshot.id] = live_queue().keep(snapshot.id)
            st.rerun()
        for run in kept.get(snapshot.id, []):
            row.page_link(
                "pages/questions.py",
                label=f"Kept. Open {plain(run.identity.model)} under Questions",
                icon=":material/bubble_chart:",
                query_params={"run": run.id},
            )
    if why := words.not_kept(snapshot.models):
        st.caption(plain(why))


def _different(found: Picture) -> str:
    """K of N, the number of different answers among those that are not empty; undefined below two."""
    n = len(found.clustered)
    return f"{len(set(found.labels))} of {n}" if n > 1 else "undefined"


def _strips(snapshot: Snapshot, pictures: Sequence[Picture]) -> None:
    """One column a model: its name, how far it came, and its strip."""
    for part, found, place in zip(snapshot.models, pictures, columns(len(pictures)), strict=True):
        with place:
            outcome = words.outcome(part, snapshot.request.decoding.n_samples)
            st.html(model_heading(part.model.key, found.color) + small(outcome))
            if len(found.clustered) > 1:
                strip(found)
            elif part.is_asked:
                st.info(say.too_few(len(found.clustered)))


def _answers(snapshot: Snapshot, pictures: Sequence[Picture]) -> None:
    """One column a model: its answers by cluster, and its prompt."""
    for part, found, place in zip(snapshot.models, pictures, columns(len(pictures)), strict=True):
        if not part.is_asked:
            continue
        with place:
            if blocks.is_narrow():  # the columns stand under each other, far from their strips
                st.html(model_heading(part.model.key, found.color))
            st.html(answer_groups(_groups(part, found), found.color))
            with st.expander("The exact prompt", icon=":material/terminal:"):
                st.code(part.prompt, language=None, wrap_lines=True)


def _groups(part: ModelSnapshot, found: Picture) -> list[tuple[str, list[tuple[str, str]]]]:
    """The answers by cluster, the largest first, then the greedy one and those that were cut off; alike ones once."""
    groups = []
    for k in range(found.labels.max() + 1 if len(found.labels) else 0):
        texts = Counter(_whole(found.responses[found.clustered[i]]) for i in np.flatnonzero(found.labels == k))
        members = [(text, f"× {n}" if n > 1 else "") for text, n in texts.most_common()]
        groups.append((f"{k + 1} · {counted(texts.total(), 'answer')}", members))
    if found.n_empty:
        groups.append((f"in no cluster · {counted(found.n_empty, 'empty answer')}", []))
    if greedy := part.answers.get(GREEDY):
        groups.append(
            (
                "greedy answer, in no cluster",
                [(_whole(greedy) + ("" if greedy.finish_reason else " …"), "")],
            )
        )
    if cut := [answer for i, answer in part.answers.items() if i != GREEDY and not answer.finish_reason]:
        groups.append((f"cut off · {counted(len(cut), 'answer')}", [(f"{a.answer} …", "") for a in cut]))
    return groups


def _whole(answer: Answer | Response) -> str:
    """An answer; one that the token limit has cut ends in […]."""
    return (answer.answer or "(empty)") + (" […]" if answer.finish_reason == "length" else "")


def _trees(snapshot: Snapshot, pictures: Sequence[Picture]) -> None:
    """The trees of all models, of the answers that have ended."""
    names = [part.model.key for part in snapshot.models]
    styles = " / ".join(dict.fromkeys(part.style for part in snapshot.models))
    recipe = recipes.recipe(" / ".join(names), recipes.Way(snapshot.request.decoding, styles), None, 1)
    if not any(found.clustered for found in pictures):
        st.info("No answer with a text has finished, so there is no tree.")
        return
    named = [(name, found.responses) for name, found in zip(names, pictures, strict=True)]
    trees(named, recipe, f"tree-{snapshot.id}", snapshot.request.question.text)


def _closer(snapshot: Snapshot) -> int:
    """Which of several models is looked at more closely."""
    places = [str(i + 1) for i in range(len(snapshot.models))]
    if len(places) == 1:
        return 0
    return int(url.segments("Model", places, "of", lambda place: snapshot.models[int(place) - 1].model.key)) - 1


def _map(found: Picture) -> None:
    """Map and matrix of one model, and the answer whose mark has been clicked."""
    method = map_method() if umap_warm_up().ready.is_set() else "mds"
    clusters(found, computed_map(found.similarity, method), method)
    if url.get("answer"):
        inspector(found)


def _tokens(found: Picture) -> None:
    """Inside one answer of one model."""
    if not found.responses:
        st.info("No answer has finished, so there is nothing to look into.")
        return
    inspector(found)
