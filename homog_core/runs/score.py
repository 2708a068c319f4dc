"""Stored answers → similarities, clusters, scores, grades and maps, stored with the settings that made them.

Everything is computed from what a run has stored, never by sampling again; no text is encoded and no pair is judged
twice (`evidence`). A question that was asked live is a run like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import HomogError
from homog_core.measures import uncertainty
from homog_core.measures.clustering import Clusterer
from homog_core.measures.encoders import Encoder
from homog_core.measures.grading import Grade, grade
from homog_core.measures.judge import Judge
from homog_core.measures.nli import Nli
from homog_core.measures.report_cards import default_clusterers, judge_clusterer
from homog_core.progress import OnProgress, Spread
from homog_core.records import GREEDY
from homog_core.runs import kept
from homog_core.runs.analysed import SETTINGS, Evidence, analysed, drawn, on_all_cores
from homog_core.runs.contents import held
from homog_core.runs.evidence import (
    complete_judgements,
    embed_run,
    entail_run,
    group_run,
    stored_entailments,
    texts_to_embed,
)
from homog_core.runs.shipped import check_is_own
from homog_core.runs.store import Run, open_run, require_answers
from homog_core.runs.tables import question_of, response_of


def score_run(
    run_id: str,
    encoders: Sequence[Encoder],
    nli: Nli | None = None,
    clusterers: Sequence[Clusterer] | None = None,
    judge: Judge | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
    spread: Spread | None = None,
    even_shipped: bool = False,
) -> Run:
    """Get what is missing of embeddings, NLI probabilities and groups; then all that follows from them and the answers.

    A scoring that was killed goes on where it was (`kept`). What NLI models and judges have said before is used again,
    whether or not `nli` and `judge` are given. `spread` hands out texts to encode, and questions to analyse and to
    draw. Without one this machine does it all: one after the other, except that all cores analyse questions. Raises
    `HomogError` for a run without answers, for one whose sentences are not here, and while another process writes it,
    and `InvalidInput` for one that ships with the project, unless `even_shipped`.
    """
    if not even_shipped:
        check_is_own(open_run(run_id))
    with held(open_run(run_id).folder):  # so that the answers stay as they are, and all tables are of one scoring
        run = open_run(run_id)
        _check_can_be_scored(run)
        run.write_tables(_tables(run, encoders, nli, clusterers, judge, on_progress, spread))
        kept.forget(run.id)
    return open_run(run_id)  # with the tables that it has now


def _tables(
    run: Run,
    encoders: Sequence[Encoder],
    nli: Nli | None,
    clusterers: Sequence[Clusterer] | None,
    judge: Judge | None,
    on_progress: OnProgress,
    spread: Spread | None,
) -> dict[str, pd.DataFrame | pa.Table]:
    """What there is to store of a scoring, by the name of the table."""
    if clusterers is None:
        clusterers = default_clusterers([encoder.key for encoder in encoders], nli.key if nli else None)
    texts = texts_to_embed(run)
    vectors = {encoder.key: embed_run(run, encoder, on_progress, spread or map, texts) for encoder in encoders}
    spread_questions = spread or on_all_cores(len(texts) // 2)  # each answer has two texts
    entailed = stored_entailments(run) | ({nli.key: entail_run(run, nli, on_progress)} if nli else {})
    groups = complete_judgements(run) | ({judge.key: group_run(run, judge, on_progress)} if judge else {})
    known = {clusterer.key for clusterer in clusterers}
    settings = stored_settings(run)
    left = [Clusterer("nli", 0.0, key) for key in entailed] + [judge_clusterer(key) for key in groups]
    left = [clusterer for clusterer in left if clusterer.key not in known]
    clusterers = [*clusterers, *(replace(clusterer, **settings.get(clusterer.key, {})) for clusterer in left)]
    grades = grade_run(run)
    of_greedy = grades[grades["sample_index"] == GREEDY].set_index("question_id")[["grade", "grade_policy"]]
    of_greedy = of_greedy.to_dict("index")
    densities = _densities(vectors)
    n_words = run.questions().set_index("id")["text"].str.split().str.len().to_dict()
    evidence = Evidence(vectors, entailed, groups)
    found = analysed(run, evidence, clusterers, on_progress, spread_questions)
    scores = []
    for row in found.scores:
        key = row["question_id"]
        of_question = {"n_words_question": n_words[key], **of_greedy[key]}
        scores.append(row | densities.get(key, {}) | of_question)
    return {
        "similarities": found.similarities,
        "clusters": found.clusters,
        "grades": grades[grades["sample_index"] != GREEDY],
        "scores": pd.DataFrame(scores),
        "maps": drawn(run, found, evidence, clusterers, on_progress, spread or map),
    }


def stored_settings(run: Run) -> dict[str, dict[str, Any]]:
    """The threshold, rule and entailment rule that a run was scored with, by the clusterer's key.

    Empty before the run is scored. `replace(clusterer, **settings)` is the clusterer as it was then. The entailment
    rule of a run that was scored before it was stored is `bidirectional`, the default.
    """
    clusters = run.table("clusters")
    if clusters is None:
        return {}
    if "entailment" not in clusters:
        clusters["entailment"] = "bidirectional"
    return clusters.groupby("clusterer")[SETTINGS].first().to_dict("index")


def _check_can_be_scored(run: Run) -> None:
    if not run.sampled_ids():
        raise HomogError(f"Run {run.id} has no answers yet; run `sample` with the same options first.")
    require_answers(run)
    if (run.questions()["text"] == "").any():
        spec = DATASETS.get(run.identity.dataset)
        lacking = f"Run {run.id} ships without the sentences of {spec.title if spec else run.identity.dataset}"
        if spec is None:
            raise HomogError(f"{lacking}, a dataset that this version does not know; score it with the one that does.")
        raise HomogError(f"{lacking}, which scoring needs: name the folder of {' or '.join(spec.files)} in HOMOG_DATA.")


def grade_run(run: Run) -> pd.DataFrame:
    """The grade of every answer of a run, the greedy ones included: question_id, sample_index, grade, grade_policy.

    Equal answers to a question are graded once. A greedy answer that was not given is ungraded.
    """
    questions = {row.id: question_of(row) for row in run.questions().itertuples()}
    known: dict[tuple[str, str, str], Grade] = {}
    rows = []
    for row in run.responses().itertuples():
        key = row.question_id, row.text, row.finish_reason
        if key not in known:
            known[key] = grade(questions[row.question_id], response_of(row, run.leftovers))
        rows.append((row.question_id, row.sample_index, known[key].verdict, known[key].policy))
    return pd.DataFrame(rows, columns=["question_id", "sample_index", "grade", "grade_policy"])


def _densities(vectors: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """`embedding_density@<encoder>` of every question among the run's others, by question id."""
    found: dict[str, dict[str, float]] = {}
    for encoder, frame in vectors.items():
        rows = frame[frame["view"] == "question"]
        densities = uncertainty.embedding_density(np.stack(list(rows["vector"]))).tolist()
        for question_id, density in zip(rows["question_id"], densities, strict=True):
            found.setdefault(question_id, {})[f"embedding_density@{encoder}"] = density
    return found
