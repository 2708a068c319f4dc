"""What the pages share and only they: the URL as the one place of their state, cached loaders, charts, errors."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from homog_core import paths, scoring, store
from homog_core.calibration import ReportCard
from homog_core.catalogue import DATASETS, ENCODERS, MODELS, NLI_MODELS
from homog_core.clustering import MAX_THRESHOLD, PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.errors import HomogError
from homog_core.figures import MODEL_COLORS
from homog_core.live import LiveQueue
from homog_core.records import Estimate, Question
from homog_core.scored import ScoredRun

CLUSTERER_TITLES = {
    "jaccard": "in the same words (Jaccard)",
    "embedding": "about the same thing (embedding)",
    "embedding_masked": "the same answer (masked embedding)",
    "nli": "implied by each other (NLI)",
}
CLUSTERER_NOTES = {
    "jaccard": "Compares pairs of neighbouring words.",
    "embedding": "Compares sentence embeddings of whole answers, as published; they also measure the question.",
    "embedding_masked": "Compares sentence embeddings without function words and the words of the question.",
    "nli": "A model trained on entailment reads each pair in both directions.",
}
ENTAILMENTS = {
    "bidirectional": "each implies the other",
    "non_contradiction": "they do not contradict each other",
    "either": "one implies the other",
}
# Less room above the page; captions dark and words on the primary colour of both themes clear enough to be read.
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-top: 3.5rem}
[data-testid=stCaptionContainer] {opacity: .78}
[data-testid=stBaseButton-primary]:not(:disabled) *, [data-testid=stMultiSelect] [data-tag-index] * {
  color: light-dark(#ffffff, #0e1318) !important
}
</style>"""
SMALL_N = 30  # below it a statistic is greyed and says so


def start_page(name: str, title: str, subtitle: str) -> None:
    """The page's head. A page that is come back to without parameters in its URL gets those it had."""
    _leave_pages_directory_mode()
    if not st.query_params and st.session_state.get(f"url:{name}"):
        st.query_params.from_dict(st.session_state[f"url:{name}"])
    st.title(title, anchor=False)
    st.caption(subtitle)


def _leave_pages_directory_mode() -> None:
    """Hand a page that Streamlit has started by itself over to `app.py`.

    Until `st.navigation` has been called once, a fresh server treats every file in `pages/` as a page of its own, with
    another menu; that happens when the first visitor comes by a deep link.
    """
    from streamlit.runtime.pages_manager import PagesManager

    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def end_page(name: str) -> None:
    """Remember the page's URL for when it is come back to."""
    st.session_state[f"url:{name}"] = st.query_params.to_dict()


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Show what goes wrong as the sentence that it is, and end the page there."""
    try:
        yield
    except HomogError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.stop()


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show what goes wrong as the sentence that it is, and let the rest of the page follow."""
    try:
        yield
    except HomogError as error:
        st.error(plain(str(error)), icon=":material/error:")


def plain(text: str) -> str:
    """`text` for a Markdown context, so that it shows as it is. Ids and messages may come from outside."""
    return re.sub(r"([\\`*_{}\[\]()#+.!<>|~$:&-])", r"\\\1", " ".join(text.split()))


def url_choice(
    label: str, options: Sequence[str], param: str, format_func: Callable[[str], str] = str, **widget: Any
) -> str:
    """A select box whose value lives in the URL by id. An unknown id gets a sentence and the first option."""
    asked = st.query_params.get(param)
    if asked is not None and asked not in options:
        st.warning(f"{label}: {plain(asked)!s} is not among the {len(options)} there are. Showing the first.")
        st.query_params.pop(param)
        asked = None
    key = f"widget:{param}"
    st.session_state[key] = asked or options[0]
    st.selectbox(label, options, key=key, format_func=format_func, on_change=_to_url, args=(key, param), **widget)
    return st.session_state[key]


