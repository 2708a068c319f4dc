"""Methods: what does this word mean? Made from docs/glossary.md and docs/methods.md, which are the one source."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, handbook, page, toys, url
from dashboard.handbook import Glossary, Section, Term
from dashboard.text import plain
from homog_core.figures import lessons, question

PAGE = "methods"
STYLE = """<style>
.st-key-words {display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%%, 30rem), 1fr))}
.st-key-words > div > div {height: 100%%}
.st-key-words > :has(> .st-key-term-auroc), .st-key-words > :has(> .st-key-term-threshold) {grid-column: 1 / -1}
.st-key-words p, .st-key-handbook p {max-width: 60rem}
.st-key-handbook table {display: table; width: 100%%}
.st-key-handbook td, .st-key-handbook th {white-space: normal; vertical-align: top; font-size: .92rem}
@media (max-width: 800px) {
  .st-key-handbook :is(table, tbody, tr, td) {display: block; width: 100%%}
  .st-key-handbook thead {display: none}
  .st-key-handbook tr {border: 1px solid rgba(128,128,128,.4); border-radius: 6px; margin-bottom: .6rem; padding: .3rem}
  .st-key-handbook td {border: none !important; padding: .15rem .4rem; overflow-wrap: anywhere}
  .st-key-handbook td code {white-space: normal; overflow-wrap: anywhere}
  .st-key-handbook td:first-child {font-weight: 600}
  .st-key-handbook td:empty {display: none}
  .st-key-handbook td::before {opacity: .75}
  %(labels)s
}
</style>"""


def main() -> None:
    page.start_page(PAGE, "Methods", "What does this word mean? Every word and every number of these pages.")
    glossary, words = handbook.glossary(), search()
    chosen = choose(glossary)
    if chosen:
        show_term(chosen, code=True)
        st.button("Show all words", icon=":material/list:", type="tertiary", on_click=_choose, args=(None,))
    else:
        vocabulary(glossary, words)
    exactly(words)
    if not words:
        ending(glossary)


def search() -> str:
    """Words to look for; in the URL."""
    if "methods-q" not in st.session_state:
        st.session_state["methods-q"] = st.query_params.get("q", "")[:100]

    def to_url() -> None:
        st.query_params.update(q=st.session_state["methods-q"].strip(), term="")

    found = st.text_input(
        "Search", key="methods-q", placeholder="a word, a score, a test", on_change=to_url, max_chars=100
    )
    return found.strip()


def choose(glossary: Glossary) -> Term | None:
    """The word that the URL names, and all words to choose from."""
    asked = st.query_params.get("term", "")
    chosen = glossary.find(asked) if asked else None
    if asked and chosen is None:
        st.warning(f"The word {plain(asked)} is not explained here. Pick one of these, or search.")
        st.query_params["term"] = ""
    names = {term.key: term.name for term in glossary.terms}
    st.session_state["methods-term"] = chosen.key if chosen else None
    st.pills(
        "One word, or all of them",
        list(names),
        key="methods-term",
        format_func=names.get,
        on_change=lambda: _choose(st.session_state["methods-term"]),
    )
    return chosen


def _choose(term: str | None) -> None:
    """Put a word into the URL; "" for none, as a page without parameters would get back those that it had."""
    st.query_params["term"] = term or ""


# Words


def vocabulary(glossary: Glossary, words: str) -> None:
    """All words that have what is searched for."""
    found = [term for term in glossary.terms if handbook.matches(term.text, words)]
    st.header("Words", anchor="words", divider="grey")
    if not found:
        st.info("No word has that in it.")
        return
    st.session_state["methods-code"] = st.query_params.get("code") == "1"
    code = st.toggle("Show the code of the examples", key="methods-code", on_change=_code_to_url)
    with st.container(key="words"):
        for term in found:
            show_term(term, code=code)


def _code_to_url() -> None:
    st.query_params["code"] = str(int(st.session_state["methods-code"]))


def show_term(term: Term, *, code: bool) -> None:
    with st.container(border=True, key=f"term-{term.key}"):
        st.subheader(term.name, anchor=term.key)
        st.markdown(term.definition)
        st.markdown(f"*Example.* {term.example}")
        if code:
            st.code(term.code, language="python", wrap_lines=True)
        if term.key in TOYS:
            TOYS[term.key]()


def auroc_toy() -> None:
    separation = url.url_number(
        "Move the wrong answers: how much more uncertain they are than the right ones",
        "separation",
        0.5,
        -1.0,
        2.0,
        0.05,
    )
    found = toys.toy_auroc(separation)
    top = float(max(toys.RIGHT_SCORES)) + 2.1
    color, rows = blocks.model_color(0), [_row("wrong", found.wrong), _row("right", found.right)]
    scores = lessons.dot_rows(rows, color, "uncertainty", top, low=-0.8).update_layout(height=300)
    grid = lessons.pair_grid(found.won, found.false_alarms, found.hits, color, dark=blocks.is_dark())
    blocks.panels(
        [("<b>The scores</b>", scores), ("<b>Every pair, and the ROC curve</b>", grid)],
        title=f"The wrong answer is higher in {found.won.sum():g} of {found.won.size} pairs: AUROC {found.auroc:.2f}",
        how_to_read="A cell is a pair: 1 if the wrong answer has the higher score, ½ for a tie, 0 otherwise. Sorted "
        "like this, the cells with 1 are the area under the ROC curve.",
        recipe_line=f"invented scores of {len(found.wrong)} wrong and {len(found.right)} right answers",
        data=pd.DataFrame({"wrong": found.wrong, "right": found.right}),
        key="toy-auroc",
        alt=["Dots: scores of wrong and right answers", "Grid: every pair of a wrong and a right answer"],
    )


def _row(name: str, scores: np.ndarray) -> lessons.DotRow:
    ones = np.ones(len(scores), dtype=int)
    notes = [f"score {score:.2f}" for score in scores]
    return lessons.DotRow(name, scores, ones, ones.astype(bool), [name] * len(scores), notes, {})


def threshold_toy() -> None:
    threshold = url.url_number("Move the threshold τ", "toy-tau", 0.5, 0.0, 0.99, 0.01)
    found = toys.toy_clusters(threshold)
    k, n = len(found.typical), len(found.labels)
    left, right = st.columns(2, gap="large")
    with left:
        blocks.chart(
            question.distance_matrix(found.similarity, found.labels, list(range(n)), dark=blocks.is_dark()),
            title=f"At τ = {threshold:.2f}, {n} answers form {k} cluster{'s' if k != 1 else ''}",
            how_to_read="Distance of every two answers: 1 minus their similarity. Joined are those at most 1 − τ "
            "apart, and whoever is joined with one of them.",
            recipe_line=f"invented answers to “{toys.TOY_QUESTION}” · jaccard, τ = {threshold:.2f} · components",
            data=pd.DataFrame({"answer": toys.TOY_ANSWERS, "cluster": found.labels + 1}),
            key="toy-threshold",
            alt=f"Matrix of distances between {n} answers in {k} clusters",
        )
    with right:
        st.markdown("**The clusters**")
        st.html(lessons.answer_piles(_piles(found), blocks.model_color(0), dark=blocks.is_dark(), least_width="100%"))
        st.caption(
            "Right would be three: Canberra, Sydney, Melbourne. There is no threshold at which this similarity finds "
            "them, since shared words are not shared meaning. That is what a report card measures."
        )


def _piles(found: toys.ToyClusters) -> list[lessons.Pile]:
    members = [np.flatnonzero(found.labels == cluster) for cluster in range(len(found.typical))]
    return [
        lessons.Pile(
            f"Cluster {cluster + 1}: {len(inside)} answer{'s' if len(inside) != 1 else ''}",
            "\n".join(f"{i + 1}  {toys.TOY_ANSWERS[i]}" for i in inside),
        )
        for cluster, inside in enumerate(members)
    ]


TOYS: dict[str, Callable[[], None]] = {"auroc": auroc_toy, "threshold": threshold_toy}


# Every number


def exactly(words: str) -> None:
    """The sections of docs/methods.md; those that have what is searched for are open."""
    sections = [section for section in handbook.methods() if handbook.matches(section.text, words)]
    st.header("Every number, exactly", anchor="exactly", divider="grey")
    st.caption(f"From docs/methods.md. {handbook.preface()}")
    if not sections:
        st.info("No section has that in it.")
    st.html(STYLE % {"labels": _labels(sections)})
    with st.container(key="handbook"):
        for section in sections:
            with st.expander(f"{section.title}{f' — {section.code}' if section.code else ''}", expanded=bool(words)):
                for i, block in enumerate(section.blocks):
                    with st.container(key=_place(section, i)):
                        st.markdown(block)


def _place(section: Section, i: int) -> str:
    return f"block-{section.key}-{i}"


def _labels(sections: Sequence[Section]) -> str:
    """CSS that puts the head of its column before a cell, for narrow screens, where a row is a list."""
    rules = []
    for section in sections:
        for i, block in enumerate(section.blocks):
            for k, head in enumerate(handbook.columns_of(block)[1:], start=2):
                text = head.replace("\\", "").replace('"', "'")
                rules.append(f'.st-key-{_place(section, i)} td:nth-of-type({k})::before {{content: "{text}: "}}')
    return "\n".join(rules)


def ending(glossary: Glossary) -> None:
    st.header("Limits", anchor="limits", divider="grey")
    st.markdown(glossary.limits)
    st.header("Sources", anchor="sources", divider="grey")
    st.markdown(re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", glossary.sources))


with page.friendly_errors():
    main()
page.end_page(PAGE)
