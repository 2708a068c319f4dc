"""The scores of one question by name, from its answers and from what models said of them.

It calls the formulas of `uncertainty` and lays out the rows that a scored run stores; it writes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from homog_core.measures import uncertainty
from homog_core.measures.clustering import Clusterer
from homog_core.measures.encoders import mean_vectors
from homog_core.records import Response, ResponseSet

Vectors = Mapping[
    str, Sequence[np.ndarray] | np.ndarray
]  # view → N arrays (w, d) of windows; or what else a model said
Evidence = Mapping[str, Vectors]  # by key of the encoder, NLI model or judge

# The scores of docs/methods.md §"Uncertainty scores": what each needs
SINGLE_PASS = ("mean_token_entropy", "max_token_entropy", "std_token_entropy", "high_entropy_ratio", "perplexity")
QUESTION_ONLY = ("embedding_density",)
SAMPLED = (
    "mean_token_entropy_sampled",
    "predictive_entropy",
    "length_normalized_predictive_entropy",
    "lexical_dissimilarity",
    "num_semantic_sets",
    "discrete_semantic_entropy",
    "semantic_entropy",
    "eigenvalue_laplacian",
    "degree_uncertainty",
    "eccentricity",
    "kernel_language_entropy",
    "sindex",
    "selfcheck_nli",
)
GROUPS = {"one answer": SINGLE_PASS, "samples": SAMPLED, "question": QUESTION_ONLY}  # what a score is read from
TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY = "mean_token_entropy", "discrete_semantic_entropy", "embedding_density"
CLUSTER_SCORES = ("num_semantic_sets", SEMANTIC_ENTROPY, "semantic_entropy")  # the ones that a threshold moves


def score_columns(scores: pd.DataFrame) -> list[str]:
    """The columns of a table of scores that hold an uncertainty score: a name, or `name@clusterer`."""
    names = (*SINGLE_PASS, *QUESTION_ONLY, *SAMPLED)
    return sorted(
        (column for column in scores.columns if column.partition("@")[0] in names),
        key=lambda column: names.index(column.partition("@")[0]),
    )


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rows that one question adds to the tables of a scored run."""

    similarities: list[dict[str, Any]]
    clusters: list[dict[str, Any]]
    scores: dict[str, Any]


def analyse(question: str, answers: ResponseSet, evidence: Evidence, clusterers: Sequence[Clusterer]) -> Analysis:
    """Similarities, clusters and scores of one question. `evidence` is that of the valid responses, in order."""
    valid = [i for i, response in enumerate(answers.responses) if response.is_valid]
    responses = [answers.responses[i] for i in valid]
    texts = [response.answer for response in responses]
    mean_logprobs = [uncertainty.mean_logprob(r.token_logprobs[r.own_tokens]) for r in responses]
    similarities, clusters = [], []
    scores = {"question_id": answers.question_id, **response_scores(answers.responses, answers.greedy)}
    scores |= model_scores(evidence)
    for clusterer in clusterers:
        found = evidence.get(clusterer.encoder, {})
        similarity = clusterer.similarity(question, texts, found)
        labels = clusterer.labels(similarity, found.get("nli"))
        members = valid if len(similarity) else []  # a judge may have given no groups
        by_name = cluster_scores(labels, mean_logprobs if members else []) | graph_scores(similarity, texts)
        scores |= {f"{name}@{clusterer.key}": value for name, value in by_name.items()}
        common = {"question_id": answers.question_id, "clusterer": clusterer.key}
        similarities.append({**common, "similarity": similarity[np.triu_indices(len(members), k=1)]})
        clusters += [
            {**common, "sample_index": i, **clusterer.settings, "label": int(label)}
            for i, label in zip(members, labels, strict=True)
        ]
    return Analysis(similarities, clusters, scores)


def cluster_scores(labels: np.ndarray, mean_logprobs: Sequence[float]) -> dict[str, float]:
    """The scores that depend on the clusters of N answers; NaN with fewer than two. `mean_logprobs` is of each."""
    if len(mean_logprobs) < 2:
        return dict.fromkeys(CLUSTER_SCORES, np.nan)
    return {
        "num_semantic_sets": uncertainty.num_semantic_sets(labels),
        "discrete_semantic_entropy": uncertainty.discrete_semantic_entropy(labels),
        "semantic_entropy": uncertainty.semantic_entropy(labels, mean_logprobs),
    }


def graph_scores(similarity: np.ndarray, texts: Sequence[str]) -> dict[str, float]:
    """The scores of the graph of similarities (N, N), negative ones taken as 0; NaN with fewer than two responses.

    Each of the different texts is looked at once: rows of equal `texts` (N,) are equal.
    """
    times = Counter(texts)
    place = {text: i for i, text in reversed([*enumerate(texts)])}
    firsts = [place[text] for text in times] if len(similarity) > 1 else []
    weights = np.clip(similarity[np.ix_(firsts, firsts)], 0.0, None).astype(np.float64)
    graph = uncertainty.graph_of(weights, list(times.values())) if firsts else None
    return {
        score.__name__: score(graph) if graph else np.nan
        for score in (
            uncertainty.eigenvalue_laplacian,
            uncertainty.degree_uncertainty,
            uncertainty.eccentricity,
            uncertainty.kernel_language_entropy,
        )
    }


def model_scores(evidence: Evidence) -> dict[str, float]:
    """The scores that come from an encoder's vectors or an NLI model's probabilities alone, without a clusterer."""
    scores = {}
    for key, found in evidence.items():
        if "answer" in found:
            enough = len(found["answer"]) > 1
            scores[f"sindex@{key}"] = uncertainty.sindex(mean_vectors(found["answer"])) if enough else np.nan
        if "selfcheck" in found:
            scores[f"selfcheck_nli@{key}"] = uncertainty.selfcheck_nli(found["selfcheck"])
    return scores


def response_scores(responses: Sequence[Response], greedy: Response) -> dict[str, float]:
    """The scores that need neither clusters nor a model, and the counts of valid and of cut responses."""
    valid = [response for response in responses if response.is_valid]
    owns = [response.own_tokens for response in valid]
    logprobs = [response.token_logprobs[tokens] for response, tokens in zip(valid, owns, strict=True)]
    entropies = [response.token_entropies[tokens] for response, tokens in zip(valid, owns, strict=True)]
    own = greedy.own_tokens
    return {
        "n_valid": len(valid),
        "n_cut": sum(response.finish_reason == "length" for response in responses),
        "n_tokens_greedy": len(greedy.tokens),
        "n_tokens_sampled": sum(len(response.tokens) for response in responses),
        "predictive_entropy": uncertainty.predictive_entropy(logprobs),
        "length_normalized_predictive_entropy": uncertainty.length_normalized_predictive_entropy(logprobs),
        "lexical_dissimilarity": uncertainty.lexical_dissimilarity([response.answer for response in valid]),
        "mean_token_entropy": uncertainty.mean_token_entropy(greedy.token_entropies[own]),
        "max_token_entropy": uncertainty.max_token_entropy(greedy.token_entropies[own]),
        "std_token_entropy": uncertainty.std_token_entropy(greedy.token_entropies[own]),
        "high_entropy_ratio": uncertainty.high_entropy_ratio(greedy.token_entropies[own]),
        "mean_token_entropy_sampled": uncertainty.mean_token_entropy_sampled(entropies),
        "perplexity": uncertainty.perplexity(greedy.token_logprobs[own]),
    }