def url_choices(
    label: str, options: Sequence[str], param: str, most: int, format_func: Callable[[str], str] = str, **widget: Any
) -> list[str]:
    """A multiselect of up to `most` ids that live in the URL, between commas. Unknown ids get a sentence."""
    asked = [part for part in st.query_params.get(param, options[0]).split(",") if part]
    known = [key for key in dict.fromkeys(asked) if key in options][:most]
    if unknown := [key for key in asked if key not in options]:
        st.warning(f"{label}: {plain(unknown[0])} is not among the {len(options)} there are.")
    if known != asked:
        st.query_params[param] = ",".join(known)
    key = f"widget:{param}"
    st.session_state[key] = known

    def to_url() -> None:
        st.query_params[param] = ",".join(st.session_state[key])

    st.multiselect(label, options, key=key, max_selections=most, format_func=format_func, on_change=to_url, **widget)
    return st.session_state[key]


def url_number(label: str, param: str, default: float, low: float, high: float, step: float, **widget: Any) -> float:
    """A slider whose value lives in the URL; a value that is none, or outside the range, counts as the default."""
    kind = type(default)
    try:
        asked = kind(st.query_params.get(param, default))
    except ValueError:
        asked = default
    key = f"widget:{param}"
    st.session_state[key] = asked if low <= asked <= high else default
    st.slider(label, min_value=low, max_value=high, step=step, key=key, on_change=_to_url, args=(key, param), **widget)
    return st.session_state[key]


def url_selected(param: str, known: Sequence[str], default: str, what: str) -> str:
    """An id that the URL holds; an unknown one gets a sentence and the default."""
    asked = st.query_params.get(param, default)
    if asked in known:
        return asked
    st.warning(f"There is no {what} {plain(asked)} here. Showing another one; pick from the list.")
    st.query_params.pop(param)
    return default


def _to_url(key: str, param: str) -> None:
    st.query_params[param] = str(st.session_state[key])


def load_run(run_id: str) -> ScoredRun:
    """A stored run, read again when its files have changed. Raises `HomogError`."""
    return _load_run(run_id, run_stamp(store.open_run(run_id)))


def run_stamp(run: store.Run) -> int:
    """When a run's files last changed: with its id the key of everything that is cached about it."""
    return max(map(_modified, run.folder.iterdir()))


def _modified(file: Path) -> int:
    try:
        return 0 if file.name.endswith(".partial") else file.stat().st_mtime_ns
    except FileNotFoundError:  # a shard that has just been merged
        return 0


@st.cache_resource(max_entries=8, show_spinner="Reading the run …")
def _load_run(run_id: str, stamp: int) -> ScoredRun:
    return ScoredRun(store.open_run(run_id))


def run_title(run: store.Run) -> str:
    """A run in one line."""
    identity = run.manifest.identity
    dataset = DATASETS[identity["dataset"]].title if identity["dataset"] in DATASETS else identity["dataset"]
    stage = run.manifest.provenance.get("stage")
    status = "" if run.manifest.provenance["status"] == "complete" else f" · {run.manifest.provenance['status']}"
    status = " · imported" if run.is_imported and not status else status
    n, temperature = identity["n_questions"], identity["decoding"]["temperature"]
    return (
        f"{identity['model']}{f' ({stage})' if stage else ''} · {dataset} · {n} question{'s' if n != 1 else ''} · "
        f"temperature {temperature:g} · {identity['prompt_style']} prompt{status}"
    )


def run_recipe(run: store.Run, clusterer: Clusterer | None, n: int, interval: str = "") -> str:
    """The recipe line of what is computed from a run."""
    identity = run.manifest.identity
    return recipe(identity["model"], run.decoding, identity["prompt_style"], clusterer, n, interval)


def recipe(model: str, decoding: Any, style: str, clusterer: Clusterer | None, n: int, interval: str = "") -> str:
    """Model · N · temperature · clusterer with its report card · n · interval method."""
    parts = [
        model,
        f"N = {decoding.n_samples}",
        f"temperature {decoding.temperature:g}",
        f"top-p {decoding.top_p:g}" if decoding.top_p < 1 else "",
        f"{decoding.max_new_tokens} tokens",
        f"{style} prompt",
        clusterer_recipe(clusterer) if clusterer else "",
        f"{n} question{'s' if n != 1 else ''}",
        interval,
    ]
    return " · ".join(part for part in parts if part)


