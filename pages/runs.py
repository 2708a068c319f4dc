"""Runs: where do these numbers come from? Every stored run with its provenance; verify, export, import."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import url
from dashboard.cache import run_stamp, scoring_lock
from dashboard.page import end_page, errors_shown, friendly_errors, start_page
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.run_state import Scored, scored_state
from homog_core.catalogue.encoders import ENCODERS
from homog_core.errors import CorruptRun, HomogError
from homog_core.records import Decoding
from homog_core.reports.html import write_report
from homog_core.runs import importers, store
from homog_core.runs.export import export_run
from homog_core.runs.importers import csv_rows, jsonl
from homog_core.runs.verify import verify as verify_
from homog_core.wording import recipes, run_card

PAGE = "runs"
POLL_SECONDS = 3.0
MIB = 1 << 20
FORMATS = {
    "html": (
        "HTML report",
        "One file with numbers, charts and every answer, for reading and printing without a network.",
    ),
    "jsonl": ("JSONL", "One line a question with all answers, tokens and numbers. `import` reads it again."),
    "parquet": ("Parquet", "One row an answer with tokens and numbers, for pandas, DuckDB or `datasets`."),
    "csv": ("CSV", "One row an answer without the tokens, for a spreadsheet."),
}
MIME = {
    "html": "text/html",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
}
COLUMNS = {
    "model": st.column_config.TextColumn("Model", width=185),
    "stage": st.column_config.TextColumn("Stage", help="Of training", width=65),
    "dataset": st.column_config.TextColumn("Dataset", width=125),
    "n_questions": st.column_config.NumberColumn("Questions", format="%d", width=80),
    "n_samples": st.column_config.NumberColumn("N", format="%d", help="Sampled answers a question", width=40),
    "temperature": st.column_config.NumberColumn("T", format="%g", help="Temperature", width=45),
    "prompt": st.column_config.TextColumn("Prompt", width=72),
    "created": st.column_config.DatetimeColumn("Begun (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC", width=135),
    "status": st.column_config.TextColumn("Status", width=80),
    "scored": st.column_config.TextColumn("Scored", width=62),
    "n_tokens": st.column_config.NumberColumn("Tokens", format="localized", width=68),
    "tokens_per_second": st.column_config.NumberColumn("Tokens/s", format="%.0f", width=70),
    "device": st.column_config.TextColumn("Device", width=115),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that has been made for this visitor."""

    what: tuple  # run, format, runs beside it, and when the run last changed
    name: str
    content: bytes


def main() -> None:
    start_page(PAGE, "Runs", "Where do these numbers come from? Every stored run, with what it was made by.")
    import_section()
    rows = run_card.run_rows()
    if not rows:
        st.info("There are no runs yet. Sample a question in the Live lab, or import answers above.")
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    words = row.text_input("Filter", key="runs-filter", placeholder="model, dataset, stage, date, device …", width=420)
    shown = run_card.matching(rows, words)
    ids = [row["run"] for row in rows]
    run_id = url.url_selected("run", ids, (shown or rows)[0]["run"], "run")
    total = f"{len(rows)} run{'s' if len(rows) != 1 else ''}"
    n_damaged = sum(row["status"] == run_card.DAMAGED for row in rows)
    total += f", {n_damaged} of them damaged (last in the list)" if n_damaged else ""
    row.caption(f"{len(shown)} of {total}" if words.strip() else total)
    if shown:
        table(shown, run_id)
    else:
        st.info("No run matches. Clear the filter to see them all.")
    if next(row for row in rows if row["run"] == run_id)["status"] == run_card.DAMAGED:
        damaged(run_id)
    else:
        one_run(store.open_run(run_id))


def table(shown: list[dict], run_id: str) -> None:
    """All runs; a row that is selected opens its card."""
    ids = [row["run"] for row in shown]
    key = f"runs:{hash(tuple(ids))}"

    def select() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            st.query_params["run"] = ids[rows[0]]

    frame = pd.DataFrame(shown)
    frame["created"] = pd.to_datetime(frame["created"], errors="coerce", utc=True, format="ISO8601")
    st.dataframe(
        frame[list(COLUMNS)],
        key=key,
        hide_index=True,
        height=min(38 + 35 * len(frame), 318),
        on_select=select,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(run_id)] if run_id in ids else []}},
        column_config=COLUMNS,
        placeholder="",
        alt="The stored runs; select a row to see where a run comes from",
    )


def damaged(run_id: str) -> None:
    """A run whose manifest does not read."""
    st.markdown(f"#### {plain(run_id)}")
    st.error("This run is damaged, so no page can show it. What is wrong:", icon=":material/error:")
    for problem in verify_(run_id):
        st.markdown(f"- {plain(problem)}")
    st.caption(
        "Nothing here deletes a run. Put its folder back from a copy, or take the folder away by hand: "
        f"{plain(str(store.runs_by_id()[run_id]))}"
    )


