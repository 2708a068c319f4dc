"""Stored runs on the screen: all of them in a table, and what one is made of, what it lacks, whether it is intact."""

import html
import re
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import studies, url
from dashboard.access import access, why_not
from dashboard.cache import Version, version
from dashboard.page import errors_shown
from dashboard.scoring import progress, score
from dashboard.text import plain
from homog_core.analysis import comparable, lineage
from homog_core.analysis.run_state import Scored, scored_state
from homog_core.analysis.sampler_check import sampler_check
from homog_core.errors import CorruptRun, HomogError
from homog_core.runs import store
from homog_core.runs.delete import deletable, delete_run
from homog_core.runs.verify import verify
from homog_core.wording import run_card
from homog_core.wording.sampler import sampler_mark, sampler_sentence

POLL_SECONDS = 3.0
IN_SIGHT = 8  # rows of the list
OPEN = "▶"  # before the run that is open
COLUMNS = {
    "open": st.column_config.TextColumn("", help="The run that is open below", width=25),
    "model": st.column_config.TextColumn("Model", width=230),
    "stage": st.column_config.TextColumn("Stage", help="Training stage", width=65),
    "dataset": st.column_config.TextColumn("Dataset", width=125),
    "n_questions": st.column_config.NumberColumn("Questions", format="%d", width=80),
    "n_samples": st.column_config.NumberColumn("N", format="%d", help="Sampled answers per question", width=40),
    "temperature": st.column_config.NumberColumn("T", format="%g", help="Temperature", width=45),
    "prompt": st.column_config.TextColumn("Prompt", width=72),
    "created": st.column_config.DatetimeColumn("Started (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC", width=135),
    "status": st.column_config.TextColumn("Status", width=80),
    "scored": st.column_config.TextColumn("Scored", width=62),
    "n_tokens": st.column_config.NumberColumn("Tokens", format="localized", width=68),
    "tokens_per_second": st.column_config.NumberColumn("Tokens/s", format="%.0f", width=70),
    "device": st.column_config.TextColumn("Device", width=90),
}


def table(shown: list[dict], run_id: str) -> None:
    """Some runs, as `run_card.run_rows` gives them; a click in one puts it into the URL."""
    shown = _in_sight(shown, run_id)
    ids = [row["run"] for row in shown]
    key = f"runs:{hash(tuple(ids))}"

    def select() -> None:
        if cells := st.session_state[key].selection.cells:
            st.session_state["run-clicked"] = ids[cells[0][0]]
            url.put(run=ids[cells[0][0]])

    frame = pd.DataFrame(shown)
    frame["open"] = [OPEN if row == run_id else "" for row in ids]
    frame["created"] = pd.to_datetime(frame["created"], errors="coerce", utc=True, format="ISO8601")
    st.dataframe(
        frame[list(COLUMNS)],
        key=key,
        hide_index=True,
        height=38 + 35 * min(len(frame), IN_SIGHT),
        on_select=select,
        selection_mode="single-cell",
        selection_default={"selection": {"cells": [(ids.index(run_id), "model")] if run_id in ids else []}},
        column_config=COLUMNS,
        placeholder="",
        alt="The stored runs; select a cell to see where a run comes from",
    )


def _in_sight(shown: list[dict], run_id: str) -> list[dict]:
    """The rows; a run that a link has opened stands first where it would be out of sight. A click moves no row."""
    if run_id != st.session_state.get("run-clicked"):
        st.session_state["run-linked"] = run_id
    linked = [row for row in shown[IN_SIGHT:] if row["run"] == st.session_state.get("run-linked")]
    return [*linked, *(row for row in shown if row not in linked)]


def damaged(run_id: str) -> None:
    """A run whose manifest does not read."""
    st.markdown(f"#### {plain(run_id)}")
    st.error("This run is damaged, so no page can show it. What is wrong:", icon=":material/error:")
    for problem in verify(run_id):
        st.markdown(f"- {plain(problem)}")
    if access().may_add:
        folder = plain(str(store.runs_by_id()[run_id]))
        st.caption(f"Restore its folder from a copy, or delete it. Its folder: {folder}")
    delete(run_id)


def card(run: store.Run) -> None:
    """What a run is made of, in words and as it is stored."""
    with st.container(border=True):
        st.html(card_html(run_card.card(run)))
        if text := run_card.model_card(run):  # of an adapter that was trained here
            with st.expander(f"Model card of {plain(run.identity.model)}", icon=":material/model_training:"):
                st.markdown(re.sub(r"^#+ ", "###### ", text, flags=re.MULTILINE))
        with st.expander("The manifest as it is stored", icon=":material/data_object:"):
            st.code(run_card.manifest_text(run), language="json", wrap_lines=True)


