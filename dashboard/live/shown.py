"""What both views of a live job show, the one while it goes on and the one when it is over."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from dashboard import blocks, draws
from dashboard.question.picture import Picture
from homog_core.analysis.draws import count_named
from homog_core.live import ModelSnapshot, Snapshot
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.records import GREEDY
from homog_core.sampling.steps import Answer
from homog_core.wording import recipes
from homog_core.wording.run_names import prompt_title

Made = TypeVar("Made")


def columns(n: int) -> list:
    """One place a model, side by side."""
    return st.columns(n, gap="medium") if n > 1 else [st.container()]


def picture(snapshot: Snapshot, position: int, clusterer: Clusterer) -> Picture:
    """What there is to show of one model so far: the answers that have ended, and the clusters of those with a text."""
    part = snapshot.models[position]
    clustered = sorted(part.vectors)
    found = [part.vectors[i].get(clusterer.encoder, {}) for i in clustered]
    evidence = {view: [views[view] for views in found] for view in (found[0] if found else ())}
    texts = [part.answers[i].answer for i in clustered]
    question = snapshot.request.question.text
    similarity = clusterer.similarity(question, texts, evidence) if clustered else np.zeros((0, 0))
    return Picture(
        key=f"{snapshot.id}-{position}",
        question=question,
        responses={index: answer.response() for index, answer in shown_answers(part).items()},
        clustered=clustered,
        similarity=similarity,
        labels=by_size(clusterer.labels(similarity)),
        clusterer=clusterer,
        recipe=recipes.recipe(
            part.model.key, recipes.Way(snapshot.request.decoding, part.style, part.entropy_kind), clusterer, 1
        ),
        color=blocks.spec_colors(snapshot.request.models)[position],
    )


def shown_answers(part: ModelSnapshot) -> dict[int, Answer]:
    """The answers that have ended and have a place: one that has ended a moment ago may not be encoded yet."""
    return {i: a for i, a in part.ended.items() if i in part.vectors or i == GREEDY or not a.answer}


def made_once(name: str, stamp: Any, make: Callable[[], Made]) -> Made:
    """What `make` gave for this stamp the last time, or gives now: a poll makes nothing again that has not changed."""
    held = st.session_state.setdefault("live-made", {})
    if name not in held or held[name][0] != stamp:
        held[name] = (stamp, make())
    return held[name][1]


def exact(snapshot: Snapshot) -> None:
    """Of a question with a closed list: how likely each answer is, and which have been drawn."""
    parts = [part for part in snapshot.models if part.draw]
    if not parts:
        return
    ended = [[answer.answer for i, answer in part.ended.items() if i != GREEDY] for part in parts]
    counts = [count_named(answers, part.draw.options) for part, answers in zip(parts, ended, strict=True)]
    styles = " / ".join(dict.fromkeys(prompt_title(part.style) for part in parts))
    draws.bars(
        [(part.model.key, part.draw) for part in parts],
        blocks.spec_colors([part.model for part in parts]),
        f"{' / '.join(part.model.key for part in parts)} · exact next-token probabilities, temperature 1 · {styles}",
        f"exact-{snapshot.id}",
        counts,
    )
