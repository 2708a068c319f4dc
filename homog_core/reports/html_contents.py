"""What the HTML report says: runs → numbers as they are written, sentences, tables, charts and every answer.

Plain values and texts for the templates, without markup. The numbers are those of `analysis`, the words of `wording`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis import changes, comparable, compare, lineage, rates, signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import COVERAGE, Undefined
from homog_core.analysis.summary import RunSummary, summarise
from homog_core.catalogue.datasets import DATASETS, DatasetSpec
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.diversity import Degeneration
from homog_core.progress import OnProgress
from homog_core.records import Estimate
from homog_core.reports import html_charts
from homog_core.reports.html_answers import Asked, asked
from homog_core.reports.html_charts import Chart
from homog_core.runs.store import Run, require_answers
from homog_core.wording import chart_titles, comparison, run_card, run_names
from homog_core.wording.cascade import cascade_sentence
from homog_core.wording.comparison import RUN_STATISTICS, Told
from homog_core.wording.labels import dataset_title, score_title, undefined_words
from homog_core.wording.numbers import FEW, counted, interval, number, percent, tenth_percent, with_interval
from homog_core.wording.recipes import clusterer_recipe, run_recipe

_TILES = ("single_cluster_rate", "num_semantic_sets", "discrete_semantic_entropy", "mean_token_entropy", "accuracy")
_DEGENERATION = tuple(Degeneration._fields)


Table = dict[tuple[str, ...], dict[str, str]]  # by the words that a row begins with: numbers by their column


class Tile(NamedTuple):
    """One statistic, large."""

    title: str
    value: str
    interval: str
    n: int
    few: bool  # too few questions to rely on it


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found: tiles of one run; of several what they differ in, and paired tests."""

    lead: str
    statistics: Table
    undefined: str  # names the statistics that no run has; "" where there is none
    tiles: Sequence[Tile] = ()
    differing: str = ""
    tests: Mapping[tuple[str, str], list[Told]] = field(default_factory=dict)  # by the names of two runs


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What the templates show, in the order of the page."""

    title: str
    names: list[str]  # of the runs
    recipes: list[str]
    found: Found
    by_clusterer: Table
    aurocs: dict[str, str]  # a sentence by run
    scores: Table
    cascades: dict[str, str]  # a sentence by run
    origins: dict[str, tuple[list[run_card.Fact], list[run_card.Missing]]]  # by run
    clusterer: str
    sentences_of: DatasetSpec | None  # the dataset whose sentences are missing
    questions: list[Asked]
    charts: dict[str, Chart]


def gather(runs: Sequence[Run], on_progress: OnProgress) -> Report:
    """Everything that the report of one run, or of a comparison, says; the runs stand along their training.

    Raises `HomogError` for a run that has not been scored, `InvalidInput` for runs that cannot be compared.
    """
    for run in runs:
        require_answers(run)
    runs = lineage.along_training(runs)
    shown = _read(runs, on_progress)
    scored, dataset = list(shown.values()), runs[0].identity.dataset
    ids, clusterers = compare.common_questions(scored), compare.common_clusterers(scored)
    if not ids or not clusterers:
        raise InvalidInput("These runs have no question in common; compare runs over the same dataset.")
    clusterer = clusterers[0]
    found, chart = _several(shown, clusterer) if len(shown) > 1 else _one(shown, clusterer)
    rows = {name: signals.score_rows(one, clusterer) for name, one in shown.items()}
    summaries = {name: summarise(one) for name, one in shown.items()}
    charts = chart | {
        "auroc": html_charts.aurocs(rows, html_charts.looks(shown)),
        "threshold": html_charts.threshold(shown, clusterer),
        "budget": html_charts.budget(shown, clusterer),
    }
    lacking = dataset in DATASETS and not all(scored[0].questions.loc[ids, "text"])
    return Report(
        title=f"{' → '.join(shown)} on {dataset_title(dataset)}",
        names=list(shown),
        recipes=_recipes(shown, clusterer, len(ids)),
        found=found,
        by_clusterer=_by_clusterer(shown),
        aurocs={name: chart_titles.aurocs(frame) for name, frame in rows.items()},
        scores=_scores(summaries),
        cascades={name: _cascade(summary) for name, summary in summaries.items()},
        origins={name: (run_card.card(one.run), run_card.missing(one.run)) for name, one in shown.items()},
        clusterer=clusterer_recipe(clusterer, [one.run for one in scored]),
        sentences_of=DATASETS[dataset] if lacking else None,
        questions=list(_questions(shown, clusterer, ids, on_progress)),
        charts={key: chart for key, chart in charts.items() if chart},
    )


def _read(runs: Sequence[Run], on_progress: OnProgress) -> dict[str, ScoredRun]:
    """The runs by name, with their scores."""
    if len(runs) > 1 and (reason := comparable.obstacle(runs)):
        raise InvalidInput(comparison.obstacle_sentence(reason))
    if not 1 <= len({run.id for run in runs}) == len(runs) <= comparable.MOST_RUNS:
        raise InvalidInput(f"A report is of one to {comparable.MOST_RUNS} different runs, not of {len(runs)}.")
    shown, names = {}, run_names.names(runs)
    for position, run in enumerate(runs, start=1):
        shown[names[run.id]] = ScoredRun(run)
        _ = shown[names[run.id]].scores  # raises where it has not been scored
        on_progress("Reading", position, len(runs))
    return shown


def _recipes(shown: Mapping[str, ScoredRun], clusterer: Clusterer, n: int) -> list[str]:
    """A line of all that the numbers rest on; of several runs one each and one for all."""
    own = [run_recipe(one.run, None, None, "imported" if one.run.is_imported else "") for one in shown.values()]
    runs = [one.run for one in shown.values()]
    last = f"{clusterer_recipe(clusterer, runs)} · {counted(n, 'question')} · 95 % intervals"
    return [f"{own[0]} · {last}"] if len(own) == 1 else [*own, last]


# What was found


def _one(shown: Mapping[str, ScoredRun], clusterer: Clusterer) -> tuple[Found, dict[str, Chart | None]]:
    ((name, scored),) = shown.items()
    estimates = compare.run_statistics(scored, clusterer, list(scored.questions.index))
    rate = estimates["single_cluster_rate"]
    row = {"label": name, "stage": scored.run.provenance.stage, "value": rate.value, "n": rate.n}
    lead = f"{chart_titles.single_cluster(pd.DataFrame([row]), None, np.nan)}."
    known = {key: found for key, found in estimates.items() if not np.isnan(found.value)}
    broken: Table = {
        (RUN_STATISTICS[key].title,): {"value": _statistic(key, known[key])} for key in _DEGENERATION if key in known
    }
    absent = _undefined([key for key in (*_TILES, *_DEGENERATION) if key not in known])
    found = Found(lead, broken, absent, tiles=[_tile(key, known[key]) for key in _TILES if key in known])
    return found, {"coverage": html_charts.coverage(scored, clusterer)}


def _several(shown: Mapping[str, ScoredRun], clusterer: Clusterer) -> tuple[Found, dict[str, Chart | None]]:
    compared = compare.compare(list(shown.values()), clusterer)
    found = changes.changes(list(shown.values()), clusterer)
    names = {scored.run.id: name for name, scored in shown.items()}
    cells: Table = {}
    estimates = pd.DataFrame(compared.estimates)
    absent = [key for key, values in estimates.groupby("statistic", sort=False)["value"] if values.isna().all()]
    for row in estimates[~estimates["statistic"].isin(absent)].itertuples():
        cells.setdefault((RUN_STATISTICS[row.statistic].title,), {})[names[row.run]] = _statistic(row.statistic, row)
    tests: dict[tuple[str, str], list[Told]] = {}
    untested: dict[tuple[str, str], list[str]] = {}
    for test in sorted(compared.tests, key=lambda test: comparison.STATISTICS.index(test["statistic"])):
        pair = names[test["from"]], names[test["to"]]
        if test["n"]:
            tests.setdefault(pair, []).append(comparison.in_words(test))
        else:
            untested.setdefault(pair, []).append(test["statistic"])
    for pair, statistics in untested.items():
        tests.setdefault(pair, []).append(comparison.undefined_tests(statistics))
    differing = comparison.differences(compared.differing, [scored.run for scored in shown.values()])
    lead = comparison.summary_sentence(found, list(shown))
    undefined = _undefined(absent)
    return Found(lead, cells, undefined, differing=differing, tests=tests), {"slopes": html_charts.slopes(found, shown)}


def _undefined(statistics: Sequence[str]) -> str:
    """The sentence that names statistics that no run has; "" where there is none."""
    titles = [RUN_STATISTICS[key].title for key in statistics]
    return f"Undefined for these answers: {'; '.join(titles)}." if titles else ""


def _tile(key: str, found: Estimate) -> Tile:
    title, show = RUN_STATISTICS[key]
    bounds = interval(found.low, found.high, show)
    return Tile(title, show(found.value), bounds, found.n, found.n < FEW)


def _statistic(key: str, found: Any) -> str:
    """One of `RUN_STATISTICS` in a cell."""
    show = RUN_STATISTICS[key].show
    return show(found.value) if found.method == "share" else _cell(found, show)


def _cell(found: Any, show: Callable[[float], str] = number) -> str:
    """A statistic with its interval, and with the number of questions where they are few."""
    return with_interval(found, show) + (f", only {found.n}" if 0 < found.n < FEW else "")


def _by_clusterer(shown: Mapping[str, ScoredRun]) -> Table:
    cells: Table = {}
    runs = [one.run for one in shown.values()]
    for name, scored in shown.items():
        for row in pd.DataFrame(rates.clusterer_rows(scored)).itertuples():
            kind = "published" if row.kind == "published threshold" else row.kind
            cells.setdefault((clusterer_recipe(row.clusterer, runs), kind), {})[name] = _cell(row, tenth_percent)
    return cells


# Scores


def _scores(summaries: Mapping[str, RunSummary]) -> Table:
    """The AUROC of every column of the table of scores; for one run with d and selective accuracy."""
    cells: Table = {}
    half = f"accuracy of the most certain {percent(COVERAGE)}"
    for name, summary in summaries.items():
        for found in summary.scores:
            if np.isnan(found.auroc.value) and not found.no_signal:
                continue
            score, _, by = found.score.partition("@")
            auroc = undefined_words(Undefined.ALL_TIE) if found.no_signal else _cell(found.auroc)
            own = {
                "AUROC": auroc,
                "n": str(found.auroc.n),
                "d": with_interval(found.cohens_d),
                half: with_interval(found.selective_accuracy, tenth_percent),
            }
            row = {name: auroc} if len(summaries) > 1 else own
            cells.setdefault((score_title(score), by), {}).update(row)
    return cells


def _cascade(summary: RunSummary) -> str:
    found = summary.saving
    return str(found) if isinstance(found, InvalidInput) else cascade_sentence(found)


# Questions


def _questions(
    shown: Mapping[str, ScoredRun], clusterer: Clusterer, ids: Sequence[str], on_progress: OnProgress
) -> Iterator[Asked]:
    for position, key in enumerate(ids, start=1):
        yield asked(shown, clusterer, position, key)
        if position % 25 == 0 or position == len(ids):
            on_progress("Questions", position, len(ids))
