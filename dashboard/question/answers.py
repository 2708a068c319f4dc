"""The answers of one model, one by one: the list grouped by cluster, and the inside of the one that is chosen."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.question.picture import Picture
from dashboard.text import plain
from homog_core.figures.html import entropy_legend, token_heat_map
from homog_core.figures.question import answer_name, entropy_traces
from homog_core.figures.theme import shortened
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import GREEDY, Response
from homog_core.wording import question as say

_LONGEST = 300  # characters of an answer in the list; its tokens are all shown
_STYLE = """<style>
[class*=st-key-answers-] button {white-space: normal; min-height: 0; padding: .2rem 0}
[class*=st-key-answers-] :is(button, button div) {justify-content: flex-start; text-align: left}
</style>"""


def answer_list(picture: Picture) -> None:
    """All answers, grouped by cluster, the same words once; a click on one shows its tokens under it."""
    st.markdown("##### All answers")
    st.caption("At the left its cluster and size. Click an answer to see its tokens, and how many others were likely.")
    chosen = chosen_answer(picture)
    with st.container(gap=None, key=f"answers-{picture.key}"):
        st.html(_STYLE)
        if GREEDY in picture.responses:
            _row(picture, [GREEDY], "greedy", chosen)
        for k in range(picture.labels.max() + 1 if len(picture.labels) else 0):
            own = [picture.clustered[i] for i in np.flatnonzero(picture.labels == k)]
            for place, same in enumerate(_by_words(picture, own)):
                _row(picture, same, f"**{k + 1}** · {len(own)}" if place == 0 else "", chosen)
        others = [i for i in picture.responses if i not in picture.clustered and i != GREEDY]
        for place, same in enumerate(_by_words(picture, others)):
            _row(picture, same, "none" if place == 0 else "", chosen)


def _by_words(picture: Picture, indices: Sequence[int]) -> list[list[int]]:
    """Sample indices of answers in the same words together, the most frequent words first."""
    groups: dict[str, list[int]] = {}
    for index in indices:
        groups.setdefault(picture.responses[index].answer, []).append(index)
    return sorted(groups.values(), key=len, reverse=True)


def _row(picture: Picture, same: Sequence[int], heading: str, chosen: int) -> None:
    """Answers in the same words as one line to click on, with the tokens of the chosen one under it."""
    index = same[0]
    response = picture.responses[index]
    if blocks.is_narrow():  # where columns stand one under the other, with room between them
        left = right = st.container(gap=None)
    else:
        left, right = st.columns([1, 9], vertical_alignment="top", gap="small")
    if heading:
        left.caption(heading)
    text = " ".join(response.answer.split()) or "(empty)"
    cut = " […]" if response.finish_reason == "length" else ""
    times = f"  ×{len(same)}" if len(same) > 1 else ""
    label = plain(shortened(text, _LONGEST) + cut) + times
    with right:
        st.button(
            f"**{label}**" if chosen in same else label,
            key=f"inspect-{picture.key}-{index}",
            on_click=choose_answer,
            args=(index,),
            type="tertiary",
            width="stretch",
        )
        if chosen in same:
            tokens_of(picture.responses[chosen])


def tokens_of(response: Response) -> None:
    """The token heat map of an answer with its legend; nothing where its entropies are not known."""
    if np.isnan(response.token_entropies).all():
        return
    st.html(token_heat_map(response.tokens, response.token_entropies.tolist(), response.own_tokens))
    st.html(entropy_legend())


def choose_answer(index: int) -> None:
    """Inspect an answer: it goes into the URL."""
    url.put(answer="greedy" if index == GREEDY else str(index + 1))


def chosen_answer(picture: Picture) -> int:
    """The sample index that the URL names; where it names none that is there, the greedy answer, or else the first."""
    asked = url.get("answer", "greedy")
    index = int(asked) - 1 if asked.isdecimal() else GREEDY
    return index if index in picture.responses else min(picture.responses, default=GREEDY)


def inspector(picture: Picture) -> None:
    """Token heat map and entropy trace of one answer, all others thin and grey behind it."""
    chosen = chosen_answer(picture)
    if chosen not in picture.responses:
        return
    names = list(picture.responses)
    chosen = st.selectbox(
        "Answer",
        names,
        index=names.index(chosen),
        format_func=lambda i: f"{answer_name(i)}: {shortened(picture.responses[i].answer or '(empty)', 90)}",
        key=f"inside-{picture.key}-{chosen}",
        on_change=lambda: choose_answer(st.session_state[f"inside-{picture.key}-{chosen}"]),
    )
    response = picture.responses[chosen]
    st.markdown(f"##### Inside one answer: {answer_name(chosen).lower()}")
    st.caption(
        "Each token is shaded by the entropy of the distribution it was drawn from: how open the next word was. Struck "
        "tokens do not count: what ended the answer, and reasoning."
    )
    tokens_of(response)
    traces(picture, chosen)


def traces(picture: Picture, chosen: int | None) -> None:
    """Entropy along all answers, with one of them in colour."""
    entropies = {i: r.token_entropies[r.own_tokens] for i, r in picture.responses.items()}
    tokens = {i: r.tokens[r.own_tokens] for i, r in picture.responses.items()}
    title, alt = "How open the next word is, along every answer", "Token entropy along all answers"
    if chosen is not None:
        name, own = answer_name(chosen), entropies[chosen]
        title, alt = (
            say.entropy_title(name, mean_token_entropy(own), len(own), picture.responses[chosen].entropy_kind),
            f"Token entropy along {name.lower()}",
        )
    blocks.chart(
        entropy_traces(entropies, tokens, chosen, picture.color),
        title=title,
        how_to_read=(
            "Entropy of the model's own next-token distribution (before temperature and top-p) along the answer"
            + ("; the other answers are thin and grey." if chosen is not None else ".")
        ),
        recipe_line=picture.recipe,
        about=picture.question,
        data=tokens_table(entropies, tokens),
        key=f"trace-{picture.key}",
        alt=alt,
    )


def tokens_table(entropies: Mapping[int, np.ndarray], tokens: Mapping[int, Sequence[str]]) -> pd.DataFrame:
    """One row a token of some answers, by sample index: answer, token, text, entropy_nats."""
    lengths = [len(own) for own in entropies.values()]
    return pd.DataFrame(
        {
            "answer": np.repeat([answer_name(i) for i in entropies], lengths),
            "token": [t for n in lengths for t in range(1, n + 1)],
            "text": [text for i in entropies for text in tokens[i]],
            "entropy_nats": np.concatenate([np.zeros(0), *entropies.values()]),
        }
    )
