"""Many runs at once: their rates by family and size, and whether different models give the same answers.

Values, no sentences. What is computed for one question at a time is `same_answers`; whoever shows it can keep it.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis import lineage
from homog_core.analysis.comparable import conditions
from homog_core.analysis.joint import Vectors, joint_distinct
from homog_core.analysis.merge_trees import MergeTrees, merge_trees
from homog_core.analysis.rates import fields, single_cluster_row, single_cluster_test
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.progress import OnProgress
from homog_core.runs import derived
from homog_core.runs.store import Run
from homog_core.statistics.between_models import same_answer
from homog_core.statistics.intervals import mean_estimate
from homog_core.statistics.paired import holm

MOST_QUESTIONS = 100  # that are looked at for what models share, drawn evenly; more would take minutes


class SizeTest(NamedTuple):
    """The smallest and the largest model of a family and stage, on the questions that both have."""

    series: str
    small: str  # the label of the run
    large: str
    pvalue: float  # McNemar's exact test, adjusted by Holm over all families


def model_rows(runs: Mapping[str, ScoredRun], clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """One row a run, the highest single-cluster rate first; runs are named by their labels.

    label, run, family, stage, n_parameters (NaN: nobody has said), n_samples; value, low, high, n, n_single: SCR
    (Wilson); clusters_…: mean number of clusters (t); same_…: probability that two answers of the model are the same
    (t over questions).
    """
    rows = []
    for label, scored in runs.items():
        sizes = scored.sizes(clusterer)[scored.in_category(category)]
        sizes = sizes[sizes.sum(axis=1) > 1]
        total = sizes.sum(axis=1)
        same = (sizes * (sizes - 1)).sum(axis=1) / (total * (total - 1))
        provenance = scored.run.provenance
        rows.append(
            {
                "label": label,
                "run": scored.run.id,
                "family": lineage.family(scored.run),
                "stage": provenance.stage,
                "n_parameters": np.nan if provenance.n_parameters is None else float(provenance.n_parameters),
                "n_samples": scored.n_samples,
                **single_cluster_row(scored, clusterer, category),
                **fields(mean_estimate(same), "same_"),
            }
        )
    return pd.DataFrame(rows).sort_values(["value", "same_value"], ascending=False, kind="stable", ignore_index=True)


def size_series(runs: Mapping[str, Run]) -> dict[str, list[str]]:
    """The labels of the runs of one family, stage and way of sampling, smallest model first, by a name for them.

    Only runs whose number of parameters is known, and only where there are two sizes.
    """
    found: dict[tuple[Any, ...], list[str]] = {}
    for label, run in runs.items():
        if run.provenance.n_parameters is not None:
            found.setdefault((lineage.family(run), run.provenance.stage, conditions(run)), []).append(label)
    found = {key: own for key, own in found.items() if len({runs[k].provenance.n_parameters for k in own}) > 1}
    families = [family for family, _, _ in found]
    named: dict[str, list[str]] = {}
    for (family, stage, _), own in found.items():
        name = family if families.count(family) == 1 else f"{family}, {stage or 'stage unknown'}"
        while name in named:  # sampled in another way
            name += ", sampled otherwise"
        named[name] = sorted(own, key=lambda label: runs[label].provenance.n_parameters)
    return named


def size_tests(runs: Mapping[str, ScoredRun], clusterer: Clusterer, category: str = "") -> list[SizeTest]:
    """Whether the largest model of each of `size_series` has another single-cluster rate than the smallest."""
    series = size_series({label: scored.run for label, scored in runs.items()})
    ends = {name: (own[0], own[-1]) for name, own in series.items()}
    found = []
    for name, (small, large) in ends.items():
        pvalue = single_cluster_test(runs[small], runs[large], clusterer, category)
        found.append(SizeTest(name, small, large, pvalue))
    adjusted = holm([test.pvalue for test in found]) if found else []
    return [test._replace(pvalue=float(p)) for test, p in zip(found, adjusted, strict=True)]


def asked_of_all(runs: Sequence[ScoredRun], category: str = "") -> list[str]:
    """Up to `MOST_QUESTIONS` ids of the questions that all runs have, evenly spread over their order."""
    first = runs[0].questions[runs[0].in_category(category)]
    known = [set(scored.questions.index) for scored in runs[1:]]
    ids = [key for key in first["id"] if all(key in own for own in known)]
    if len(ids) <= MOST_QUESTIONS:
        return ids
    return [ids[i] for i in np.linspace(0, len(ids) - 1, MOST_QUESTIONS).round().astype(int)]


def same_answers(
    runs: Sequence[ScoredRun], question_id: str, similarity: np.ndarray, clusterer: Clusterer
) -> np.ndarray:
    """`same_answer` (R, R) of one question, by the `joint_similarity` (M, M) of all runs' answers to it.

    NaN throughout where there is no similarity.
    """
    n_answers = [len(scored.valid(question_id)) for scored in runs]
    if len(similarity) != sum(n_answers) or not len(similarity):
        return np.full((len(runs), len(runs)), np.nan)
    return same_answer(clusterer.labels(similarity), np.repeat(np.arange(len(runs)), n_answers), len(runs))


def same_in_all(
    runs: Sequence[ScoredRun], ids: Sequence[str], by: Clusterer, vectors: Vectors, on_progress: OnProgress
) -> np.ndarray:
    """`same_answer` (Q, R, R) of the questions with these ids, by a clusterer that can compare answers across runs.

    Where it has merge trees, those of all answers are kept on the disk (`derived`), so that another threshold is quick.
    """
    if not by.has_trees:
        squares = (joint_distinct(runs, key, by, vectors) for key in told(ids, on_progress))
        return np.stack([same_answers(runs, key, square, by) for key, square in zip(ids, squares, strict=True)])
    pairs = (len(ids), sum(scored.n_samples for scored in runs))
    texts = runs[0].questions["text"].loc[list(ids)].tolist()  # of a stripped run they may arrive later
    of = hashlib.sha256(json.dumps([list(ids), texts, by.key, pairs]).encode()).hexdigest()[:16]

    def trees() -> derived.Arrays:
        squares = (joint_distinct(runs, key, by, vectors) for key in told(ids, on_progress))
        condensed = (square[np.triu_indices(len(square), 1)] for square in squares)
        found = merge_trees(condensed, pairs[1], average=by.is_linkage)
        return {"height": found.height, "merges": found.merges, "n_valid": found.n_valid}

    found = derived.kept_arrays_of([scored.run for scored in runs], f"between-{of}", trees)
    labels = MergeTrees(**found, at_equality=not by.is_linkage).labels(by.threshold)
    tables = []
    for own, key in zip(labels, ids, strict=True):
        n_answers = [len(scored.valid(key)) for scored in runs]
        fits = (own >= 0).sum() == sum(n_answers) > 1
        model = np.repeat(np.arange(len(runs)), n_answers)
        empty = np.full((len(runs), len(runs)), np.nan)
        tables.append(same_answer(own[own >= 0], model, len(runs)) if fits else empty)
    return np.stack(tables)


def told(ids: Sequence[str], on_progress: OnProgress) -> Iterator[str]:
    """The ids, while somebody is told how far it is."""
    for done, key in enumerate(ids):
        on_progress("Comparing the answers of all models to a question", done, len(ids))
        yield key


def groups(runs: Sequence[Run], usual: Collection[str]) -> dict[str, tuple[str, list[Run]]]:
    """Ways to choose many runs at once, by a key for a URL: what is chosen, and the runs.

    All of them, the `usual` ones by id where those are some of them, and each family of which there are two or more.
    """
    found: dict[str, tuple[str, list[Run]]] = {"all": ("", list(runs))}
    families = dict.fromkeys(lineage.family(run) for run in runs)
    some = [run for run in runs if run.id in usual]
    if 1 < len(some) < len(runs):
        found["usual"] = ("", some)
    for name in families if len(families) > 1 else ():
        own = [run for run in runs if lineage.family(run) == name]
        key = "family-" + "".join(c if c.isalnum() or c in "._-" else "-" for c in name.lower())
        if len(own) > 1 and key not in found:
            found[key] = (name, own)
    return found
