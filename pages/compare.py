"""Compare: what did alignment change? Two to four runs over the same questions, on one question and over all."""

from collections.abc import Sequence

import streamlit as st

from dashboard import controls, damage, page, studies, url
from dashboard.cache import load_run, umap_warm_up
from dashboard.comparison import overview
from dashboard.comparison.all_questions import all_questions
from dashboard.comparison.one_question import one_question
from dashboard.comparison.shown import Shown, shown
from dashboard.text import plain
from homog_core.analysis import comparable, compare, lineage
from homog_core.analysis.comparable import MOST_RUNS
from homog_core.analysis.scored_run import ScoredRun
from homog_core.runs import store
from homog_core.wording import commands, run_names
from homog_core.wording.comparison import chain_title, differences, obstacle_sentence

LEVELS = {"one": "One question", "all": "All questions"}


def main() -> None:
    page.start_page("Compare", "The same questions, two to four models: what did alignment change?")
    umap_warm_up()
    runs = lineage.offered(store.list_runs())
    if not runs:
        st.info(f"There are no runs yet. Sample a question in the Live lab, or run `{commands.first_sample()}`.")
        return
    if damage.asked_for(url.get("runs"), lambda: url.put(runs=None)):
        return
    left, right = st.columns(2, gap="large", vertical_alignment="bottom")
    with left:
        chosen = choose_runs(runs)
    row = st.container(horizontal=True, vertical_alignment="center")
    if reason := comparable.obstacle(chosen):
        cannot_compare(obstacle_sentence(reason), chosen, runs)
        return
    scored = [load_run(run.id) for run in chosen]
    if not compare.common_questions(scored):
        st.info(no_common_question(scored))
        return
    with right:
        clusterer = controls.clusterer_controls(compare.common_clusterers(scored))
    with row:
        order_buttons(chosen, runs)
        st.caption(plain(differences(compare.differing(scored), chosen)), width="stretch")
        link_to_all(chosen[0], runs)
    studies.mark(chosen)
    compared = shown(scored, clusterer)
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        overview.headline(compared)
    with right:
        level = url.segments("How much", list(LEVELS), "level", LEVELS.get)
    if level == "all":
        all_questions(compared)
    else:
        list_and_question(compared)


def list_and_question(compared: Shown) -> None:
    """All questions on the left, the chosen one on the right."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        ids = overview.listed(compared)
        if not ids:
            return
        overview.questions(compared, ids)
    question_id = overview.chosen(compared, ids)
    with right:
        overview.step(ids, question_id)
        one_question(compared, question_id)


# What is compared


def choose_runs(runs: list[store.Run]) -> list[store.Run]:
    """Two to four runs in an order that the visitor chooses."""
    by_id, titles = {run.id: run for run in runs}, run_names.titles(runs)
    default = [run.id for run in lineage.default_runs(runs)]
    url.fill(runs=",".join(default))
    ids = url.choices(
        "Runs to compare (first = baseline)",
        list(by_id),
        "runs",
        MOST_RUNS,
        default,
        titles.get,
        help="Over the same questions and with the same number of answers.",
    )
    return [by_id[key] for key in ids]


def order_buttons(chosen: list[store.Run], runs: list[store.Run]) -> None:
    """Swap, and the whole chain in one click, with the control of its last stage."""
    label = "Swap" if len(chosen) == 2 else "Reverse the order"
    choose_button(label, chosen[::-1], icon=":material/swap_horiz:", key="swap")
    if len(chosen) > 2:
        choose_button("First and last alone", [chosen[0], chosen[-1]], icon=":material/compare_arrows:", key="ends")
    chain = lineage.chain_with_control(chosen[-1], runs)[-MOST_RUNS:]
    if len(chain) > 1 and not {run.id for run in chosen} >= {run.id for run in chain}:
        choose_button(f"Whole chain: {chain_title(chain)}", chain, icon=":material/account_tree:", key="chain")


def link_to_all(first: store.Run, runs: list[store.Run]) -> None:
    """To all runs over the questions of the first, where there are more than can stand side by side."""
    same = [run for run in runs if run.id == first.id or not comparable.obstacle([first, run])]
    if len(same) > MOST_RUNS:
        params = {"dataset": first.identity.dataset, "view": "models", "runs": "all"}
        label, icon = f"All {len(same)} runs over these questions", ":material/grid_on:"
        st.page_link("pages/alignment_tax.py", label=label, icon=icon, query_params=params, width="content")


def choose_button(label: str, chosen: Sequence[store.Run], icon: str, key: str) -> None:
    ids = ",".join(run.id for run in chosen)
    st.button(plain(label), icon=icon, on_click=lambda: url.put(runs=ids), key=key, type="tertiary")


def cannot_compare(reason: str, chosen: list[store.Run], runs: list[store.Run]) -> None:
    """The sentence that says why, and what the first run can be compared with."""
    st.info(plain(reason))
    first, titles = chosen[0] if chosen else runs[0], run_names.titles(runs)
    others = [run for run in runs if run.id != first.id and not comparable.obstacle([first, run])]
    if not others:
        st.markdown("There is no other run over the same questions with as many answers. Sample one in the Live lab.")
        return
    st.markdown(f"**{plain(titles[first.id])}** can be compared with:")
    for run in others[:8]:
        choose_button(titles[run.id], [first, run], icon=":material/add:", key=f"with-{run.id}")


def no_common_question(scored: list[ScoredRun]) -> str:
    empty = [one.run.id for one in scored if one.questions.empty]
    if empty:
        return f"Run {empty[0]} has no answers yet: it is being sampled. Reload the page in a moment."
    return "These runs have no question in common: choose runs over the same questions."


main()