def clusterer_recipe(clusterer: Clusterer) -> str:
    """A clusterer as it stands in a recipe line."""
    encoder = f" · {encoder_title(clusterer.encoder)}" if clusterer.encoder else f" · {clusterer.rule}"
    card = scoring.report_cards().get(clusterer.key)
    card_text = f" · report card AUC {card.auc:.2f}" if card else ""
    joins = clusterer.entailment if clusterer.method == "nli" else f"τ = {clusterer.threshold:g}"
    return f"{clusterer.method}, {joins}{encoder}{card_text}"


def encoder_title(key: str) -> str:
    """An encoder's or NLI model's name for people."""
    known = ENCODERS | NLI_MODELS
    return known[key].title if key in known else key


def clusterer_title(clusterer: Clusterer) -> str:
    """A clusterer as it stands in a list to choose from."""
    encoder = f" · {encoder_title(clusterer.encoder)}" if clusterer.encoder else ""
    return CLUSTERER_TITLES[clusterer.method] + encoder


def clusterer_controls(available: Sequence[Clusterer]) -> Clusterer:
    """Choose clusterer, threshold and rule; all in the URL. Shows the report card where the choice is made."""
    by_key = {clusterer.key: clusterer for clusterer in available}
    left, middle, right = st.columns([5, 4, 3], vertical_alignment="bottom", gap="large")
    with left:
        key = url_choice(
            "Two answers count as the same when they are",
            list(by_key),
            "clusterer",
            format_func=lambda k: clusterer_title(by_key[k]),
            help="How answers are put into clusters. The first has the best report card.",
        )
    default = by_key[key]
    threshold, rule, entailment = default.threshold, "components", "bidirectional"
    with middle:
        if default.method == "nli":
            entailment = url_choice("Joined when", list(ENTAILMENTS), "entailment", format_func=ENTAILMENTS.get)
        else:
            threshold = url_number(
                "Threshold τ: how similar they must be",
                "tau",
                default.threshold,
                0.0,
                MAX_THRESHOLD,
                0.01,
                help=f"Default for this clusterer: {default.threshold:g}. Clusters follow at once.",
            )
    if default.method == "jaccard":
        with right:
            rule = url_choice(
                "Assignment",
                ["components", "first_member"],
                "rule",
                format_func={"components": "connected components", "first_member": "first matching member"}.get,
                help="First matching member is the published greedy rule; it depends on the order of the answers.",
            )
    card = scoring.report_cards().get(default.key)
    st.caption(f"{CLUSTERER_NOTES[default.method]} {_card_sentence(card, default, threshold)}")
    return Clusterer(default.method, threshold, default.encoder, rule, entailment)


def _card_sentence(card: ReportCard | None, default: Clusterer, threshold: float) -> str:
    published = f" The published threshold is {PUBLISHED_COSINE_THRESHOLD:g}." if default.is_linkage else ""
    if card is None:
        return "No report card: this clusterer has not been calibrated." + published
    now = "" if threshold == default.threshold else f" (You have moved τ to {threshold:g}.)"
    return (
        f"**Report card** on {card.n_agreeing:,} agreeing and {card.n_contradicting:,} contradicting pairs of "
        f"reference answers: AUC {card.auc:.2f} (0.5 is chance); at τ = {card.threshold:g} it joins "
        f"{card.true_join_rate:.0%} of the agreeing and {card.false_join_rate:.0%} of the contradicting pairs."
        + published
        + now
    )


def estimate(place: Any, label: str, found: Estimate, *, percent: bool = False, unit: str = "", help: str = "") -> None:
    """A statistic with its interval and denominator; greyed below `SMALL_N`."""
    show = "{:.1%}" if percent else "{:.2f}"
    if math.isnan(found.value):
        place.metric(label, "undefined", help=help)
        return
    with place:
        st.metric(label, show.format(found.value) + unit, help=help)
        interval = (
            "" if math.isnan(found.low) else f"95 % interval {show.format(found.low)} to {show.format(found.high)}, "
        )
        small = " — few questions, read with care" if found.n < SMALL_N else ""
        st.caption(f"{interval}n = {found.n}{small}")


def chart(
    figure: go.Figure,
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: str,
    on_select: Callable[[], None] | None = None,
    under: Callable[[], None] = lambda: None,
) -> None:
    """A chart with everything that belongs to it: the finding, how to read it, the recipe, the data and a download.

    `under` draws what comes right under the figure, as a slider that chooses one of its points.
    """
    st.markdown(f"##### {title}")
    st.caption(how_to_read)
    selecting = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
    st.plotly_chart(figure, key=key, alt=alt, config={"displaylogo": False, "scrollZoom": False}, **selecting)
    under()
    _chart_foot(recipe_line, data, key)


