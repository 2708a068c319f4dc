"""The tables of docs/results.md: every statistic of stored runs, published figures in a column of their own.

`python -m homog_core report --update docs/results.md` puts them between two marks; nothing else in that file is
generated. It reads runs and computes; the words around the tables are written by people.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd

from homog_core.analysis import lineage, rates
from homog_core.analysis.cascade import saving
from homog_core.analysis.draws import shown_sets
from homog_core.analysis.published import counterpart, published_metrics
from homog_core.analysis.right_answers import accuracy, corrected_accuracy
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.seeds import is_replicate
from homog_core.analysis.signals import (
    ScoreStatistics,
    Undefined,
    difference_rows,
    largest_correlation,
    score_rows,
    score_statistics,
)
from homog_core.catalogue import PUBLISHED
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.records import Estimate
from homog_core.reports.draw_tables import draw_tables
from homog_core.reports.stage_tables import chain_tables
from homog_core.reports.tables import Table, bounded, dataset_of, matrix, names_of, p_value, share
from homog_core.runs.draw_sets import list_draws
from homog_core.runs.store import list_runs
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate
from homog_core.statistics.paired import holm
from homog_core.wording.labels import dataset_title, score_title
from homog_core.wording.numbers import PERCENTAGES, at_least, number, published_value, tenth_percent, with_interval

BUDGETS = (2, 3, 5, 10)
NEED_BOTH_CLASSES = ("auroc", "cohens_d", "cost_saving")
ALIGNED = ("instruct", "dpo", "rlvr")  # ours that stand beside a published instruct model
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
AS_PUBLISHED = Clusterer("embedding", PUBLISHED_COSINE_THRESHOLD, "minilm")


def reportable_runs() -> list[ScoredRun]:
    """Our complete and scored runs of more than one question, by dataset, stage, model, prompt and temperature."""
    own = lineage.ours(list_runs())
    complete = [run for run in own if run.provenance.status == "complete" and run.identity.n_questions > 1]
    found = [ScoredRun(run) for run in sorted(complete, key=lambda run: (run.identity.dataset, lineage.order(run)))]
    return [scored for scored in found if scored.is_scored]


def results_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """Every table, over the runs in their order. Raises `HomogError` where one is not scored by this version.

    Other training seeds stand in the tables about seeds, of the single-cluster rates and of detection alone.
    """
    in_the_box = [scored for scored in runs if not is_replicate(scored.run)]
    tables = [*chain_tables(runs), clusters_table(runs), detection_table(runs), cascade_table(in_the_box)]
    for dataset, group in groupby(in_the_box, key=lambda scored: scored.run.identity.dataset):
        same = list(group)
        title = dataset_title(dataset)
        tables += [auroc_table(same, title), cohens_d_table(same, title), sensitivity_table(same, title)]
        if len(set(same[0].questions["answer_type"])) > 1:
            tables.append(auroc_table(same, title, answer_type="text"))
    return [*tables, *draw_tables(shown_sets(list_draws()[0])), published_table(in_the_box)]


# What each run found


def clusters_table(runs: Sequence[ScoredRun]) -> Table:
    """SCR by clusterer, and how many different answers."""
    names = names_of(runs)
    rows = []
    for scored in runs:
        best = scored.clusterer
        clusters = scored.cluster_frame(best)
        rows.append(
            {
                "dataset": dataset_of(scored),
                "run": names[scored.run.id],
                "n": str(len(clusters)),
                **{
                    _clusterer_title(c): share(single_cluster_rate(scored.cluster_frame(c)["num_semantic_sets"]))
                    for c in _clusterers(scored)
                },
                f"clusters ({best.key})": with_interval(mean_estimate(clusters["num_semantic_sets"])),
                "discrete semantic entropy, nats": with_interval(mean_estimate(clusters["discrete_semantic_entropy"])),
                **{
                    f"token entropy, {which}": at_least(scored.run.entropy_kind())
                    + with_interval(mean_estimate(scored.scores[column]))
                    for which, column in (("greedy", "mean_token_entropy"), ("sampled", "mean_token_entropy_sampled"))
                },
            }
        )
    return Table(
        "Single-cluster rate by clusterer",
        "Per cent of questions whose answers form one cluster, with the 95 % Wilson interval; means with the 95 % "
        "t interval. NLI needs a model from the hub and stands here only where a run has been judged by one.",
        rows,
    )


def _clusterers(scored: ScoredRun) -> list[Clusterer]:
    """Every clusterer as the run was scored, and whole-answer embeddings at the published threshold."""
    found = sorted(scored.clusterers(), key=lambda c: c.key)
    published = [replace(c, threshold=PUBLISHED_COSINE_THRESHOLD) for c in found if c.method == "embedding"]
    return [*found, *published]


def _clusterer_title(clusterer: Clusterer) -> str:
    return f"{clusterer.key} {clusterer.entailment if clusterer.method == 'nli' else f'τ={clusterer.threshold:g}'}"


def cascade_table(runs: Sequence[ScoredRun]) -> Table:
    """Accuracy, what half of the answers are worth, and the cascade."""
    names = names_of(runs)
    rows = []
    for scored in runs:
        columns = ("mean_token_entropy", f"discrete_semantic_entropy@{scored.clusterer.key}")
        token, semantic = score_statistics(scored, columns)
        grades = scored.scores["grade"].value_counts()
        rows.append(
            {
                "dataset": dataset_of(scored),
                "run": names[scored.run.id],
                "graded": f"{grades.get('correct', 0)} right, {grades.get('incorrect', 0)} wrong, "
                f"{grades.get('ambiguous', 0)} ambiguous, {grades.get('abstained', 0)} abstained",
                "accuracy": share(accuracy(scored)),
                "corrected": share(corrected_accuracy(scored)),
                "at 50 % coverage by token entropy": share(token.selective_accuracy),
                "by discrete semantic entropy": share(semantic.selective_accuracy),
                "largest |r|": with_interval(_largest_correlation(scored)),
                **_cascade_cells(scored),
            }
        )
    return Table(
        "Accuracy, selective accuracy and the cascade",
        "Accuracy of the greedy answer over graded questions; corrected: over all questions, for the precision and "
        "recall of the grades that readers found at the stage. Of the half that a score is most certain of (95 % "
        "percentile bootstrap). Largest |r| among token entropy, question density and semantic entropy. Cascade: token "
        "entropy → question density → ten samples, points chosen on training folds; AUROC of the cascade / of "
        "everything / of token entropy alone, out of fold and within categories; whether quality was kept, and in how "
        "many of ten repeats of the folds.",
        rows,
    )


def _cascade_cells(scored: ScoredRun) -> dict[str, str]:
    try:
        found = saving(scored, scored.clusterer)
    except InvalidInput:
        return {"cascade saves": "too few of a class", "AUROC": "", "quality": ""}
    aurocs = (found.cascade.auroc, found.everything.auroc, found.cheapest.auroc)
    return {
        "cascade saves": share(found.saving),
        "AUROC": " / ".join(map(number, aurocs)),
        "quality": f"{found.verdict}, {found.verdicts.count(found.verdict)} of {len(found.verdicts)}",
    }


def _largest_correlation(scored: ScoredRun) -> Estimate:
    return largest_correlation(scored.score_frame(scored.clusterer), (TOKEN_ENTROPY, DENSITY, SEMANTIC_ENTROPY))


# What each score is worth


def auroc_table(runs: Sequence[ScoredRun], dataset: str, answer_type: str | None = None) -> Table:
    """The AUROC of every score, over all questions or those of one answer type."""
    names = names_of(runs)
    cells = {}
    for scored in runs:
        kept = (scored.questions["answer_type"] == answer_type).to_numpy() if answer_type else None
        found = score_statistics(scored, kept=kept)
        grades = scored.scores["grade"] if kept is None else scored.scores["grade"][kept]
        cells[names[scored.run.id]] = {
            "right / wrong": " / ".join(str(int((grades == grade).sum())) for grade in ("correct", "incorrect")),
            **{s.score: _auroc_cell(s) for s in found},
        }
    return Table(
        f"AUROC of every score, {dataset}{f', {answer_type} answers only' if answer_type else ''}",
        "Incorrect greedy answers are the positive class; 0.5 is chance; below it the score points the wrong way. Over "
        "the pairs of questions of one category, with the 95 % DeLong interval; in brackets over all pairs, where "
        "telling categories apart counts too. No figure below ten correct or incorrect answers. `@` names the "
        "clusterer, or the encoder, that a score was computed with.",
        matrix(cells),
    )


def _auroc_cell(found: ScoreStatistics) -> str:
    if found.no_signal:
        return "no signal: all tie"
    if np.isnan(found.pooled_auroc.low):
        return "too few"
    if np.isnan(found.auroc.low):
        return f"too few within categories ({number(found.pooled_auroc.value)} over all)"
    pooled = "" if found.auroc.value == found.pooled_auroc.value else f" ({number(found.pooled_auroc.value)} over all)"
    return f"{with_interval(found.auroc)}{pooled}"


def detection_table(runs: Sequence[ScoredRun]) -> Table:
    """Token entropy and semantic entropy: AUROC over all, within categories and on single-cluster questions; paired."""
    names, rows, pvalues = names_of(runs), [], []
    for scored in runs:
        found = score_rows(scored, scored.clusterer)
        tests = difference_rows({"": scored}, scored.clusterer).set_index("subset")
        for subset in ("all", "single"):
            both = {s: _row_of(found, s, subset) for s in (TOKEN_ENTROPY, SEMANTIC_ENTROPY)}
            token, test = both[TOKEN_ENTROPY], tests.loc[subset]
            enough = not np.isnan(test["pooled_low"])
            difference = bounded(*(test[f"pooled_{name}"] for name in ("value", "low", "high")))
            pvalues.append(test["pooled_pvalue"])
            rows.append(
                {
                    "dataset": dataset_of(scored),
                    "run": names[scored.run.id],
                    "questions": {"all": "all", "single": "single-cluster"}[subset],
                    "right / wrong": f"{token['n_correct']} / {token['n_incorrect']}",
                    **{f"{score_title(s)}, within": _interval_or_reason(row) for s, row in both.items()},
                    "over all pairs": " and ".join(number(row["pooled"]) for row in both.values()) if enough else "",
                    "difference, paired": difference if enough else "too few",
                    "detectable": number(test["pooled_detectable"]) if enough else "",
                }
            )
    for row, pvalue in zip(rows, holm(pvalues), strict=True):
        row["p (Holm)"] = "" if np.isnan(pvalue) else p_value(pvalue)
    return Table(
        "The entropy inside one answer against comparing samples",
        "AUROC of telling incorrect from correct greedy answers, over the pairs of one category (95 % DeLong), and "
        "over all pairs. Difference: token minus discrete semantic entropy over all pairs, by DeLong's paired test; "
        "detectable: what that test would find with 80 % power; p adjusted by Holm over the table. On single-cluster "
        "questions semantic entropy ties by definition. No figure below ten of a class.",
        rows,
    )


def _row_of(rows: pd.DataFrame, score: str, subset: str) -> pd.Series:
    return rows[(rows["score"] == score) & (rows["subset"] == subset)].iloc[0]


def _interval_or_reason(row: pd.Series) -> str:
    if row["undefined"] == Undefined.ALL_TIE:
        return "no signal: all tie"
    return "too few" if row["undefined"] else bounded(row["value"], row["low"], row["high"])


def cohens_d_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """Cohen's d of every score."""
    names = names_of(runs)
    cells = {
        names[scored.run.id]: {
            s.score: "too few" if np.isnan(s.cohens_d.low) else with_interval(s.cohens_d)
            for s in score_statistics(scored)
        }
        for scored in runs
    }
    return Table(
        f"Cohen's d of every score, {dataset}",
        "Mean of incorrect minus mean of correct answers over the pooled standard deviation, over all categories, 95 % "
        "interval. No figure below ten correct or incorrect answers.",
        matrix(cells),
    )


