"""The answers of one model, one by one: the list grouped by cluster, and the inside of the one that is chosen."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.question.picture import Picture
from homog_core.figures.html import entropy_legend, token_heat_map
from homog_core.figures.question import answer_name, entropy_traces
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import GREEDY
from homog_core.wording import question as say
from homog_core.wording.numbers import counted


def answer_list(picture: Picture) -> None:
    """All answers, grouped by cluster; a button inspects one."""
    st.markdown("##### All answers")
    st.caption("Grouped by cluster, the largest first. A button shows that answer's tokens below.")
    labels = picture.labels
    with st.container(border=True, gap="xsmall"):
        for k in range(labels.max() + 1 if len(labels) else 0):
            members = [picture.clustered[i] for i in np.flatnonzero(labels == k)]
            for position, index in enumerate(members):
                _row(picture, index, f"**{k + 1}** · {counted(len(members), 'answer')}" if position == 0 else "")
        others = [i for i in picture.responses if i not in picture.clustered]
        for position, index in enumerate(others):
            _row(picture, index, "not clustered" if position == 0 else "")


def _row(picture: Picture, index: int, heading: str) -> None:
    """One answer with the button that inspects it."""
    response = picture.responses[index]
    left, middle, right = st.columns([2, 2, 12], vertical_alignment="center", gap="small")
    left.markdown(heading or "&nbsp;")
    middle.button(
        "Greedy" if index == GREEDY else f"Answer {index + 1}",
        key=f"inspect-{picture.key}-{index}",
        on_click=choose_answer,
        args=(index,),
        type="primary" if index == chosen_answer(picture) else "secondary",
        width="stretch",
    )
    right.text((response.answer or "(empty)") + ("  […]" if response.finish_reason == "length" else ""))


def choose_answer(index: int) -> None:
    """Inspect an answer: it goes into the URL."""
    url.put(answer="greedy" if index == GREEDY else str(index + 1))


def chosen_answer(picture: Picture) -> int:
    """The sample index that the URL names; the greedy answer where it names none or one that is not there."""
    asked = url.get("answer", "greedy")
    index = int(asked) - 1 if asked.isdecimal() else GREEDY
    return index if index in picture.responses else GREEDY


def inspector(picture: Picture) -> None:
    """Token heat map and entropy trace of one answer, all others thin and grey behind it."""
    chosen = chosen_answer(picture)
    if chosen not in picture.responses:
        return
    response = picture.responses[chosen]
    st.markdown(f"##### Inside one answer: {answer_name(chosen).lower()}")
    st.caption(
        "Each token is shaded by the entropy of the distribution it was drawn from: how open the next word was. Struck "
        "tokens do not count: what ended the answer, and reasoning."
    )
    st.html(token_heat_map(response.tokens, response.token_entropies.tolist(), response.own_tokens))
    st.html(entropy_legend())
    traces(picture, chosen)


def traces(picture: Picture, chosen: int | None) -> None:
    """Entropy along all answers, with one of them in colour."""
    entropies = {i: r.token_entropies[r.own_tokens] for i, r in picture.responses.items()}
    tokens = {i: r.tokens[r.own_tokens] for i, r in picture.responses.items()}
    rows = [
        {"answer": answer_name(i), "token": t + 1, "text": text, "entropy_nats": float(value)}
        for i in picture.responses
        for t, (text, value) in enumerate(zip(tokens[i], entropies[i], strict=True))
    ]
    title, alt = "How open the next word is, along every answer", "Token entropy along all answers"
    if chosen is not None:
        name, own = answer_name(chosen), entropies[chosen]
        title, alt = say.entropy_title(name, mean_token_entropy(own), len(own)), f"Token entropy along {name.lower()}"
    blocks.chart(
        entropy_traces(entropies, tokens, chosen, picture.color),
        title=title,
        how_to_read=(
            "Entropy of the model's own next-token distribution (before temperature and top-p) along the answer"
            + ("; the other answers are thin and grey." if chosen is not None else ".")
        ),
        recipe_line=picture.recipe,
        data=pd.DataFrame(rows, columns=["answer", "token", "text", "entropy_nats"]),
        key=f"trace-{picture.key}",
        alt=alt,
    )
