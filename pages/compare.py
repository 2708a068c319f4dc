"""Compare: what did alignment change? Two to four runs over the same questions, on one question and over all."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, page, url
from dashboard.cache import load_run, shipped_first, umap_warm_up
from dashboard.comparison.all_questions import all_questions
from dashboard.comparison.one_question import one_question
from dashboard.comparison.overview import overview
from dashboard.comparison.shown import shown
from dashboard.text import plain
from homog_core.analysis import comparable, compare, lineage
from homog_core.analysis.comparable import MOST_RUNS
from homog_core.analysis.scored_run import ScoredRun
from homog_core.runs import store
from homog_core.wording import run_names
from homog_core.wording.comparison import chain_title, differences, obstacle_sentence


def main() -> None:
    page.start_page("Compare", "The same questions, two to four models: what did alignment change?")
    umap_warm_up()
    runs = shipped_first(store.list_runs())
    if not runs:
        st.info("There are no runs yet. Sample a question in the Live lab, or run `python -m homog_core sample …`.")
        return
    chosen, row = run_controls(runs)
    if reason := comparable.obstacle(chosen):
        cannot_compare(obstacle_sentence(reason), chosen, runs)
        return
    scored = [load_run(run.id) for run in chosen]
    if not compare.common_questions(scored):
        st.info(no_common_question(scored))
        return
    row.caption(plain(differences(compare.differing(scored))))
    clusterer = controls.clusterer_controls(compare.common_clusterers(scored))
    compared = shown(scored, clusterer)
    question_id = overview(compared)
    if question_id is not None:
        one_question(compared, question_id)
    st.divider()
    all_questions(compared, question_id)


# What is compared


def run_controls(runs: list[store.Run]) -> tuple[list[store.Run], DeltaGenerator]:
    """Two to four runs in an order that the visitor chooses, and the row with swap and the whole chain in one click."""
    by_id = {run.id: run for run in runs}
    default = [run.id for run in lineage.default_runs(runs)]
    url.fill(runs=",".join(default))
    ids = url.choices(
        "Runs to compare (first = baseline)",
        list(by_id),
        "runs",
        MOST_RUNS,
        default,
        lambda key: run_names.run_title(by_id[key]),
        help="Over the same questions and with the same number of answers.",
    )
    chosen = [by_id[key] for key in ids]
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        if len(chosen) > 1:
            label = "Swap" if len(chosen) == 2 else "Reverse the order"
            choose_button(label, chosen[::-1], icon=":material/swap_horiz:", key="swap")
        chain = lineage.chain(chosen[-1], runs)[-MOST_RUNS:] if chosen else []
        if len(chain) > 1 and not set(ids) >= {run.id for run in chain}:
            label = f"Compare the whole chain: {chain_title(chain)}"
            choose_button(label, chain, icon=":material/account_tree:", key="chain")
    return chosen, row


def choose_button(label: str, chosen: Sequence[store.Run], icon: str, key: str) -> None:
    ids = ",".join(run.id for run in chosen)
    st.button(plain(label), icon=icon, on_click=lambda: url.put(runs=ids), key=key)


def cannot_compare(reason: str, chosen: list[store.Run], runs: list[store.Run]) -> None:
    """The sentence that says why, and what the first run can be compared with."""
    st.info(plain(reason))
    first = chosen[0] if chosen else runs[0]
    others = [run for run in runs if run.id != first.id and not comparable.obstacle([first, run])]
    if not others:
        st.markdown("There is no other run over the same questions with as many answers. Sample one in the Live lab.")
        return
    st.markdown(f"**{plain(run_names.run_title(first))}** can be compared with:")
    for run in others[:8]:
        choose_button(run_names.run_title(run), [first, run], icon=":material/add:", key=f"with-{run.id}")


def no_common_question(scored: list[ScoredRun]) -> str:
    empty = [one.run.id for one in scored if one.questions.empty]
    if empty:
        return f"Run {empty[0]} has no answers yet: it is being sampled. Reload the page in a moment."
    return "These runs have no question in common: choose runs over the same questions."


main()
