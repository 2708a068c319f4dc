"""The tables that compare the stages of one model: what each found, bounds, categories, and paired tests."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from homog_core.analysis import comparable, seeds
from homog_core.analysis.bounds import bounds
from homog_core.analysis.compare import compare
from homog_core.analysis.rates import single_cluster_row
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.reports.tables import Table, bounded, dataset_of, names_of, p_value, share
from homog_core.statistics.paired import holm, paired_bootstrap_difference, wilcoxon_signed_rank
from homog_core.typed import typed
from homog_core.wording.numbers import number, with_interval
from homog_core.wording.run_names import prompt_title

MOST_CATEGORIES = 5  # a set with more has too few questions in each

_STATISTICS = {  # of analysis.compare.run_statistics
    "single_cluster_rate": "single-cluster rate",
    "num_semantic_sets": "different answers (clusters)",
    "discrete_semantic_entropy": "discrete semantic entropy, nats",
    "mean_token_entropy": "token entropy, greedy, nats",
    "mean_token_entropy_sampled": "token entropy, sampled, nats",
    "wordings": "different wordings",
    "words": "words of a sample",
    "accuracy": "accuracy of the greedy answer",
    "accuracy_of_samples": "accuracy of the samples",
    "all_right": "questions whose samples are all correct",
    "single_wrong": "incorrect, of the single-cluster questions",
    "right_answers_differ": "pairs of right samples that differ",
    "distinct_across_questions": "distinct greedy answers across questions",
    "most_common_answer": "most common greedy answer",
    "echo": "samples that only repeat the question",
    "commonest_frame": "samples in the most common sentence pattern",
    "yes_no": "samples that say yes or no, where asked for it",
    "number": "samples that state a number, where asked for it",
    "looping": "looping: words that repeat what stands directly before",
    "cut": "cut by the token limit",
    "invalid": "empty",
}


def chain_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """For runs that share weights and conditions: what each found, the paired tests, and what the seed changes."""
    groups: dict[tuple, list[ScoredRun]] = {}
    for scored in runs:
        key = scored.run.provenance.source, comparable.conditions(scored.run)
        groups.setdefault(key, []).append(scored)
    tables = []
    for group in groups.values():
        in_the_box = [scored for scored in group if not seeds.is_replicate(scored.run)]
        tables += _chain(in_the_box) if len(in_the_box) > 1 else []
        tables += _seeds(group)
    return tables


def _chain(runs: Sequence[ScoredRun]) -> list[Table]:
    clusterer = runs[0].clusterer
    found, names = compare(runs, clusterer), names_of(runs)
    command = f"`{typed('compare', *names)}`"
    estimates = [
        {
            "": title,
            **{
                names[row["run"]]: bounded(row["value"], row["low"], row["high"])
                for row in found.estimates
                if row["statistic"] == statistic
            },
        }
        for statistic, title in _STATISTICS.items()
    ]
    tests = [
        {
            "from": names[row["from"]],
            "to": names[row["to"]],
            "statistic": row["statistic"],
            "difference": bounded(row["difference"], row["low"], row["high"]),
            "p (Holm)": p_value(row["pvalue_holm"]),
            "n": str(row["n"]),
            "fewer": str(row["n_lower"]),
            "more": str(row["n_higher"]),
            "test": row["test"],
        }
        for row in found.tests
    ]
    where = f"{_where(runs[0])}, {found.n_questions} questions"
    return [
        Table(
            f"Stages of one model: {where}",
            f"{command}; clusters by {clusterer.key}, τ = {clusterer.threshold:g}.",
            estimates,
        ),
        Table(
            f"Paired tests of the stages: {where}",
            f"The same command. p adjusted by Holm over the {len(tests)} tests; paired bootstrap intervals; fewer and "
            "more count the questions that went down and up.",
            tests,
        ),
        _bounds(runs, clusterer, where),
        *_categories(runs, clusterer, where),
    ]


def _where(scored: ScoredRun) -> str:
    """The conditions that the runs of a table share."""
    style, limit = scored.run.identity.prompt_style, scored.run.decoding.max_new_tokens
    return f"{dataset_of(scored)}, {prompt_title(style)}, {limit} tokens"


def _seeds(runs: Sequence[ScoredRun]) -> list[Table]:
    """What each training seed found, their means, and differences within a seed; none where there is one seed."""
    clusterer = runs[0].clusterer
    found = seeds.seed_statistics(runs, clusterer)
    if found.empty:
        return []
    rows = [
        {
            "model": model,
            **{
                _STATISTICS[name]: f"{', '.join(map(number, own[name]))}: "
                f"{with_interval(seeds.over_seeds(found, model, name))}"
                for name in seeds.STATISTICS
            },
        }
        for model, own in found.groupby(level="model", sort=False)
    ]
    differences = [
        {
            "from": one,
            "to": other,
            "seeds": str(len(found.loc[one].index.intersection(found.loc[other].index))),
            **{
                _STATISTICS[name]: with_interval(seeds.difference(found, one, other, name)) for name in seeds.STATISTICS
            },
        }
        for one, other in seeds.comparisons(found)
    ]
    where = _where(runs[0])
    return [
        Table(
            f"Training seeds: {where}",
            f"Each seed's value, and the mean with the 95 % t interval between seeds; clusters by {clusterer.key}.",
            rows,
        ),
        Table(
            f"Differences within a training seed: {where}",
            "Mean difference of the models of one seed, with the 95 % t interval between seeds.",
            differences,
        ),
    ]


def _bounds(runs: Sequence[ScoredRun], clusterer: Clusterer, where: str) -> Table:
    names, rows = names_of(runs), []
    for scored in runs:
        found = bounds(scored, clusterer)
        rows.append(
            {
                "run": names[scored.run.id],
                "identical answers": share(found.identical),
                "every two joined": share(found.complete),
                "one cluster": share(found.clusterer),
                "corrected by readings": "not read" if np.isnan(found.corrected.value) else share(found.corrected),
                "robust": share(found.robust),
            }
        )
    return Table(
        f"Bounds of the single-cluster rate: {where}",
        f"Per cent of questions. Identical after normalisation: the lower bound. Every two answers joined by "
        f"{clusterer.key} (complete linkage); one cluster (average linkage); corrected for what readers said of "
        "questions with one and two clusters at that stage, with an interval for questions and readings together. "
        "Robust: all clusterers agree whether the question has a single cluster.",
        rows,
    )


def _categories(runs: Sequence[ScoredRun], clusterer: Clusterer, where: str) -> list[Table]:
    """The same within the categories of the questions, with paired tests; none where there is only one category."""
    categories = [category for category in dict.fromkeys(runs[0].questions["category"]) if category]
    if not 1 < len(categories) <= MOST_CATEGORIES:
        return []
    names = names_of(runs)
    rows = [
        {"category": category, "run": names[scored.run.id], **_in_category(scored, clusterer, category)}
        for category in categories
        for scored in runs
    ]
    tested = [
        (category, names[one.run.id], names[other.run.id], *_clusters_of_both(one, other, clusterer, category))
        for category in categories
        for one, other in combinations(runs, 2)
    ]
    adjusted = holm([wilcoxon_signed_rank(a, b).pvalue for *_, a, b in tested])
    tests = [
        {
            "category": category,
            "from": one,
            "to": other,
            "different answers": with_interval(paired_bootstrap_difference(a, b)),
            "p (Holm)": p_value(p),
        }
        for (category, one, other, a, b), p in zip(tested, adjusted, strict=True)
    ]
    return [
        Table(f"Within categories: {where}", f"Clusters by {clusterer.key}; right: graded greedy answers.", rows),
        Table(
            f"Paired tests within categories: {where}",
            "Difference in the number of different answers, paired bootstrap; Wilcoxon signed-rank, p adjusted by Holm "
            f"over the {len(tests)} tests.",
            tests,
        ),
    ]


def _in_category(scored: ScoredRun, clusterer: Clusterer, category: str) -> dict[str, str]:
    found, correct = single_cluster_row(scored, clusterer, category), scored.correct[scored.in_category(category)]
    graded = correct[~np.isnan(correct)]
    return {
        "n": str(found["n"]),
        "single-cluster rate": bounded(found["value"], found["low"], found["high"]),
        "different answers": bounded(found["clusters_value"], found["clusters_low"], found["clusters_high"]),
        "right": f"{int(graded.sum())} of {len(graded)}",
    }


def _clusters_of_both(one: ScoredRun, other: ScoredRun, clusterer: Clusterer, category: str) -> np.ndarray:
    """K of both runs (2, Q) on their common questions of a category."""
    columns = [s.cluster_frame(clusterer)["num_semantic_sets"][s.in_category(category)] for s in (one, other)]
    return pd.concat(columns, axis=1, join="inner").to_numpy().T