@st.fragment(run_every=POLL_SECONDS)
def still_written(run_id: str) -> None:
    """How far a run is that is being written; the page is drawn again when it is complete."""
    try:
        run = store.open_run(run_id)
        done = len(run.sampled_ids())
    except HomogError as error:  # a file that has just been replaced
        st.caption(plain(str(error)))
        return
    status, n = run.provenance.status, run.identity.n_questions
    if status == "complete":
        url.rerun()
    st.progress(min(done / max(n, 1), 1.0), text=f"{plain(status).capitalize()}: {done:,} of {n:,} questions so far")


def links(run: store.Run) -> None:
    """To what can be seen of it elsewhere."""
    chain = lineage.chain(run, store.list_runs())[-comparable.MOST_RUNS :]
    compared = ",".join(one.id for one in chain) if len(chain) > 1 else run.id
    not_scored = scored_state(run) is not Scored.YES
    tax = {"dataset": run.identity.dataset, "runs": run.id}
    with st.container(horizontal=True):
        for page, label, icon, params, disabled in (
            ("questions", "Its questions and answers", "bubble_chart", {"run": run.id}, False),
            ("compare", "Compare it with others", "compare_arrows", {"runs": compared}, False),
            ("alignment_tax", "Its alignment tax", "monitoring", tax, not_scored),
        ):
            st.page_link(
                f"pages/{page}.py",
                label=label,
                icon=f":material/{icon}:",
                query_params=params,
                width="content",
                disabled=disabled,
                help="Only for scored runs" if disabled else None,
            )


def missing(run: store.Run) -> None:
    """What the run does not have, and how to get it."""
    st.markdown("##### What is missing")
    try:
        found = run_card.missing(run)
    except CorruptRun as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if not found:
        st.caption("Nothing: it is complete and has every score.")
    for part in found:
        st.caption(plain(part.what))
        if part.command:
            st.code(part.command, language=None, wrap_lines=True)
    if run.lacks_answers:
        studies.fetch_button([run])
    can_be_scored = scored_state(run) is Scored.NO and run.provenance.status == "complete" and access().may_add
    if can_be_scored and st.button("Score it now", icon=":material/calculate:", help="With the included encoders"):
        with errors_shown():
            score(run.id, progress(st.empty()))
            st.rerun()


def sampler(run: store.Run) -> None:
    """Whether its answers repeat each other as its own probabilities let one expect."""
    st.markdown("##### Model or sampler?")
    try:
        found = sampler_check(run)
    except CorruptRun as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    words = plain(sampler_sentence(found))
    if sampler_mark(found):
        st.warning(words, icon=":material/warning:")
    else:
        st.caption(words)


def integrity(run: store.Run) -> None:
    """Read everything back, and say what was found."""
    st.markdown("##### Check file integrity")
    if not access().may_add:
        st.caption(why_not(access(), "Reading everything back"))
        return
    known: dict[Version, list[str]] = st.session_state.setdefault("verified", {})  # what was wrong, by version
    now = version(run)
    if st.button("Verify", icon=":material/verified:", key="verify"):
        with st.spinner("Reading everything …", show_time=True):
            known[now] = verify(run.id)
    if now not in known:
        return
    words = plain(run_card.verdict(run.id, known[now]))
    if not known[now]:
        st.success(words, icon=":material/check:")
        return
    st.warning(words, icon=":material/warning:")
    for problem in known[now]:
        st.markdown(f"- {plain(problem)}")


def delete(run_id: str) -> None:
    """Delete a run of one's own, after a question."""
    if not (access().may_add and deletable(run_id)):
        return
    with st.popover("Delete this run …", icon=":material/delete:", type="tertiary", key=f"delete-{run_id}"):
        st.markdown(f"**{plain(run_id)}** will be gone for good, with its answers and scores.")
        if st.button("Delete it", type="primary", key="delete"):
            with errors_shown():
                delete_run(run_id)
                url.put(run=None)
                st.rerun()


def card_html(facts: Sequence[run_card.Fact]) -> str:
    """A card as HTML, all escaped."""
    rows = "".join(
        f'<div style="margin-bottom:.55rem;overflow-wrap:anywhere"><div style="font-size:.8rem;opacity:.8">'
        f"{html.escape(fact.label)}</div><div>{html.escape(fact.text)}</div></div>"
        for fact in facts
    )
    return f"<div>{rows}</div>"
