"""Alignment tax: how large is it, and what does it cost? Aggregate charts over many runs, one section at a time."""

from collections.abc import Sequence

import streamlit as st

from dashboard import controls, page, url
from dashboard.cache import load_run, run_stamp, shipped_first
from dashboard.tax import answers, published, scores, won
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.published import published_metrics
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.runs import store
from homog_core.runs.store import Run
from homog_core.wording import findings, numbers, titles
from homog_core.wording.titles import dataset_title

MOST_RUNS = 8
SECTIONS = {
    "answers": "How often one answer",
    "scores": "What it does to uncertainty",
    "won": "What can be won back",
    "published": "Published beside measured",
}


def main() -> None:
    page.start_page("Alignment tax", "How large is it, and what does it cost?")
    runs = [run for run in store.list_runs() if run.identity.n_questions > 1]
    scored = sorted((run for run in runs if is_scored(run)), key=lineage.order)
    left_out = [run.id for run in runs if not is_scored(run)]
    if not scored:
        st.info("There are no scored runs yet. Run `python -m homog_core sample …`, or `score` one that is there.")
        return
    chosen = filters(scored, left_out)
    if chosen is None:
        return
    models = {view.run.identity.model: view.run for view in chosen.views.values()}
    sizes = {name: run.provenance.n_parameters for name, run in models.items()}
    st.caption(plain(findings.severity_note(sizes)))
    section(chosen)
    if chosen.left_out:
        st.caption(f":material/info: {not_scored(chosen.left_out)}")


def is_scored(run: Run) -> bool:
    return all((run.folder / f"{name}.parquet").is_file() for name in ("scores", "similarities"))


def filters(scored: Sequence[Run], left_out: list[str]) -> Selection | None:
    """The filters that apply to every chart; None, with a sentence, where nothing is left."""
    datasets = list(dict.fromkeys(run.identity.dataset for run in shipped_first(list(scored))))
    datasets.sort(key=lambda name: name != "starter")
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    with left:
        dataset = url.choice("Data set", datasets, "dataset", dataset_title)
    same = [run for run in scored if run.identity.dataset == dataset]
    forget_other_dataset(dataset, {run.id for run in same})
    with middle:
        runs = choose_runs(same)
    views, unread = read(runs)
    left_out = left_out + unread
    if not views:
        st.info("Choose at least one run above." if not left_out else not_scored(left_out))
        return None
    with right:
        category = choose_category(list(views.values()))
    available = [c for c in next(iter(views.values())).clusterers() if all(c in v.clusterers() for v in views.values())]
    if not available:
        st.info("These runs have no clusterer in common. Choose fewer runs, or score them with the same encoders.")
        return None
    clusterer = controls.clusterer_controls(available)
    stamps = {view.run.id: run_stamp(view.run) for view in views.values()}
    others = [run for run in same if run.id not in stamps]
    return Selection(views, stamps, dataset_title(dataset), others, clusterer, category, tuple(left_out))


def not_scored(ids: Sequence[str]) -> str:
    what = (
        f"{numbers.counted(len(ids), 'run')} {'is' if len(ids) == 1 else 'are'} not here, being written or not scored"
    )
    return f"{what}. To score one: `python -m homog_core score {ids[0]}`"


def forget_other_dataset(dataset: str, known: set[str]) -> None:
    """Another data set has other runs and categories: what the URL holds of the last one goes without a word."""
    before = st.session_state.get("tax:dataset", dataset)
    st.session_state["tax:dataset"] = dataset
    if before != dataset:
        if not known & set(url.get("runs").split(",")):
            url.put(runs=None)
        url.put(category=None, of=None)


def choose_runs(runs: Sequence[Run]) -> list[Run]:
    """Up to `MOST_RUNS` runs, by id in the URL; at first those at temperature 1."""
    names = lineage.names(runs)
    usual = [run.id for run in runs if run.identity.decoding.temperature == 1] or list(names)
    offered = ("Runs", list(names), "runs", MOST_RUNS, usual[:MOST_RUNS])
    known = url.several(*offered)
    with st.popover(f"Runs: {len(known)} of {len(names)} chosen", icon=":material/checklist:", width="stretch"):
        url.choices(*offered, names.get, help=f"Up to {MOST_RUNS}, in the order of their training stage.")
    return [run for run in runs if run.id in known]


def read(runs: Sequence[Run]) -> tuple[dict[str, ScoredRun], list[str]]:
    """The runs by label, and the ids of those that cannot be read, or were scored by another version."""
    found, unread = {}, []
    for run_id, label in lineage.names(runs).items():
        try:
            scored = load_run(run_id)
        except HomogError:
            unread.append(run_id)
            continue
        if scored.is_scored:
            found[label] = scored
        else:
            unread.append(run_id)
    return found, unread


def choose_category(views: Sequence[ScoredRun]) -> str:
    names = sorted({name for view in views for name in view.questions["category"] if isinstance(name, str) and name})
    chosen = url.choice(
        "Category",
        ["all", *names],
        "category",
        lambda name: "all categories" if name == "all" else name,
        disabled=not names,
    )
    return "" if chosen == "all" else chosen


def section(chosen: Selection) -> None:
    """One section at a time, so that a closed one costs nothing."""
    view = url.segments("Section", list(SECTIONS), "view", SECTIONS.get)
    if view == "answers":
        answers.one_answer(chosen)
    elif view == "scores":
        with st.columns(2)[0]:
            of = choose_one(chosen)
        scores.uncertainty(chosen, of)
    elif view == "won":
        left, right = st.columns([2, 3], vertical_alignment="bottom", gap="large")
        with left:
            of = choose_one(chosen)
        with right:
            names = choose_scores(chosen.views[of], chosen)
        won.won_back(chosen, of, names)
    else:
        metrics = published_metrics()
        with st.columns(2)[0]:
            metric = url.choice("Figure", metrics, "figure", titles.METRIC_TITLES.get)
        published.figure(chosen, metric)
        published.table(chosen)


def choose_one(chosen: Selection) -> str:
    """The run that is looked at closely: its label. At first the one that titles speak of."""
    focus = chosen.focus()
    names = {chosen.views[label].run.id: label for label in [focus, *(k for k in chosen.views if k != focus)]}
    if url.get("of") in {run.id for run in chosen.others}:  # it has been taken out of the chosen ones
        url.put(of=None)
    return names[url.choice("Run to look at closely", list(names), "of", names.get)]


def choose_scores(view: ScoredRun, chosen: Selection) -> list[str]:
    """Up to four scores, by name in the URL."""
    options = list(view.score_columns(chosen.clusterer))
    defaults = [name for name in (TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY) if name in options]
    url.fill(scores=",".join(defaults))
    return url.choices("Scores", options, "scores", won.MOST_SCORES, defaults, titles.score_title)


main()
