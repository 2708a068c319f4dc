"""Runs out and in: a file made of a run on demand, and answers that were sampled elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import streamlit as st

from dashboard import url
from dashboard.access import access
from dashboard.cache import Version, version
from dashboard.page import errors_shown
from dashboard.scoring import progress, score
from dashboard.text import plain
from homog_core.analysis import comparable
from homog_core.analysis.run_state import Scored, scored_state
from homog_core.errors import HomogError
from homog_core.leftovers import Leftovers
from homog_core.records import Stage
from homog_core.reports.html import write_report
from homog_core.runs import importers, store
from homog_core.runs.export import export_run
from homog_core.runs.importers import jsonl, tables
from homog_core.runs.importers.notes import About
from homog_core.runs.importers.study import EXAMPLE_TOML
from homog_core.runs.importers.uploads import Imported, Upload, import_uploads
from homog_core.runs.leftovers import set_leftovers
from homog_core.typed import typed
from homog_core.wording import run_names
from homog_core.wording.labels import STAGE_TITLES

MIB = 1 << 20
FORMATS = {"html": "HTML report", "jsonl": "JSONL", "parquet": "Parquet", "csv": "CSV"}
FORMAT_NOTES = {
    "html": "One file with numbers, charts and every answer, for reading and printing without a network.",
    "jsonl": "One line per question with all answers, tokens and numbers. `import` reads it again.",
    "parquet": "One row per answer with tokens and numbers, for pandas, DuckDB or `datasets`.",
    "csv": "One row per answer without the tokens, for a spreadsheet.",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that has been made for this visitor."""

    format: str
    runs: tuple[Version, ...]  # the run, and those beside it
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """What this visitor has imported last."""

    found: Imported
    words: str  # Markdown


# Out


