"""Runs: where do these numbers come from? Every stored run with its provenance; verify, export, import."""

import streamlit as st

from dashboard import exchange, page, runs, url
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.runs import store
from homog_core.wording import run_card, run_names
from homog_core.wording.numbers import counted


def main() -> None:
    page.start_page("Runs", "Where do these numbers come from? Every stored run, and how it was made.")
    exchange.import_section()
    rows = run_card.run_rows()
    if not rows:
        st.info("There are no runs yet. Sample a question in the Live lab, or import answers above.")
        return
    run_id = choose(rows)
    if next(row for row in rows if row["run"] == run_id)["status"] == run_card.DAMAGED:
        runs.damaged(run_id)
    else:
        one_run(store.open_run(run_id))


def choose(rows: list[dict]) -> str:
    """The run that the URL names, and the runs that a filter leaves to choose from."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    words = row.text_input("Filter", key="runs-filter", placeholder="model, dataset, stage, date, device …", width=420)
    shown = run_card.matching(rows, words)
    ids = [row["run"] for row in shown or rows]
    telling = [run.id for run in reversed(lineage.default_runs(store.list_runs())) if run.id in ids]
    run_id = url.selected("Run", [row["run"] for row in rows], "run", (telling or ids)[0])
    total = counted(len(rows), "run")
    if n_damaged := sum(row["status"] == run_card.DAMAGED for row in rows):
        total += f", {n_damaged} of them damaged (last in the list)"
    row.caption(f"{len(shown)} of {total}" if words.strip() else total)
    if shown:
        runs.table(shown, run_id)
    else:
        st.info("No run matches. Clear the filter to see them all.")
    return run_id


def one_run(run: store.Run) -> None:
    """Everything about one run."""
    st.markdown(f"#### {plain(run_names.run_title(run))}")
    if run.provenance.status in ("sampling", "importing"):
        runs.still_written(run.id)
    runs.links(run)
    left, right = st.columns([3, 2], gap="large")
    with left:
        runs.card(run)
    with right:
        runs.missing(run)
        runs.sampler(run)
        runs.integrity(run)
        exchange.export(run)
        runs.delete(run.id)


main()