def panels(
    figures: Sequence[tuple[str, go.Figure]],
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: Sequence[str],
) -> None:
    """A chart of several figures side by side, each under a heading (HTML): one title, one recipe, one table."""
    st.markdown(f"##### {title}")
    st.caption(how_to_read)
    places = st.columns(len(figures), gap="medium")
    for i, (place, (heading, figure)) in enumerate(zip(places, figures, strict=True)):
        with place:
            st.html(heading)
            config = {"displaylogo": False, "scrollZoom": False}
            st.plotly_chart(figure, key=f"{key}:{i}", alt=alt[i], config=config)
    _chart_foot(recipe_line, data, key)


def _chart_foot(recipe_line: str, data: pd.DataFrame, key: str) -> None:
    """The recipe line, the data behind the chart, and a download."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(plain(recipe_line))
    with row.popover("Data", icon=":material/table:", width="content"):
        st.dataframe(data, hide_index=True)
        st.download_button(
            "Download CSV",
            data.to_csv(index=False).encode(),
            file_name=f"{re.sub(r'[^a-z0-9]+', '-', key.lower())}.csv",
            mime="text/csv",
            key=f"{key}:csv",
        )


def is_dark() -> bool:
    """Whether the visitor sees the dark theme."""
    return getattr(st.context.theme, "type", None) == "dark"


def model_color(position: int = 0) -> str:
    """The colour of the model in that position of a comparison."""
    return MODEL_COLORS[position % len(MODEL_COLORS)]


def session_id() -> str:
    """Who is looking."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    return context.session_id if context else ""


@st.cache_resource(show_spinner=False)
def live_queue() -> LiveQueue:
    """The one queue of live jobs of this server."""
    from homog_core.encoders import SentenceEncoder
    from homog_core.sampling import TorchSampler

    encoders = [SentenceEncoder(key) for key in ENCODERS]
    return LiveQueue(TorchSampler.from_pretrained, encoders, is_connected=_is_connected)


@st.cache_resource(show_spinner=False)
def scoring_lock() -> threading.Lock:
    """Held while a run is scored from a page: one at a time on a server."""
    return threading.Lock()


def _is_connected(session: str) -> bool:
    from streamlit import runtime

    return runtime.exists() and runtime.get_instance().is_active_session(session)


class UmapWarmUp:
    """Compiles UMAP in the background, once, some seconds after the first page has been served."""

    def __init__(self, delay: float = 3.0) -> None:
        self.ready = threading.Event()
        threading.Thread(target=self._work, args=(delay,), name="umap-warm-up", daemon=True).start()

    def _work(self, delay: float) -> None:
        from homog_core.projection import warm_up

        time.sleep(delay)
        warm_up()
        self.ready.set()


@st.cache_resource(show_spinner=False)
def umap_warm_up() -> UmapWarmUp:
    """Start the warm-up if it has not been started; its `ready` says whether UMAP is quick now."""
    return UmapWarmUp()


@st.cache_data(max_entries=16, show_spinner="Reading the questions …")
def dataset_questions(name: str) -> list[Question]:
    """The questions of a catalogue dataset."""
    from homog_core.questions import load_questions

    return load_questions(name)


def local_datasets() -> list[str]:
    """Catalogue datasets whose file is on this machine."""
    from homog_core.questions import dataset_file

    return [key for key, spec in DATASETS.items() if dataset_file(spec)]


def model_title(key: str) -> str:
    """A catalogue model in one line: name, stage and what it takes to sample it."""
    from homog_core.weights import availability

    spec = MODELS[key]
    return f"{key} · {spec.stage} · {availability(spec).sentence}"


def shipped_first(runs: list[store.Run]) -> list[store.Run]:
    """Runs in the order they are offered: shipped ones, then the others, newest first; runs of one question last."""
    return sorted(
        runs,
        key=lambda run: (run.manifest.identity["n_questions"] == 1, run.folder.parent != paths.SHIPPED / "runs"),
    )
