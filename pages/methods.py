"""Methods: what does this word mean? Made from docs/glossary.md and docs/methods.md, which are the one source."""

import re
from collections.abc import Sequence

import streamlit as st

from dashboard import handbook, page, url
from dashboard.handbook import Glossary, Section, Term
from dashboard.lessons import LESSONS
from dashboard.text import plain

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
    page.start_page("Methods", "What does this word mean? Every word and every number on these pages.")
    glossary = handbook.glossary()
    words = st.text_input(
        "Search",
        key="q",
        placeholder="a word, a score, a test",
        max_chars=100,
        on_change=lambda: url.put(term=None),
        bind="query-params",
    ).strip()
    if chosen := choose(glossary):
        show_term(chosen, code=True)
        st.button("Show all words", icon=":material/list:", type="tertiary", on_click=lambda: url.put(term=None))
    else:
        vocabulary(glossary, words)
    exactly(words)
    if not words:
        ending(glossary)


def choose(glossary: Glossary) -> Term | None:
    """The word that the URL names, by any of its names, and all words to choose from."""
    asked = url.get("term")
    chosen = glossary.find(asked)
    if asked and chosen is None:
        st.warning(f"The word {plain(asked)} is not explained here. Pick one of these, or search.")
        url.put(term=None)
    names = {term.key: term.name for term in glossary.terms}
    st.session_state["methods-term"] = chosen.key if chosen else None
    st.pills(
        "One word, or all of them",
        list(names),
        key="methods-term",
        format_func=names.get,
        on_change=lambda: url.put(term=st.session_state["methods-term"]),
    )
    return chosen


# Words


def vocabulary(glossary: Glossary, words: str) -> None:
    """All words that have what is searched for."""
    found = [term for term in glossary.terms if handbook.matches(term.text, words)]
    st.header("Words", anchor="words", divider="grey")
    if not found:
        st.info("No word matches. Clear the search to see them all.")
        return
    code = st.toggle("Show the code of the examples", key="code", bind="query-params")
    with st.container(key="words"):
        for term in found:
            show_term(term, code=code)


def show_term(term: Term, *, code: bool) -> None:
    """One word, with the lesson that it has."""
    with st.container(border=True, key=f"term-{term.key}"):
        st.subheader(term.name, anchor=term.key)
        st.markdown(term.definition)
        st.markdown(f"*Example.* {term.example}")
        if code:
            st.code(term.code, language="python", wrap_lines=True)
        if term.key in LESSONS:
            LESSONS[term.key]()


# Every number


def exactly(words: str) -> None:
    """The sections of docs/methods.md; those that have what is searched for are open."""
    sections = [section for section in handbook.methods() if handbook.matches(section.text, words)]
    st.header("Every number, exactly", anchor="exactly", divider="grey")
    st.caption(f"From docs/methods.md. {handbook.preface()}")
    if not sections:
        st.info("No section matches.")
    st.html(STYLE % {"labels": labels(sections)})
    with st.container(key="handbook"):
        for section in sections:
            with st.expander(f"{section.title}{f' — {section.code}' if section.code else ''}", expanded=bool(words)):
                for i, block in enumerate(section.blocks):
                    with st.container(key=place(section, i)):
                        st.markdown(block)


def place(section: Section, i: int) -> str:
    """The key of a block, which CSS finds it by."""
    return f"block-{section.key}-{i}"


def labels(sections: Sequence[Section]) -> str:
    """CSS that puts the head of its column before a cell, for narrow screens, where a row is a list."""
    rules = []
    for section in sections:
        for i, block in enumerate(section.blocks):
            for k, head in enumerate(handbook.columns_of(block)[1:], start=2):
                text = head.replace("\\", "").replace('"', "'")
                rules.append(f'.st-key-{place(section, i)} td:nth-of-type({k})::before {{content: "{text}: "}}')
    return "\n".join(rules)


def ending(glossary: Glossary) -> None:
    """What the numbers cannot say, and where they come from."""
    st.header("Limits", anchor="limits", divider="grey")
    st.markdown(glossary.limits)
    st.header("Sources", anchor="sources", divider="grey")
    st.markdown(re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", glossary.sources))


main()
