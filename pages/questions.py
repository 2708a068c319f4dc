"""Questions: what happened on this question? Search a run, look at the clusters, the map and every answer."""

import streamlit as st

from dashboard import blocks, controls, page, url
from dashboard.cache import load_run, shipped_first
from dashboard.question.stored import stored_question
from dashboard.question.table import filtered, question_frame, stepper, table
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.rates import run_rates
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.runs import store
from homog_core.wording import commands, recipes, run_names


def main() -> None:
    page.start_page("Questions", "One question, asked again and again: how many different answers come back?")
    runs = shipped_first(store.list_runs())
    if not runs:
        st.info("There are no runs yet. Sample a question in the Live lab, or run `python -m homog_core sample …`.")
        return
    by_id = {run.id: run for run in runs}
    most_telling = lineage.default_runs(runs)[-1].id
    key = url.choice("Run", list(by_id), "run", lambda key: run_names.run_title(by_id[key]), default=most_telling)
    scored = load_run(key)
    if scored.questions.empty:
        st.info("This run has no answers yet: it is being sampled. Reload the page in a moment.")
        return
    if not scored.is_scored:
        command = commands.score(scored.run.id)
        st.info(f"This run has not been scored, so some columns are empty: run `{command}`.")
    clusterer = controls.clusterer_controls(scored.clusterers())
    headline(scored, clusterer)
    frame = question_frame(scored, clusterer)
    shown = filtered(scored, frame)
    if shown.empty:
        st.info("No question matches. Clear the search or a filter to see them all.")
        return
    question_id = url.selected("Question", list(frame["id"]), "question", shown["id"].iloc[0])
    table(shown)
    stepper(list(shown["id"]), question_id)
    st.divider()
    stored_question(scored, question_id, clusterer)


def headline(scored: ScoredRun, clusterer: Clusterer) -> None:
    """Three numbers over all questions of the run."""
    found = run_rates(scored, clusterer)
    left, middle, right = st.columns(3)
    blocks.estimate(
        left,
        "Questions with a single cluster",
        found.single_cluster,
        percent=True,
        help="Single-cluster rate (SCR): all valid answers mean the same at this threshold. Wilson 95 % interval.",
    )
    blocks.estimate(
        middle,
        "Different answers per question",
        found.clusters,
        help="Mean number of clusters K. 95 % t interval.",
    )
    blocks.estimate(
        right,
        "Token entropy of the greedy answer",
        found.token_entropy,
        unit=" nats",
        help="Entropy of the full next-token distribution, mean over tokens, then over questions. 95 % t interval.",
    )
    st.caption(plain(recipes.run_recipe(scored.run, clusterer, found.single_cluster.n, "intervals: Wilson, t")))


main()
