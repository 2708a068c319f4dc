"""Alignment tax: how large is it, and what does it cost? One chart at a time: what is not shown is not computed."""

import streamlit as st

from dashboard import blocks, damage, page, studies, url
from dashboard.tax import answers, curves, helps, many, published, quality, scores, seeds
from dashboard.tax.bounds import bounds
from dashboard.tax.cascade import cascade
from dashboard.tax.choices import choose_one, choose_scores
from dashboard.tax.filters import filters, left_out_note
from dashboard.tax.grades import grades, without_greedy
from dashboard.tax.power import power
from dashboard.tax.selection import Selection
from dashboard.tax.unseen import unseen
from dashboard.text import plain
from homog_core.analysis.published import published_metrics
from homog_core.runs import store
from homog_core.wording import labels
from homog_core.wording.published import severity_note

SECTIONS = {
    "answers": "How often one answer",
    "scores": "What it does to uncertainty",
    "won": "What helps",
    "models": "Many models",
    "published": "Ours and published",
}
OF_ALL_RUNS = {
    "runs": ("By run", answers.rates),
    "quality": ("Correct and different", quality.quality),
    "clusterers": ("Other clusterers", answers.by_clusterer),
    "threshold": ("Threshold", curves.threshold),
    "samples": ("Fewer samples", curves.budget),
    "unseen": ("What N answers miss", unseen),
    "categories": ("By category", answers.by_category),
    "bounds": ("Bounds", bounds),
    "temperature": ("Temperature", curves.temperature),
    "seeds": ("Training seeds", seeds.training_seeds),
    "power": ("Power", power),
}
OF_MANY = {
    "sorted": ("By rate", many.by_rate),
    "sizes": ("By size", many.sizes),
    "between": ("Between models", many.between),
}
OF_ONE_RUN = {
    "aurocs": ("Every score", scores.aurocs),
    "within": ("Within categories", scores.categories),
    "effects": ("Effect sizes", scores.effects),
}
OF_SCORES = {
    "coverage": ("Answer fewer questions", helps.coverage),
    "calibration": ("Calibration", helps.calibration),
    "correlations": ("Correlations", helps.correlations),
}
CHARTS = {  # of each section
    "answers": {key: name for key, (name, _) in OF_ALL_RUNS.items()},
    "scores": {"differences": "Token entropy or samples?"} | {key: name for key, (name, _) in OF_ONE_RUN.items()},
    "won": {key: name for key, (name, _) in OF_SCORES.items()} | {"cascade": "Cascade"},
    "models": {key: name for key, (name, _) in OF_MANY.items()},
    "published": {"one": "One figure", "all": "All figures"},
}


def main() -> None:
    page.start_page("Alignment tax", "How large is it, and what does it cost?")
    runs = [run for run in store.list_runs() if run.identity.n_questions > 1]
    chosen = None if damage.asked_for(url.get("runs"), lambda: url.put(runs=None)) else filters(runs)
    if chosen is None:
        return
    studies.mark([one.run for one in chosen.views.values()])
    view = url.segments("Section", list(SECTIONS), "view", SECTIONS.get)
    if view != "won":  # where alone scores are chosen
        url.put(scores=None)
    of = {"answers": of_answers, "scores": of_scores, "won": of_won, "models": of_models, "published": of_published}
    of[view](chosen)
    if chosen.left_out:
        st.caption(f":material/info: {left_out_note(chosen.left_out)}")
    st.caption(plain(severity_note(chosen.sizes)))


def choose_chart(view: str, offered: dict[str, str]) -> str:
    """One chart of a section; that of another section is forgotten."""
    if url.get("chart") in set().union(*CHARTS.values()) - set(offered):
        url.put(chart=None)
    pick = url.choice if blocks.is_narrow() else url.segments
    return pick("Chart", list(offered), "chart", offered.get)


def of_answers(chosen: Selection) -> None:
    if url.get("budget").isdigit():  # a link from before there was a choice of charts
        url.fill(chart="samples")
    offered = dict(CHARTS["answers"])
    if not seeds.runs_with_seeds(chosen):
        del offered["seeds"]
    OF_ALL_RUNS[choose_chart("answers", offered)][1](chosen)


def of_scores(chosen: Selection) -> None:
    if url.get("of"):  # a link from before there was a choice of charts, or another chart of one run
        url.fill(chart="aurocs")
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        chart = choose_chart("scores", CHARTS["scores"])
    if chart == "differences":
        scores.differences(chosen)
        without_greedy(chosen)
        return
    with right:
        of = choose_one(chosen)
    OF_ONE_RUN[chart][1](chosen, of)
    grades(chosen, of)


def of_won(chosen: Selection) -> None:
    if url.get("band").isdigit():
        url.fill(chart="cascade")
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        chart = choose_chart("won", CHARTS["won"])
    with right:
        of = choose_one(chosen)
    if chart == "cascade":
        cascade(chosen, of)
    elif names := choose_scores(chosen.views[of], chosen):
        OF_SCORES[chart][1](chosen, of, names)
    else:
        st.info("Choose at least one score above.")
    grades(chosen, of)


def of_models(chosen: Selection) -> None:
    OF_MANY[choose_chart("models", CHARTS["models"])][1](chosen)


def of_published(chosen: Selection) -> None:
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        chart = choose_chart("published", CHARTS["published"])
    if chart == "all":
        published.table(chosen)
        return
    with right:
        metric = url.choice("Figure", published_metrics(), "figure", labels.METRIC_TITLES.get)
    published.figure(chosen, metric)


main()
