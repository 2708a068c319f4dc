"""Questions: what happened on this question? Search a run, look at the clusters, the map and every answer."""

import streamlit as st

from dashboard import controls, damage, page, studies, url
from dashboard.cache import load_run, umap_warm_up
from dashboard.question.stored import stored_question
from dashboard.question.table import COLUMNS, filtered, question_frame, stepper, table
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.rates import run_rates
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.runs import store
from homog_core.wording import commands, recipes, run_names
from homog_core.wording import question as say


def main() -> None:
    page.start_page("Questions", "One question, asked again and again: how many different answers come back?")
    umap_warm_up()
    runs = lineage.offered(store.list_runs())
    if not runs:
        st.info(f"There are no runs yet. Sample a question in the Live lab, or run `{commands.first_sample()}`.")
        return
    if damage.asked_for(url.get("run"), lambda: url.put(run=None)):
        return
    by_id = {run.id: run for run in runs}
    titles = run_names.titles(runs)
    most_telling = lineage.default_runs(runs)[-1].id
    left, right = st.columns(2, gap="large", vertical_alignment="bottom")
    with left:
        scored = load_run(url.choice("Run", list(by_id), "run", titles.get, default=most_telling))
    if scored.questions.empty:
        st.info("This run has no answers yet: it is being sampled. Reload the page in a moment.")
        return
    with right:
        clusterer = controls.clusterer_controls(scored.clusterers())
    if not scored.is_scored:
        command = commands.score(scored.run.id)
        st.info(f"This run has not been scored, so some columns are empty: run `{command}`.")
    studies.mark([scored.run])
    headline(scored, clusterer)
    questions(scored, clusterer)


def headline(scored: ScoredRun, clusterer: Clusterer) -> None:
    """What the run found over all its questions, in one line."""
    found = run_rates(scored, clusterer)
    recipe = recipes.run_recipe(scored.run, clusterer, found.single_cluster.n, "intervals: 95 %, Wilson and t")
    st.markdown(say.run_headline(found, clusterer.method), help=f"How it was made: {plain(recipe)}")


def questions(scored: ScoredRun, clusterer: Clusterer) -> None:
    """All questions on the left, the chosen one on the right."""
    frame = question_frame(scored, clusterer)
    left, right = st.columns([2, 3], gap="large")
    with left:
        shown = filtered(scored, frame)
        if shown.empty:
            st.info("No question matches. Clear the search or a filter to see them all.")
            return
        question_id = url.selected("Question", list(frame["id"]), "question", shown["id"].iloc[0])
        table(shown, COLUMNS, "The questions of the run with their scores")
    with right:
        stepper(list(shown["id"]), question_id)
        stored_question(scored, question_id, clusterer)


main()