def one_run(run: store.Run) -> None:
    """Everything about one run."""
    st.markdown(f"#### {plain(recipes.run_title(run))}")
    if run.provenance.status in ("sampling", "importing"):
        still_written(run.id)
    links(run)
    left, right = st.columns([3, 2], gap="large")
    with left.container(border=True):
        st.html(run_card.card_html(run_card.card(run)))
        model_card(run)
        with st.expander("The manifest as it is stored", icon=":material/data_object:"):
            st.code(run_card.manifest_text(run), language="json", wrap_lines=True)
    with right:
        missing(run)
        verify(run)
        export(run)


def model_card(run: store.Run) -> None:
    """The card of an adapter that was trained here."""
    text = run_card.model_card(run)
    if text:
        with st.expander(f"Model card of {plain(run.identity.model)}", icon=":material/model_training:"):
            st.markdown(re.sub(r"^#+ ", "###### ", text, flags=re.MULTILINE))


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
        st.rerun()
    st.progress(min(done / max(n, 1), 1.0), text=f"{plain(status).capitalize()}: {done:,} of {n:,} questions so far")


def links(run: store.Run) -> None:
    """To what can be seen of it elsewhere."""
    chain = lineage.chain(run, store.list_runs())[-lineage.MOST_RUNS :]
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
                help="Only of runs that have been scored" if disabled else None,
            )


# What is missing, and whether it reads


def missing(run: store.Run) -> None:
    """What the run does not have, and how to get it."""
    st.markdown("##### What is missing")
    try:
        found = run_card.missing(run)
    except CorruptRun as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if not found:
        st.caption("Nothing: it is complete, and scored with everything that this program knows.")
    for part in found:
        st.caption(plain(part.what))
        if part.command:
            st.code(part.command, language=None, wrap_lines=True)
    can_be_scored = scored_state(run) is Scored.NO and run.provenance.status == "complete"
    if can_be_scored and st.button("Score it now", icon=":material/calculate:", help="With the encoders in the box"):
        with errors_shown():
            score(run.id, progress(st.empty()))
            st.rerun()


def verify(run: store.Run) -> None:
    """Read everything back, and say what was found."""
    st.markdown("##### Does it read back as what was written?")
    stamp, known = run_stamp(run), st.session_state.setdefault("verified", {})
    if st.button("Verify", icon=":material/verified:", key="verify"):
        with st.spinner("Reading everything …", show_time=True):
            known[run.id] = (stamp, verify_(run.id))
    if run.id in known and known[run.id][0] == stamp:
        problems = known[run.id][1]
        words = plain(run_card.verdict(run.id, problems))
        if not problems:
            st.success(words, icon=":material/check:")
            return
        st.warning(words, icon=":material/warning:")
        for problem in problems:
            st.markdown(f"- {plain(problem)}")


def score(run_id: str, report: Callable[[str, int, int], None]) -> None:
    """Score a run with the encoders in the box; one run at a time on a server."""
    from homog_core.measures import encoders
    from homog_core.runs.score import score_run

    if not scoring_lock().acquire(blocking=False):
        raise HomogError("Another run is being scored on this machine; try again in a minute.")
    try:
        score_run(run_id, [encoders.SentenceEncoder(key) for key in ENCODERS], on_progress=report)
    finally:
        scoring_lock().release()


def progress(place: DeltaGenerator) -> Callable[[str, int, int], None]:
    """A bar that follows a piece of work; it is drawn at most some times a second."""
    bar, last = place.progress(0.0, text="Starting …"), 0.0

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.15 or done == total:
            last = time.monotonic()
            bar.progress(done / max(total, 1), text=f"{what}: {done:,} of {total:,}")

    return report


# Out


def export(run: store.Run) -> None:
    """Make a file of the run, on demand."""
    st.markdown("##### Export")
    format = st.segmented_control(
        "Format",
        list(FORMATS),
        default="html",
        format_func=lambda key: FORMATS[key][0],
        required=True,
        key="export-format",
        label_visibility="collapsed",
    )
    st.caption(FORMATS[format][1])
    others = compared_runs(run) if format == "html" else []
    what = (format, *((one.id, run_stamp(one)) for one in (run, *others)))
    place = st.container(horizontal=True, vertical_alignment="center")
    if place.button("Prepare the file", icon=":material/file_export:", key="prepare"):
        with errors_shown():
            st.session_state["prepared"] = prepared(run, others, format, what)
    done = st.session_state.get("prepared")
    if done and done.what == what:
        size = len(done.content)
        label = f"Download {size / MIB:.1f} MB" if size > MIB / 10 else f"Download {size / 1024:.0f} kB"
        place.download_button(
            label, done.content, done.name, MIME[format], type="primary", icon=":material/download:", on_click="ignore"
        )
    with st.popover("On the command line", icon=":material/terminal:", type="tertiary"):
        ids = " ".join(one.id for one in (run, *others))
        command = f"report {ids} --html report.html" if others else f"export {run.id} --format {format}"
        st.code(f"python -m homog_core {command}", language=None, wrap_lines=True)