def export(run: store.Run) -> None:
    """Make a file of the run, on demand."""
    st.markdown("##### Export")
    format = st.segmented_control(
        "Format",
        list(FORMATS),
        default="html",
        format_func=FORMATS.get,
        required=True,
        key="export-format",
        label_visibility="collapsed",
    )
    st.caption(FORMAT_NOTES[format])
    runs = [run, *(_compared_runs(run) if format == "html" else [])]
    place = st.container(horizontal=True, vertical_alignment="center")
    if place.button("Prepare the file", icon=":material/file_export:", key="prepare"):
        with errors_shown():
            st.session_state["prepared"] = _prepared(runs, format)
    done: Prepared | None = st.session_state.get("prepared")
    if done and (done.format, done.runs) == (format, tuple(map(version, runs))):
        size = len(done.content)
        place.download_button(
            f"Download {size / MIB:.1f} MB" if size > MIB / 10 else f"Download {size / 1024:.0f} kB",
            done.content,
            done.name,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    with st.popover("On the command line", icon=":material/terminal:", type="tertiary"):
        several = typed("report", *(one.id for one in runs), html="report.html")
        command = several if len(runs) > 1 else typed("export", run.id, format=format)
        st.code(command, language=None, wrap_lines=True)


def _compared_runs(run: store.Run) -> list[store.Run]:
    """Runs that stand beside this one in its report."""
    possible = {
        other.id: other
        for other in store.list_runs()
        if other.id != run.id
        and other.identity.n_questions > 1
        and not comparable.obstacle([run, other])
        and scored_state(other) is Scored.YES
    }
    chosen = st.multiselect(
        "Runs to compare it with in the report",
        list(possible),
        format_func=run_names.titles(list(possible.values())).get,
        max_selections=comparable.MOST_RUNS - 1,
        placeholder="none: a report on this run alone",
        key=f"beside-{run.id}",
        disabled=not possible,
    )
    return [possible[key] for key in chosen]


def _prepared(runs: Sequence[store.Run], format: str) -> Prepared:
    """The file, made in a folder of its own that is gone afterwards."""
    others = f"-and-{len(runs) - 1}-more" if len(runs) > 1 else ""
    versions, name = tuple(map(version, runs)), f"{runs[0].id}{others}.{format}"
    with TemporaryDirectory(prefix="homog-export-") as folder:
        target = Path(folder) / name
        if format == "html":
            write_report(runs, target, on_progress=progress(st.empty()))
        else:
            with st.spinner("Writing …", show_time=True):
                export_run(runs[0], format, target)
        return Prepared(format, versions, name, target.read_bytes())


# In


def import_section() -> None:
    """Samples that were made elsewhere become a run, and are scored; for those who may."""
    if not access().may_add:
        return
    done: Done | None = st.session_state.get("imported")
    if done and url.get("run") == done.found.runs[0].id:
        st.success(done.words, icon=":material/check:")
        for sentence in done.found.failed:
            st.error(f"Not imported: {plain(sentence)}")
        if done.found.unused:
            st.warning(f"Not named by the study, and not read: {plain(', '.join(done.found.unused))}.")
        for run in done.found.runs:
            _notes(run)
    with st.expander("Import answers that were sampled elsewhere", icon=":material/upload_file:"):
        left, right = st.columns(2, gap="large")
        with right:
            _format_help()
        with left:
            _import_form()


def _notes(run: store.Run) -> None:
    """What the import has left out, repaired, guessed or found missing."""
    notes = run.provenance.import_notes
    if notes:
        title = f"Remarks on {plain(run.provenance.imported_from or 'the file')} ({len(notes)})"
        with st.expander(title, icon=":material/rule:", expanded=True):
            rows = [{"what": note.kind, "times": note.count, "first": note.first} for note in notes]
            st.dataframe(rows, hide_index=True, key=f"import-notes-{run.id}")


def _import_form() -> None:
    """The file, what is asked about it, and the button."""
    turn = st.session_state.setdefault("upload-turn", 0)
    uploads = st.file_uploader(
        f"Files of answers, or a ZIP of a study, up to {_limit()} MB each",
        accept_multiple_files=True,
        key=f"upload-{turn}",
    )
    model = st.text_input(
        "Name of the model",
        key="import-model",
        max_chars=importers.MAX_NAME,
        placeholder="as the file says, or my-model-7b",
    )
    dataset = st.text_input(
        "Name of the dataset", key="import-dataset", max_chars=importers.MAX_NAME, placeholder="the name of the file"
    )
    first, second = st.columns(2)
    temperature = first.number_input(
        "Sampled at temperature", 0.01, 10.0, None, 0.1, key="import-temperature", placeholder="as the file says"
    )
    tokens = second.number_input("Token limit", 1, 1_000_000, None, key="import-tokens", placeholder="as the file says")
    first, second = st.columns(2)
    stage = first.selectbox(
        "Stage of its training",
        get_args(Stage),
        None,
        STAGE_TITLES.get,
        key="import-stage",
        placeholder="not known",
        help="A control goes in as SFT, trained from the SFT model that it goes on from.",
    )
    parent = second.text_input(
        "Trained from the model", key="import-parent", max_chars=importers.MAX_NAME, placeholder="my-base-7b"
    )
    marks = _own_marks()
    if access().is_shared:
        st.caption("This server is shared: everybody who uses it will see what you import.")
    st.caption(
        "Scoring a large file takes minutes: stay on this page until it is done. What has been stored is kept if you "
        "leave."
    )
    files = [Upload(upload.name, upload.getbuffer()) for upload in uploads]
    why = None if files else "Choose a file first."
    if st.button("Import and score", type="primary", icon=":material/upload:", disabled=not files, help=why):
        about = About(
            model.strip() or None,
            dataset.strip() or None,
            temperature=temperature,
            max_new_tokens=tokens,
            stage=stage,
            parent=parent.strip() or None,
        )
        with errors_shown():
            _import(files, about, _rule(*marks))


def _own_marks() -> tuple[str, str, str]:
    """Marks of the model that are left out of its answers: where reasoning opens, where it closes, and a prefix."""
    opening, closing, prefix = st.columns(3)
    return (
        opening.text_input("Reasoning opens with", key="import-opening", placeholder="in any usual tag").strip(),
        closing.text_input("… and closes with", key="import-closing", placeholder="in any usual tag").strip(),
        prefix.text_input("Before each answer stands", key="import-prefix", placeholder="nothing").strip(),
    )


def _rule(opening: str, closing: str, prefix: str) -> Leftovers | None:
    """The rule of these marks; None where none was given. Raises `InvalidInput` for one that cannot be."""
    if not (opening or closing or prefix):
        return None
    reasoning = ((opening, closing),) if opening or closing else ()
    return Leftovers(reasoning, (prefix,) if prefix else ())


def _import(files: Sequence[Upload], about: About, rule: Leftovers | None) -> None:
    """Import and score, then show the first run."""
    before, place = set(store.runs_by_id()), st.empty()
    try:
        found = import_uploads(files, about, on_progress=progress(place))
    except HomogError:
        place.empty()
        raise
    known = [run for run in found.runs if run.id in before]
    if len(found.runs) > 1:
        words = f"{len(found.runs)} runs imported" + (f", {len(known)} of which were there already." if known else ".")
    else:
        words = "These answers were already stored under this name." if known else "Imported."
    for run in found.runs:
        try:
            ruled = run if rule is None else set_leftovers(run.id, rule)
            if scored_state(ruled) is not Scored.YES:
                score(run.id, progress(place))
        except HomogError as error:  # the answers are stored, and can be scored by the button
            words += f" Not scored: {plain(str(error))}"
            break
    run = found.runs[0]
    words += f" This is the {'first, ' if len(found.runs) > 1 else 'run '}{plain(run.id)}."
    st.session_state["imported"] = Done(found, words)
    st.session_state["upload-turn"] += 1  # an empty box for the next file
    url.put(run=run.id)
    st.rerun()


def _format_help() -> None:
    """What the file must look like."""
    st.markdown("**JSONL**: one line per question, with its answers.")
    st.code(jsonl.EXAMPLE_JSONL, language="json", wrap_lines=True)
    st.caption(
        "Also read: id, references, incorrect_references, category, prompt, greedy_answer (which is what gets graded), "
        "and per answer tokens, token_logprobs and token_entropies (lists of nats; one of the two is enough)."
    )
    st.markdown("**CSV**: one row per answer; with a column `model`, a run for each model.")
    st.code(tables.EXAMPLE_CSV, language=None)
    st.download_button(
        "Download the example file",
        jsonl.EXAMPLE_JSONL.encode(),
        "example.jsonl",
        "application/jsonl",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "Also read, and told by their content: Parquet and JSON, lists in a column of another name, samples of "
        "lm-evaluation-harness, logs of Inspect, HELM's scenario_state, requests of vLLM. Pickles are not opened."
    )
    st.caption(
        "**Several files at once**: each is a run; the input file of an OpenAI batch goes with its output. With an "
        "`import.toml` among them they are a study, and so is a ZIP of a folder that has one: it says of each file "
        "what model it is of, and what that was trained from."
    )
    st.code(EXAMPLE_TOML, language="toml")
    st.caption(
        "What is missing or damaged in a question counts as missing, and what was left out is listed. A file of more "
        f"than {_limit()} MB turns red and is refused; the command line takes up to {importers.MAX_BYTES // MIB} MB, "
        "and whole folders:"
    )
    st.code("python -m homog_core import FILE --model NAME --stage sft --parent BASE", language=None, wrap_lines=True)


def _limit() -> int:
    """The size in MB up to which the server takes a file."""
    return int(st.get_option("server.maxUploadSize"))