def sensitivity_table(runs: Sequence[ScoredRun], dataset: str) -> Table:
    """SCR for fewer samples and at other thresholds."""
    names = names_of(runs)
    rows = []
    for scored in runs:
        budget = rates.budget_curve(scored, scored.clusterer).set_index("n_samples")["value"]
        threshold = rates.threshold_curve(scored, scored.clusterer).set_index("threshold")["value"]
        rows.append(
            {
                "run": names[scored.run.id],
                **{f"N={n}": number(100 * budget[n], 1) for n in BUDGETS if n in budget},
                **{f"τ={t:g}": number(100 * threshold[t], 1) for t in THRESHOLDS},
            }
        )
    return Table(
        f"Single-cluster rate for fewer samples and at other thresholds, {dataset}",
        "Per cent, by the clusterer with the best report card. N: exactly, had only that many of the samples been "
        "drawn, at its default threshold. τ: with all samples.",
        rows,
    )


# Published beside measured


def published_table(runs: Sequence[ScoredRun]) -> Table:
    """Ours and what others reported, by figure, stage and dataset; never in one column."""
    names = names_of(runs)
    rows = []
    for metric in published_metrics():
        for stage, dataset in dict.fromkeys((p.stage, p.dataset) for p in PUBLISHED if p.metric == metric):
            reported = [p for p in PUBLISHED if (p.metric, p.stage, p.dataset) == (metric, stage, dataset)]
            same = [scored for scored in runs if _is_counterpart(scored, stage, dataset)]
            ours = [f"{_figure(metric, scored)} ({names[scored.run.id]})" for scored in same]
            rows.append(
                {
                    "figure": metric,
                    "stage": stage or "",
                    "dataset": dataset or "",
                    "measured here": "; ".join(ours) or "—",
                    "published": "; ".join(
                        f"{published_value(metric, p.value)} ({p.model or ''}{': ' if p.model else ''}{p.condition})"
                        for p in reported
                    ),
                    "source": ", ".join(dict.fromkeys(p.source for p in reported)),
                }
            )
    return Table(
        "Beside the published figures",
        "Ours: temperature 1, of the same stage, or of any aligned stage beside a published instruct model; clusters "
        "by whole-answer MiniLM embeddings at the published τ = 0.85; AUROC, d, calibration error and selective "
        "accuracy at half coverage of token entropy; the largest |r| among token entropy, question density and "
        "semantic entropy.",
        rows,
    )


def _is_counterpart(scored: ScoredRun, stage: str | None, dataset: str | None) -> bool:
    return (
        scored.run.decoding.temperature == 1
        and scored.run.provenance.stage in (ALIGNED if stage == "instruct" else (stage,))
        and (dataset is None or dataset_of(scored) == dataset)
    )


def _figure(metric: str, scored: ScoredRun) -> str:
    found = counterpart(scored, metric, AS_PUBLISHED)
    if np.isnan(found.low) and metric in NEED_BOTH_CLASSES:
        return "too few correct or incorrect"
    return with_interval(found, tenth_percent if metric in PERCENTAGES else number)
