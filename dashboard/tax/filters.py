"""The filters at the top of Alignment tax: data set, runs, category, clusterer; and what they leave out."""

from collections.abc import Iterable, Sequence

import streamlit as st

from dashboard import controls, url
from dashboard.cache import Version, load_run, shipped_first, version
from dashboard.tax import computed
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage, many
from homog_core.analysis.compare import common_clusterers
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.errors import HomogError
from homog_core.measures.clustering import Clusterer
from homog_core.runs.store import Run
from homog_core.wording import chart_titles, commands, run_names
from homog_core.wording.labels import dataset_title, first_upper

MOST_RUNS = 40  # in one chart
MOST_NAMED = 8  # runs that a link names one by one, as long as nobody has chosen others


def filters(runs: Sequence[Run]) -> Selection | None:
    """The selection that applies to every chart; None, with a sentence, where nothing is left."""
    scored = sorted(filter(_has_scores, runs), key=lineage.order)
    known = {run.id for run in scored}
    left_out = [run.id for run in runs if run.id not in known]
    if not scored:
        st.info(f"There are no scored runs yet. Run `{commands.first_sample()}`, or `score` one that is there.")
        return None
    datasets = list(dict.fromkeys(run.identity.dataset for run in shipped_first(scored)))
    of_others = {run.identity.dataset for run in scored if run.provenance.study}
    datasets.sort(key=lambda name: (name in of_others, name != FIRST_DATASET))
    left, middle, right, last = st.columns(4, vertical_alignment="bottom")
    with left:
        dataset = url.choice("Data set", datasets, "dataset", dataset_title)
    same = [run for run in scored if run.identity.dataset == dataset]
    _forget_other_dataset(dataset, {run.id for run in same})
    with middle:
        chosen = _choose_runs(same)
    views, unread = _read(chosen)
    left_out += unread
    if not views:
        st.info(left_out_note(left_out) if left_out else "Choose at least one run above.")
        return None
    versions = {label: version(view.run) for label, view in views.items()}
    with right:
        category = _choose_category(versions.values())
    available = common_clusterers(list(views.values()))
    if not available:
        st.info("These runs have no clusterer in common. Choose fewer runs, or score them with the same encoders.")
        return None
    with last:
        clusterer = _choose_clusterer(available)
    shown = {found.run_id for found in versions.values()}
    others = [run for run in same if run.id not in shown]
    return Selection(views, versions, dataset_title(dataset), others, clusterer, category, tuple(left_out))


def left_out_note(ids: Sequence[str]) -> str:
    """How many runs are not shown, and the command that scores the first; Markdown."""
    return f"{chart_titles.left_out(len(ids))}. To score one: `{commands.score(ids[0])}`"


def _has_scores(run: Run) -> bool:
    """Whether scores are stored, as far as can be seen without reading them."""
    return all(map(run.has, ("scores", "similarities")))


def _forget_other_dataset(dataset: str, known: set[str]) -> None:
    """Another data set has other runs and categories: what the URL holds of the last one goes without a word."""
    before = st.session_state.get("tax:dataset", dataset)
    st.session_state["tax:dataset"] = dataset
    if before != dataset:
        if not known & set(url.get("runs").split(",")):
            url.put(runs=None)
        url.put(category=None, of=None)


def _choose_runs(runs: Sequence[Run]) -> list[Run]:
    """Up to `MOST_RUNS` runs, by id in the URL, or by a key of `many.groups`; at first the usual ones."""
    names, usual = run_names.names(runs), lineage.usual_runs(runs)
    groups = many.groups(runs, {run.id for run in usual})
    if len(usual) > MOST_NAMED and len(usual) == len(runs):
        default = ["all"]
    elif len(usual) > MOST_NAMED:
        default = ["usual"]
    else:
        default = [run.id for run in usual]
    titles = {key: group_title(key, family, len(own)) for key, (family, own) in groups.items()} | names
    offered = ("Runs", list(titles), "runs", MOST_RUNS, default)
    known = url.several(*offered)
    asked = {run.id for key in known for run in (groups[key][1] if key in groups else ())} | set(known)
    chosen = [run for run in runs if run.id in asked]
    shown = chosen[:MOST_RUNS]
    with st.popover(f"Runs: {len(shown)} of {len(names)} chosen", icon=":material/checklist:", width="stretch"):
        url.choices(
            *offered,
            titles.get,
            help=f"Single runs, families, or all runs of these questions: up to {MOST_RUNS}, in the order of their "
            "training stage.",
        )
    if len(chosen) > len(shown):
        st.caption(f"{len(chosen) - len(shown)} more runs are chosen than the {MOST_RUNS} that charts can hold.")
    return shown


def group_title(key: str, family: str, n: int) -> str:
    """A group of runs as it stands among single runs."""
    what = {"all": "All runs of these questions", "usual": "The usual runs"}.get(key) or f"Family {family}"
    return f"{what} ({n})"


def _read(runs: Sequence[Run]) -> tuple[dict[str, ScoredRun], list[str]]:
    """The runs by label, and the ids of those that were scored by another version. What is damaged is said."""
    found, unread = {}, []
    for run_id, label in run_names.names(runs).items():
        try:
            scored = load_run(run_id)
        except HomogError as error:
            st.warning(f"A run is left out. {plain(str(error))}", icon=":material/warning:")
            continue
        if scored.is_scored:
            found[label] = scored
        else:
            unread.append(run_id)
    return found, unread


def _choose_clusterer(available: Sequence[Clusterer]) -> Clusterer:
    """How answers are compared; the button says by what."""
    known = {clusterer.key: clusterer for clusterer in available}
    method = known.get(url.get("clusterer"), available[0]).method
    title = first_upper(controls.CLUSTERER_TITLES[method])
    with st.popover(title, icon=":material/join_inner:", width="stretch", help="What counts as the same answer"):
        return controls.clusterer_controls(available)


def _choose_category(versions: Iterable[Version]) -> str:
    names = sorted({name for run in versions for name in computed.category_names(run)})
    chosen = url.choice(
        "Category",
        ["all", *names],
        "category",
        lambda name: "all categories" if name == "all" else name,
        disabled=not names,
    )
    return "" if chosen == "all" else chosen