def compared_runs(run: store.Run) -> list[store.Run]:
    """Runs that stand beside this one in its report."""
    possible = {
        other.id: other
        for other in store.list_runs()
        if other.id != run.id
        and other.identity.n_questions > 1
        and not lineage.obstacle([run, other])
        and scored_state(other) is Scored.YES
    }
    chosen = st.multiselect(
        "Beside it in the report",
        list(possible),
        format_func=lambda key: recipes.run_title(possible[key]),
        max_selections=lineage.MOST_RUNS - 1,
        placeholder="no other run: a report of this one alone",
        key=f"beside-{run.id}",
        disabled=not possible,
    )
    return [possible[key] for key in chosen]


def prepared(run: store.Run, others: list[store.Run], format: str, what: tuple) -> Prepared:
    """The file, made in a folder of its own that is gone afterwards."""
    name = f"{run.id}{f'-and-{len(others)}-more' if others else ''}.{format}"
    with TemporaryDirectory(prefix="homog-export-") as folder:
        target = Path(folder) / name
        if format == "html":
            write_report([run, *others], target, on_progress=progress(st.empty()))
        else:
            with st.spinner("Writing …", show_time=True):
                export_run(run, format, target)
        return Prepared(what, name, target.read_bytes())


# In


def import_section() -> None:
    """Samples that were made elsewhere become a run, and are scored."""
    imported = st.session_state.get("imported")
    if imported and st.query_params.get("run") == imported[0]:
        st.success(imported[1], icon=":material/check:")
    with st.expander("Import answers that were sampled elsewhere", icon=":material/upload_file:"):
        left, right = st.columns(2, gap="large")
        with right:
            format_help()
        with left:
            import_form()


def import_form() -> None:
    """The file, what is asked about it, and the button."""
    limit = int(st.get_option("server.maxUploadSize"))
    turn = st.session_state.setdefault("upload-turn", 0)
    upload = st.file_uploader(f"A JSONL or CSV file, up to {limit} MB", key=f"upload-{turn}")
    model = st.text_input(
        "Name of the model", key="import-model", max_chars=importers.MAX_NAME, placeholder="my-model-7b"
    )
    dataset = st.text_input(
        "Name of the dataset", key="import-dataset", max_chars=importers.MAX_NAME, placeholder="the name of the file"
    )
    first, second = st.columns(2)
    temperature = first.number_input("Sampled at temperature", 0.01, 10.0, 1.0, 0.1, key="import-temperature")
    tokens = second.number_input("Token limit", 1, 1_000_000, 1024, key="import-tokens")
    if st.get_option("server.address") not in ("localhost", "127.0.0.1", "::1"):
        st.caption("This server is shared: everybody who uses it will see what you import.")
    st.caption("A large file takes minutes to score: stay on this page meanwhile. What is stored stays if you leave.")
    ready = bool(upload and model.strip())
    why = None if ready else "Choose a file and name the model first."
    if st.button("Import and score", type="primary", icon=":material/upload:", disabled=not ready, help=why):
        decoding = Decoding(temperature=temperature, max_new_tokens=tokens)
        with errors_shown():
            imported(upload.name, upload.getbuffer(), model, dataset.strip() or None, decoding)


def imported(name: str, content: memoryview, model: str, dataset: str | None, decoding: Decoding) -> None:
    """Import and score, then show the run."""
    before, place = set(store.runs_by_id()), st.empty()
    try:
        run = importers.import_upload(name, content, model, dataset, decoding, on_progress=progress(place))
    except HomogError:
        place.empty()
        raise
    words = "These answers were here already, under this name." if run.id in before else "Imported."
    if scored_state(run) is not Scored.YES:
        try:
            score(run.id, progress(place))
        except HomogError as error:  # the answers are stored, and can be scored by the button
            words += f" Not scored: {plain(str(error))}"
    st.session_state["imported"] = (run.id, f"{words} This is the run {plain(run.id)}.")
    st.session_state["upload-turn"] += 1  # an empty box for the next file
    st.query_params["run"] = run.id
    st.rerun()


def format_help() -> None:
    """What the file must look like."""
    limit = int(st.get_option("server.maxUploadSize"))
    st.markdown("**JSONL**: one line a question, with the same number of answers to each.")
    st.code(jsonl.EXAMPLE_JSONL, language="json", wrap_lines=True)
    st.caption(
        "Also read: id, references, incorrect_references, category, prompt, greedy_answer (which is what gets graded), "
        "and per answer tokens, token_logprobs and token_entropies (lists of nats; one of the two is enough)."
    )
    st.markdown("**CSV**: one row an answer.")
    st.code(csv_rows.EXAMPLE_CSV, language=None)
    st.download_button(
        "Download the example file",
        jsonl.EXAMPLE_JSONL.encode(),
        "example.jsonl",
        "application/jsonl",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "A file is read to its end before anything is stored, and what does not read is named with its line. A file of "
        f"more than {limit} MB turns red and is not taken; up to {importers.MAX_BYTES // MIB} MB the command line takes:"
    )
    st.code("python -m homog_core import FILE --model NAME", language=None)


with friendly_errors():
    main()
end_page(PAGE)
