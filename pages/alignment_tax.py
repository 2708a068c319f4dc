"""Alignment tax: how large is it, and what does it cost? Aggregate charts over many runs, one section at a time."""

import streamlit as st

from dashboard import page, url
from dashboard.tax import answers, helps, published, scores
from dashboard.tax.filters import filters, left_out_note
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.published import published_metrics
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.runs import store
from homog_core.wording import labels
from homog_core.wording.published import severity_note

SECTIONS = {
    "answers": "How often one answer",
    "scores": "What it does to uncertainty",
    "won": "What helps",
    "published": "Ours and published",
}


def main() -> None:
    page.start_page("Alignment tax", "How large is it, and what does it cost?")
    chosen = filters([run for run in store.list_runs() if run.identity.n_questions > 1])
    if chosen is None:
        return
    provenance = {view.run.identity.model: view.run.provenance for view in chosen.views.values()}
    st.caption(plain(severity_note({name: found.n_parameters for name, found in provenance.items()})))
    section(chosen)
    if chosen.left_out:
        st.caption(f":material/info: {left_out_note(chosen.left_out)}")


def section(chosen: Selection) -> None:
    """One section at a time, so that a closed one costs nothing."""
    view = url.segments("Section", list(SECTIONS), "view", SECTIONS.get)
    if view == "answers":
        answers.one_answer(chosen)
    elif view == "scores":
        with st.columns(2)[0]:
            of = choose_one(chosen)
        scores.uncertainty(chosen, of)
    elif view == "won":
        left, right = st.columns([2, 3], vertical_alignment="bottom", gap="large")
        with left:
            of = choose_one(chosen)
        with right:
            names = choose_scores(chosen.views[of], chosen)
        helps.what_helps(chosen, of, names)
    else:
        metrics = published_metrics()
        with st.columns(2)[0]:
            metric = url.choice("Figure", metrics, "figure", labels.METRIC_TITLES.get)
        published.figure(chosen, metric)
        published.table(chosen)


def choose_one(chosen: Selection) -> str:
    """The run that is looked at closely: its label. At first the one that titles speak of."""
    focus = chosen.focus()
    names = {chosen.views[label].run.id: label for label in [focus, *(k for k in chosen.views if k != focus)]}
    if url.get("of") in {run.id for run in chosen.others}:  # it has been taken out of the chosen ones
        url.put(of=None)
    return names[url.choice("Run to look at closely", list(names), "of", names.get)]


def choose_scores(view: ScoredRun, chosen: Selection) -> list[str]:
    """Up to four scores, by name in the URL."""
    options = list(view.score_columns(chosen.clusterer))
    defaults = [name for name in (TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY) if name in options]
    url.fill(scores=",".join(defaults))
    return url.choices("Scores", options, "scores", helps.MOST_SCORES, defaults, labels.score_title)


main()
